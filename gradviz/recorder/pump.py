"""Carries noted events from the list to the file, in a thread of its own.

The thread is a raw one: ``threading.enumerate()`` does not show it, and the script ends without waiting for it.
"""

from __future__ import annotations

import _thread
import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import compress, repeat
from struct import Struct
from typing import Any, Final

from gradviz import probe
from gradviz.events import BRIEF, BRIEF_DEAD, BY_CODE, KINDS, Value
from gradviz.recorder.brief import Words
from gradviz.recorder.living import Living
from gradviz.recorder.sites import NOWHERE, Spans
from gradviz.recorder.stacks import Stacks
from gradviz.trace import pack
from gradviz.trace.writer import Writer

PERIOD: Final = 0.05
WAKE: Final = 16_384
MOST: Final = 16_384
"""Events in a chunk at most: each costs who reads it as much as a thousand events."""
FULL: Final = 32_768
"""From so many waiting events on, who notes one helps writing: memory stays bounded."""

GAP: Final = KINDS["gap"].code
_DEATHS: Final = re.compile(bytes([BRIEF_DEAD]) + b"+")
_ONLY: Final = {code: bytes(one == code for one in range(256)) for code in (*BY_CODE, *BRIEF, BRIEF_DEAD)}
"""For ``bytes.translate``: 1 where the kind is, else 0."""
_TIME: Final = Struct("<q")
Row = tuple[Any, ...]


def settled(values: list[Any]) -> list[Value]:
    """The values, with those that a device was computing."""
    late = [i for i, value in enumerate(values) if isinstance(value, probe.Late)]
    for kind in {type(values[i]) for i in late}:
        those = [i for i in late if type(values[i]) is kind]
        for i, value in zip(those, kind.settle([values[i] for i in those]), strict=True):
            values[i] = value
    return values


class Pump:
    """Writes what was noted. ``failed`` is told, once, what stopped it.

    ``order`` holds the events as they come, each as one tuple: code, place (with those above it), time
    (``perf_counter_ns``), the thread with its scope and what it is within, fields; or of brief ones code, place,
    numbers, values. What died stands there as its reference. ``zero`` is when the trace began.
    """

    def __init__(self, writer: Writer, spans: Spans, stacks: Stacks, words: Words, sources: bool, zero: int,
                 failed: Callable[[Exception], None]) -> None:
        self.order: list[Any] = []
        self.urgent = WAKE
        """From so many waiting events on, :meth:`urge` is to be called."""
        self._writer = writer
        self._spans = spans
        self._stacks = stacks
        self._words = words
        self._named = 0  # words that were written
        self._living: Living | None = None
        self._most = MOST
        self._sources = sources
        self._zero = zero
        self._failed = failed
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
                while waiting and self.order[waiting - 1].__class__ is probe.Watch:
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
        kinds = bytes([one[0] if one.__class__ is tuple else BRIEF_DEAD for one in part])
        rows = {code: list(compress(part, kinds.translate(_ONLY[code]))) for code in set(kinds)}
        dead = rows.pop(BRIEF_DEAD, None)
        values: list[Value] = []
        times: list[int] = []
        tables = {code: self._encoded(code, noted, values, times) for code, noted in rows.items()}
        tids: list[int] = []
        lengths: list[int] = []
        if dead is not None:
            lengths = list(map(len, _DEATHS.findall(kinds)))
            kinds = _DEATHS.sub(bytes([BRIEF_DEAD]), kinds)
            tids = [watch.number for watch in dead]
            deque(map(probe.alive.pop, tids, repeat(None)), 0)
            tables[BRIEF_DEAD] = [pack.ints(lengths), pack.ints(tids)]
        first, self._last = (min(times), max(times)) if times else (self._last, self._last)
        stacks = self._stacks.of(kinds, rows)
        spans, self._spans.fresh = self._spans.fresh, []
        self._writer.spans(spans)
        words = self._words.all[self._named:]  # more may come meanwhile
        self._writer.words(words)
        self._named += len(words)
        sources, self._spans.sources = self._spans.sources, []
        if self._sources:
            for file, text in sources:
                self._writer.source(file, text)
        if not self._writer.encoded(kinds, tables, settled(values), first, self._last, stacks):
            self._leave_out(len(kinds))
        if self._living is not None:
            self._living.take(kinds, rows, tids, lengths, self._words.all)

    def keep_living(self, max_bytes: int) -> None:
        """The writer has a budget: tell again what is alive when it drops what is old. Chunks must fit into it."""
        self._most = min(MOST, max(16, max_bytes // 16_384))
        living = self._living = Living()

        def alive() -> tuple[bytes, dict[int, list[Any]], list[Value], int, int]:
            values: list[Value] = []
            kinds, rows = living.told(self._last + self._zero, self._writer.dropped, "older events gave way")
            tables = {code: self._encoded(code, noted, values, []) for code, noted in rows.items()}
            return kinds, tables, settled(values), self._last, self._last

        self._writer.alive = alive

    def _leave_out(self, n: int) -> None:
        """Events that are larger than the budget."""
        reason = "too large for the bytes that the trace may have"
        row = GAP, NOWHERE, self._last + self._zero, probe.position.here, reason, n
        self._writer.encoded(bytes([GAP]), {GAP: self._encoded(GAP, [row], [], [])}, [], self._last, self._last)

    def _encoded(self, code: int, rows: list[Row], values: list[Value], times: list[int]) -> list[Any]:
        """The columns of events of one kind; the times of some that bound them go to ``times``."""
        _, ats, *columns = zip(*rows, strict=True)
        spans, callers = self._spans.columns(ats)
        zero = self._zero
        if code in BRIEF:
            records, *kept = columns
            times += [_TIME.unpack_from(record)[0] - zero for record in (records[0], records[-1])]
            return pack.brief(code, records, spans, callers, kept, values, zero)
        clock, heres, *fields = columns
        t = [now - zero for now in clock]
        times += min(t), max(t)
        threads, scopes, withins = zip(*heres, strict=True)
        return pack.encode(code, [t, threads, spans, callers, scopes, withins, *fields], values, self._spans)
