"""The replay as one HTML file: no server, no network, opened from a disk; the arrows step.

The file holds the page's own program and what the server would have answered, packed; a few lines unpack them. The
answers of the inspector go in where there are not too many, each as it is when nothing is pinned.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from gradviz.ui import bundle
from gradviz.ui.app import panes, tokens
from gradviz.ui.markup import markup
from gradviz.ui.panes import findings, inspector
from gradviz.ui.panes.focus import Focus
from gradviz.ui.session import WINDOW, Session

ANSWERED: Final = 400
"""Stops up to which the inspector's answers are in the file."""
LARGEST: Final = 500
"""Marks up to which the picture with every group open is in the file."""
MOST: Final = 64 << 20
"""Bytes of pictures, before packing: the graphs nearest to the opening event go in first."""
_STYLE: Final = Path(__file__).parents[1] / "scene" / "style.json"

_LOADER: Final = """
(async () => {
  const text = document.getElementById("packed").textContent, packed = new Uint8Array(text.length);
  const escaped = { 0: 0, r: 13, l: 60, b: 92 };
  let n = 0, bits = 0, held = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    held = (held << 7 | (code === 92 ? escaped[text[++i]] : code)) & 32767;
    bits += 7;
    if (bits >= 8) { bits -= 8; packed[n++] = held >> bits & 255; }
  }
  const stream = new Blob([packed.subarray(0, n)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { style, body, script, answers } = JSON.parse(await new Response(stream).text());
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  document.body.innerHTML = body;
  window.gradvizAnswers = answers;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  document.body.append(Object.assign(document.createElement("script"), { src: url }));
})();
"""
_POLICY: Final = "default-src 'none'; script-src 'sha256-{hash}' blob:; style-src 'unsafe-inline'; img-src data:"
_PAGE: Final = """<!DOCTYPE html>
<html lang="en" data-standalone>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title} · gradviz</title></head>
<body><script id="packed" type="application/octet-stream">PACKED</script>
<noscript>This replay needs JavaScript; it talks to no network.</noscript>
<script>{loader}</script></body>
</html>
"""


def page(session: Session) -> bytes:
    """The whole file."""
    answers = _answers(session)
    from rjsmin import jsmin

    answered = markup([inspector.answers(), findings.drawer(session)])
    body = markup(panes(session)).replace(f'<div id="{inspector.PLACE}"></div>', answered)
    style = re.sub(r"/\*.*?\*/|\n\s*", "", bundle.style(), flags=re.DOTALL)
    parts = {"style": tokens(json.loads(_STYLE.read_text("utf-8"))) + style, "body": body,
             "script": jsmin(bundle.script("standalone"))}
    joined = ",".join(f"{json.dumps(key)}:{value}" for key, value in answers.items())
    content = f'{json.dumps(parts)[:-1]},"answers":{{{joined}}}}}'
    packed = gzip.compress(content.encode(), 9)
    digest = base64.b64encode(hashlib.sha256(_LOADER.encode()).digest()).decode()
    name = Path(str(session.replay.meta.get("script", "trace"))).name
    told = _PAGE.format(policy=_POLICY.format(hash=digest), loader=_LOADER, title=escape(name))
    return told.encode().replace(b">PACKED<", b">" + _as_text(packed) + b"<", 1)


_ESCAPED: Final = {b"\0": rb"\0", b"\r": rb"\r", b"<": rb"\l", b"\\": rb"\b"}
"""What HTML would change or end at."""


def _as_text(packed: bytes) -> bytes:
    """Bytes as ASCII, seven bits a letter, so that the file is the same in every encoding: a sixth more than the bytes,
    where base 64 is a third more."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    sevens = np.concatenate([bits, np.zeros(-len(bits) % 7, np.uint8)]).reshape(-1, 7)
    letters = np.packbits(sevens, axis=1)[:, 0] >> 1
    return re.sub(rb"[\0\r<\\]", lambda found: _ESCAPED[found[0]], letters.tobytes())


def _answers(session: Session) -> dict[str, str]:
    """What the page asks for, by address, as JSON."""
    replay = session.replay
    answers = {"/api/trace": _trace(session), "/api/style": _packed(json.loads(_STYLE.read_text("utf-8"))),
               "/api/iterations": session.iterations().decode(), "/api/flow": session.flow().decode(),
               "/api/norms": session.norms().decode()}
    rows = [row for first in range(0, replay.n, WINDOW) for row in json.loads(session.events(first, first + WINDOW))]
    answers["/api/events"] = _packed(
        [{name: value for name, value in row.items() if name not in ("seq", "t")} for row in rows])
    opening, room = replay.graph_at(replay.opening(session.findings)) if replay.n else 0, MOST
    for graph in sorted(range(len(replay.graphs)), key=lambda graph: abs(graph - opening)):
        picture = session.picture(graph).decode()
        room -= len(picture)
        if room < 0:
            break
        answers[f"/api/scene/{graph}"] = picture
        whole = _whole(session, graph)
        if whole is not None and len(whole) <= room:
            answers[f"/api/scene/{graph}?open"] = whole
            room -= len(whole)
    if len(replay.steppable) <= ANSWERED:
        for seq in replay.steppable:
            answers[f"inspector {seq}"] = _packed(_inspected(session, int(seq)))
    return answers


def _trace(session: Session) -> str:
    """What is known of the run; times to a microsecond, as what is finer than that cannot be packed."""
    told = json.loads(session.trace())
    times = np.frombuffer(base64.b64decode(told["overview"]["t"]), "<f4")
    rounded = np.round(times * 1024) / 1024
    told["overview"]["t"] = base64.b64encode(rounded.astype("<f4").tobytes()).decode()
    return _packed(told)


def _packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _whole(session: Session, graph: int) -> str | None:
    """The picture with every group open, shown when one is opened. None where nothing is closed, or too much."""
    opened: set[str] = set()
    while True:
        scene = session.scene(graph, tuple(sorted(opened)) if opened else None)
        closed = {node.id[1:] for node in scene.nodes if node.kind == "group"} - opened
        if not closed:
            return session.picture(graph, tuple(sorted(opened))).decode() if opened else None
        if len(scene.nodes) > LARGEST:
            return None
        opened |= closed | {region.id for region in scene.regions}


def _inspected(session: Session, seq: int) -> str:
    """The inspector at an event. Parts that only Dash can make are left out."""
    found: list[Any] = inspector.answer(Focus(session, seq, ""))
    made = []
    for part in found:
        try:
            made.append(markup(part))
        except TypeError:
            continue
    return "".join(made)
