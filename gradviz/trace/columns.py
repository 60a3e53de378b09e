"""Rows to columns and back: how the events of one kind lie in a chunk.

``encode`` (in :mod:`gradviz.trace.pack`) turns rows (plain tuples) into a tree that msgpack can write; ``decode`` gives
NumPy arrays back without touching a row. A column is, by its type in :mod:`gradviz.events`:

* int: ``[width, bytes]``, little-endian, the narrowest of 1, 2, 4 and 8 bytes; float: bytes of float64; bool: bytes;
* str: ``[distinct texts, column of indices]``;
* value: a column of indices into the chunk's VALUES, 0 = none;
* list: ``[column of lengths, column of the flattened items]``; struct: one column a field;
* of ints, lists and structs, ``{n: column of one row}`` where ``n`` rows, more than one, are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.events import BY_CODE, TUPLES, ListOf, Scalar, Struct, Type
from gradviz.trace.pack import encode, fields_of

__all__ = ["BadColumn", "Column", "Lists", "Table", "Texts", "concatenate", "decode", "encode", "fields_of",
           "read_ints", "reader", "rows_in", "take"]

Ints = NDArray[np.int64]
_MOST = 1 << 26
"""Rows of one column of a chunk; that few bytes can stand for many must not let a hostile file take all memory."""


class BadColumn(ValueError):
    """The bytes do not have the form that the schema demands."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts: ``texts[index[row]]``."""

    texts: list[str]
    index: Ints


@dataclass(frozen=True, slots=True)
class Lists:
    """A column of lists: row ``i`` holds the items ``offsets[i]`` to ``offsets[i + 1]``."""

    offsets: Ints
    items: Column


Table = dict[str, "Column"]
Column = Ints | NDArray[np.float64] | NDArray[np.bool_] | Texts | Lists | Table


def _repeated(raw: Any) -> tuple[int, Any]:
    (pair,) = raw.items()
    n, one = pair
    if not isinstance(n, int) or not 1 < n <= _MOST:
        raise BadColumn("an unlikely number of equal rows")
    return n, one


def read_ints(raw: Any) -> Ints:
    """The numbers of a column of ints, as narrow as they lie in the file."""
    if isinstance(raw, dict):
        n, raw = _repeated(raw)
        repeated: Ints = _times(_refused() if isinstance(raw, dict) else read_ints(raw), n)
        return repeated
    width, data = raw
    if width not in (1, 2, 4, 8):
        raise BadColumn("numbers of an unknown width")
    return np.frombuffer(data, f"<i{width}")


def _refused() -> Any:
    raise BadColumn("equal rows of equal rows")


def _tiled(column: Column, n: int) -> Column:
    """A column ``n`` times, one after another."""
    if isinstance(column, Texts):
        return Texts(column.texts, _times(column.index, n))
    if isinstance(column, Lists):
        if column.offsets[-1] * n > _MOST:
            raise BadColumn("an unlikely number of equal rows")
        return Lists(_offsets(_times(np.diff(column.offsets), n)), _tiled(column.items, n))
    if isinstance(column, dict):
        return {name: _tiled(part, n) for name, part in column.items()}
    repeated: Column = _times(column, n)
    return repeated


def _times(column: Any, n: int) -> Any:
    return np.broadcast_to(column, (n, len(column))).reshape(-1)  # ten times as fast as np.tile


def _offsets(lengths: Ints) -> Ints:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    lengths.cumsum(out=offsets[1:])
    return offsets


def read(type_: Type, raw: Any, base: int) -> Column:
    if isinstance(raw, dict) and not isinstance(type_, Scalar):
        n, one = _repeated(raw)
        return _tiled(read(type_, one, base), n) if not isinstance(one, dict) else _refused()
    if isinstance(type_, Scalar):
        if type_.code in ("int", "site"):
            return read_ints(raw)
        if type_.code == "value":
            index = read_ints(raw)
            if len(index) and index.min() < 0:
                raise BadColumn("value index out of range")
            many = len(index) and int(index.max()) + base > np.iinfo(np.int32).max
            return np.where(index > 0, index.astype(np.int64 if many else np.int32) + base, 0)
        if type_.code == "float":
            return np.frombuffer(raw, "<f8")
        if type_.code == "bool":
            return np.frombuffer(raw, np.bool_)
        texts, index = raw[0], read_ints(raw[1])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadColumn("not a list of texts")
        if len(index) and not (index.min() >= 0 and index.max() < len(texts)):
            raise BadColumn("text index out of range")
        return Texts(texts, index)
    if isinstance(type_, ListOf):
        lengths = read_ints(raw[0])
        items = read(type_.item, raw[1], base)
        if len(lengths) and (lengths.min() < 0 or (lengths.itemsize == 8 and lengths.max() > rows_in(items))):
            raise BadColumn("length of a list out of range")
        offsets = _offsets(lengths)
        if rows_in(items) != offsets[-1]:
            raise BadColumn("lengths and items of a list disagree")
        return Lists(offsets, items)
    if len(raw) != len(type_.fields):
        raise BadColumn(f"{type_.name}: {len(raw)} columns where {len(type_.fields)} are due")
    table = {name: read(field, part, base) for (name, field), part in zip(type_.fields, raw, strict=True)}
    if len({rows_in(column) for column in table.values()}) > 1:
        raise BadColumn(f"{type_.name}: columns of unequal length")
    return table


def rows_in(column: Column) -> int:
    """How many rows a column has."""
    if isinstance(column, Texts):
        return len(column.index)
    if isinstance(column, Lists):
        return len(column.offsets) - 1
    if isinstance(column, dict):
        return rows_in(next(iter(column.values())))
    return len(column)


def decode(code: int, raw: Any, values_before: int) -> Table:
    """The table of one kind. Value columns hold 1-based numbers over the whole trace, ``values_before`` being how many
    came in earlier chunks. Raises BadColumn on any other form."""
    try:
        kind = BY_CODE[code]
        table = read(Struct(kind.name, fields_of(kind)), raw, values_before)
    except BadColumn:
        raise
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise BadColumn(str(error)) from None
    assert isinstance(table, dict)
    return table


def concatenate(columns: Sequence[Column]) -> Column:
    """Columns of one type, one after another."""
    first = columns[0]
    if isinstance(first, Texts):
        numbers: dict[str, int] = {}
        parts = []
        for column in columns:
            assert isinstance(column, Texts)
            local = np.array([numbers.setdefault(text, len(numbers)) for text in column.texts], np.int32)
            parts.append(local[column.index] if len(local) else column.index)
        return Texts(list(numbers), np.concatenate(parts))
    if isinstance(first, Lists):
        base, offsets = 0, [np.zeros(1, np.int32)]
        for column in columns:
            assert isinstance(column, Lists)
            end = base + int(column.offsets[-1])
            offsets.append((column.offsets[1:] + base).astype(np.int64 if end >> 31 else np.int32))
            base = end
        return Lists(np.concatenate(offsets), concatenate([c.items for c in columns if isinstance(c, Lists)]))
    if isinstance(first, dict):
        return {name: concatenate([c[name] for c in columns if isinstance(c, dict)]) for name in first}
    return np.concatenate(columns)  # type: ignore[arg-type]


def take(column: Any, rows: Ints) -> Any:
    """The given rows of a column, in that order."""
    if isinstance(column, Texts):
        return Texts(column.texts, column.index[rows])
    if isinstance(column, Lists):
        lengths = np.diff(column.offsets)[rows]
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        flat = np.repeat(column.offsets[:-1][rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Lists(offsets, take(column.items, flat))
    if isinstance(column, dict):
        return {name: take(part, rows) for name, part in column.items()}
    return column[rows]


def reader(column: Column, type_: Type) -> Callable[[int], Any]:
    """What gives one row of a column as plain Python: ints, texts, lists and (named, where events.py names them)
    tuples. A value stays the number under which the trace's reader finds it."""
    if isinstance(column, Texts):
        texts, index = column.texts, column.index.item
        return lambda i: texts[index(i)]
    if isinstance(column, Lists):
        assert isinstance(type_, ListOf)
        offset, item = column.offsets.item, reader(column.items, type_.item)
        return lambda i: [item(j) for j in range(offset(i), offset(i + 1))]
    if isinstance(column, dict):
        assert isinstance(type_, Struct)
        parts = [reader(column[name], field) for name, field in type_.fields]
        make = TUPLES.get(type_.name, tuple)
        return lambda i: make([part(i) for part in parts])
    return column.item
