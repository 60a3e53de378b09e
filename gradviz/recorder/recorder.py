"""Listens to a producer and writes the trace."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from gradviz import probe
from gradviz.events import BRIEF, KINDS
from gradviz.recorder import children, forks, telling
from gradviz.recorder.brief import Words
from gradviz.recorder.console import Console
from gradviz.recorder.meta import run_facts
from gradviz.recorder.portions import Steps, watched
from gradviz.recorder.pump import Pump
from gradviz.recorder.sites import NOWHERE, Code, Place, Roles, Spans, outside, site_finder
from gradviz.recorder.stacks import ALWAYS, Stacks, stack
from gradviz.recorder.uncaught import Errors, causes, raised_at
from gradviz.trace.writer import Writer

DEAD: Final = KINDS["dead"].code
ERROR: Final = KINDS["error"].code
GAP: Final = KINDS["gap"].code
PRINT: Final = KINDS["print"].code
AT_ONCE: Final = 50_000_000
"""Nanoseconds between two errors that are written at once."""


class Recorder(probe.Sink if TYPE_CHECKING else object):  # type: ignore[misc]
    """A sink whose methods note what they are told; a thread of ours writes it to ``path``.

    A method that fails turns recording off, says so in one line and never disturbs the script.

    ``roots`` are the folders of the script; ``texts`` the source of code that has no file (``{"<string>": ...}``).
    ``steps`` holds the iterations to record, None for all; with ``until_error`` it ends after the first error that
    leaves the script or a backward call. ``stacks``: the chain of the script's frames for every event.
    ``max_bytes``: about so many, 0 for any number; the first half is kept, then older events give way. Raises
    ValueError when it is too small. ``follow_fork``: forked children record, too, into ``<name>.<pid>.gvt``.
    Raises OSError when ``path`` cannot be created (FileExistsError when it is there and not ``force``).
    """

    def __init__(self, path: str | os.PathLike[str], values: str = "auto", *, meta: Mapping[str, Any] | None = None,
                 force: bool = False, sources: bool = True, roots: Iterable[str] = (),
                 texts: Mapping[str, str] | None = None, quiet: bool = False, steps: Container[int] | None = None,
                 until_error: bool = False, stacks: bool = False, max_bytes: int = 0,
                 follow_fork: bool = False) -> None:
        self.values = values
        self.quiet = quiet
        self.failure = ""
        self._zero = time.perf_counter_ns()
        options: dict[str, Any] = {"values": values, "sources": sources}
        if max_bytes:
            options["max_bytes"] = max_bytes
        if stacks:
            options["stacks"] = True
        if until_error:
            options["until"] = "error"
        if isinstance(steps, Steps):
            options.update(every=steps.every, steps=[list(part) for part in steps.ranges])
        self._writer = Writer(path, {**run_facts(), "options": options, **(meta or {})}, force, max_bytes)
        self.path = self._writer.path
        self._roles = Roles(roots, texts or {})
        spans = Spans(self._roles, texts or {})
        words = Words()
        stacked = frozenset([kind.code for kind in KINDS.values() if stacks or kind.name in ALWAYS]
                            + [code for code in BRIEF if stacks])
        self._pump = Pump(self._writer, spans, Stacks(spans.of, stacked), words, sources,
                          self._zero, self._fail)
        if max_bytes:
            self._pump.keep_living(max_bytes)
        self._console = Console(self._locate, self._printed)
        self._errors = Errors()
        self._drained = -AT_ONCE
        self._pid = os.getpid()
        self._follow_fork = follow_fork
        self._child: Recorder | None = None
        self._again = partial(Recorder, values=values, force=force, sources=sources, roots=tuple(roots), texts=texts,
                              quiet=quiet, steps=steps, until_error=until_error, stacks=stacks, max_bytes=max_bytes,
                              follow_fork=follow_fork)
        self._meta = dict(meta or {})
        self._steps, self._until_error = steps, until_error
        self._iteration = 0
        self._paused_at = -1  # the iteration in which it was paused
        self._over = False
        note = telling.noter(self._pump, self._fail)
        told = telling.methods(note, words, site_finder(self._roles, None, self._fail),
                               site_finder(self._roles, stack, self._fail), stacked, self._fail)
        if steps is not None or until_error:
            told["backward"] = watched(told["backward"], self._ended)
        told["error"] = self._watched_error(told["error"])
        self.__dict__.update(told)
        self.died = self._pump.order.append

    # --- its life ----------------------------------------------------------------------------------------------------
    def start(self, below: FrameType | None = None) -> None:
        """Listen from now on. The frames from ``below`` down are not the user's. Raises RuntimeError when another
        recorder listens."""
        global _current
        if probe.sink is not None or _current is not None:
            raise RuntimeError("a recording is running already")
        self._roles.disown(below)
        forks.watch(self)
        self._pump.start()
        self._console.open()
        _current = probe.sink = self
        if self._steps is not None and 0 not in self._steps:
            self.pause()

    def stop(self) -> None:
        """Listen no more, write what waits and the footer. In a forked child, and the second time, it does nothing."""
        if self._pid != os.getpid():
            if self._child is not None:
                self._child.stop()
            return
        self._off()
        forks.unwatch(self)
        self._pump.pause()
        self._pump.drain()
        if _current is None:
            for forget, _ in probe.producers:
                forget()
            probe.alive.clear()
        try:
            self._writer.close()
        except OSError as error:
            self._fail(error)

    @property
    def events(self) -> int:
        """How many have been written."""
        return self._writer.events

    def clock(self) -> int:
        return time.perf_counter_ns() - self._zero

    # --- parts of a run ----------------------------------------------------------------------------------------------
    @property
    def paused(self) -> bool:
        return self._paused_at >= 0

    def pause(self) -> None:
        """Record nothing until :meth:`resume`. What dies meanwhile is still told of, then."""
        if probe.sink is self:
            self._console.close()
            probe.sink = None
            self._paused_at = self._iteration
            probe.unheard = self._unheard

    def resume(self) -> None:
        """Go on after a pause, with a gap and the facts of what may have changed."""
        if not self.paused or _current is not self:
            return
        passed, self._paused_at = self._iteration - self._paused_at, -1
        probe.unheard = None
        calls = f" for {passed} backward call{'' if passed == 1 else 's'}" if passed else ""
        self._note(GAP, NOWHERE, (f"paused{calls}", 0))
        probe.sink = _Nowhere(self)
        try:
            for _, tell in probe.producers:
                tell()
        except Exception as error:
            self._fail(error)
            return
        probe.sink = self
        self._console.open()

    def _ended(self, failed: bool) -> None:
        """An outermost backward call has ended, and was recorded."""
        if failed and self._until_error:
            self._over = True
            self._note(GAP, NOWHERE, ("recorded until the first error", 0))
            self._off()
            self._pump.drain()
            return
        self._iteration += 1
        if self._steps is not None and self._iteration not in self._steps:
            self.pause()

    def _unheard(self) -> None:
        """One has ended during a pause."""
        self._iteration += 1
        if self._steps is not None and self._iteration in self._steps:
            self.resume()

    def before_fork(self) -> None:
        self._pump.pause()

    def after_fork_in_parent(self) -> None:
        if _current is self:
            with suppress(RuntimeError):  # no new thread while the interpreter ends; stop() still writes all
                self._pump.start()

    def after_fork_in_child(self) -> None:
        recording = _current is self
        self._off()
        self._pump.forget()
        for forget, _ in probe.producers:
            forget()
        probe.alive.clear()
        self._writer.abandon()
        if recording and self._follow_fork:
            children.at_end(self)
            probe.sink = children.Waiting(self._in_child)
        elif recording and not self.quiet:
            probe.unheard = children.says_it_is_left_out()

    def _in_child(self) -> Recorder:
        """The recorder of a forked child, begun."""
        path = children.path_of_child(self.path)
        child = self._again(path, meta={**self._meta, "parent": self.path})
        child._roles.codes.update((number, Code(code.code, code.role)) for number, code in self._roles.codes.items())
        child.start()
        self._child = child
        if not self.quiet:
            children.say_recorded(path)
        return child

    def _off(self) -> None:
        global _current
        if _current is self:
            self._console.close()
            _current = probe.sink = probe.unheard = None

    # --- what is told ------------------------------------------------------------------------------------------------
    def uncaught(self, exception: BaseException) -> None:
        """An exception has left the script. Errors among its causes left with it, under the numbers they have."""
        if self._child is not None:
            self._child.uncaught(exception)
            return
        if _current is not self:
            known = self._errors.known(exception) if self._over else None
            if known is not None:  # the error that ended it
                self._left(exception, known)
            return
        try:
            self.resume()
            for cause in causes(exception):
                known = self._errors.known(cause)
                if known is not None:
                    self._left(cause, known)
            self._left(exception, self._errors.fields_of(exception))
        except Exception as error:
            self._fail(error)

    def _left(self, exception: BaseException, fields: tuple[Any, ...]) -> None:
        self._note(ERROR, raised_at(exception, self._roles), (*fields[:9], True))

    def _locate(self, frame: FrameType) -> Place:
        inner: FrameType | None = frame
        while inner is not None:
            code = self._roles.learn(inner.f_code)
            if code.user:
                return code.place(inner.f_lasti)
            inner = inner.f_back
        return outside(frame, self._roles)

    def _printed(self, place: Place, text: str, stream: str) -> None:
        try:
            self._note(PRINT, place, (text, stream))
        except Exception as error:
            self._fail(error)

    def _note(self, kind: int, place: Place, fields: tuple[Any, ...]) -> None:
        self._pump.order.append((kind, place, time.perf_counter_ns(), probe.position.here, *fields))

    def dead(self, tids: Sequence[int], nids: Sequence[int]) -> None:
        """It happens by itself, wherever the script is."""
        self._note(DEAD, NOWHERE, (tids, nids))

    def _watched_error(self, emit: Any) -> Any:
        """The sink's ``error``: remembered, and written at once, since the script may be about to die; but not in a
        loop of errors."""

        def error(*fields: Any, **named: Any) -> None:
            emit(*fields, **named)
            try:
                self._errors.note((*fields, *named.values()))
                now = self.clock()
                if now - self._drained >= AT_ONCE:
                    self._pump.drain()
                    self._drained = self.clock()
                else:
                    self._pump.wake()
            except Exception as failure:
                self._fail(failure)

        return error

    # --- when it fails -----------------------------------------------------------------------------------------------
    def _fail(self, error: Exception) -> None:
        if isinstance(error, RecursionError) and not self.failure:  # the script's: it is at its limit
            self._note(GAP, NOWHERE, ("recursion limit", 1))
            return
        if self.failure:
            return
        self.failure = "".join(traceback.format_exception_only(error)).strip().replace("\n", " ")
        dropped = self._pump.forget()
        self._off()
        with suppress(Exception):
            row = (self.clock(), 0, 0, 0, 0, 0, f"recording failed: {self.failure}", dropped)
            self._writer.chunk(bytes([GAP]), {GAP: [row]})
        if not self.quiet:
            with suppress(Exception):
                print(f"[gradviz] recording stopped, the script goes on: {self.failure}", file=sys.stderr)


class _Nowhere:
    """Stands in for a recorder while a producer tells it what is so: no line of the script has done that."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        for kind in (KINDS["tensor"], KINDS["grad_set"]):
            setattr(self, kind.name, partial(self._tell, kind.code))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorder, name)

    def _tell(self, code: int, *fields: Any) -> None:
        self._recorder._note(code, NOWHERE, fields)


_current: Recorder | None = None


def listening() -> Recorder | None:
    """The recorder that is running or paused, if any."""
    if isinstance(probe.sink, children.Waiting):
        probe.sink.begin()
    return _current
