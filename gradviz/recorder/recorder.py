"""Listens to a producer and writes the trace."""

from __future__ import annotations

import os
import sys
import time
import traceback
from _thread import get_ident
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gradviz import probe
from gradviz.events import KINDS, Kind
from gradviz.recorder import children, forks
from gradviz.recorder.console import Console
from gradviz.recorder.meta import run_facts
from gradviz.recorder.portions import Steps, watched
from gradviz.recorder.pump import Above, Pump
from gradviz.recorder.sites import NOWHERE, OURS, Code, Place, Roles, Spans, outside
from gradviz.recorder.stacks import ALWAYS, Stacks, stack
from gradviz.trace.writer import Writer

ERROR: Final = KINDS["error"].code
GAP: Final = KINDS["gap"].code
PRINT: Final = KINDS["print"].code
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
        self._stacked = frozenset(kind.code for kind in KINDS.values() if stacks or kind.name in ALWAYS)
        self._pump = Pump(self._writer, spans, Stacks(spans.of, self._stacked), sources, self._fail)
        if max_bytes:
            self._pump.keep_living(max_bytes)
        self._console = Console(self._locate, self._printed)
        self._reported: list[Reported] = []
        self._calls: dict[int, Place] = {}  # backward calls that run, and where they were called
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
        for kind in KINDS.values():
            if kind.name != "dead":
                emit = self._emitter(kind)
                if kind.name == "backward" and (steps is not None or until_error):
                    emit = watched(emit, self._ended)
                setattr(self, kind.name, emit)
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
            known = self._known(exception) if self._over else None
            if known is not None:  # the error that ended it
                self._left(exception, known)
            return
        try:
            self.resume()
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
        site = NOWHERE
        trace = exception.__traceback__
        while trace is not None:
            code = self._roles.learn(trace.tb_frame.f_code)
            if code.user or (code.role != OURS and site is NOWHERE):
                site = code.place(trace.tb_lasti)
            trace = trace.tb_next
        self._note(ERROR, site, (*fields[:9], True))

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
        position = probe.position
        self._pump.rows[kind] += (self.clock(), get_ident(), place, (), position.scope, position.within, *fields)
        self._pump.order.append(kind)

    def dead(self, tids: Sequence[int], nids: Sequence[int]) -> None:
        """It happens by itself, wherever the script is: what is told next says when."""
        self._pump.order.append((tids, nids))

    def _emitter(self, kind: Kind) -> Callable[..., None]:
        """The sink's method for one kind. All that it needs is at hand: it runs once an event."""
        number = kind.code
        names = [name for name, _ in kind.fields]
        pump, roles, calls, arity = self._pump, self._roles, self._calls, len(names)
        order, learn, known = pump.order, roles.learn, roles.codes.get
        extend, append, frame_at, position = pump.rows[number].extend, order.append, sys._getframe, probe.position
        now, zero = time.perf_counter_ns, self._zero
        is_error, is_backward = number == ERROR, kind.name == "backward"
        stacked = number in self._stacked
        of_call = names.index("call") if kind.name in OF_A_CALL else -1

        def emit(*fields: Any, **named: Any) -> None:
            try:
                if named:
                    fields += tuple(named[name] for name in names[len(fields):])
                if len(fields) != arity:
                    raise TypeError(f"{kind.name}: {len(fields)} fields where {arity} are due")
                place = NOWHERE
                above: Above = ()
                within = position.within
                if of_call >= 0 and fields[of_call] in calls:
                    place = calls[fields[of_call]]
                else:
                    try:
                        inner: FrameType | None = frame_at(2)  # a producer calls a sink, never the script
                    except ValueError:  # nothing is below it: a thread that C has started
                        inner = None
                    frame = inner
                    while frame is not None:
                        code = known(id(frame.f_code)) or learn(frame.f_code)
                        if code.user:
                            lasti = frame.f_lasti
                            place = code.places.get(lasti) or code.place(lasti)
                            if stacked:
                                above = stack(frame, roles)
                            elif not (within or place.settled):
                                above = _above(frame, roles)
                            break
                        frame = frame.f_back
                    else:
                        place = outside(inner, roles)
                extend((now() - zero, get_ident(), place, above, position.scope, within) + fields)  # noqa: RUF005
                append(number)  # only now: the writer takes as many rows as it finds kinds
                if len(order) >= pump.urgent:
                    pump.urge()
                if is_backward:
                    if fields[1] == "begin" and place is not NOWHERE:
                        calls[fields[0]] = place
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


def _above(frame: FrameType, roles: Roles) -> Above:
    """The user's frames above one whose value may be returned at once, up to one that is known not to return it."""
    found: list[Place] = []
    outer = frame.f_back
    while outer is not None and len(found) < _HIGHEST:
        code = roles.learn(outer.f_code)
        if code.user:
            found.append(code.place(outer.f_lasti))
            if found[-1].settled:
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
