"""Padding: with a number, reflected, with the edge, or around the corner."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gradviz.engine import observe
from gradviz.engine.errors import size_text
from gradviz.engine.ops import create
from gradviz.engine.ops.args import integer, words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.shape import SLICE
from gradviz.engine.ops.taps import Taps, along, mapped
from gradviz.engine.xp import beside, filled, ndarray, xp

MODES = ("constant", "reflect", "replicate", "circular")
COMBINATIONS = """Padding size {} is not supported for {}D input tensor.
Supported combinations for non-constant padding:
  - 2D or 3D input: padding size = 2 (pads last dimension)
  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)
  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"""


def _constant(x: ndarray, pad: tuple[int, ...], value: Any) -> ndarray:
    """Cut where padding is negative, then put into a larger array where it is positive."""
    sides = list(zip(pad[::2], pad[1::2], strict=True))
    inner = [slice(None)] * x.ndim
    place = [slice(None)] * x.ndim
    shape = list(x.shape)
    for i, (before, after) in enumerate(sides):
        d = x.ndim - 1 - i
        if x.shape[d] + before + after < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        start, stop = max(0, -before), x.shape[d] - max(0, -after)
        inner[d], place[d] = slice(start, max(start, stop)), slice(max(0, before), max(0, before) + stop - start)
        shape[d] += before + after
    out = filled(shape, value, x.dtype, like=beside(x))
    out[tuple(place)] = x[tuple(inner)]
    return out


CONSTANT: Op = op("pad", _constant, "ConstantPadNdBackward0",
                  lambda ns, ctx, g: ns.apply(CONSTANT, (g,), tuple([-n for n in ctx.args[0]]), 0))
REFLECT, REPLICATE = ([mapped("pad", f"{kind}Pad{n}DBackward0", "self", f"pad.{kind}.{n}") for n in (1, 2, 3)]
                      for kind in ("Reflection", "Replication"))


@lru_cache(256)
def _mirrored(axis: int, size: int, before: int, after: int, reflect: bool) -> Taps:
    at = xp.arange(-before, size + after)
    at = xp.minimum(abs(at), 2 * (size - 1) - at) if reflect else xp.clip(at, 0, size - 1)
    return Taps(axis, at[None], None, size)


def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """A number around."""
    sides = _sides(pad)
    if len(sides) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(sides)}")
    if len(sides) > 2 * input._array.ndim:
        raise RuntimeError(f"Length of pad should be no more than twice the number of dimensions of the input. Pad "
                           f"length is {len(sides)} while the input has {input._array.ndim} dimensions.")
    if input._array.dtype.kind in "iu":
        value = int(value)
    return run(CONSTANT, (input,), (sides, value), words(pad=sides, value=value or None))


def _sides(pad: Any) -> tuple[int, ...]:
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad(): argument 'pad' (position 2) must be tuple of ints, not {type(pad).__name__}")
    return tuple([integer(n) for n in pad])


def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """More at the ends of the last dimensions: (left, right, top, bottom, front, back)."""
    sides, x = _sides(pad), input._array
    if len(sides) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(sides) > 2 * x.ndim:
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension but got "
                           f"padding length {len(sides)} and input of dimension {x.ndim}")
    if mode == "constant":
        return constant_pad_nd(input, sides, 0 if value is None else value)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    n = len(sides) // 2
    if not 1 <= n <= 3 or x.ndim not in (n + 1, n + 2):
        raise NotImplementedError(COMBINATIONS.format(len(sides), x.ndim))
    text = words(pad=sides, mode=repr(mode))
    if mode == "circular":
        with observe.composite("pad", (input,), text) as event:
            return event(_circular(input, sides))
    if 0 in x.shape[x.ndim - n - 1:]:
        raise RuntimeError(f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with possibly 0 batch size and other "
                           f"non-zero dimensions for input, but got: {size_text(x.shape)}")
    maps = []
    for i in range(n):
        before, after = sides[2 * i:2 * i + 2]
        size = x.shape[-1 - i]
        if mode == "reflect" and max(before, after) >= size:
            raise RuntimeError(f"Argument #{4 + 2 * i}: Padding size should be less than the corresponding input "
                               f"dimension, but got: padding ({before}, {after}) at dimension {x.ndim - 1 - i} of "
                               f"input {size_text(x.shape)}")
        maps.append(_mirrored(-1 - i, size, before, after, mode == "reflect"))
    return run((REFLECT if mode == "reflect" else REPLICATE)[n - 1], (input,), (tuple(maps), None), text)


def _circular(input: Any, sides: tuple[int, ...]) -> Any:
    """As PyTorch does it: copied into a new tensor, whose ends are then copied from itself."""
    shape = list(input._array.shape)
    dims = [(-1 - i, *sides[2 * i:2 * i + 2]) for i in range(len(sides) // 2)]
    source: Any = input
    for axis, before, after in dims:
        size = shape[axis]
        if max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        shape[axis] += before + after
        if shape[axis] < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
    out = create.FUNCTIONS["empty"](shape, dtype=input.dtype)
    target: Any = out
    for axis, before, after in reversed(dims):
        size = input._array.shape[axis]
        source = _slice(source, axis, max(-before, 0), size - max(-after, 0))
        target = _slice(target, axis, max(before, 0), shape[axis] - max(after, 0))
    target.copy_(source)
    for axis, before, after in dims:
        size = shape[axis]
        start, stop = max(before, 0), size - max(after, 0)
        if before > 0:
            _slice(out, axis, 0, before).copy_(_slice(out, axis, stop - before, stop))
        if after > 0:
            _slice(out, axis, stop, size).copy_(_slice(out, axis, start, start + after))
    return out


def _slice(t: Any, axis: int, start: int, stop: int) -> Any:
    return run(SLICE, (t,), along(axis, slice(start, stop)))


FUNCTIONS: dict[str, Any] = {"constant_pad_nd": constant_pad_nd}
METHODS: dict[str, Any] = {}
