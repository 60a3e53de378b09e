"""Linear maps along single dimensions: every output is a sum of a few inputs.

Padding, averaging over windows and interpolation are such maps, one per dimension. A map is a table: row k names the
k-th input of every output, with a weight if it is not one. Its transpose, which is its derivative, is a table too; no
input meets a weight of zero that it has not got, so that an infinity stays where it is.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gradviz.engine.ops.build import Op, op
from gradviz.engine.xp import asarray, beside, filled, ndarray, xp


class Taps(Struct, eq=False):
    """``table`` is (taps, outputs); what lies outside of ``size`` counts as zero. ``axis`` counts from the end."""

    axis: int
    table: ndarray
    weight: ndarray | None
    size: int
    _transpose: Any = None

    def transpose(self) -> Taps:
        if self._transpose is None:
            self._transpose = _transposed(self)
        return self._transpose  # type: ignore[no-any-return]


def _transposed(taps: Taps) -> Taps:
    count, n = taps.table.shape
    inputs, outputs = taps.table.reshape(-1), xp.tile(xp.arange(n), count)
    there = xp.flatnonzero((inputs >= 0) & (inputs < taps.size))
    there = there[xp.argsort(inputs[there], kind="stable")]
    inputs = inputs[there]
    times = xp.bincount(inputs, minlength=taps.size)
    rank = xp.arange(len(inputs)) - (xp.cumsum(times) - times)[inputs]
    table = xp.full((max(1, int(times.max()) if times.size else 1), taps.size), -1)
    table[rank, inputs] = outputs[there]
    weight = None
    if taps.weight is not None:
        weight = xp.zeros(table.shape)
        weight[rank, inputs] = taps.weight.reshape(-1)[there]
    return Taps(taps.axis, table, weight, n)


def framed(x: ndarray, axis: int, table: ndarray, fill: Any) -> tuple[ndarray, ndarray]:
    """``x`` and the table with ``fill`` where the table points outside."""
    size = x.shape[axis]
    low, high = (int(table.min()), int(table.max())) if table.size else (0, 0)
    before, after = max(0, -low), max(0, high + 1 - size)
    if not before and not after:
        return x, table
    shape = list(x.shape)
    shape[axis] += before + after
    out = filled(shape, fill, x.dtype, like=beside(x))
    out[along(axis, slice(before, before + size))] = x
    return out, table + before


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """A full index for an axis counted from the end."""
    return (..., index, *(slice(None),) * (-axis - 1))


def even(row: ndarray) -> Any:
    """The row as a slice, which makes no copy, if it is one."""
    if not len(row):
        return slice(0, 0)
    step = int(row[1] - row[0]) if len(row) > 1 else 1
    first, last = int(row[0]), int(row[-1])
    if step < 1 or last - first != step * (len(row) - 1) or bool((row[1:] - row[:-1] != step).any()):
        return row
    return slice(first, last + 1, step)


def picked(x: ndarray, axis: int, row: ndarray) -> ndarray:
    part = even(row)
    return x[along(axis, part)] if part.__class__ is slice else xp.take(x, asarray(row, None, x), axis=axis)


def summed(x: ndarray, maps: tuple[Taps, ...]) -> ndarray:
    """Apply the maps one after the other."""
    for taps in maps:
        axis = taps.axis
        source, table = framed(x, axis, taps.table, 0)
        weight = taps.weight
        if weight is not None:
            weight = asarray(weight, x.dtype, x).reshape(*weight.shape, *(1,) * (-axis - 1))
        out: Any = None
        for k, row in enumerate(table):
            part = picked(source, axis, row)
            if weight is not None:
                part = part * weight[k]
            if out is None:
                out = part
            elif k == 1:
                out = out + part
            else:
                out += part
        x = out
    return xp.array(x, like=beside(x)) if x.base is not None else x


def _divided(x: ndarray, divisor: Any) -> ndarray:
    if divisor is None:
        return x
    out = x / (divisor if isinstance(divisor, int) else asarray(divisor, x.dtype, x))
    return out if out.dtype == x.dtype else out.astype(x.dtype)


def mapped(name: str, node: str, saves: str = "", key: str = "") -> Op:
    """The row of an op that is such maps, divided by ``divisor``; the row of its backward comes with it.

    Where PyTorch saves the input, the backward depends on it as far as anyone can tell, with a derivative of zero.
    """

    def rule(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
        maps, divisor = ctx.args
        return ns.apply(back, (g, *saved), tuple([m.transpose() for m in maps]), divisor, len(saved))

    def again(ns: Any, ctx: Any, g: Any) -> Any:
        maps, divisor, count = ctx.args
        first = ns.apply(row, (g,), tuple([m.transpose() for m in maps]), divisor)
        return (first, ns.zeros(ns.plain(g).shape, g)) if count else first

    def backward(g: ndarray, *rest: Any) -> ndarray:
        maps, divisor, _ = rest[-3:]
        return summed(_divided(g, divisor), maps)

    key = key or name
    row = op(name, lambda x, maps, divisor: _divided(summed(x, maps), divisor), node, rule, saves, key=key)
    back = op(name + "_backward", backward, node.replace("Backward0", "BackwardBackward0"), again,
              inputs="grad self", key=key + ".backward")
    return row


__all__ = ["Taps", "along", "even", "framed", "mapped", "picked", "summed"]
