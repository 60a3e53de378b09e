"""Random rows of every kind, as a recorder would hand them to the writer, and what a reader must give back."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from gradviz.events import COMMON, KINDS, STATISTICS, Kind, ListOf, Scalar, Struct, Type

INTS = st.one_of(st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FLOATS = st.floats(allow_nan=False)
VALUES = st.one_of(st.none(), st.binary(max_size=8), st.lists(FLOATS, max_size=len(STATISTICS)).map(tuple))


def of(type_: Type, spans: int) -> st.SearchStrategy[Any]:
    if isinstance(type_, ListOf):
        return st.lists(of(type_.item, spans), max_size=3)
    if isinstance(type_, Struct):
        fields = st.tuples(*(of(field, spans) for _, field in type_.fields))
        return fields if type_.missing is None else st.one_of(st.none(), fields)
    return {"int": INTS, "float": FLOATS, "bool": st.booleans(), "str": TEXTS, "value": VALUES,
            "site": st.one_of(st.none(), st.integers(0, spans))}[type_.code]


def row(kind: Kind, spans: int) -> st.SearchStrategy[tuple[Any, ...]]:
    common = [st.integers(0, spans) if name in ("span", "caller") else INTS for name, _ in COMMON]
    return st.tuples(*common, *(of(type_, spans) for _, type_ in kind.fields))


def events(spans: int, most: int = 8) -> st.SearchStrategy[list[tuple[Kind, tuple[Any, ...]]]]:
    """Events in order: each with its kind."""
    kinds = st.sampled_from(list(KINDS.values()))
    return st.lists(kinds.flatmap(lambda kind: row(kind, spans).map(lambda fields: (kind, fields))), max_size=most)


def read_back(type_: Type, told: Any, value: Any) -> Any:
    """What reading gives for what was written; ``value`` looks a number up."""
    if isinstance(type_, ListOf):
        return [read_back(type_.item, item, value) for item in told]
    if isinstance(type_, Struct):
        told = type_.missing if told is None else told
        return tuple(read_back(field, part, value) for (_, field), part in zip(type_.fields, told, strict=True))
    if type_.code == "site":
        return told or 0
    if type_.code == "value" and isinstance(told, tuple):
        return told + (math.nan,) * (len(STATISTICS) - len(told))
    return told


def found(type_: Type, read: Any, value: Any) -> Any:
    """A row as read, with the content of its values in place of their numbers."""
    if isinstance(type_, ListOf):
        return [found(type_.item, item, value) for item in read]
    if isinstance(type_, Struct):
        return tuple(found(field, part, value) for (_, field), part in zip(type_.fields, read, strict=True))
    return value(read) if isinstance(type_, Scalar) and type_.code == "value" else read


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
