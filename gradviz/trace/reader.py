"""Reads a trace: whole, cut short, damaged or still growing. Only data is read; nothing is ever executed."""

from __future__ import annotations

import os
import stat
import weakref
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradviz.events import FORMAT_VERSION, KINDS, STATISTICS, ListOf, Scalar, Span, Struct, Type, Value, Word
from gradviz.trace import brief, columns, frames
from gradviz.trace.columns import BadColumn, Column, Table
from gradviz.trace.frames import BadTrace, Frame, Torn
from gradviz.trace.ring import Ring, heads
from gradviz.trace.stacks import Stacks

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_OPENED = 4
"""Frames of values that stay open: what an op reads may be as old as the run, what it makes is in the newest."""
State = Literal["recording", "complete", "incomplete"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive events: ``kinds[i]`` is the code of event ``first_seq + i``; ``tables`` holds, by kind, the rows
    in the order of their events. ``t0`` and ``t1`` bound their times."""

    first_seq: int
    n: int
    t0: int
    t1: int
    kinds: NDArray[np.uint8]
    tables: dict[str, Table]


class Reader:
    """An open trace. Raises BadTrace when the file is none, or one of a newer gradviz.

    ``meta`` is there at once; ``spans`` (index = id, 0 unused), ``stacks`` and ``sources`` grow as :meth:`chunks` is
    walked.
    ``damage`` says what ended the reading before the file's end, "" if nothing did. Threads may share a reader, as long
    as one alone walks :meth:`chunks`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self.spans: list[Span] = [Span(0, "", "", 0, 0, 0, 0, (), False)]
        self.sources: dict[str, str] = {}
        self.damage = ""
        self.events = 0
        self._seq = 0  # of the next event as the writer counts: with a ring, some are lost
        self._ring: Ring | None = None
        self._turn = 0  # the ring's segment that is read, 0 before
        self._values: list[tuple[int, int, int]] = []  # (values up to and with this frame, its offset, its turn)
        self._pending: int | None = None  # the offset of a VALUES frame whose chunk has not come
        self.stacks = Stacks()
        self._words: list[Word] = []
        self._stacked: bytes | None = None  # the payload of a STACKS frame whose chunk has not come
        self._opened: tuple[tuple[int, list[Value]], ...] = ()
        self._ended = False
        self._gapless = True
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not make us wait
        except OSError as error:
            raise BadTrace(f"{path}: {error.strerror or error}") from None
        self.close = weakref.finalize(self, os.close, self._fd)
        try:
            self.meta = self._open()
        except BadTrace as error:
            self.close()
            raise BadTrace(f"{path}: {error}") from None
        except OSError as error:
            self.close()
            raise BadTrace(f"{path}: {error.strerror or error}") from None

    def _open(self) -> dict[str, Any]:
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise BadTrace("not a file")
        version = frames.version_of(os.pread(self._fd, frames.HEADER_SIZE, 0))
        if version > FORMAT_VERSION:
            raise BadTrace(f"made by a newer gradviz (format {version}; this one reads up to {FORMAT_VERSION})")
        if version < 1:
            raise BadTrace("not a gradviz trace")
        self._offset = frames.HEADER_SIZE
        try:
            first = frames.read_frame(self._fd, self._offset, self.size)
            meta = frames.unpacked(first.payload)
        except Torn as torn:
            raise BadTrace("cut short before its first event" if torn.short else "damaged at its beginning") from None
        except ValueError:
            raise BadTrace("damaged at its beginning") from None
        if first.tag != frames.META or not isinstance(meta, dict) or not all(isinstance(key, str) for key in meta):
            raise BadTrace("damaged at its beginning")
        self._offset = first.end
        return meta

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of the file, now."""
        return os.fstat(self._fd).st_size

    @property
    def state(self) -> State:
        """What the trace is, now: recording, complete or incomplete."""
        if self.damage:
            return "incomplete"
        if self._ended or self.expected is not None:
            return "complete"
        if fcntl is not None:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            except BlockingIOError:
                return "recording"
            except OSError:
                pass
        return "incomplete"

    @property
    def expected(self) -> int | None:
        """The number of events that the footer tells of; None where there is no footer yet."""
        size = self.size
        offset = size - frames.FRAME_SIZE - frames.FOOTER.size
        if offset < frames.HEADER_SIZE:
            return None
        try:
            last = frames.read_frame(self._fd, offset, size)
        except Torn:
            return None
        if last.tag != frames.END or len(last.payload) != frames.FOOTER.size:
            return None
        return int(frames.FOOTER.unpack(last.payload)[1])

    def chunks(self) -> Iterator[Chunk]:
        """The chunks that have come since the last call: calling again follows a growing trace."""
        while not self._ended and not self.damage:
            try:
                frame = self._next()
                chunk = self._take(frame)
            except Torn as torn:
                if self._ring is not None:
                    if self._advance():
                        continue
                    if self.expected not in (None, self._seq):
                        self._damaged()
                elif not torn.short:
                    self._damaged()
                return
            except OSError as error:
                raise BadTrace(f"{self.path}: {error.strerror or error}") from None
            except Exception:  # the content is anybody's: what does not fit the schema fails in many ways
                self._damaged()
                return
            self._offset = frame.end
            if chunk is not None:
                self.events += chunk.n
                yield chunk

    def value(self, number: int) -> Value:
        """What value columns name by its number (0 = none)."""
        if number <= 0 or not self._values or number > self._values[-1][0]:
            return None
        where = bisect_left(self._values, number, key=lambda entry: entry[0])
        last, offset, turn = self._values[where]
        first = self._values[where - 1][0] if where else 0
        opened = self._opened  # never changed, only replaced: another thread may open other values meanwhile
        values = next((values for place, values in opened if place == where), None)
        if values is None:
            try:
                values = _values(frames.read_frame(self._fd, offset, self.size, turn).payload)
                if len(values) != last - first:
                    raise ValueError("values are missing")
            except Exception:
                if turn:  # the ring has come round
                    return None
                raise BadTrace(f"{self.path}: damaged in the values of tensors") from None
            self._opened = ((where, values), *opened[:_OPENED - 1])
        return values[number - 1 - first]

    def suspects(self) -> columns.Ints:
        """The numbers of values that may hold a NaN or an Inf, in order: the rest hold none, whatever their dtype of
        32 or 64 bits. Whole frames are looked at, no value is made."""
        found = []
        first = 1
        for last, offset, turn in self._values:
            try:
                found.append(first + _suspects(frames.read_frame(self._fd, offset, self.size, turn).payload))
            except Exception:
                if not turn:  # of the ring it has been overwritten
                    raise BadTrace(f"{self.path}: damaged in the values of tensors") from None
            first = last + 1
        return np.concatenate([np.zeros(0, np.int64), *found])

    def _advance(self) -> bool:
        """To the segment after the one that is read, or the oldest after it that is there."""
        assert self._ring is not None
        for turn, seq, offset in heads(self._fd, self._ring, self.size):
            if turn > self._turn:
                self._turn, self._offset, self._pending, self._stacked = turn, offset, None, None
                self._gapless = seq == self._seq
                self._seq = seq
                return True
        return False

    def _next(self) -> Frame:
        if self._ring is not None:
            if not self._turn:
                raise Torn(short=True)
            return frames.read_frame(self._fd, self._offset, self.size, self._turn)
        try:
            return frames.read_frame(self._fd, self._offset, self.size)
        except Torn as torn:
            if not torn.short or self.expected is None:
                raise
        try:  # a footer that came between the two looks
            return frames.read_frame(self._fd, self._offset, self.size)
        except Torn:
            raise Torn(short=False) from None

    def _damaged(self) -> None:
        self.damage = f"damaged after event {self.events - 1}" if self.events else "damaged before its first event"

    def _take(self, frame: Frame) -> Chunk | None:
        """Take a frame in, all or nothing. Raises ValueError and its like for a payload that is not as it should be."""
        if frame.tag == frames.CHUNK:
            chunk = self._chunk(frame.payload)
            self._seq += chunk.n
            return chunk
        if frame.tag == frames.KEEP:
            if self._gapless:
                self._pending = None
                return None
            return self._chunk(frame.payload)
        if frame.tag == frames.RING:
            self._ring = Ring(frame.end, *frames.unpacked(frame.payload))
        elif frame.tag == frames.LATE:
            self._late(frame.payload)
        if frame.tag == frames.SPANS:
            rows = frames.unpacked(frame.payload)
            first = rows[0][0] if self._turn else len(self.spans)  # a segment's may be among the late ones, too
            if not 0 < first <= len(self.spans):
                raise ValueError("spans are missing")
            self.spans[first:] = [_span(row, number) for number, row in enumerate(rows, first)]
        elif frame.tag == frames.SOURCE:
            self._source(*frames.unpacked(frame.payload))
        elif frame.tag == frames.WORDS:
            self._named(*frames.unpacked(frame.payload))
        elif frame.tag == frames.STACKS:
            if self._stacked is not None:
                raise ValueError("stacks of no chunk")
            self._stacked = frame.payload
        elif frame.tag == frames.VALUES:
            if self._pending is not None:
                raise ValueError("values of no chunk")
            self._pending = frame.offset
        elif frame.tag == frames.END:
            _, events, values = frames.FOOTER.unpack(frame.payload)
            if events != self.events or values != self._count:
                raise ValueError("the footer tells of other events")
            self._ended = True
        return None

    def _late(self, payload: bytes) -> None:
        """What a segment says again of spans, sources and stacks."""
        assert self._ring is not None
        rows, sources, stacks, *words = frames.unpacked(payload)
        if self._ring.spans >= len(self.spans):
            raise ValueError("spans are missing")
        first = self._ring.spans + 1
        self.spans[first:] = [_span(row, number) for number, row in enumerate(rows, first)]
        for source in sources:
            self._source(*source)
        self.stacks.know(self._ring.stacks, stacks, len(self.spans))
        self._named(self._ring.words, *words or [[]])

    def _named(self, before: int, words: Any) -> None:
        """Words that brief records may name, of which ``before`` came earlier."""
        if not 0 <= before <= len(self._words) or not isinstance(words, list) or not all(map(_is_word, words)):
            raise ValueError("words are missing")
        self._words[before:] = words

    def _source(self, file: object, text: object, _: object) -> None:
        if not isinstance(file, str) or not isinstance(text, str):
            raise ValueError("not a source")
        self.sources[file] = text

    @property
    def _count(self) -> int:
        return self._values[-1][0] if self._values else 0

    def _chunk(self, payload: bytes) -> Chunk:
        first_seq, n, t0, t1, counts, values, body = frames.decode(payload)
        raw_kinds, raw_tables = frames.unpacked(body)
        kinds = np.frombuffer(raw_kinds, np.uint8)
        if first_seq != self._seq or n != len(kinds) or (values > 0) != (self._pending is not None):
            raise ValueError("events are missing")
        if not isinstance(t0, int) or not isinstance(t1, int) or set(raw_tables) != set(np.unique(kinds).tolist()):
            raise ValueError("kinds and tables disagree")
        tables = brief.tables(kinds, raw_tables, self._words, self._count, t0)
        if sum(counts.values()) != n or any(many != np.count_nonzero(kinds == code) for code, many in counts.items()):
            raise ValueError("kinds and tables disagree")
        for name, table in tables.items():
            _check(Struct(name, columns.fields_of(KINDS[name])), table, len(self.spans), self._count + values)
            for column in ("span", "caller"):
                _in_range(table[column], len(self.spans))
        if self._stacked is not None:
            self.stacks.take(self._stacked, self.events, n, len(self.spans))
            self._stacked = None
        if self._pending is not None:
            self._values.append((self._count + values, self._pending, self._turn))
            self._pending = None
        return Chunk(self.events, n, t0, t1, brief.FULL[kinds], tables)


def _in_range(column: Column, limit: int) -> None:
    assert isinstance(column, np.ndarray)
    if len(column) and not (column.min() >= 0 and column.max() < limit):
        raise BadColumn("a number that nothing has")


def _check(type_: Type, column: Column, spans: int, values: int) -> None:
    """Every span and value that a column names is there."""
    if isinstance(type_, Scalar):
        if type_.code == "site":
            _in_range(column, spans)
        elif type_.code == "value":
            _in_range(column, values + 1)
    elif isinstance(type_, ListOf):
        assert isinstance(column, columns.Lists)
        _check(type_.item, column.items, spans, values)
    else:
        assert isinstance(column, dict)
        for name, field in type_.fields:
            _check(field, column[name], spans, values)


def _span(row: Any, number: int) -> Span:
    ident, file, function, line, column, end_line, end_column, names, returned = row
    ok = (ident == number and isinstance(file, str) and isinstance(function, str) and isinstance(returned, bool)
          and all(isinstance(place, int) for place in (line, column, end_line, end_column))
          and isinstance(names, list) and all(isinstance(name, str) for name in names))
    if not ok:
        raise ValueError("not a span")
    return Span(number, file, function, line, column, end_line, end_column, tuple(names), returned)


def _is_word(word: Any) -> bool:
    """A text, or a layout."""
    return isinstance(word, str) or (
        isinstance(word, list) and len(word) == 3 and isinstance(word[2], str)
        and all(isinstance(part, list) and all(isinstance(n, int) for n in part) for part in word[:2]))


def _suspects(payload: bytes) -> columns.Ints:
    """Places of values with a word that has all bits of an exponent set, and of figures that say so."""
    raw_lengths, contents, raw_figures = frames.unpacked(payload)
    lengths = columns.read_ints(raw_lengths)
    sizes = np.maximum(lengths, 0)
    starts = np.cumsum(sizes) - sizes
    flags = sizes % 4 != 0
    flags[lengths < 0] = np.frombuffer(raw_figures, "<f8").reshape(len(STATISTICS), -1)[1] != 0
    for lead in range(4):
        words = np.frombuffer(contents, "<u4", max(0, len(contents) - lead) // 4, lead) if len(contents) > lead else ()
        full = (np.asarray(words, np.uint32) & 0x7F800000) == 0x7F800000
        hits = np.concatenate([np.zeros(1, np.int64), np.cumsum(full)])
        some = np.flatnonzero((starts % 4 == lead) & (sizes % 4 == 0) & (sizes > 0))
        begin = (starts[some] - lead) // 4
        flags[some] = hits[begin + sizes[some] // 4] > hits[begin]
    return np.flatnonzero(flags)


def _values(payload: bytes) -> list[Value]:
    raw_lengths, contents, raw_figures = frames.unpacked(payload)
    lengths: list[int] = columns.read_ints(raw_lengths).tolist()
    rows = lengths.count(-1)
    figures = np.frombuffer(raw_figures, "<f8").reshape(len(STATISTICS), rows).T.tolist()
    if not isinstance(contents, bytes) or any(length < -1 for length in lengths):
        raise ValueError("not values")
    if sum(length for length in lengths if length > 0) != len(contents):
        raise ValueError("not values")
    values: list[Value] = []
    at = statistics = 0
    for length in lengths:
        if length < 0:
            values.append(tuple(figures[statistics]))
            statistics += 1
        else:
            values.append(contents[at:at + length])
            at += length
    return values
