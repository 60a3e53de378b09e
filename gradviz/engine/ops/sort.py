"""Order: sorting, the largest, and what is found by order."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.reduce import PAIRS, _picked, refuse_empty
from gradviz.engine.xp import asarray, ndarray, xp


def _kept(ns: Any, ctx: Any, g: Any, indices: Any) -> Any:
    """Backward of what picked elements along a dimension and kept the dimension."""
    return ns.put_along(g, ctx.input_shape(), ns.plain(indices), ctx.args[0]) if ctx.input_shape() else g


def _ordered(x: ndarray, dim: int, descending: bool) -> Any:
    if not x.ndim:
        return x.copy(), asarray(0)
    if not descending:
        index = xp.argsort(x, axis=dim, kind="stable")
    else:
        index = x.shape[dim] - 1 - xp.flip(xp.argsort(xp.flip(x, dim), axis=dim, kind="stable"), dim)
    return xp.take_along_axis(x, index, dim), index


def _top(x: ndarray, k: int, dim: int, largest: bool) -> Any:
    n = x.shape[dim] if x.ndim else 1
    if k > n:
        raise RuntimeError("selected index k out of range")
    values, index = _ordered(x, dim, largest)
    if not x.ndim:
        return values, index
    part = (slice(None),) * dim + (slice(0, k),)
    return values[part].copy(), index[part].copy()


def _kth(x: ndarray, k: int, dim: int, keepdim: bool) -> Any:
    values, index = _ordered(x, dim, False)
    if not x.ndim:
        return values, index
    part = (slice(None),) * dim + (slice(k - 1, k) if keepdim else k - 1, Ellipsis)
    return values[part].copy(), index[part].copy()


def _running(better: Any) -> Any:
    def forward(x: ndarray, dim: int) -> Any:
        if not x.ndim:
            return x.copy(), asarray(0)
        values = better.accumulate(x, axis=dim)
        places = xp.arange(x.shape[dim]).reshape((-1,) + (1,) * (x.ndim - dim - 1))
        index = xp.maximum.accumulate(xp.where(x == values, places, 0), axis=dim)
        return values, index

    return forward


SORT = op("sort", _ordered, "SortBackward0", _kept, "indices")
SORT_STABLE = op("sort", _ordered, "SortBackward1", _kept, "indices", key="sort.stable")
TOPK = op("topk", _top, "TopkBackward0", _kept, "indices")
KTH = op("kthvalue", _kth, "KthvalueBackward0", _picked, "indices")
CUMMAX = op("cummax", _running(xp.maximum), "CummaxBackward0", _kept, "indices")
CUMMIN = op("cummin", _running(xp.minimum), "CumminBackward0", _kept, "indices")
ARGSORT = op("argsort", lambda x, d, down: _ordered(x, d, down)[1])


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """Values in order along ``dim``, and where they stood."""
    d = dimension(dim, input._array.ndim)
    row = SORT if stable is None else SORT_STABLE
    return PAIRS["sort"](*run(row, (input,), (d, descending), words(dim=dim, descending=descending)))


def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    return run(ARGSORT, (input,), (dimension(dim, input._array.ndim), descending),
               words(dim=dim, descending=descending))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest, or smallest, along ``dim``."""
    d = dimension(dim, input._array.ndim)
    if k < 0:
        raise RuntimeError("selected index k out of range")
    return PAIRS["topk"](*run(TOPK, (input,), (k, d, largest), f"{k}", (d,)))


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    d = dimension(dim, input._array.ndim)
    n = input._array.shape[d] if input._array.ndim else 1
    refuse_empty("kthvalue", input, d)
    if not 0 < k <= n:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(d))
    return PAIRS["kthvalue"](*run(KTH, (input,), (k, d, keepdim), f"{k}, dim={dim}", (d, keepdim)))


def _scan(row: Any) -> Any:
    return lambda input, dim: PAIRS[row.name](*run(row, (input,), (dimension(dim, input._array.ndim),), f"dim={dim}"))


FUNCTIONS: dict[str, Any] = {
    "sort": sort, "argsort": argsort, "topk": topk, "kthvalue": kthvalue, "cummax": _scan(CUMMAX),
    "cummin": _scan(CUMMIN), "msort": lambda input: sort(input, 0)[0],
}
METHODS: dict[str, Any] = dict(FUNCTIONS)
