"""Carries noted events from the list to the file, in a thread of its own.

The thread is a raw one: ``threading.enumerate()`` does not show it, and the script ends without waiting for it.
"""

from __future__ import annotations

import _thread
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from gradviz.events import Value
from gradviz.recorder.sites import Code, Spans
from gradviz.trace.pack import encode
from gradviz.trace.writer import Writer

PERIOD: Final = 0.05
WAKE: Final = 1024
MOST: Final = 4096
"""Events in a chunk at most."""
FULL: Final = 16384
"""From so many waiting events on, who notes one helps writing: memory stays bounded."""

Above = tuple[tuple[Code, int], ...]
Noted = tuple[int, int, int, Code | None, int, Above, int, int, tuple[Any, ...]]
"""Kind, time, thread, code and f_lasti, the frames above it (where its name may be), scope, within, fields."""


class Pump:
    """Writes what ``noted`` holds. ``failed`` is told, once, what stopped it."""

    def __init__(self, writer: Writer, spans: Spans, sources: bool, failed: Callable[[Exception], None]) -> None:
        self.noted: list[Noted] = []
        self._writer = writer
        self._spans = spans
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

    def drain(self) -> None:
        """Write all that waits; nothing in a thread that is writing already (finalisers that ran in it note events)."""
        me = _thread.get_ident()
        if self._owner == me:
            return
        with self._lock:
            self._owner = me
            try:
                waiting = len(self.noted)  # what comes while this is written waits for the next time
                while waiting > 0:
                    part = self.noted[:min(waiting, MOST)]
                    del self.noted[:len(part)]
                    waiting -= len(part)
                    self._write(part)
            except Exception as error:
                self._failed(error)
            finally:
                self._owner = 0

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

    def _write(self, part: list[Noted]) -> None:
        groups: dict[int, list[Noted]] = defaultdict(list)
        for noted in part:
            groups[noted[0]].append(noted)
        values: list[Value] = []
        tables = {kind: encode(kind, self._columns(group), values, self._spans) for kind, group in groups.items()}
        spans, self._spans.fresh = self._spans.fresh, []
        self._writer.spans(spans)
        sources, self._spans.sources = self._spans.sources, []
        if self._sources:
            for file, text in sources:
                self._writer.source(file, text)
        kinds, times = bytes([noted[0] for noted in part]), [noted[1] for noted in part]
        self._writer.encoded(kinds, tables, values, min(times), max(times))

    def _columns(self, group: list[Noted]) -> tuple[Sequence[Any], ...]:
        """What was noted of events of one kind, column by column, with places resolved."""
        _, t, idents, codes, lastis, aboves, scopes, withins, fields = zip(*group, strict=True)
        span_of, known = self._spans.of, self._threads.get
        spans = [0 if code is None else code.spans.get(lasti) or span_of(code, lasti)
                 for code, lasti in zip(codes, lastis, strict=True)]
        callers: Sequence[int] = [0] * len(group)
        if any(aboves):
            callers = [self._caller(span, above) if above else 0 for span, above in zip(spans, aboves, strict=True)]
        threads = [known(ident) or self._thread(ident) for ident in idents]
        return t, threads, spans, callers, scopes, withins, *zip(*fields, strict=True)

    def _caller(self, span: int, above: Above) -> int:
        """Where a value that is returned at once, perhaps several times over, arrives at last."""
        returned, caller = self._spans.returned, 0
        if span in returned:
            for code, lasti in above:
                caller = self._spans.of(code, lasti)
                if caller not in returned:
                    break
        return caller

    def _thread(self, ident: int) -> int:
        """Threads are numbered as they come; the system reuses its own numbers."""
        return self._threads.setdefault(ident, len(self._threads) + 1)
