"""Which trace a command means, and how it is opened."""

from __future__ import annotations

import errno
import os
import shlex
from typing import TYPE_CHECKING

from gradviz.cli.main import Missing
from gradviz.trace.frames import MAGIC, BadTrace

if TYPE_CHECKING:
    from gradviz.replay import Replay

SUFFIX = ".gvt"


def latest(folder: str) -> str:
    """The trace in a folder that was written to last."""
    with os.scandir(folder) as entries:
        traces = [(entry.stat().st_mtime_ns, entry.path) for entry in entries
                  if entry.name.endswith(SUFFIX) and entry.is_file()]
    if not traces:
        raise Missing(f"no trace in {os.path.abspath(folder)}: gradviz run SCRIPT makes one")
    return os.path.relpath(max(traces)[1])


def named(trace: str | None) -> str:
    """The trace meant: the one named, the latest in the folder named, or the latest here. Raises Missing."""
    if trace is None:
        return latest(".")
    if not os.path.exists(trace):
        raise Missing(f"{trace or repr(trace)}: {os.strerror(errno.ENOENT)}")
    return latest(trace) if os.path.isdir(trace) else trace


def is_trace(path: str) -> bool:
    """Is it one by its name or its first bytes? Whether it can be read is another question."""
    if path.endswith(SUFFIX):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def refuse(trace: str) -> None:
    """Raises BadTrace where there is nothing to see: cheaply, before an index or a server is loaded for it."""
    from gradviz.trace.reader import Reader

    with Reader(trace) as reader:
        next(reader.chunks(), None)
        if reader.damage and not reader.events:
            raise BadTrace(f"{trace}: {reader.damage}")


def opened(trace: str) -> Replay:
    """Raises Missing or BadTrace."""
    from gradviz.replay import Replay

    trace = named(trace)
    refuse(trace)
    return Replay.open(trace)


def ended(replay: Replay) -> str:
    """Where a trace that broke off ends."""
    from gradviz.replay.narrate import sentence

    if not replay.n:
        return "before its first event"
    last = replay.n - 1
    there = next((span for seq in range(last, max(-1, last - 100), -1) if (span := replay.span(seq)).id), None)
    place = f", at {os.path.basename(there.file)}:{there.line}" if there is not None else ""
    return f"after event {last:,} ({sentence(replay, last)}){place}, {replay.event(last).t / 1e9:.3f} s from its start"


def broken_off(trace: str) -> str:
    """Where, if it did."""
    from gradviz.trace.reader import Reader

    with Reader(trace) as reader:
        if reader.state != "incomplete":
            return ""
    return ended(opened(trace))


def next_command(trace: str) -> str:
    """What to type to see it."""
    return f"gradviz view {shlex.quote(os.path.join('.', trace) if trace.startswith('-') else trace)}"
