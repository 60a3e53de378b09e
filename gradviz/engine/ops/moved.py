"""Copies whose elements lie elsewhere, or several times: flipped, rolled, repeated."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.args import dimension, dimensions, positive, sizes
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.shape import given
from gradviz.engine.xp import xp


def _flipped(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.flip(g, ctx.args)


def _repeat(ns: Any, ctx: Any, g: Any) -> Any:
    repeats, = ctx.args
    shape = ctx.input_shape()
    shape = (1,) * (len(repeats) - len(shape)) + shape
    split = ns.reshape(g, tuple(n for pair in zip(repeats, shape, strict=True) for n in pair))
    return ns.reshape(ns.sum(split, tuple(range(0, 2 * len(repeats), 2))), ctx.input_shape())


FLIP = op("flip", lambda x, d: xp.flip(x, d).copy(), "FlipBackward0", _flipped)
ROLL = op("roll", lambda x, s, d: xp.roll(x, s, d), "RollBackward0", lambda ns, ctx, g: ns.roll(g, *ctx.args))
REPEAT = op("repeat", lambda x, r: xp.tile(x, r), "RepeatBackward0", _repeat)


def flip(input: Any, *dims: Any, **named: Any) -> Any:
    dims = given(dims, named, "dims")
    if not input._array.ndim:
        dimensions(sizes(dims), 0)
        return run(FLIP, (input,), ((),), "", ())
    which = sizes(dims)
    full = dimensions(which, input._array.ndim) if which else ()
    return run(FLIP, (input,), (full,), str(list(which)), full)


def _flipped_along(dim: int) -> Any:
    def function(input: Any) -> Any:
        if input._array.ndim <= dim:
            raise RuntimeError(f"Input must be >= {dim + 1}-d.")
        return flip(input, dim)

    return function


def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    by = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    over = () if dims is None else tuple(dims) if isinstance(dims, tuple | list) else (dims,)
    if not by:
        raise RuntimeError("`shifts` required")
    if len(by) != len(over) and (over or len(by) > 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(over)}")
    if over and not input._array.ndim:
        raise IndexError(f"Dimension specified as {over[0]} but tensor has no dimensions")
    along = tuple([dimension(d, input._array.ndim) for d in over]) or None
    whole, back = (by, tuple([-s for s in by])) if along else (by[0], -by[0])
    return run(ROLL, (input,), (whole, along), f"{shifts}", (back, along))


def repeat(self: Any, *repeats: Any, **named: Any) -> Any:
    times = sizes(given(repeats, named, "repeats"))
    if any(n < 0 for n in times):
        have = (1,) * (len(times) - self._array.ndim) + self._array.shape
        positive(tuple([n * m for n, m in zip(times, have, strict=False)]))
    if len(times) < self._array.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return run(REPEAT, (self,), (times,), str(list(times)))


def tile(input: Any, *dims: Any, **named: Any) -> Any:
    times = sizes(given(dims, named, "dims"))
    return repeat(input, (1,) * (input._array.ndim - len(times)) + times)


FUNCTIONS: dict[str, Any] = {
    "flip": flip, "roll": roll, "tile": tile, "fliplr": _flipped_along(1), "flipud": _flipped_along(0),
}
METHODS: dict[str, Any] = FUNCTIONS | {"repeat": repeat}
