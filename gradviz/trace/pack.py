"""Rows to columns: the writing half of :mod:`gradviz.trace.columns`.

It needs no NumPy, so that recording a script never imports what the script itself has not imported.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from struct import calcsize
from typing import Any

from gradviz.events import BRIEF, BY_CODE, COMMON, Kind, ListOf, Scalar, Type, Value

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


def ints(column: Sequence[int]) -> Any:
    """``[width, bytes]``, little-endian, the narrowest that holds them all; ``{n: ...}`` of one if ``n`` are equal."""
    if not column:
        return [1, b""]
    if constant(column):
        return {len(column): ints(column[:1])}
    low, high = column[0], column[-1]
    if low > high:
        low, high = high, low
    for width, typecode, least, most in _WIDTHS:
        if least <= low and high <= most:
            with suppress(OverflowError):  # one between the first and the last does not fit
                return [width, _bytes(typecode, column)]
    return [8, _bytes("q", column)]


def constant(column: Sequence[Any]) -> bool:
    """Whether all of several rows are equal."""
    first = column[0]
    return len(column) > 1 and column[-1] == first and column[len(column) // 2] == first and (
        column.count(first) == len(column))


def floats(column: Sequence[float]) -> bytes:
    return _bytes("d", column)


def _ints(column: Sequence[int], values: list[Value], span: SpanOf) -> Any:
    return ints(column)


def _sites(column: Sequence[Any], values: list[Value], span: SpanOf) -> Any:
    return ints([0 if site is None else site if isinstance(site, int) else span(site) for site in column])


def _floats(column: Sequence[float], values: list[Value], span: SpanOf) -> bytes:
    return floats(column)


def _bools(column: Sequence[bool], values: list[Value], span: SpanOf) -> bytes:
    return bytes(map(bool, column))


def _texts(column: Sequence[str], values: list[Value], span: SpanOf) -> list[Any]:
    distinct = {text: number for number, text in enumerate(dict.fromkeys(column))}
    return [writable(list(distinct)), ints(list(map(distinct.__getitem__, column)))]


def writable(texts: list[str]) -> list[str]:
    """Texts that UTF-8 can hold: lone surrogates, as file names have them, cannot be written."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "replace").decode() for text in texts]
    return texts


def _values(column: Sequence[Value], values: list[Value], span: SpanOf) -> Any:
    if type(None) not in set(map(type, column)):
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

        def lists(column: Sequence[Sequence[Any]], values: list[Value], span: SpanOf) -> Any:
            if column and constant(column):
                return {len(column): lists(column[:1], values, span)}
            return [ints(list(map(len, column))), item(list(chain.from_iterable(column)), values, span)]

        return lists
    parts = [encoder(field) for _, field in type_.fields]
    width, missing = len(parts), type_.missing

    def struct(column: Sequence[Any], values: list[Value], span: SpanOf) -> Any:
        if missing is not None and None in column:
            column = [missing if row is None else row for row in column]
        if column and constant(column):
            return {len(column): struct(column[:1], values, span)}
        flat = list(chain.from_iterable(column))
        if len(flat) != width * len(column):
            raise ValueError(f"{type_.name}: a row of another length than {width}")
        return [part(flat[i::width], values, span) for i, part in enumerate(parts)]

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


def brief(code: int, records: Sequence[bytes], spans: Sequence[int], callers: Sequence[int],
          columns: Iterable[Sequence[Value]], values: list[Value], zero: int) -> list[Any]:
    """Brief records of one code: ``zero``; their bytes, the first of each, then the second of each and so on, as these
    are much alike; their spans and callers; the columns of their values."""
    size = calcsize(BRIEF[code].format)
    data = b"".join(records)
    shuffled = b"".join([data[i::size] for i in range(size)])
    return [zero, shuffled, ints(spans), ints(callers), *[_values(column, values, int) for column in columns]]
