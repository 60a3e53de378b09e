"""Writes a trace, frame by frame; nothing that was written is ever changed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from gradviz.events import FORMAT_VERSION, STATISTICS, Span, Value, Word
from gradviz.trace import frames, pack
from gradviz.trace.ring import Budget, Part, framed

try:
    import fcntl
except ImportError:  # Windows: a trace that is being recorded reads as incomplete
    fcntl = None  # type: ignore[assignment]

NAN = float("nan")
_HIGH = 200
"""The least number of the descriptor of a trace."""
Stacks = tuple[Sequence[Sequence[int]], Sequence[int], Sequence[int]]


class Writer:
    """An open trace. One thread at a time may use it.

    Raises FileExistsError when ``path`` exists. ``force`` removes a trace or an empty file first, and nothing else.
    ``most``: about so many bytes, 0 for any number. From the half on, new events take the place of older ones; then
    ``alive`` gives what :meth:`encoded` takes, of events that tell what is alive. Raises ValueError when it is too
    small.
    """

    alive: Callable[[], tuple[bytes, Mapping[int, list[Any]], Sequence[Value], int, int]] | None = None

    def __init__(self, path: str | os.PathLike[str], meta: Mapping[str, Any], force: bool = False,
                 most: int = 0) -> None:
        self._budget = Budget(most) if most else None
        self._late: tuple[list[Any], ...] = ([], [], [], [])
        self._numbered = [0, 0, 0]  # spans, stacks and words
        self._base = [0, 0, 0]  # those of the first half
        self._before = 0
        self.path = os.path.abspath(path)
        if force and os.path.lexists(self.path):
            _remove(self.path)
        self._fd = _out_of_the_way(
            os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644))
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX)  # held until the descriptor closes, however this process ends
        self._offset = 0
        self.events = 0
        self.values = 0
        self._append(frames.header(FORMAT_VERSION) + frames.frame(frames.META, frames.packed(dict(meta))))

    def spans(self, spans: Iterable[Span]) -> None:
        """New spans; the first ever has id 1 and each the next. They come before the chunk that names them."""
        rows = [(span.id, *pack.writable([span.file, span.function]), *span[3:7], pack.writable(list(span.names)),
                 span.returned) for span in spans]
        if rows:
            self._late[0].extend(rows)
            self._numbered[0] += len(rows)
            self._put([(frames.SPANS, frames.packed(rows))])

    def words(self, words: Sequence[Word]) -> None:
        """New words, numbered on from the last; before the chunk whose brief records name them."""
        if words:
            rows = [pack.writable([word])[0] if isinstance(word, str) else word for word in words]
            self._late[3].extend(rows)
            self._numbered[2] += len(rows)
            self._put([(frames.WORDS, frames.packed([self._numbered[2] - len(rows), rows]))])

    def source(self, file: str, text: str) -> None:
        """The text of a source file that spans name."""
        file, text = pack.writable([file, text])
        tree = [file, text, sha256(text.encode()).hexdigest()]
        self._late[1].append(tree)
        self._put([(frames.SOURCE, frames.packed(tree, level=3))])

    def chunk(self, kinds: bytes, rows: Mapping[int, Sequence[tuple[Any, ...]]]) -> None:
        """Events: the code of each in order, and the rows of each code in the order of their events."""
        if len(kinds) != sum(map(len, rows.values())):
            raise ValueError("a chunk's kinds and rows disagree")
        values: list[Value] = []
        tables = {code: pack.encode(code, zip(*table, strict=True), values) for code, table in rows.items()}
        times = [row[0] for table in rows.values() for row in table]
        self.encoded(kinds, tables, values, min(times, default=0), max(times, default=0))

    def encoded(self, kinds: bytes, tables: Mapping[int, list[Any]], values: Sequence[Value], first: int,
                last: int, stacks: Stacks | None = None) -> bool:
        """The same of what :func:`gradviz.trace.pack.encode` has made: its columns by code, the values that it kept
        apart, and the first and last time. ``stacks``: new ones, as the ids of spans; the positions of events that
        have one; and the numbers of those, counted from 1 over the whole trace. False: they are too much for the
        budget, and are left out."""
        parts: list[Part] = []
        if stacks is not None:
            fresh, places, numbers = stacks
            self._late[2].extend(fresh)
            self._numbered[1] += len(fresh)
            parts.append((frames.STACKS, frames.packed([self._numbered[1] - len(fresh), fresh, pack.ints(places),
                                                        pack.ints(numbers)])))
        if values:
            parts.append((frames.VALUES, _values(values)))
        parts.append((frames.CHUNK, self._chunk(kinds, tables, values, first, last)))
        if not self._put(parts):
            return False
        self.events += len(kinds)
        self.values += len(values)
        return True

    def _chunk(self, kinds: bytes, tables: Mapping[int, list[Any]], values: Sequence[Value], first: int,
               last: int) -> bytes:
        counts = {code: kinds.count(code) for code in tables}
        body = frames.packed([kinds, tables])
        return frames.encode([self.events, len(kinds), first, last, counts, len(values), body])

    def close(self) -> None:
        """Write the footer: the trace is complete."""
        if self._fd < 0:
            return
        try:
            self._offset = os.lseek(self._fd, 0, os.SEEK_END)
            footer = frames.FOOTER.pack(self._offset, self.events, self.values)
            self._append(frames.frame(frames.INDEX, frames.packed([])) + frames.frame(frames.END, footer))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is, as in a forked child."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def dropped(self) -> int:
        """How many events lie between the first half and here."""
        return self.events - self._before

    def _put(self, parts: list[Part]) -> bool:
        budget = self._budget
        if budget is None:
            self._late = ([], [], [], [])
            self._append(framed(parts, 0))
            return True
        size = sum(frames.FRAME_SIZE + len(payload) for _, payload in parts)
        if self._offset + size > budget.limit:
            self._turn(budget)
            if self._offset + size > budget.limit:
                return False
        self._append(framed(parts, budget.turn))
        if not budget.turn:
            self._late = ([], [], [], [])
            self._base = list(self._numbered)
        return True

    def _turn(self, budget: Budget) -> None:
        """Begin a segment of the ring, in place of the one before the last."""
        if not budget.turn:
            self._before = self.events
            self._append(frames.frame(frames.RING, frames.packed([budget.segment, *self._base])))
        start = budget.next(self._offset)
        parts: list[Part] = [(frames.LATE, frames.packed(self._late))]
        if self.alive is not None:
            kinds, tables, values, first, last = self.alive()
            if values:
                parts.append((frames.VALUES, _values(values)))
            parts.append((frames.KEEP, self._chunk(kinds, tables, values, first, last)))
        head = frames.frame(frames.SEGMENT, frames.packed([budget.turn, self.events]))
        data = head + framed(parts, budget.turn)
        if start + len(data) > budget.limit:
            raise ValueError("the bytes that the trace may have do not hold what is alive")
        self._offset = os.lseek(self._fd, start, os.SEEK_SET)
        self._append(data)

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest):]
        except OSError:
            if self._budget is None or not self._budget.turn:
                os.ftruncate(self._fd, self._offset)  # no torn frame: what comes later can still be read
            os.lseek(self._fd, self._offset, os.SEEK_SET)
            raise
        self._offset += len(data)


def _out_of_the_way(fd: int) -> int:
    """A descriptor that the script does not meet: what it opens first has the number that it has without us."""
    if fcntl is not None:
        with suppress(OSError):  # so many files may not be open
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
            os.close(fd)
            return high
    return fd


def _remove(path: str) -> None:
    """Make room. What is no trace of ours, be it a script or a device, stays."""
    try:
        ours = stat.S_ISREG(os.stat(path).st_mode)
        if ours and os.path.getsize(path):
            with open(path, "rb") as file:
                ours = file.read(len(frames.MAGIC)) == frames.MAGIC
    except OSError:
        ours = False
    if not ours:
        raise FileExistsError(errno.EEXIST, "not a trace", path)
    os.unlink(path)


def _values(values: Sequence[Value]) -> bytes:
    """Lengths (-1 = statistics), all bytes one after another, all statistics figure by figure."""
    if set(map(type, values)) == {bytes}:
        return frames.packed([pack.ints(list(map(len, values))), b"".join(values), b""])  # type: ignore[arg-type]
    contents = [value for value in values if isinstance(value, bytes)]
    figures = [_statistics(value) for value in values if not isinstance(value, bytes)]
    lengths = pack.ints([len(value) if isinstance(value, bytes) else -1 for value in values])
    columns = pack.floats([figure for column in zip(*figures) for figure in column])
    return frames.packed([lengths, b"".join(contents), columns])


def _statistics(value: Value) -> tuple[float, ...]:
    if not isinstance(value, tuple) or len(value) > len(STATISTICS):
        raise TypeError(f"neither bytes nor statistics: {value!r}")
    return value + (NAN,) * (len(STATISTICS) - len(value))
