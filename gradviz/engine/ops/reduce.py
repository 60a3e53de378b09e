"""Reductions: rules in one table, functions that read ``dim`` and ``keepdim`` below it."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import dtypes
from gradviz.engine.dtypes import FLOATING, INEXACT
from gradviz.engine.errors import warn
from gradviz.engine.ops.args import dimension, dimensions, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.returns import returned
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def opened(ns: Any, g: Any, dims: Any, keepdim: bool) -> Any:
    """A reduced gradient with its lost dimensions back, as ones."""
    return g if keepdim or dims is None else ns.unsqueeze(g, dims)


def _sum(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.expand(opened(ns, g, *ctx.args), ctx.input_shape())


def _mean(ns: Any, ctx: Any, g: Any) -> Any:
    dims, keepdim = ctx.args
    shape = ctx.input_shape()
    return ns.expand(opened(ns, g, dims, keepdim), shape) / count(shape, dims)


def count(shape: tuple[int, ...], dims: Any) -> int:
    """How many elements a reduction takes together."""
    n = 1
    for d in range(len(shape)) if dims is None else dims:
        n *= shape[d]
    return n


def _prod(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    dims, keepdim = ctx.args
    array = ns.plain(self)
    if not (array == 0).any():
        return opened(ns, g * result, dims, keepdim) / self
    return opened(ns, g, dims, keepdim) * ns.others(self, dims)


def _extreme(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    """Elements that tie for the extreme share the gradient."""
    dims, keepdim = ctx.args
    mask = self == opened(ns, result, dims, keepdim)
    plain = ns.plain(mask)
    shares = plain.sum(axis=dims, keepdims=True) if dims is not None else plain.sum()
    return mask * (opened(ns, g, dims, keepdim) / ns.const(asarray(shares).astype(ns.plain(g).dtype)))


def _picked(ns: Any, ctx: Any, g: Any, indices: Any) -> Any:
    """Backward of what picked one element along a dimension."""
    dim, keepdim = ctx.args
    shape = ctx.input_shape()
    if not shape:
        return g
    if not keepdim:
        g, indices = ns.unsqueeze(g, (dim,)), ns.unsqueeze(indices, (dim,))
    return ns.put_along(g, shape, ns.plain(indices), dim)


def _picked_whole(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    """Backward of the median of everything: what equals it shares the gradient."""
    plain = ns.plain(self == result)
    return ns.const((plain / plain.sum()).astype(ns.plain(g).dtype)) * g


def _var(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    dims, keepdim, correction = ctx.args
    n = count(ns.plain(self).shape, dims)
    centred = self - ns.mean(self, dims)
    return opened(ns, g, dims, keepdim) * centred * (2.0 / (n - correction) if n != correction else float("nan"))


def _std(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    dims, keepdim, correction = ctx.args
    n = count(ns.plain(self).shape, dims)
    part = ns.where(result == 0, result * 0, g / ns.where(result == 0, result + 1, result))
    centred = self - ns.mean(self, dims)
    return opened(ns, part, dims, keepdim) * centred * (1.0 / (n - correction) if n != correction else float("nan"))


def _norm(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    dims, keepdim, p = ctx.args
    g, result = opened(ns, g, dims, keepdim), opened(ns, result, dims, keepdim)
    if p == 0:
        return None
    if p == 1:
        return ns.sign(self) * g
    if p == 2:
        return self * ns.where(result == 0, 0, g / result)
    if p in (float("inf"), float("-inf")):
        mask = ns.abs(self) == result
        plain = ns.plain(mask)
        shares = asarray(plain.sum(axis=dims, keepdims=True) if dims is not None else plain.sum())
        return ns.sign(self) * mask * (g / ns.const(shares.astype(ns.plain(g).dtype)))
    size = ns.abs(self)
    scale = g / ns.where(result == 0, result + 1, result) ** (p - 1)
    if p < 2:
        return self * ns.where(size == 0, size * 0, ns.where(size == 0, size + 1, size) ** (p - 2)) * scale
    return self * size ** (p - 2) * ns.where(result == 0, result * 0, scale)


def _logsumexp(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    dims, keepdim = ctx.args
    return opened(ns, g, dims, keepdim) * ns.exp(self - opened(ns, result, dims, keepdim))


# --- forwards --------------------------------------------------------------------------------------------------------
def _float_or_same(x: ndarray) -> Any:
    return xp.int64 if x.dtype.kind in "iub" else x.dtype


def _max_indices(x: ndarray, dim: int, keepdim: bool) -> Any:
    return _along(x, xp.argmax(x, axis=dim) if x.ndim else asarray(0), dim, keepdim)


def _min_indices(x: ndarray, dim: int, keepdim: bool) -> Any:
    return _along(x, xp.argmin(x, axis=dim) if x.ndim else asarray(0), dim, keepdim)


def _along(x: ndarray, index: Any, dim: int, keepdim: bool) -> Any:
    if not x.ndim:
        return x.copy(), asarray(index, xp.int64)
    index = xp.expand_dims(index, dim)
    values = xp.take_along_axis(x, index, dim)
    if not keepdim:
        index, values = index.squeeze(dim), values.squeeze(dim)
    return values, index.astype(xp.int64)


def _median_indices(x: ndarray, dim: int, keepdim: bool) -> Any:
    if not x.ndim:
        return x.copy(), asarray(0, xp.int64)
    order = xp.argsort(x, axis=dim, kind="stable")
    n = x.shape[dim]
    index = xp.take(order, (n - 1) // 2, axis=dim)
    if x.dtype.char in FLOATING:
        bad = xp.isnan(x)
        index = xp.where(bad.any(axis=dim), bad.argmax(axis=dim), index)
    return _along(x, index, dim, keepdim)


def _median(x: ndarray) -> Any:
    flat = x.reshape(-1)
    if x.dtype.char in FLOATING and xp.isnan(flat).any():
        return asarray(xp.nan, x.dtype)
    return xp.sort(flat)[(flat.size - 1) // 2] if flat.size else asarray(xp.nan, x.dtype)


def _mode(x: ndarray, dim: int, keepdim: bool) -> Any:
    def most(row: ndarray) -> Any:
        _, inverse, counts = xp.unique(row, return_inverse=True, return_counts=True)
        return xp.flatnonzero(inverse.reshape(-1) == counts.argmax())[-1]

    if not x.size:
        return _along(x, xp.zeros(x.shape[:dim] + x.shape[dim + 1:], xp.int64), dim, keepdim)
    return _along(x, xp.apply_along_axis(most, dim, x) if x.ndim else asarray(0), dim, keepdim)


def _vector_norm(x: ndarray, dims: Any, keepdim: bool, p: float) -> Any:
    size = xp.abs(x)
    if p == 0:
        return asarray((x != 0).sum(axis=dims, keepdims=keepdim)).astype(size.dtype)
    if p == 1:
        return size.sum(axis=dims, keepdims=keepdim)
    if p == 2:
        return xp.sqrt((size * size).sum(axis=dims, keepdims=keepdim))
    if p == float("inf"):
        return size.max(axis=dims, keepdims=keepdim, **({"initial": 0} if x.__class__ is ndarray else {}))
    if p == float("-inf"):
        return size.min(axis=dims, keepdims=keepdim)
    return (size ** p).sum(axis=dims, keepdims=keepdim) ** (1 / p)


def _logsumexp_of(x: ndarray, dims: Any, keepdim: bool) -> Any:
    if not x.size:
        return xp.log(xp.exp(x).sum(axis=dims, keepdims=keepdim))
    top = x.real.max(axis=dims, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    total = xp.log(xp.exp(x - top).sum(axis=dims, keepdims=True)) + top
    return total if keepdim else total.squeeze(axis=dims)


def _reduced(f: Any) -> Any:
    """A forward over dims with keepdim; empty input gives the reduction of nothing."""
    return lambda x, dims, keepdim: f(x, axis=dims, keepdims=keepdim)


def _variance(x: ndarray, dims: Any, keepdim: bool, correction: float) -> Any:
    n = count(x.shape, dims)
    centred = x - x.mean(axis=dims, keepdims=True)
    total = (centred * centred.conj()).real.sum(axis=dims, keepdims=keepdim)
    return total / max(n - correction, 0) if n > correction else total * xp.nan


SUM = op("sum", lambda x, d, k, kind=None: x.sum(axis=d, keepdims=k, dtype=kind or _float_or_same(x)), "SumBackward0",
         _sum)
SUM_DIM = op("sum", SUM.forward, "SumBackward1", _sum, key="sum.dim")
MEAN = op("mean", lambda x, d, k: x.mean(axis=d, keepdims=k, dtype=x.dtype), "MeanBackward0", _mean)
MEAN_DIM = op("mean", MEAN.forward, "MeanBackward1", _mean, key="mean.dim")
PROD = op("prod", lambda x, d, k, kind=None: x.prod(axis=d, keepdims=k, dtype=kind or _float_or_same(x)),
          "ProdBackward0", _prod, "self result")
PROD_DIM = op("prod", PROD.forward, "ProdBackward1", _prod, "self result", key="prod.dim")
MAX = op("max", _reduced(xp.max), "MaxBackward1", _extreme, "self result")
MIN = op("min", _reduced(xp.min), "MinBackward1", _extreme, "self result")
AMAX = op("amax", _reduced(xp.max), "AmaxBackward0", _extreme, "self result")
AMIN = op("amin", _reduced(xp.min), "AminBackward0", _extreme, "self result")
MAX_DIM = op("max", _max_indices, "MaxBackward0", _picked, "indices", key="max.dim")
MIN_DIM = op("min", _min_indices, "MinBackward0", _picked, "indices", key="min.dim")
MEDIAN = op("median", _median, "MedianBackward0", _picked_whole, "self result")
MEDIAN_DIM = op("median", _median_indices, "MedianBackward1", _picked, "indices", key="median.dim")
MODE = op("mode", _mode, "ModeBackward0", _picked, "indices")
VAR = op("var", _variance, "VarBackward0", _var, "self")
STD = op("std", lambda *a: xp.sqrt(_variance(*a)), "StdBackward0", _std, "self result")
NORM = op("norm", _vector_norm, "LinalgVectorNormBackward0", _norm, "self result")
LOGSUMEXP = op("logsumexp", _logsumexp_of, "LogsumexpBackward0", _logsumexp, "self result")
ARGMAX = op("argmax", lambda x, d, k: asarray(xp.argmax(x, axis=d, keepdims=k)).astype(xp.int64))
ARGMIN = op("argmin", lambda x, d, k: asarray(xp.argmin(x, axis=d, keepdims=k)).astype(xp.int64))
ANY, ALL = (op(f.__name__, lambda x, dims, keepdim, f=f: asarray(f(x, axis=dims, keepdims=keepdim)).astype(
    x.dtype if x.dtype == xp.uint8 else bool)) for f in (xp.any, xp.all))
COUNT_NONZERO = op("count_nonzero", lambda x, d: asarray(xp.count_nonzero(x, axis=d)).astype(xp.int64))


# --- functions -------------------------------------------------------------------------------------------------------
def _cast(input: Any, dtype: Any) -> Any:
    return input if dtype is None else input.to(dtype)


def _whole_or_dims(whole: Any, along: Any) -> Any:
    """``f(x)`` over everything and ``f(x, dim, keepdim)``, which have nodes of different names."""

    def function(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None) -> Any:
        if dtype is not None:
            input = input.to(dtype)
        dim = axis if dim is None else dim
        if whole is MEAN and input._array.dtype.char not in INEXACT:
            given = "Input" if dtype is None else "Optional"
            raise RuntimeError(f"mean(): could not infer output dtype. {given} dtype "
                               f"must be either a floating point or complex dtype. Got: {input.dtype.code}")
        kind = () if dtype is None or whole is MEAN else (input._array.dtype,)
        if dim is None and not keepdim:
            return run(whole, (input,), (None, False, *kind), "", (None, False))
        dims = dimensions(dim, input._array.ndim)
        if not input._array.ndim:
            dims = ()
        text = "" if probe.sink is None else words(dim=dim, keepdim=keepdim)
        return run(along, (input,), (dims, keepdim, *kind), text, (dims, keepdim))

    return function


def refuse_empty(name: str, input: Any, dims: Any) -> None:
    """An extreme of nothing is no number."""
    for d in (dims,) if isinstance(dims, int) else dims:
        if d < input._array.ndim and not input._array.shape[d]:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def _over(row: Any, *, one: bool = False) -> Any:
    """``f(x, dim=None, keepdim=False)`` with one node."""

    def function(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Any:
        dim = axis if dim is None else dim
        n = input._array.ndim
        if dim is None:
            if not input._array.size and row in (ARGMAX, ARGMIN):
                raise IndexError(f"{row.name}(): Expected reduction dim to be specified for input.numel() == 0.")
            if not input._array.size and row in (AMAX, AMIN):
                raise RuntimeError(f"{row.name}(): Expected reduction dim to be specified for input.numel() == 0. "
                                   "Specify the reduction dim with the 'dim' argument.")
            return run(row, (input,), (None, keepdim))
        dims: Any = dimension(dim, n) if one else dimensions(dim, n)
        if one and input._array.dtype.kind == "b":
            raise RuntimeError(f"{row.name}(): does not support bool input")
        if row in (ARGMAX, ARGMIN, AMAX, AMIN):
            refuse_empty(row.name, input, dims)
        if not n:
            dims = None if one else ()
        return run(row, (input,), (dims, keepdim), words(dim=dim, keepdim=keepdim))

    return function


PAIRS = {name: returned(name, "values", "indices") for name in (
    "max", "min", "median", "mode", "sort", "topk", "kthvalue", "cummax", "cummin",
                                        "nanmedian")}


def _extreme_function(name: str, whole: Any, along: Any, pairwise: str) -> Any:
    def function(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None) -> Any:
        dim = axis if dim is None else dim
        if isinstance(dim, Tensor) or other is not None:
            return getattr(input, pairwise)(dim if other is None else other)
        if dim is None:
            if not input._array.size:
                raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                                   "the reduction dim with the 'dim' argument.")
            return run(whole, (input,), (None, False))
        d = dimension(dim, input._array.ndim)
        refuse_empty(name, input, d)
        return PAIRS[name](*run(along, (input,), (d, keepdim), words(dim=dim, keepdim=keepdim), (d, keepdim)))

    return function


def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The middle value, the lower one of two."""
    if input._array.dtype.kind == "b":
        raise NotImplementedError("\"median_cpu\" not implemented for 'Bool'")
    if dim is None:
        return run(MEDIAN, (input,))
    d = dimension(dim, input._array.ndim)
    refuse_empty("median", input, d)
    return PAIRS["median"](*run(MEDIAN_DIM, (input,), (d, keepdim), words(dim=dim, keepdim=keepdim)))


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along ``dim``."""
    d = dimension(dim, input._array.ndim)
    refuse_empty("mode", input, d)
    return PAIRS["mode"](*run(MODE, (input,), (d, keepdim), words(dim=dim, keepdim=keepdim)))


def _spread(row: Any) -> Any:
    """var and std, which count with a correction of 1."""

    def function(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None,
                 axis: Any = None) -> Any:
        dim = axis if dim is None else dim
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if input._array.dtype.char not in INEXACT:
            raise RuntimeError("std and var only support floating point and complex dtypes")
        c = correction if correction is not None else (1 if unbiased is None else int(unbiased))
        n = input._array.ndim
        dims = None if dim is None else dimensions(dim, n)
        if not n:
            dims = ()
        if count(input._array.shape, dims) <= c:
            _warn_freedom(row.name)
        return run(row, (input,), (dims, keepdim, c), words(dim=dim, keepdim=keepdim, correction=correction))

    return function


def _warn_freedom(name: str) -> None:

    warn(f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
         "(input numel divided by output numel).")


def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The vector norm; of a matrix for ``p`` "nuc"."""
    input = _cast(input, dtype)
    if input._array.dtype.char not in INEXACT:
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                           f"{input.dtype.code}")
    if isinstance(p, str) and p != "fro":
        from gradviz.engine.ops.norms import matrix_norm

        return matrix_norm(input, p, (-2, -1) if dim is None else dim, keepdim)
    p = 2.0 if p in (None, "fro") else float(p)
    dims = None if dim is None else dimensions(dim, input._array.ndim)
    if dims is not None and not input._array.ndim:
        dims = ()
    return run(NORM, (input,), (dims, keepdim, p), words(p=None if p == 2 else p, dim=dim, keepdim=keepdim))


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    dims = dimensions(dim, input._array.ndim) if input._array.ndim else dimensions(dim, 0)[:0]
    if input._array.dtype.char not in INEXACT:
        input = input.to(dtypes.default.dtype)
    return run(LOGSUMEXP, (input,), (dims, keepdim), words(dim=dim, keepdim=keepdim))


def count_nonzero(input: Any, dim: Any = None) -> Any:
    dims = None if dim is None else dimensions(dim, input._array.ndim)
    if not input._array.ndim:
        dims = None
    return run(COUNT_NONZERO, (input,), (dims,), words(dim=dim))


FUNCTIONS: dict[str, Any] = {
    "sum": _whole_or_dims(SUM, SUM_DIM), "mean": _whole_or_dims(MEAN, MEAN_DIM), "prod": _whole_or_dims(PROD, PROD_DIM),
    "amax": _over(AMAX), "amin": _over(AMIN), "any": _over(ANY), "all": _over(ALL),
    "argmax": _over(ARGMAX, one=True), "argmin": _over(ARGMIN, one=True),
    "max": _extreme_function("max", MAX, MAX_DIM, "maximum"), "min": _extreme_function("min", MIN, MIN_DIM, "minimum"),
    "median": median, "mode": mode, "var": _spread(VAR), "std": _spread(STD), "norm": norm, "logsumexp": logsumexp,
    "count_nonzero": count_nonzero,
}
METHODS = dict(FUNCTIONS)
