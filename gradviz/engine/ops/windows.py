"""Which inputs a pooling window holds: one table per dimension, (places in the window, windows)."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

from gradviz.engine.dtypes import FLOATING
from gradviz.engine.ops.taps import even, framed
from gradviz.engine.xp import asarray, beside, foreign, ndarray, xp


def fitted(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows there are; with ``ceil_mode`` the last may stick out, if it begins inside."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    n = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    return n - 1 if ceil_mode and (n - 1) * stride >= size + padding else n


@lru_cache(256)
def regular(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> ndarray:
    """Equal windows at equal distances; places outside of the input count as they fall."""
    n = fitted(size, kernel, stride, padding, dilation, ceil_mode)
    return xp.arange(kernel)[:, None] * dilation + xp.arange(max(n, 0)) * stride - padding


@lru_cache(256)
def adaptive(size: int, n: int) -> ndarray:
    """``n`` windows that cover the input as evenly as possible; -1 fills the shorter ones."""
    at = xp.arange(n)
    starts, stops = at * size // max(n, 1), -((at + 1) * -size // max(n, 1))
    table = starts + xp.arange(int((stops - starts).max()) if n else 1)[:, None]
    return xp.where(table < stops, table, -1)


def fractions(x: ndarray, kernel: tuple[int, ...], out: tuple[int, ...], samples: ndarray) -> tuple[ndarray, ndarray]:
    """The maxima of windows at distances that are random, for every plane its own, and their places."""
    n, size = len(kernel), x.shape[x.ndim - len(kernel):]
    planes = int(xp.prod(x.shape[:x.ndim - n]))
    rows = samples.reshape(-1, n)[:planes]  # one sample without a batch takes the first numbers of many
    if n == 2:
        rows = rows[:, ::-1]  # PyTorch takes the first number for the width
    index: Any = xp.zeros((planes,) + (1,) * (2 * n), xp.int64)
    for d in range(n):
        starts = _random_starts(rows[:, d], size[d], kernel[d], out[d])
        shape = [planes] + [1] * (2 * n)
        shape[1 + d], shape[1 + n + d] = out[d], kernel[d]
        index = index * size[d] + (starts[:, :, None] + xp.arange(kernel[d])).reshape(shape)
    index = index.reshape(planes, int(xp.prod(out)), -1)
    values = xp.take_along_axis(x.reshape(planes, 1, -1), index, -1)
    best = values.argmax(axis=-1)[..., None]
    shape = [*x.shape[:x.ndim - n], *out]
    return tuple([xp.take_along_axis(a, best, -1).reshape(shape) for a in (values, index)])  # type: ignore[return-value]


def _random_starts(sample: ndarray, size: int, kernel: int, n: int) -> ndarray:
    last = xp.full((len(sample), 1), size - kernel)
    if n == 1:
        return last
    step = sample.dtype.type((size - kernel) / (n - 1))
    starts = ((xp.arange(n - 1, dtype=sample.dtype) + sample[:, None]) * step).astype(xp.int64)
    return xp.concatenate([starts - (sample * step).astype(xp.int64)[:, None], last], axis=1)


def largest(x: ndarray, tables: tuple[ndarray, ...], wanted: bool) -> Any:
    """The maximum of every window; ``wanted``: and its place in the input's last dimensions, the first if several."""
    least = -xp.inf if x.dtype.char in FLOATING else xp.iinfo(x.dtype).min
    n = len(tables)
    source, rows = x, []
    for i, table in enumerate(tables):
        source, table = framed(source, i - n, table, least)
        rows.append([even(row) for row in table])
    parts = [_part(source, index) for index in product(*rows)]
    best = xp.array(parts[0], order="C", like=beside(x))
    for part in parts[1:]:
        xp.maximum(best, part, out=best)
    if not wanted:
        return best
    which = xp.zeros(best.shape, xp.intp, like=beside(x))
    for k in range(len(parts) - 1, 0, -1):
        xp.copyto(which, k, where=parts[k] == best)
    xp.copyto(which, 0, where=parts[0] == best)
    if x.dtype.char in FLOATING and (
            best.__class__ in foreign or bool(xp.isnan(best).any())):
        for k, part in enumerate(parts):  # of NaNs PyTorch takes the last
            xp.copyto(which, k, where=xp.isnan(part))
    return best, _places(which, best, least, tables, x.shape[x.ndim - n:])


def _part(x: ndarray, index: tuple[Any, ...]) -> ndarray:
    if all(i.__class__ is slice for i in index):
        return x[(..., *index)]
    for axis, i in enumerate(index, -len(index)):
        x = x[(..., i, *(slice(None),) * (-axis - 1))]
    return x


def _places(which: ndarray, best: ndarray, least: Any, tables: tuple[ndarray, ...], size: tuple[int, ...]) -> ndarray:
    """Numbers of places in windows as flat indices of the input."""
    start: Any = xp.zeros((1,) * len(size), xp.int64)
    steps, inner = xp.zeros(1, xp.int64), 1
    for i in range(len(size) - 1, -1, -1):
        table = tables[i]
        start = start + (table[0] * inner).reshape(-1, *(1,) * (len(size) - 1 - i))
        steps = ((table - table[:1]).max(axis=1, initial=0)[:, None] * inner + steps).reshape(-1)
        inner *= size[i]
    out = asarray(steps, None, which)[which] + asarray(start, None, which)
    if any(table.size and int(table[0].min()) < 0 for table in tables):
        stuck = best == least
        if stuck.__class__ in foreign or bool(stuck.any()):  # a device is not asked, which would be waiting for it
            xp.copyto(out, asarray(_first_places(tables, size), None, which), where=stuck)
    return out  # type: ignore[no-any-return]


def _first_places(tables: tuple[ndarray, ...], size: tuple[int, ...]) -> ndarray:
    """Where windows begin inside: the place of a maximum that is as small as what surrounds the input."""
    out: Any = 0
    for table, n in zip(tables, size, strict=True):
        first = table[(table >= 0).argmax(axis=0), xp.arange(table.shape[1])]
        out = xp.asarray(out * n)[..., None] + first
    return out  # type: ignore[no-any-return]


def placed(g: ndarray, index: ndarray, size: tuple[int, ...]) -> ndarray:
    """Zeros of ``size`` in the last dimensions, with ``g`` added at flat indices."""
    n = len(size)
    lead = g.shape[:g.ndim - n]
    planes, each = int(xp.prod(lead)), int(xp.prod(size))
    out = xp.zeros(planes * each, g.dtype, like=beside(g))
    if g.size:
        rows = index.reshape(planes, -1) + xp.arange(planes, like=beside(g))[:, None] * each
        xp.add.at(out, rows.reshape(-1), g.reshape(-1))
    return out.reshape(*lead, *size)


def found(x: ndarray, index: ndarray, n: int) -> ndarray:
    """The elements of the last ``n`` dimensions at flat indices: what undoes :func:`placed`."""
    lead = x.shape[:x.ndim - n]
    flat = x.reshape(*lead, -1)
    return xp.take_along_axis(flat, index.reshape(*lead, -1), -1).reshape(index.shape)


__all__ = ["adaptive", "fitted", "found", "fractions", "largest", "placed", "regular"]
