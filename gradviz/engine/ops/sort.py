"""Order: sorting, the largest, and what is found by order."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.reduce import PAIRS, _picked
from gradviz.engine.tensor import Tensor
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
TOPK = op("topk", _top, "TopkBackward0", _kept, "indices")
KTH = op("kthvalue", _kth, "KthvalueBackward0", _picked, "indices")
CUMMAX = op("cummax", _running(xp.maximum), "CummaxBackward0", _kept, "indices")
CUMMIN = op("cummin", _running(xp.minimum), "CumminBackward0", _kept, "indices")
ARGSORT = op("argsort", lambda x, d, down: _ordered(x, d, down)[1])


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """Values in order along ``dim``, and where they stood."""
    d = dimension(dim, input._array.ndim)
    return PAIRS["sort"](*run(SORT, (input,), (d, descending), words(dim=dim, descending=descending)))


def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    return run(ARGSORT, (input,), (dimension(dim, input._array.ndim), descending),
               words(dim=dim, descending=descending))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest, or smallest, along ``dim``."""
    d = dimension(dim, input._array.ndim)
    return PAIRS["topk"](*run(TOPK, (input,), (k, d, largest), f"{k}", (d,)))


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    d = dimension(dim, input._array.ndim)
    n = input._array.shape[d] if input._array.ndim else 1
    if not 0 < k <= n:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(d))
    return PAIRS["kthvalue"](*run(KTH, (input,), (k, d, keepdim), f"{k}, dim={dim}", (d, keepdim)))


def _scan(row: Any) -> Any:
    return lambda input, dim: PAIRS[row.name](*run(row, (input,), (dimension(dim, input._array.ndim),), f"dim={dim}"))


def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """Values below which a share ``q`` of the elements lies."""
    values = sort(shape.reshape(input, -1) if dim is None else input, 0 if dim is None else dim)[0]
    d = 0 if dim is None else dimension(dim, input._array.ndim)
    n = values._array.shape[d]
    many = isinstance(q, Tensor) and q._array.ndim > 0
    shares = (q._array if isinstance(q, Tensor) else asarray(q)).astype(xp.float64).reshape(-1)
    results = []
    for share in shares:
        at = float(share) * (n - 1)
        low = int(at)
        high = min(low + 1, n - 1)
        if interpolation == "nearest":
            low = high = round(at)
        elif interpolation in ("lower", "higher"):
            low = high = low if interpolation == "lower" else -int(-at // 1)
        weight = 0.5 if interpolation == "midpoint" else at - low if low != high else 0.0
        one, two = shape.select(values, d, low), shape.select(values, d, high)
        results.append(one + (two - one) * weight)
    if keepdim:
        results = [shape.unsqueeze(r, d) if dim is not None else shape.reshape(r,
                                                                               (1,
                                                                                ) * input._array.ndim) for r in results]
    from gradviz.engine.ops.join import stack

    return stack(results) if many else results[0]


def unique(input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: Any = None) -> Any:
    """Every value once."""
    def forward(x: ndarray) -> Any:
        return xp.unique(x, return_inverse=True, return_counts=True, axis=dim)

    values, inverse, counts = run(Op("unique", lambda x: tuple(forward(x))), (input,))
    out = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    return out if len(out) > 1 else values


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    if weights is None:
        return run(Op("bincount", lambda x: xp.bincount(x, minlength=minlength)), (input,))
    return run(Op("bincount", lambda x, w: xp.bincount(x, w, minlength), inputs=("self", "weights")), (input, weights))


def searchsorted(sorted_sequence: Any, input: Any, *, right: bool = False, side: str | None = None) -> Any:
    """Where elements would have to stand."""
    where = "right" if right or side == "right" else "left"
    values = input._array if isinstance(input, Tensor) else asarray(input)
    return run(Op("searchsorted", lambda s: xp.searchsorted(s, values, where)), (sorted_sequence,))  # type: ignore[call-overload]


FUNCTIONS: dict[str, Any] = {
    "sort": sort, "argsort": argsort, "topk": topk, "kthvalue": kthvalue, "cummax": _scan(CUMMAX),
    "cummin": _scan(CUMMIN), "quantile": quantile, "unique": unique, "bincount": bincount,
    "searchsorted": searchsorted, "msort": lambda input: sort(input, 0)[0],
}
METHODS: dict[str, Any] = {n: f for n, f in FUNCTIONS.items() if n != "searchsorted"}
