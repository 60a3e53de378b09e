"""Contractions, and products of other kinds."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text, warn
from gradviz.engine.ops import binary, reduce, shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.ops.linalg import FUNCTIONS as PRODUCTS
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import beside, xp


def _repeats(ns: Any, ctx: Any, g: Any) -> Any:
    index, dim = ctx.args
    return ns.put_add(g, ctx.input_shape(), (slice(None),) * dim + (index,))


def _dist(ns: Any, ctx: Any, g: Any, self: Any, other: Any, result: Any) -> Any:
    if ctx.args[0] == 0:
        return self * 0, other * 0
    norm: Any = reduce.NORM.node
    share = norm.rule(ns, _Whole(ctx.args[0]), g, self - other, result)
    return share, -share


class _Whole:
    """A norm of all elements, as the norm's rule reads it."""

    def __init__(self, p: float) -> None:
        self.args = None, False, p


REPEATED = op("repeat_interleave", lambda times: xp.repeat(xp.arange(times.size), times), key="repeated")
REPEAT_INTERLEAVE = op("repeat_interleave", lambda x, i, d: xp.take(x, i, axis=d), "IndexSelectBackward0", _repeats)
DIST = op("dist", lambda x, y, p: reduce.NORM.forward(x - y, None, False, p), "DistBackward0", _dist,
          "self other result", "self other")
CROSS = op("cross", lambda x, y, d: xp.cross(x, y, axis=d), "LinalgCrossBackward0",
           lambda ns, ctx, g, self, other: (ns.cross(other, g, ctx.args[0]), ns.cross(g, self, ctx.args[0])),
           "self other", "self other")


def _check_repeats(times: Any, n: int) -> None:
    if isinstance(times, int):
        if times < 0:
            raise RuntimeError("Repeats must be non-negative")
        return
    times = times._array
    if times.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if times.ndim and times.size not in (1, n):
        raise RuntimeError("repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{times.size} and input.size(0) = {n}")
    if times.dtype.kind not in "iu":
        raise NotImplementedError(f"\"repeat_interleave_cpu\" not implemented for '{BY_NP[times.dtype].code}'")
    if (times < 0).any():
        raise RuntimeError("repeats can not be negative")


def repeat_interleave(input: Any, repeats: Any = None, dim: int | None = None, *,
                      output_size: int | None = None) -> Any:
    """Every element several times in a row."""
    if repeats is None:  # f(repeats): which element each of so many is
        return run(REPEATED, (input,))
    if dim is None:
        input, dim = shape.reshape(input, -1), 0
    d = dimension(dim, input._array.ndim)
    _check_repeats(repeats, input._array.shape[d] if input._array.ndim else 1)
    if isinstance(repeats, Tensor):
        index = xp.repeat(xp.arange(input._array.shape[d], like=beside(repeats._array)), repeats._array)
        return run(REPEAT_INTERLEAVE, (input,), (index, d), "", (index, d))
    size = input._array.shape or (1,)
    with observe.composite("repeat_interleave", (input,), str(repeats)) as event:
        wide = shape.expand(shape.unsqueeze(input, d + 1), (*size[:d + 1], repeats, *size[d + 1:]))
        return event(shape.flatten(shape.clone_contiguous(wide), d, d + 1))


def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The vector product along a dimension of three."""
    d = dimension(dim, max(input._array.ndim, other._array.ndim))
    if input._array.ndim != other._array.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    one, two = input._array.shape[d], other._array.shape[d]
    if one != 3 or two != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {one} and {two}")
    return run(CROSS, (input, other), (d,), words(dim=dim))


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The vector product; without ``dim``, along the first dimension of three."""
    if dim is None:
        warn("Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim "
                   "explicitly or simply use torch.linalg.cross.\nThe default value of dim will change to agree with "
                   "that of linalg.cross in a future release.")
        found = next((i for i, n in enumerate(input._array.shape) if n == 3), None)
        if found is None:
            raise RuntimeError("no dimension of size 3 in input")
        dim = found
    return linalg_cross(input, other, dim=dim)


def inner(input: Any, other: Any) -> Any:
    """The sum of products along the last dimensions."""
    if not input._array.ndim or not other._array.ndim:
        return binary.OPERATORS["mul"](input, other)
    a, b = input._array.shape, other._array.shape
    if a[-1] != b[-1]:
        raise RuntimeError("inner() the last dimension must match on both input tensors but got shapes "
                           f"{size_text(a)} and {size_text(b)}")
    with observe.composite("inner", (input, other)) as event:
        return event(tensordot(input, other, ([-1], [-1])))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Sum over pairs of dimensions."""
    n, m = a._array.ndim, b._array.ndim
    if isinstance(dims, Tensor):
        dims = dims.tolist() if dims._array.size > 1 else int(dims.item())
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(n, m):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        named = list(range(-dims, 0)), list(range(dims))
    else:
        named = tuple([d] if isinstance(d, int) else list(d) for d in dims)  # type: ignore[assignment]
        if len(named[0]) != len(named[1]):
            raise RuntimeError("both dimension lists should have same length")
    first, second = [dimension(d, n) for d in named[0]], [dimension(d, m) for d in named[1]]
    for i, (d, e) in enumerate(zip(first, second, strict=True)):
        p, q = a._array.shape[d], b._array.shape[e]
        if p != q and p != 1 and q != 1:
            raise RuntimeError(f"contracted dimensions need to match, but first has size {p} in dim {named[0][i]} and "
                               f"second has size {q} in dim {named[1][i]}")
    left, right = [d for d in range(n) if d not in first], [d for d in range(m) if d not in second]
    with observe.composite("tensordot", (a, b)) as event:
        for d, e in zip(first, second, strict=True):  # a size of one is summed away on the other side
            if a._array.shape[d] == 1 != b._array.shape[e]:
                b = reduce.FUNCTIONS["sum"](b, e, True)
            elif b._array.shape[e] == 1 != a._array.shape[d]:
                a = reduce.FUNCTIONS["sum"](a, d, True)
        size = [a._array.shape[d] for d in left], [b._array.shape[d] for d in right]
        k = int(xp.prod([a._array.shape[d] for d in first]))
        if not size[0] and not size[1] and n == 1:
            one, two = shape.permute(a, [0]), shape.permute(b, [0])
            return event(shape.reshape(PRODUCTS["dot"](one, two), ()))
        one = shape.reshape(shape.permute(a, left + first), (int(xp.prod(size[0])), k))
        two = shape.reshape(shape.permute(b, second + right), (k, int(xp.prod(size[1]))))
        return event(shape.reshape(PRODUCTS["mm"](one, two), (*size[0], *size[1])))


def kron(input: Any, other: Any) -> Any:
    """Every element of ``input`` times the whole of ``other``."""
    if not isinstance(other, Tensor):
        raise not_a_tensor("kron", "other", 1, other)
    n = max(input._array.ndim, other._array.ndim)
    a, b = ((1,) * (n - t._array.ndim) + t._array.shape for t in (input, other))
    with observe.composite("kron", (input, other)) as event:
        one = run(shape.UNSAFE_VIEW, (input,), (tuple(k for i in a for k in (i, 1)),))
        two = run(shape.UNSAFE_VIEW, (other,), (tuple(k for i in b for k in (1, i)),))
        product = binary.OPERATORS["mul"](one, two)
        return event(run(shape.UNSAFE_VIEW, (product,), (tuple(i * j for i, j in zip(a, b, strict=True)),)))


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The norm of a difference."""
    return run(DIST, (input, other), (float(p),), words(p=None if p == 2 else p))


FUNCTIONS: dict[str, Any] = {
    "repeat_interleave": repeat_interleave, "cross": cross, "inner": inner, "tensordot": tensordot,
    "dist": dist, "kron": kron,
}
METHODS: dict[str, Any] = {n: f for n, f in FUNCTIONS.items() if n != "tensordot"}
