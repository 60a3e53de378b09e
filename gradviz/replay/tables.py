"""The events of a trace as columns: one growing table a kind, and relations (flattened lists) with look-up by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.events import KINDS, ListOf, Struct, Type
from gradviz.trace.columns import Column, Ints, Lists, Table, Texts, concatenate, fields_of, reader, rows_in, take


class Relation:
    """Rows of one struct type with the event (``seq``) and the row of its table (``parent``) that each came from."""

    def __init__(self, table: Table, type_: Struct, seq: Ints, parent: Ints) -> None:
        self.table = table
        self.type = type_
        self.seq = seq
        self.parent = parent
        self._order: dict[str, tuple[Ints, Ints]] = {}

    def __len__(self) -> int:
        return len(self.seq)

    def __getitem__(self, name: str) -> Column:
        return self.table[name]

    def ints(self, name: str) -> Ints:
        """A column of numbers to compute with. Tables hold them as narrow as they can be; one that is asked for is
        widened for good."""
        column = self.table[name]
        assert isinstance(column, np.ndarray)
        if column.dtype != np.int64:
            column = self.table[name] = column.astype(np.int64)
        return column  # type: ignore[return-value]

    def flags(self, name: str) -> NDArray[np.bool_]:
        return np.asarray(self.table[name], np.bool_)

    def texts(self, name: str) -> Texts:
        column = self.table[name]
        assert isinstance(column, Texts)
        return column

    def row(self, i: int) -> Any:
        """Row ``i`` as a plain tuple in the order of the type's fields."""
        return self._reader(i)

    @cached_property
    def _reader(self) -> Callable[[int], Any]:
        return reader(self.table, self.type)

    def where(self, name: str, key: int) -> Ints:
        """The rows whose ``name`` is ``key``, in the order of events."""
        ordered = self._order.get(name)
        if ordered is None:
            keys = self.seq if name == "seq" else self.ints(name)
            order = np.argsort(keys, kind="stable")
            ordered = self._order[name] = (order, keys[order])
        order, keys = ordered
        low, high = np.searchsorted(keys, (key, key + 1))
        return order[low:high]

    def last(self, name: str, key: int, seq: int) -> int:
        """The last row with that key whose event is at or before ``seq``; -1 if there is none."""
        rows = self.where(name, key)
        place = int(np.searchsorted(self.seq[rows], seq, side="right"))
        return int(rows[place - 1]) if place else -1

    def flatten(self, name: str) -> Relation:
        """The items of a list column, each with the event of its row; ``parent`` is the row here."""
        column = self.table[name]
        assert isinstance(column, Lists)
        item = dict(self.type.fields)[name]
        assert isinstance(item, ListOf)
        parent = np.repeat(np.arange(len(self.seq)), np.diff(column.offsets))
        if isinstance(item.item, Struct):
            assert isinstance(column.items, dict)
            return Relation(column.items, item.item, self.seq[parent], parent)
        return Relation({"item": column.items}, Struct(name, (("item", item.item),)), self.seq[parent], parent)

    def part(self, name: str) -> Relation:
        """A struct column as a relation of its own."""
        column, type_ = self.table[name], dict(self.type.fields)[name]
        assert isinstance(column, dict)
        assert isinstance(type_, Struct)
        return Relation(column, type_, self.seq, np.arange(len(self.seq)))


def union(relations: Sequence[Relation]) -> Relation:
    """Relations of one type, merged in the order of events. ``parent`` keeps the rows of the sources."""
    some = [relation for relation in relations if len(relation)] or list(relations[:1])
    if len(some) == 1:
        return some[0]  # no copy of what is most of a trace
    seq = np.concatenate([relation.seq for relation in some])
    parent = np.concatenate([relation.parent for relation in some])
    order = np.argsort(seq, kind="stable")
    table = {name: take(concatenate([relation.table[name] for relation in some]), order) for name in some[0].table}
    return Relation(table, some[0].type, seq[order], parent[order])


def among(keys: Ints, some: Ints) -> NDArray[np.bool_]:
    """Which keys are among some: what np.isin says, which makes unique what is large, at a second a million."""
    if not len(some):
        return np.zeros(len(keys), np.bool_)
    ordered = np.sort(some)
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[places] == keys)


class Tables:
    """All events read so far. ``kinds[seq]`` is the code of the event's kind; ``rank[seq]`` its row in that table."""

    def __init__(self) -> None:
        self.n = 0
        self._kinds: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        self._parts: dict[str, list[Table]] = {name: [] for name in KINDS}
        self._seqs: dict[str, list[Ints]] = {name: [] for name in KINDS}
        self._relations: dict[str, Relation] = {}

    def extend(self, first_seq: int, kinds: np.ndarray[Any, np.dtype[np.uint8]], tables: dict[str, Table]) -> None:
        """Add a chunk: the code of each event in order, and the table of each kind."""
        self._kinds.append(kinds)
        self.n = first_seq + len(kinds)
        for name, table in tables.items():
            seq = np.flatnonzero(kinds == KINDS[name].code) + first_seq
            if len(seq) != rows_in(table):
                raise ValueError(f"{len(seq)} events of kind {name}, but {rows_in(table)} rows")
            self._parts[name].append(table)
            self._seqs[name].append(seq)
            self._relations.pop(name, None)

    @property
    def kinds(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        if len(self._kinds) != 1:
            self._kinds = [np.concatenate(self._kinds) if self._kinds else np.zeros(0, np.uint8)]
        return self._kinds[0]

    def relation(self, kind: str) -> Relation:
        """The table of one kind."""
        known = self._relations.get(kind)
        if known is None:
            known = self._relations[kind] = self._merged(kind)
        return known

    def _merged(self, kind: str) -> Relation:
        parts, seqs = self._parts[kind], self._seqs[kind]
        type_ = Struct(kind, fields_of(KINDS[kind]))
        if not parts:
            return Relation(_empty(type_), type_, np.zeros(0, np.int64), np.zeros(0, np.int64))
        merged = concatenate(parts)
        assert isinstance(merged, dict)
        parts[:], seqs[:] = [merged], [np.concatenate(seqs)]
        return Relation(parts[0], type_, seqs[0], np.arange(len(seqs[0])))


def _empty(type_: Type) -> Any:
    if isinstance(type_, Struct):
        return {name: _empty(field) for name, field in type_.fields}
    if isinstance(type_, ListOf):
        return Lists(np.zeros(1, np.int64), _empty(type_.item))
    if type_.code == "str":
        return Texts([], np.zeros(0, np.int64))
    return np.zeros(0, {"float": np.float64, "bool": np.bool_}.get(type_.code, np.int64))
