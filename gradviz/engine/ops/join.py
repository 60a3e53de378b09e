"""Putting tensors together."""

from __future__ import annotations

from typing import Any

from gradviz.engine.errors import size_text
from gradviz.engine.ops import shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import Op, not_a_tensor, op, run
from gradviz.engine.ops.promote import joint_shape, result_dtype
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


def _cat(ns: Any, ctx: Any, g: Any) -> Any:
    dim, sizes = ctx.args
    parts, start = [], 0
    for i, n in enumerate(sizes):
        index = (slice(None),) * dim + (slice(start, start + n),)
        parts.append(ns.take(g, index) if ctx.needs(i) and n is not None else None)
        start += n
    return tuple(parts)


def _stack(ns: Any, ctx: Any, g: Any) -> Any:
    dim = ctx.args
    return tuple(ns.take(g,
                         (slice(None),) * dim + (i, Ellipsis)) if ctx.needs(i) else None for i in range(len(ctx.next)))


def _common(arrays: tuple[ndarray, ...]) -> list[ndarray]:
    dtype = arrays[0].dtype
    for a in arrays[1:]:
        if a.dtype != dtype:
            dtype = result_dtype(xp.empty(1, dtype), a if a.ndim else a.reshape(1))
    return [a.astype(dtype, copy=False) for a in arrays]


def _cat_of(*arrays: Any) -> Any:
    *parts, dim = arrays
    kept = [a for a in parts if a.shape != (0,)] or parts[:1]
    first = kept[0]
    for i, a in enumerate(parts):
        if a.shape == (0,):
            continue
        if a.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {a.ndim}")
        for d, (m, n) in enumerate(zip(first.shape, a.shape, strict=True)):
            if m != n and d != dim:
                raise RuntimeError(f"Sizes of tensors must match except in dimension {dim}. Expected size {m} but got "
                                   f"size {n} for tensor number {i} in the list.")
    return xp.concatenate(_common(tuple(kept)), axis=dim)


def _stack_of(*arrays: Any) -> Any:
    *parts, dim = arrays
    for i, a in enumerate(parts):
        if a.shape != parts[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {size_text(parts[0].shape)} at "
                               f"entry 0 and {size_text(a.shape)} at entry {i}")
    return xp.stack(_common(tuple(parts)), axis=dim)


CAT = op("cat", _cat_of, "CatBackward0", _cat)
STACK = op("stack", _stack_of, "StackBackward0", _stack)


def _tensors(name: str, tensors: Any) -> tuple[Any, ...]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    try:
        listed = tuple(tensors)
    except TypeError:
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
                        f"{type(tensors).__name__}") from None
    for i, t in enumerate(listed):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
    return listed


def cat(tensors: Any, dim: int = 0, *, axis: Any = None) -> Any:
    """One after the other along a dimension."""
    parts = _tensors("cat", tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if any(not t._array.ndim for t in parts):
        i = next(i for i, t in enumerate(parts) if not t._array.ndim)
        raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    n = next((t._array.ndim for t in parts if t._array.shape != (0,)), 1)
    d = dimension(dim if axis is None else axis, n)
    sizes = [0 if t._array.shape == (0,) else t._array.shape[d] if d < t._array.ndim else 0 for t in parts]
    return run(CAT, parts, (d,), words(dim=dim or None), (d, sizes))


def stack(tensors: Any, dim: int = 0) -> Any:
    """Beside each other along a new dimension."""
    parts = _tensors("stack", tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    d = dimension(dim, parts[0]._array.ndim + 1)
    return run(STACK, parts, (d,), words(dim=dim or None), d)


def _at_least(n: int) -> Any:
    def function(*tensors: Any) -> Any:
        listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors
        out = tuple(_raised(t, n) for t in listed)
        return out[0] if len(tensors) == 1 and isinstance(tensors[0], Tensor) else out

    return function


def _raised(t: Any, n: int) -> Any:
    have = t._array.ndim
    if have >= n:
        return t
    if n == 1:
        return shape.reshape(t, 1)
    if n == 2:
        return shape.reshape(t, (1, 1)) if not have else shape.unsqueeze(t, 0)
    return shape.unsqueeze(_raised(t, 2), -1) if have else shape.reshape(t, (1, 1, 1))


def _some(name: str, tensors: Any) -> Any:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


def hstack(tensors: Any) -> Any:
    parts = [_raised(t, 1) for t in _some("hstack", tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1)


def vstack(tensors: Any) -> Any:
    return cat([_raised(t, 2) for t in _some("vstack", tensors)], 0)


def dstack(tensors: Any) -> Any:
    return cat([_raised(t, 3) for t in _some("dstack", tensors)], 2)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    size = joint_shape(*[t._array.shape for t in tensors])
    return tuple(t if t._array.shape == size else shape.expand(t, size) for t in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Grids of coordinates."""
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors
    swap = indexing == "xy" and len(listed) > 1
    order = [listed[1], listed[0], *listed[2:]] if swap else list(listed)
    size = tuple(t._array.size for t in order)
    grids = [shape.expand(shape.view(t, (-1,) + (1,) * (len(order) - 1 - i)), size) for i, t in enumerate(order)]
    return tuple(shape.transpose(g, 0, 1) for g in [grids[1], grids[0], *grids[2:]]) if swap else tuple(grids)


FUNCTIONS: dict[str, Any] = {
    "cat": cat, "concat": cat, "concatenate": cat, "stack": stack, "hstack": hstack, "vstack": vstack,
    "row_stack": vstack,
    "dstack": dstack, "broadcast_tensors": broadcast_tensors, "meshgrid": meshgrid, "atleast_1d": _at_least(1),
    "atleast_2d": _at_least(2), "atleast_3d": _at_least(3),
    "broadcast_to": lambda input, size: shape.expand(input, size),
}
METHODS: dict[str, Any] = {"broadcast_to": FUNCTIONS["broadcast_to"]}
__all__ = ["FUNCTIONS", "METHODS", "Op", "not_a_tensor"]
