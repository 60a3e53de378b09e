"""Recording from inside a script: ``gradviz.record`` and ``gradviz.mark``."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Literal

from gradviz import probe
from gradviz.recorder.recorder import Recorder, listening


@contextmanager
def record(path: str | os.PathLike[str], *, values: Literal["auto", "none", "stats", "full"] = "auto",
           force: bool = False, sources: bool = True, steps: Container[int] | None = None,
           until_error: bool = False, stacks: bool = False,
           max_bytes: int = 0, follow_fork: bool = False) -> Iterator[Recorder]:
    """Record what happens in a ``with`` block into a trace at ``path``.

    ``pause()`` and ``resume()`` of what it gives leave a part out. ``steps`` holds the iterations to record
    (``range(3)``, counted by backward calls); with ``until_error`` recording ends after the first error that leaves the
    block or a backward call. ``stacks`` keeps the chain of the script's frames for every event. With ``max_bytes``
    the file stays about that small: its first half is kept, then older events give way to new ones. With
    ``follow_fork`` forked children record, too, each into ``<name>.<pid>.gvt``.

    Under ``gradviz run`` the script is being recorded already: then the block changes nothing, and says so.
    Raises FileExistsError when ``path`` is there; with ``force`` only when it is no trace.
    """
    running = listening()
    if running is not None:
        sys.stderr.write(f"[gradviz] already recording into {running.path}: {os.fspath(path)} is not written\n")
        yield running
        return
    recorder = Recorder(path, values, meta={"part": True}, force=force, sources=sources, steps=steps,
                        until_error=until_error, stacks=stacks, max_bytes=max_bytes, follow_fork=follow_fork)
    recorder.start()
    try:
        yield recorder
    except BaseException as error:
        if not isinstance(error, SystemExit | GeneratorExit):
            recorder.uncaught(error)
        raise
    finally:
        recorder.stop()


def mark(text: str) -> None:
    """Put a mark into the running recording; without one this does nothing."""
    if probe.sink is not None:
        probe.sink.mark(str(text))
