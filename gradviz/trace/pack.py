"""Rows to columns: the writing half of :mod:`gradviz.trace.columns`.

It needs no NumPy, so that recording a script never imports what the script itself has not imported.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from gradviz.events import BY_CODE, COMMON, Kind, ListOf, Scalar, Type, Value

SpanOf = Callable[[Any], int]
"""From ``(code, lasti)`` to the id of a span."""
Encoder = Callable[[Sequence[Any], list[Value], SpanOf], Any]
_WIDTHS = ((1, "b", -128, 127), (2, "h", -32768, 32767), (4, "i", -(2**31), 2**31 - 1))
_SWAP = sys.byteorder == "big"


def _bytes(typecode: str, column: Sequence[Any]) -> bytes:
    packed = array(typecode, column)
    if _SWAP:
        packed.byteswap()
    return packed.tobytes()


def ints(column: Sequence[int]) -> list[Any]:
    """``[width, bytes]``, little-endian, the narrowest that holds them all."""
    if not column:
        return [1, b""]
    low, high = min(column), max(column)
    for width, typecode, least, most in _WIDTHS:
        if least <= low and high <= most:
            return [width, _bytes(typecode, column)]
    return [8, _bytes("q", column)]


def floats(column: Sequence[float]) -> bytes:
    return _bytes("d", column)


def _ints(column: Sequence[int], values: list[Value], span: SpanOf) -> list[Any]:
    return ints(column)


def _sites(column: Sequence[Any], values: list[Value], span: SpanOf) -> list[Any]:
    return ints([0 if site is None else site if isinstance(site, int) else span(site) for site in column])


def _floats(column: Sequence[float], values: list[Value], span: SpanOf) -> bytes:
    return floats(column)


def _bools(column: Sequence[bool], values: list[Value], span: SpanOf) -> bytes:
    return bytes(map(bool, column))


def _texts(column: Sequence[str], values: list[Value], span: SpanOf) -> list[Any]:
    distinct = {text: number for number, text in enumerate(dict.fromkeys(column))}
    index = [1, bytes(len(column))] if len(distinct) == 1 else ints([distinct[text] for text in column])
    return [writable(list(distinct)), index]


def writable(texts: list[str]) -> list[str]:
    """Texts that UTF-8 can hold: lone surrogates, as file names have them, cannot be written."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "replace").decode() for text in texts]
    return texts


def _values(column: Sequence[Value], values: list[Value], span: SpanOf) -> list[Any]:
    if None not in column:
        first = len(values) + 1
        values.extend(column)
        return ints(range(first, first + len(column)))
    index = []
    for value in column:
        if value is None:
            index.append(0)
        else:
            values.append(value)
            index.append(len(values))
    return ints(index)


_SCALARS: dict[str, Encoder] = {
    "int": _ints, "site": _sites, "float": _floats, "bool": _bools, "str": _texts, "value": _values}


def encoder(type_: Type) -> Encoder:
    if isinstance(type_, Scalar):
        return _SCALARS[type_.code]
    if isinstance(type_, ListOf):
        item = encoder(type_.item)

        def lists(column: Sequence[Sequence[Any]], values: list[Value], span: SpanOf) -> list[Any]:
            return [ints(list(map(len, column))), item(list(chain.from_iterable(column)), values, span)]

        return lists
    parts = [encoder(field) for _, field in type_.fields]
    missing = type_.missing

    def struct(column: Sequence[Any], values: list[Value], span: SpanOf) -> list[Any]:
        if not column:
            return [part((), values, span) for part in parts]
        if missing is not None:
            column = [missing if row is None else row for row in column]
        return [part(field, values, span) for part, field in zip(parts, zip(*column, strict=True), strict=True)]

    return struct


def fields_of(kind: Kind) -> tuple[tuple[str, Type], ...]:
    return (*COMMON, *kind.fields)


_ENCODERS: dict[int, list[Encoder]] = {
    code: [encoder(type_) for _, type_ in fields_of(kind)] for code, kind in BY_CODE.items()}


def encode(code: int, columns: Iterable[Sequence[Any]], values: list[Value], span: SpanOf = int) -> list[Any]:
    """The columns of one kind, in the order of ``COMMON`` and the kind's own fields, as they lie in the file.

    What is to be stored apart is appended to ``values``; ``span`` answers for sites that are not span ids yet.
    """
    return [part(column, values, span) for part, column in zip(_ENCODERS[code], columns, strict=True)]
