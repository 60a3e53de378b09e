"""Which trace a command means, and how it is opened."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from gradviz.cli.main import Failure
from gradviz.trace.frames import MAGIC

if TYPE_CHECKING:
    from gradviz.replay import Replay

SUFFIX = ".gvt"


def latest(folder: str) -> str:
    """The trace in a folder that was written to last."""
    with os.scandir(folder) as entries:
        traces = [(entry.stat().st_mtime_ns, entry.path) for entry in entries
                  if entry.name.endswith(SUFFIX) and entry.is_file()]
    if not traces:
        raise Failure(f"no trace in {os.path.abspath(folder)}: gradviz run SCRIPT makes one")
    return os.path.relpath(max(traces)[1])


def named(trace: str | None) -> str:
    """The trace meant: the one named, the latest in the folder named, or the latest here."""
    if trace is None:
        return latest(".")
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


def opened(trace: str) -> Replay:
    """Raises BadTrace."""
    from gradviz.replay import Replay
    from gradviz.trace.reader import Reader

    with Reader(trace):  # refuse what is none before NumPy and the index are loaded for it
        pass
    return Replay.open(trace)


def next_command(trace: str) -> str:
    """What to type to see it."""
    return f"gradviz view {shlex.quote(trace)}"
