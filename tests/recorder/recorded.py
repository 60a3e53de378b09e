"""Run a piece of source under a recorder and give back what the trace says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradviz.events import BY_CODE, Span, Struct
from gradviz.recorder import Recorder
from gradviz.trace import columns
from gradviz.trace.reader import Reader

from . import producer


@dataclass(frozen=True)
class Event:
    kind: str
    span: Span
    caller: Span
    thread: int
    fields: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the value gets, at its own place or one frame up."""
        return tuple(self.caller.names if self.span.returned else self.span.names)


def events(path: str | Path) -> list[Event]:
    found = []
    with Reader(path) as reader:
        for chunk in reader.chunks():
            at = dict.fromkeys(chunk.tables, 0)
            for code in chunk.kinds:
                kind = BY_CODE[int(code)]
                fields = columns.fields_of(kind)
                row = columns.reader(chunk.tables[kind.name], Struct("", fields))(at[kind.name])
                at[kind.name] += 1
                named = dict(zip((name for name, _ in fields), row, strict=True))
                found.append(Event(kind.name, reader.spans[named["span"]], reader.spans[named["caller"]],
                                   named["thread"], named))
    return found


@contextmanager
def recording(folder: Path, **options: Any) -> Iterator[Recorder]:
    recorder = Recorder(folder / "t.gvt", **options)
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()


def run(folder: Path, source: str, **options: Any) -> list[Event]:
    """Run ``source`` as a file; its ``x``, ``y`` and ``z`` are tensors, of a sort."""
    file = folder / "script.py"
    file.write_text(source, encoding="utf-8")
    fakes = {name: producer.Fake() for name in "xyz"}
    space = {"__name__": "script", "Module": producer.Module, "fail": producer.fail, "Fake": producer.Fake, **fakes}
    with recording(folder, **options):
        exec(compile(source, str(file), "exec"), space)
    return events(folder / "t.gvt")
