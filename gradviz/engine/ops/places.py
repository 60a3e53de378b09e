"""Copies with some elements changed: by flat index, by mask, by slice, by reduction."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.namespaces import along_axis
from gradviz.engine.dtypes import BY_NP, FLOATING
from gradviz.engine.ops import scatter, writing
from gradviz.engine.ops.args import dimension, integer, words
from gradviz.engine.ops.build import op, run, write
from gradviz.engine.ops.promote import joint_shape
from gradviz.engine.xp import beside, filled, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _put(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    accumulate, size = ctx.args
    g = scatter._lined(ns, g)
    where = _unravelled(ns.plain(index), ns.plain(g))
    return (g if accumulate else ns.masked(g, where)), (ns.reshape(ns.take(g, where), size) if ctx.needs(1) else None)


def _masked_scatter(ns: Any, ctx: Any, g: Any, mask: Any) -> Any:
    plain = xp.broadcast_to(ns.plain(mask), ns.plain(g).shape)
    kept = ns.where(mask, 0, g)
    if not ctx.needs(1):
        return kept, None
    size = ctx.input_shape(1)
    picked = ns.take(g, xp.nonzero(plain))
    flat = ns.put(picked, (int(xp.prod(size)),), (slice(0, int(plain.sum())),))
    return kept, ns.reshape(flat, size)


def _part(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.masked(g, ctx.args), (ns.take(g, ctx.args) if ctx.needs(1) else None)


def _scatter_reduce(ns: Any, ctx: Any, g: Any, self: Any, src: Any, index: Any, result: Any) -> Any:
    dim, reduce, include = ctx.args
    g, self, src, result = (t if t is None else scatter._lined(ns, t) for t in (g, self, src, result))
    plain = xp.atleast_1d(ns.plain(index))
    if not plain.size:
        return g, (ns.zeros(ns.plain(src).shape, src) if ctx.needs(1) else None)
    full, size = along_axis(plain, dim), ns.plain(self).shape
    part = ns.take(src, tuple(slice(n) for n in plain.shape)) if src is not None else None
    hit = xp.zeros(size, bool, like=beside(plain))
    hit[full] = True
    if reduce == "sum":
        mine, theirs = g, ns.take(g, full)
    elif reduce == "prod":
        if (ns.plain(self) == 0).any() or (ns.plain(part) == 0).any():
            mine, theirs = _products(ns, g, self, part, full, include)
        else:
            mine, theirs = g * result / self, ns.take(g * result, full) / part
    elif reduce == "mean":
        counts = filled(size, int(include), like=beside(plain))
        xp.add.at(counts, full, 1)
        scaled = g / ns.const(xp.maximum(counts, 1).astype(ns.plain(g).dtype))
        mine, theirs = ns.where(ns.const(hit), scaled, g), ns.take(scaled, full)
    else:
        equal, own = ns.plain(part) == ns.plain(result)[full], (ns.plain(self) == ns.plain(result)) & (include | ~hit)
        counts = own.astype(int)
        xp.add.at(counts, full, equal.astype(int))
        scaled = g / ns.const(xp.maximum(counts, 1).astype(ns.plain(g).dtype))
        mine, theirs = ns.where(ns.const(own), scaled, 0), ns.where(ns.const(equal), ns.take(scaled, full), 0)
    if not include:
        mine = ns.where(ns.const(hit), 0, g)
    whole = ns.plain(src).shape if src is not None else None
    return mine, (ns.put(theirs, whole, tuple(slice(n) for n in plain.shape)) if ctx.needs(1) else None)


def _products(ns: Any, g: Any, self: Any, part: Any, full: Any, include: bool) -> tuple[Any, Any]:
    """Where factors are zero: for each factor the product of the others."""
    a, b, upstream = ns.plain(self), ns.plain(part), ns.plain(g)
    mine, theirs = xp.ones_like(a), xp.ones_like(b)
    xp.multiply.at(mine, full, b)
    where = [xp.broadcast_to(i, b.shape).reshape(-1) for i in full]
    flat = xp.ravel_multi_index(where, a.shape)
    values = b.reshape(-1)
    for i in range(values.size):
        others = values[(flat == flat[i]) & (xp.arange(values.size) != i)]
        theirs.reshape(-1)[i] = others.prod() * (a.reshape(-1)[flat[i]] if include else 1)
    return ns.const(mine) * ns.const(upstream), ns.const(theirs * upstream[full])


# --- forwards --------------------------------------------------------------------------------------------------------
def _unravelled(index: ndarray, x: ndarray) -> Any:
    """Places in the flattened tensor as places in the tensor."""
    return xp.unravel_index(index.reshape(-1) % max(1, x.size), x.shape)


def _put_of(x: ndarray, index: ndarray, source: ndarray, accumulate: bool, size: Any) -> None:
    if index.dtype != xp.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {BY_NP[index.dtype].code}")
    if index.size != source.size:
        raise IndexError("put_(): Expected source and index to have the same number of elements, but got "
                         f"source.numel() = {source.size}, index.numel() = {index.size}")
    if x.dtype != source.dtype:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = "
                           f"{BY_NP[x.dtype].code} and source.dtype = {BY_NP[source.dtype].code}")
    bad = index[(index >= x.size) | (index < -x.size)]
    if bad.size:
        raise IndexError(f"out of range: tried to access index {int(bad.flat[0])} on a tensor of {x.size} elements.")
    x = xp.atleast_1d(x)
    where = _unravelled(index, x)
    if accumulate:
        xp.add.at(x, where, source.reshape(-1))
    elif index.size:
        x[where] = source.reshape(-1)


def _masked_scatter_copy(x: ndarray, mask: ndarray, source: ndarray) -> ndarray:
    out = xp.broadcast_to(x, xp.broadcast_shapes(x.shape, mask.shape)).copy()
    _masked_scatter_of(out, mask, source)
    return out


def _masked_scatter_of(x: ndarray, mask: ndarray, source: ndarray) -> None:
    if mask.dtype.kind != "b":
        raise RuntimeError("masked_scatter_ only supports boolean masks, but got mask with dtype "
                           f"{BY_NP[mask.dtype].code}")
    if x.dtype != source.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got{BY_NP[x.dtype].code} "
                           f"and {BY_NP[source.dtype].code}")
    plain = xp.broadcast_to(mask, x.shape)
    n = int(plain.sum())
    if n > source.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    x[plain] = source.reshape(-1)[:n]


def _replaced(x: ndarray, src: ndarray, *index: Any) -> ndarray:
    out = x.copy()
    out[index] = src
    return out


REDUCTIONS = {"sum": (xp.add, 0), "prod": (xp.multiply, 1), "mean": (xp.add, 0), "amax": (xp.maximum, None),
              "amin": (xp.minimum, None)}


def _least(kind: Any) -> Any:
    return -xp.inf if kind.char in FLOATING else False if kind.kind == "b" else xp.iinfo(kind).min


def _most(kind: Any) -> Any:
    return xp.inf if kind.char in FLOATING else True if kind.kind == "b" else xp.iinfo(kind).max


def _reduced(x: ndarray, index: ndarray, src: ndarray, dim: int, reduce: str, include: bool) -> ndarray:
    out = x.copy()
    if not index.size:
        return out
    flat, index, src = xp.atleast_1d(out), xp.atleast_1d(index), xp.atleast_1d(src)
    full, part = along_axis(index, dim), src[tuple(slice(n) for n in index.shape)]
    function, start = REDUCTIONS[reduce]
    if not include:
        flat[full] = start if start is not None else _least(x.dtype) if reduce == "amax" else _most(x.dtype)
    function.at(flat, full, part)
    if reduce == "mean":
        counts = xp.full(flat.shape, int(include))
        xp.add.at(counts, full, 1)
        counts = xp.maximum(counts, 1)
        out = (out // counts.reshape(out.shape)) if x.dtype.kind in "iu" else out / counts.reshape(out.shape)
    return out.astype(x.dtype, copy=False)


PUT = writing.both("put", _put_of, "PutBackward0", _put, "index", "self index source")
MASKED_SCATTER_ = op("masked_scatter_", _masked_scatter_of, "MaskedScatterBackward0", _masked_scatter, "mask",
                     "self mask source")
MASKED_SCATTER = op("masked_scatter", _masked_scatter_copy, "MaskedScatterBackward0", _masked_scatter, "mask",
                    "self mask source")
SELECT_SCATTER = op("select_scatter", _replaced, "SelectScatterBackward0", _part, "", "self src")
SLICE_SCATTER = op("slice_scatter", _replaced, "SliceScatterBackward0", _part, "", "self src")
SCATTER_REDUCE = op("scatter_reduce", _reduced, "ScatterReduceBackward0", _scatter_reduce, "self src index result",
                    "self index src")
SCATTER_REDUCE_ = op("scatter_reduce_", lambda x, *rest: x.__setitem__(..., _reduced(x, *rest)),
                     "ScatterReduceBackward0", _scatter_reduce, "self src index result", "self index src")


# --- functions -------------------------------------------------------------------------------------------------------
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> writing.Call:
    """``source`` at places of the flattened tensor."""
    return PUT, (index, source), (accumulate, source._array.shape), words(accumulate=accumulate), None


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """A copy with ``source``'s elements, in order, where the mask holds."""
    joint_shape(mask._array.shape, input._array.shape)
    return run(MASKED_SCATTER, (input, mask, source))


def masked_scatter_(self: Any, mask: Any, source: Any) -> Any:
    return write(MASKED_SCATTER_, self, (mask, source))


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy with another slice at ``index``."""
    d, i = dimension(dim, input._array.ndim), integer(index)
    size = input._array.shape[:d] + input._array.shape[d + 1:]
    if src._array.shape != size:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = "
                           f"{list(src._array.shape)}, slice size = {list(size)}")
    return run(SELECT_SCATTER, (input, src), (slice(None),) * d + (i,), f"dim={dim}, index={index}")


def slice_scatter(input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A copy with another part."""
    d = dimension(dim, input._array.ndim)
    index = (slice(None),) * d + (slice(start, end, step),)
    size = input._array[index].shape
    if src._array.shape != size:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = "
                           f"{list(src._array.shape)}, slice size = {list(size)}")
    return run(SLICE_SCATTER, (input, src), index, f"dim={dim}, {start}:{end}")


def _read_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str) -> int:
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if input._array.dtype != src._array.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    writing.check_scatter(input._array, index._array, src._array, dimension(dim, input._array.ndim))
    return dimension(dim, input._array.ndim)


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """A copy in which ``src`` is reduced into the places that ``index`` names."""
    d = _read_reduce(input, dim, index, src, reduce)
    return run(SCATTER_REDUCE, (input, index, src), (d, reduce, include_self), words(dim=dim, reduce=repr(reduce)))


def scatter_reduce_(self: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    d = _read_reduce(self, dim, index, src, reduce)
    return write(SCATTER_REDUCE_, self, (index, src), (d, reduce, include_self), words(dim=dim, reduce=repr(reduce)))


METHODS: dict[str, Any] = {
    "masked_scatter": masked_scatter, "masked_scatter_": masked_scatter_, "select_scatter": select_scatter,
    "slice_scatter": slice_scatter, "scatter_reduce": scatter_reduce, "scatter_reduce_": scatter_reduce_,
} | writing.both_ways(put)
FUNCTIONS: dict[str, Any] = {name: f for name, f in METHODS.items() if not name.endswith("_")}
