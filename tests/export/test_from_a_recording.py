"""From a script to a file: recorded, replayed, laid out, drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gradviz import export
from gradviz.replay import Replay
from tests.conftest import ROOT, Run

HEADS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "json": b"{"}


@pytest.fixture
def trace(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "run.gvt"
    run("-m", "gradviz", "run", "--no-view", "-q", "-o", path, ROOT / "samples" / "inplace_saved.py")
    return path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_format(trace: Path, theme: str) -> None:
    replay = Replay.open(trace)
    moment = replay.index.errors.seq[0]
    for form, head in HEADS.items():
        target = export.export(replay, trace.with_suffix(f".{form}"), event=int(moment), theme=theme)
        assert target.read_bytes().startswith(head), form


def test_the_picture_tells_the_error(trace: Path) -> None:
    replay = Replay.open(trace)
    moment = int(replay.index.errors.seq[0])
    root = ElementTree.fromstring(export.render(replay, format="svg", event=moment))
    found = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for words in ("run.gvt", "needs version 0", "finds version 1", "MulBackward0", "2 · v0", "2 · v1", "3"):
        assert words in found, words
    told = json.loads(export.render(replay, format="json", event=moment))
    assert told["trace"] == "run.gvt"
    assert "failed" in {node["state"] for node in told["nodes"]}


def test_every_event_of_it_can_be_drawn(trace: Path) -> None:
    replay = Replay.open(trace)
    for event in range(replay.n):
        for graph in export.GRAPHS:
            ElementTree.fromstring(export.render(replay, format="svg", event=event, graph=graph))


def test_what_is_not_there_is_answered_with_what_is(trace: Path) -> None:
    replay = Replay.open(trace)
    target = trace.with_suffix(".svg")
    for wrong, message in (
            ({"format": "gif"}, "svg, png, pdf, dot, json, text, perfetto, not 'gif'"),
            ({"theme": "blue"}, "light, dark"),
            ({"graph": "side"}, "both, forward, backward"), ({"event": replay.n}, f"from 0 to {replay.n - 1}")):
        with pytest.raises(ValueError, match=message):
            export.export(replay, target, **{"event": 0, **wrong})  # type: ignore[arg-type]
    assert not target.exists()
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        export.export(replay, target, event=0)
    assert target.read_text() == "mine"


def test_a_run_in_words_and_for_perfetto(recorded: Callable[[str], Replay]) -> None:
    replay = recorded("import gradviz.engine as torch\nx = torch.ones(2, requires_grad=True)\ny = (x * 2).sum()\n"
                      "y.backward()\n")
    words = export.render(replay, format="text", event=replay.end).decode().splitlines()
    assert len(words) == len(replay.steppable)
    assert [line.split()[1] for line in words[:3]] == ["script.py:2", "script.py:3", "script.py:3"]
    told = json.loads(export.render(replay, format="perfetto", event=replay.n - 1))["traceEvents"]
    steps = [one for one in told if one["ph"] == "X"]
    assert len(steps) == len(replay.events("step"))
    assert all(one["dur"] >= 0 for one in steps)
    assert [one["ph"] for one in told if one["cat"] == "backward"] == ["B", "E"]
