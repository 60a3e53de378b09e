"""Writes a trace, frame by frame; nothing that was written is ever changed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from gradviz.events import FORMAT_VERSION, STATISTICS, Span, Value
from gradviz.trace import frames, pack

try:
    import fcntl
except ImportError:  # Windows: a trace that is being recorded reads as incomplete
    fcntl = None  # type: ignore[assignment]

NAN = float("nan")
Stacks = tuple[Sequence[Sequence[int]], Sequence[int], Sequence[int]]


class Writer:
    """An open trace. One thread at a time may use it.

    Raises FileExistsError when ``path`` exists. ``force`` removes a trace or an empty file first, and nothing else.
    """

    def __init__(self, path: str | os.PathLike[str], meta: Mapping[str, Any], force: bool = False) -> None:
        self.path = os.path.abspath(path)
        if force and os.path.lexists(self.path):
            _remove(self.path)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX)  # held until the descriptor closes, however this process ends
        self._offset = 0
        self._index: list[list[Any]] = []
        self.events = 0
        self.values = 0
        self._append(frames.header(FORMAT_VERSION) + frames.frame(frames.META, frames.packed(dict(meta))))

    def spans(self, spans: Iterable[Span]) -> None:
        """New spans; the first ever has id 1 and each the next. They come before the chunk that names them."""
        rows = [(span.id, *pack.writable([span.file, span.function]), *span[3:7], pack.writable(list(span.names)),
                 span.returned) for span in spans]
        if rows:
            self._append(frames.frame(frames.SPANS, frames.packed(rows)))

    def source(self, file: str, text: str) -> None:
        """The text of a source file that spans name."""
        file, text = pack.writable([file, text])
        tree = [file, text, sha256(text.encode()).hexdigest()]
        self._append(frames.frame(frames.SOURCE, frames.packed(tree, level=3)))

    def chunk(self, kinds: bytes, rows: Mapping[int, Sequence[tuple[Any, ...]]]) -> None:
        """Events: the code of each in order, and the rows of each code in the order of their events."""
        if len(kinds) != sum(map(len, rows.values())):
            raise ValueError("a chunk's kinds and rows disagree")
        values: list[Value] = []
        tables = {code: pack.encode(code, zip(*table, strict=True), values) for code, table in rows.items()}
        times = [row[0] for table in rows.values() for row in table]
        self.encoded(kinds, tables, values, min(times, default=0), max(times, default=0))

    def encoded(self, kinds: bytes, tables: Mapping[int, list[Any]], values: Sequence[Value], first: int,
                last: int, stacks: Stacks | None = None) -> None:
        """The same of what :func:`gradviz.trace.pack.encode` has made: its columns by code, the values that it kept
        apart, and the first and last time. ``stacks``: new ones, as the ids of spans; the positions of events that
        have one; and the numbers of those, counted from 1 over the whole trace."""
        parts = []
        if stacks is not None:
            fresh, places, numbers = stacks
            parts.append(frames.frame(frames.STACKS, frames.packed([fresh, pack.ints(places), pack.ints(numbers)])))
        if values:
            parts.append(frames.frame(frames.VALUES, _values(values)))
        counts = {code: kinds.count(code) for code in tables}
        body = frames.packed([kinds, tables])
        head = [self.events, len(kinds), first, last, counts, len(values), body]
        parts.append(frames.frame(frames.CHUNK, frames.encode(head)))
        offset = self._offset
        self._append(b"".join(parts))
        self._index.append([offset, *head[:5]])
        self.events += len(kinds)
        self.values += len(values)

    def close(self) -> None:
        """Write the footer: the trace is complete."""
        if self._fd < 0:
            return
        try:
            index = self._offset
            footer = frames.FOOTER.pack(index, self.events, self.values)
            self._append(frames.frame(frames.INDEX, frames.packed(self._index)) + frames.frame(frames.END, footer))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file as it is, as in a forked child."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest):]
        except OSError:
            os.ftruncate(self._fd, self._offset)  # no torn frame: what comes later can still be read
            os.lseek(self._fd, self._offset, os.SEEK_SET)
            raise
        self._offset += len(data)


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
