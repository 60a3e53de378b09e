"""Carries noted events from the list to the file, in a thread of its own.

The thread is a raw one: ``threading.enumerate()`` does not show it, and the script ends without waiting for it.
"""

from __future__ import annotations

import _thread
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from weakref import ref

from gradviz import probe
from gradviz.events import BY_CODE, KINDS, Value
from gradviz.recorder.living import Living
from gradviz.recorder.sites import NOWHERE, Place, Spans
from gradviz.recorder.stacks import Stacks
from gradviz.trace.pack import encode
from gradviz.trace.writer import Writer

PERIOD: Final = 0.05
WAKE: Final = 4096
MOST: Final = 4096
"""Events in a chunk at most."""
FULL: Final = 16384
"""From so many waiting events on, who notes one helps writing: memory stays bounded."""

Above = tuple[Place, ...]
COMMON: Final = 6
"""What is noted of an event before its fields: time, thread, place, the places above it (where its name may be),
scope, within."""
WIDTHS: Final = {code: COMMON + len(kind.fields) for code, kind in BY_CODE.items()}
DEAD: Final = KINDS["dead"].code
GAP: Final = KINDS["gap"].code


class Pump:
    """Writes what was noted. ``failed`` is told, once, what stopped it.

    ``rows`` holds what is noted by kind, one flat list each, and ``order`` the kinds in the order of the events: who
    notes one extends the row's list and then appends the kind. What died stands in ``order`` itself.
    """

    def __init__(self, writer: Writer, spans: Spans, stacks: Stacks, sources: bool,
                 failed: Callable[[Exception], None]) -> None:
        self.order: list[Any] = []
        self.rows: dict[int, list[Any]] = {code: [] for code in BY_CODE}
        self.urgent = WAKE
        """From so many waiting events on, :meth:`urge` is to be called."""
        self._writer = writer
        self._spans = spans
        self._stacks = stacks
        self._living: Living | None = None
        self._most = MOST
        self._sources = sources
        self._failed = failed
        self._threads: dict[int, int] = {}
        self._lock = _thread.allocate_lock()
        self._owner = 0
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._done = _thread.allocate_lock()
        self._running = False
        self._stopping = False
        self._broken = False
        self._last = 0
        self._native = 0

    def start(self) -> None:
        if not self._running:
            self._running, self._stopping = True, False
            self._done.acquire()
            _thread.start_new_thread(self._run, ())

    def pause(self) -> None:
        """End the thread, and wait until the system knows: Python warns who forks with threads about."""
        if not self._running:
            return
        self._stopping = True
        self.wake()
        self._done.acquire()
        self._done.release()
        self._running = False
        task = f"/proc/self/task/{self._native}"
        for _ in range(100):
            if not os.path.exists(task):
                return
            time.sleep(0.0001)

    def wake(self) -> None:
        if self._wake.locked():
            with suppress(RuntimeError):  # another thread did
                self._wake.release()

    def urge(self) -> None:
        """Many events wait: wake the thread, and if it does not keep up, help it."""
        if len(self.order) >= FULL:
            self.drain()
        else:
            self.urgent = FULL
            self.wake()

    def forget(self) -> int:
        """Drop what waits; how many events that is."""
        dropped = len(self.order)
        self.order.clear()
        for rows in self.rows.values():
            rows.clear()
        return dropped

    def drain(self) -> None:
        """Write all that waits; nothing in a thread that is writing already (finalisers that ran in it note events)."""
        me = _thread.get_ident()
        if self._owner == me or self._broken:
            return
        with self._lock:
            self._owner = me
            try:
                waiting = len(self.order)  # what comes while this is written waits for the next time
                while waiting and self.order[waiting - 1].__class__ is ref:
                    waiting -= 1  # deaths are told with the next event
                while waiting > 0:
                    part = self.order[:min(waiting, self._most)]
                    del self.order[:len(part)]
                    waiting -= len(part)
                    self._write(part)
            except Exception as error:
                self._broken = not isinstance(error, RecursionError)  # that is the script's
                self._failed(error)
            finally:
                self._owner = 0
                self.urgent = WAKE

    def _run(self) -> None:
        self._native = _thread.get_native_id()
        if hasattr(signal, "pthread_sigmask"):  # signals are the script's
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while not self._stopping:
                self._wake.acquire(timeout=PERIOD)
                self.drain()
        finally:
            self._done.release()

    def _write(self, part: list[Any]) -> None:
        values: list[Value] = []
        rows: dict[int, list[Any]] = {}
        try:
            kinds, dead = bytes(part), False
        except TypeError:
            kinds, dead = bytes([one for one in part if one.__class__ is int]), True
        for code in set(kinds):
            noted, n = self.rows[code], kinds.count(code) * WIDTHS[code]
            rows[code] = noted[:n]
            del noted[:n]
        if dead:
            kinds, told = _buried(part, rows, self._last)
            if told:
                rows[DEAD] = told
        stacks = self._stacks.of(kinds, rows, WIDTHS)
        times = [t for code, flat in rows.items() for t in flat[::WIDTHS[code]]]
        tables = self._encoded(rows, values)
        spans, self._spans.fresh = self._spans.fresh, []
        self._writer.spans(spans)
        sources, self._spans.sources = self._spans.sources, []
        if self._sources:
            for file, text in sources:
                self._writer.source(file, text)
        self._last = max(times)
        if not self._writer.encoded(kinds, tables, values, min(times), self._last, stacks):
            self._leave_out(len(kinds))
        if self._living is not None:
            self._living.take(kinds, rows, WIDTHS)

    def keep_living(self, max_bytes: int) -> None:
        """The writer has a budget: tell again what is alive when it drops what is old. Chunks must fit into it."""
        self._most = min(MOST, max(16, max_bytes // 16_384))
        living = self._living = Living()

        def alive() -> tuple[bytes, dict[int, list[Any]], list[Value], int, int]:
            values: list[Value] = []
            kinds, rows = living.told(self._last, _thread.get_ident(), self._writer.dropped, "older events gave way")
            return kinds, self._encoded(rows, values), values, self._last, self._last

        self._writer.alive = alive

    def _leave_out(self, n: int) -> None:
        """Events that are larger than the budget."""
        reason = "too large for the bytes that the trace may have"
        rows = {GAP: [self._last, _thread.get_ident(), NOWHERE, (), 0, 0, reason, n]}
        self._writer.encoded(bytes([GAP]), self._encoded(rows, []), [], self._last, self._last)

    def _encoded(self, rows: dict[int, list[Any]], values: list[Value]) -> dict[int, list[Any]]:
        return {code: encode(code, self._columns(flat, WIDTHS[code]), values, self._spans)
                for code, flat in rows.items()}

    def _columns(self, flat: list[Any], width: int) -> list[Sequence[Any]]:
        """What was noted of events of one kind, column by column, with places resolved."""
        t, idents, places, aboves, scopes, withins, *fields = [flat[i::width] for i in range(width)]
        n = len(t)
        spans = [place.span for place in places]
        if 0 in spans:
            for place in dict.fromkeys(places):
                self._spans.of(place)
            spans = [place.span for place in places]
        callers: Sequence[int] = [0] * n
        if aboves.count(()) != n:
            callers = [self._spans.caller(place, above) if above and not place.settled else 0
                       for place, above in zip(places, aboves, strict=True)]
        first = idents[0]
        if idents.count(first) == n:
            threads = [self._thread(first)] * n
        else:
            threads = [self._thread(ident) for ident in idents]
        return [t, threads, spans, callers, scopes, withins, *fields]

    def _thread(self, ident: int) -> int:
        """Threads are numbered as they come; the system reuses its own numbers."""
        return self._threads.setdefault(ident, len(self._threads) + 1)


def _buried(part: list[Any], rows: dict[int, list[Any]], t: int) -> tuple[bytes, list[Any]]:
    """The kinds of all events, and rows of ``dead`` ones for what died between them. These happen where and when the
    next event does; at the end, where the last did."""
    steps = {code: zip(flat[::WIDTHS[code]], flat[1::WIDTHS[code]], flat[4::WIDTHS[code]], flat[5::WIDTHS[code]])
             for code, flat in rows.items()}
    following = {code: step.__next__ for code, step in steps.items()}
    kinds = bytearray()
    told: list[Any] = []
    tids: list[int] = []
    nids: list[int] = []
    forget = probe.alive.pop
    common: tuple[int, ...] = (t, 0, 0, 0)
    for one in part:
        if one.__class__ is int:
            common = following[one]()
            if tids or nids:
                told += common[0], common[1], NOWHERE, (), common[2], common[3], tids, nids
                tids, nids = [], []
                kinds.append(DEAD)
            kinds.append(one)
        elif one.__class__ is tuple:
            tids += one[0]
            nids += one[1]
        else:
            number, _ = forget(id(one), (0, None))
            if number > 0:
                tids.append(number)
            elif number:
                nids.append(-number)
    if tids or nids:
        told += common[0], common[1], NOWHERE, (), common[2], common[3], tids, nids
        kinds.append(DEAD)
    return bytes(kinds), told
