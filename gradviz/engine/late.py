"""Values of tensors on a device, for a recorder: taken there in the order of the ops, fetched in writing, many at a
time. No op waits for the device.
"""

from __future__ import annotations

import threading
from math import nan, sqrt
from typing import Any

from gradviz import probe
from gradviz.engine import kernels
from gradviz.engine.devices import cuda
from gradviz.engine.xp import ndarray, xp

ROWS, WIDTH = 4096, 256
"""What is fetched at a time: rows of bytes."""


class _Rows(threading.local):
    """Where the next value goes. ``left``: rows that are free."""

    rows: Any = None
    left = 0


_here = _Rows()


def _row() -> tuple[Any, int]:
    """A row for one value, and its number."""
    if not _here.left:
        _here.rows, _here.left = xp.zeros((ROWS, WIDTH // 8), xp.float64, like=cuda().empty(0)), ROWS
    _here.left -= 1
    return _here.rows, _here.left


class Row(probe.Late):
    """A value in a row: the content, or statistics."""

    __slots__ = ("number", "read", "rows")

    def __init__(self, rows: Any, number: int, read: Any) -> None:
        self.rows, self.number, self.read = rows, number, read

    @staticmethod
    def settle(those: list[Any]) -> list[Any]:
        fetched = {id(rows): rows.get() for rows in {id(one.rows): one.rows for one in those}.values()}
        return [one.read(fetched[id(one.rows)][one.number]) for one in those]


class Whole(probe.Late):
    """The content of an array, however much that is: a copy of it."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    @staticmethod
    def settle(those: list[Any]) -> list[Any]:
        return [one.array.get().tobytes() for one in those]


def content(array: ndarray) -> probe.Late:
    """All of an array."""
    size = array.nbytes
    if size > WIDTH:
        return Whole(array.copy())
    rows, number = _row()
    if size:
        rows[number].view(xp.uint8)[:size] = array.reshape(-1).view(xp.uint8)
    return Row(rows, number, lambda row: row.tobytes()[:size])


def statistics(array: ndarray) -> probe.Late | None:
    """Figures in the order of ``events.STATISTICS``."""
    if array.dtype.kind == "c" or not array.size:
        return None
    rows, number = _row()
    turned = not array.flags.c_contiguous and array.flags.f_contiguous
    kernels.statistics((array.T if turned else array).reshape(-1), rows[number])
    shape, floating = array.shape, array.dtype.kind not in "iub"

    def figures(row: ndarray) -> tuple[float, ...]:
        square, nans, infs, first, total, low, high, zeros = map(float, row[:8])
        size = 1
        for n in shape:
            size *= n
        bad = nans + infs
        spread = (low, high, total / (size - bad)) if bad < size else (nan,) * 3
        if not floating:
            return (nan, 0.0, 0.0, 0.0, -1.0, *spread, zeros)
        if not bad:
            return (sqrt(square), 0.0, 0.0, 0.0, -1.0, *spread, zeros)
        if turned:
            first = float(xp.ravel_multi_index(xp.unravel_index(int(first), shape[::-1])[::-1], shape))
        return (square, 1.0, nans, infs, first, *spread, zeros)

    return Row(rows, number, figures)
