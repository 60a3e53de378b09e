"""Listens to a producer and writes the trace."""

from __future__ import annotations

import os
import sys
import time
import traceback
from _thread import get_ident
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gradviz import probe
from gradviz.events import KINDS, Kind
from gradviz.recorder import forks
from gradviz.recorder.console import Console
from gradviz.recorder.meta import run_facts
from gradviz.recorder.pump import FULL, WAKE, Above, Pump
from gradviz.recorder.sites import OURS, USER, Code, Roles, Spans, outside
from gradviz.trace.writer import Writer

ERROR: Final = KINDS["error"].code
GAP: Final = KINDS["gap"].code
PRINT: Final = KINDS["print"].code
PLACELESS: Final = ("dead",)
"""What happens by itself, wherever the script is."""
OF_A_CALL: Final = ("step", "accumulate", "hook_call")
"""What a backward call does: its place is that of the call, and need not be looked for each time."""
AT_ONCE: Final = 50_000_000
"""Nanoseconds between two errors that are written at once."""
_HIGHEST: Final = 4
"""Frames that are noted above one that returns its value at once."""

class Reported(NamedTuple):
    """An error event, to know the exception again when it leaves the script."""

    identity: int
    fields: tuple[Any, ...]


class Recorder(probe.Sink if TYPE_CHECKING else object):  # type: ignore[misc]
    """A sink whose methods note what they are told in one list; a thread of ours writes it to ``path``.

    A method that fails turns recording off, says so in one line and never disturbs the script.

    ``roots`` are the folders of the script; ``texts`` the source of code that has no file (``{"<string>": ...}``).
    Raises OSError when ``path`` cannot be created (FileExistsError when it is there and not ``force``).
    """

    def __init__(self, path: str | os.PathLike[str], values: str = "auto", *, meta: Mapping[str, Any] | None = None,
                 force: bool = False, sources: bool = True, roots: Iterable[str] = (),
                 texts: Mapping[str, str] | None = None, quiet: bool = False) -> None:
        self.values = values
        self.quiet = quiet
        self.failure = ""
        self._zero = time.perf_counter_ns()
        options = {"values": values, "sources": sources}
        self._writer = Writer(path, {**run_facts(), "options": options, **(meta or {})}, force)
        self.path = self._writer.path
        self._roles = Roles(roots, texts or {})
        self._pump = Pump(self._writer, Spans(self._roles, texts or {}), sources, self._fail)
        self._console = Console(self._locate, self._printed)
        self._reported: list[Reported] = []
        self._calls: dict[int, tuple[Code, int]] = {}  # backward calls that run, and where they were called
        self._drained = -AT_ONCE
        self._pid = os.getpid()
        for kind in KINDS.values():
            setattr(self, kind.name, self._emitter(kind))

    # --- its life ----------------------------------------------------------------------------------------------------
    def start(self, below: FrameType | None = None) -> None:
        """Listen from now on. The frames from ``below`` down are not the user's. Raises RuntimeError when another
        recorder listens."""
        if probe.sink is not None:
            raise RuntimeError("a recording is running already")
        self._roles.disown(below)
        forks.watch(self)
        self._pump.start()
        self._console.open()
        probe.sink = self

    def stop(self) -> None:
        """Listen no more, write what waits and the footer. In a forked child, and the second time, it does nothing."""
        if self._pid != os.getpid():
            return
        self._off()
        forks.unwatch(self)
        self._pump.pause()
        self._pump.drain()
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

    def before_fork(self) -> None:
        self._pump.pause()

    def after_fork_in_parent(self) -> None:
        if probe.sink is self:
            with suppress(RuntimeError):  # no new thread while the interpreter ends; stop() still writes all
                self._pump.start()

    def after_fork_in_child(self) -> None:
        self._pump.noted.clear()
        self._off()
        self._pump.noted.clear()
        self._writer.abandon()

    def _off(self) -> None:
        if probe.sink is self:
            self._console.close()
            probe.sink = None

    # --- what is told ------------------------------------------------------------------------------------------------
    def uncaught(self, exception: BaseException) -> None:
        """An exception has left the script. Errors among its causes left with it, under the numbers they have."""
        if probe.sink is not self:
            return
        try:
            known = self._known(exception)
            for cause in _causes(exception):
                reported = self._known(cause)
                if reported is not None:
                    self._left(cause, reported)
            number = max((fields[0] for _, fields in self._reported), default=0) + 1
            self._left(exception, known or (number, type(exception).__name__, _text(exception), 0, 0, "", 0, -1, -1))
        except Exception as error:
            self._fail(error)

    def _known(self, exception: BaseException) -> tuple[Any, ...] | None:
        """The fields of its last error event. An id may be used again: type and text must agree as well."""
        name, text = type(exception).__name__, _text(exception)
        same = [reported for reported in reversed(self._reported) if reported.fields[1:3] == (name, text)]
        exact = next((reported for reported in same if reported.identity == id(exception)), None)
        found = exact or next((reported for reported in same if not reported.identity), None)
        return None if found is None else found.fields

    def _left(self, exception: BaseException, fields: tuple[Any, ...]) -> None:
        site: tuple[Code, int] | None = None
        trace = exception.__traceback__
        while trace is not None:
            code = self._roles.learn(trace.tb_frame.f_code)
            if code.role == USER or (code.role != OURS and site is None):
                site = code, trace.tb_lasti
            trace = trace.tb_next
        self._note(ERROR, site, (), (*fields[:9], True))

    def _locate(self, frame: FrameType) -> tuple[Code, int] | None:
        inner: FrameType | None = frame
        while inner is not None:
            code = self._roles.learn(inner.f_code)
            if code.role == USER:
                return code, inner.f_lasti
            inner = inner.f_back
        return outside(frame, self._roles)

    def _printed(self, site: tuple[Code, int] | None, text: str, stream: str) -> None:
        try:
            self._note(PRINT, site, (), (text, stream))
        except Exception as error:
            self._fail(error)

    def _note(self, kind: int, site: tuple[Code, int] | None, above: Above, fields: tuple[Any, ...]) -> None:
        code, lasti = site or (None, 0)
        self._pump.noted.append((kind, self.clock(), get_ident(), code, lasti, above, probe.position.scope,
                                 probe.position.within, fields))

    def _emitter(self, kind: Kind) -> Callable[..., None]:
        """The sink's method for one kind. All that it needs is at hand: it runs once an event."""
        number = kind.code
        names = [name for name, _ in kind.fields]
        pump, roles, calls = self._pump, self._roles, self._calls
        noted, learn, known = pump.noted, roles.learn, roles.codes.get
        append, frame_at, position = noted.append, sys._getframe, probe.position
        now, zero = time.perf_counter_ns, self._zero
        is_error, is_backward, placeless = number == ERROR, kind.name == "backward", kind.name in PLACELESS
        of_call = names.index("call") if kind.name in OF_A_CALL else -1

        def emit(*fields: Any, **named: Any) -> None:
            try:
                if named:
                    fields += tuple(named[name] for name in names[len(fields):])
                code: Code | None = None
                lasti = 0
                above: Above = ()
                within = position.within
                if placeless:
                    pass
                elif of_call >= 0 and fields[of_call] in calls:
                    code, lasti = calls[fields[of_call]]
                else:
                    try:
                        inner: FrameType | None = frame_at(2)  # a producer calls a sink, never the script
                    except ValueError:  # nothing is below it: a thread that C has started
                        inner = None
                    frame = inner
                    while frame is not None:
                        code = known(id(frame.f_code)) or learn(frame.f_code)
                        if code.role == USER:
                            lasti = frame.f_lasti
                            if not within and lasti not in code.settled:
                                above = _above(frame, roles)
                            break
                        frame = frame.f_back
                    else:
                        code, lasti = outside(inner, roles) or (None, 0)
                append((number, now() - zero, get_ident(), code, lasti, above, position.scope, within, fields))
                waiting = len(noted)
                if waiting >= WAKE:
                    if waiting >= FULL:
                        pump.drain()
                    else:
                        pump.wake()
                if is_backward:
                    if fields[1] == "begin" and code is not None:
                        calls[fields[0]] = code, lasti
                    else:
                        calls.pop(fields[0], None)
                elif is_error:
                    self._error(fields)
            except Exception as error:
                self._fail(error)

        emit.__name__ = kind.name
        return emit

    def _error(self, fields: tuple[Any, ...]) -> None:
        """Remember it, and write at once, since the script may be about to die; but not in a loop of errors."""
        exception = sys.exc_info()[1]
        same = exception is not None and (type(exception).__name__, _text(exception)) == fields[1:3]
        self._reported.append(Reported(id(exception) if same else 0, fields))
        del self._reported[:-64]
        now = self.clock()
        if now - self._drained >= AT_ONCE:
            self._pump.drain()
            self._drained = self.clock()
        else:
            self._pump.wake()

    # --- when it fails -----------------------------------------------------------------------------------------------
    def _fail(self, error: Exception) -> None:
        if isinstance(error, RecursionError) and not self.failure:  # the script's: it is at its limit
            self._pump.noted.append((GAP, self.clock(), get_ident(), None, 0, (), 0, 0, ("recursion limit", 1)))
            return
        if self.failure:
            return
        self.failure = "".join(traceback.format_exception_only(error)).strip().replace("\n", " ")
        dropped = len(self._pump.noted)
        self._pump.noted.clear()
        self._off()
        with suppress(Exception):
            row = (self.clock(), 0, 0, 0, 0, 0, f"recording failed: {self.failure}", dropped)
            self._writer.chunk(bytes([GAP]), {GAP: [row]})
        if not self.quiet:
            with suppress(Exception):
                print(f"[gradviz] recording stopped, the script goes on: {self.failure}", file=sys.stderr)


def _above(frame: FrameType, roles: Roles) -> Above:
    """The user's frames above one whose value may be returned at once, up to one that is known not to return it."""
    found: list[tuple[Code, int]] = []
    outer = frame.f_back
    while outer is not None and len(found) < _HIGHEST:
        code = roles.learn(outer.f_code)
        if code.role == USER:
            found.append((code, outer.f_lasti))
            if outer.f_lasti in code.settled:
                break
        outer = outer.f_back
    return tuple(found)


def _causes(exception: BaseException) -> list[BaseException]:
    """What it was raised from or while handling, first cause first."""
    found: list[BaseException] = []
    seen = {id(exception)}
    current: BaseException | None = exception
    while current is not None:
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current is None or id(current) in seen:
            break
        seen.add(id(current))
        found.append(current)
    return found[::-1]


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:
        return "<its text cannot be made>"


def listening() -> Recorder | None:
    """The recorder that is running, if any."""
    return probe.sink if isinstance(probe.sink, Recorder) else None
