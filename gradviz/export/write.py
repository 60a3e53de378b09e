"""From a replay to a file: one moment, one format, all or nothing."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from gradviz.export.data import json
from gradviz.export.dotfile import dot
from gradviz.export.narration import perfetto, text
from gradviz.export.raster import pdf, png
from gradviz.export.sheet import GRAPHS, Caption, svg
from gradviz.findings import find
from gradviz.layout import cut, place
from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.scene import Placed, Scene, build
from gradviz.scene.style import THEMES

PICTURES: Final = ("svg", "png", "pdf", "dot", "json")
WORDS: Final = {"text": text, "perfetto": perfetto}
FORMATS: Final = (*PICTURES, *WORDS)


def render(replay: Replay, *, format: str, event: int, graph: str = "both", theme: str = "light") -> bytes:
    """What the replay shows at an event, as the content of a file.

    ``event`` is a number of the trace, from 0; ``graph`` both, forward or backward. Raises ValueError for what is not
    there, saying what is.
    """
    for what, given, known in (("format", format, FORMATS), ("graph", graph, GRAPHS), ("theme", theme, THEMES)):
        if given not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, not {given!r}")
    if format in WORDS:
        return WORDS[format](replay, event).encode()
    if not replay.graphs:
        raise ValueError("there is no graph in this trace: no op was recorded")
    if not 0 <= event < replay.n:
        raise ValueError(f"event must be from 0 to {replay.n - 1}, not {event}")
    scene = cut(build(replay, find(replay), replay.graph_at(event)))
    return picture(replay, scene, place(scene), format=format, event=event, graph=graph, theme=theme)


def picture(replay: Replay, scene: Scene, placed: Placed, *, format: str, event: int, graph: str = "both",
            theme: str = "light") -> bytes:
    """As :func:`render`, of a scene that is built and placed already."""
    name = Path(replay.path).name
    if format == "dot":
        return dot(scene, placed, event, graph, theme).encode()
    words = sentence(replay, event)
    if format == "json":
        return json(scene, placed, event, graph, {"trace": name, "sentence": words}).encode()
    drawn = svg(scene, placed, event, graph, theme, Caption(name, f"event {event:,} of {replay.n - 1:,}", words))
    return png(drawn) if format == "png" else pdf(drawn) if format == "pdf" else drawn.encode()


def export(replay: Replay, target: str | Path, *, format: str = "", event: int, graph: str = "both",
           theme: str = "light", force: bool = False) -> Path:
    """Write a moment to ``target``; ``format`` "" takes the ending of its name. Returns the path.

    The file appears complete or not at all. Raises FileExistsError without ``force``, ValueError as :func:`render`.
    """
    path = Path(target)
    content = render(replay, format=format or path.suffix.lstrip(".").lower(), event=event, graph=graph, theme=theme)
    put(path, content, force=force)
    return path


def put(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file in one go, beside its place first; an existing one stays unless ``force``."""
    if not force and path.exists():
        raise FileExistsError(f"{path} exists; it is overwritten only when asked for")
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        os.chmod(beside, 0o666 & ~_umask())
        if force:
            os.replace(beside, path)
        else:
            _link(beside, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(beside)


def _link(beside: str, path: Path) -> None:
    """Give the file its name unless it has been taken meanwhile; where there are no hard links, look once more."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise FileExistsError(f"{path} exists; it is overwritten only when asked for") from None
    except OSError:
        if path.exists():
            raise FileExistsError(f"{path} exists; it is overwritten only when asked for") from None
        os.replace(beside, path)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
