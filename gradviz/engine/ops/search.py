"""Finding: places in sorted values, distinct values, counts of values."""

from __future__ import annotations

from typing import Any

from gradviz.engine.dtypes import FLOATING
from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.promote import together
from gradviz.engine.ops.returns import returned
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


def _unique(x: ndarray, dim: Any, consecutive: bool) -> Any:
    """Distinct values (or slices along ``dim``), where each element's is, and how often each occurs."""
    if not consecutive:
        values, inverse, counts = xp.unique(x, return_inverse=True, return_counts=True, axis=dim)
        return values, inverse.reshape(x.shape if dim is None else (-1,)), counts
    rows = xp.moveaxis(x, dim, 0).reshape(x.shape[dim], -1) if dim is not None else x.reshape(-1, 1)
    new = xp.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    starts = xp.flatnonzero(new)
    values = x.reshape(-1)[starts] if dim is None else xp.take(x, starts, axis=dim)
    inverse = (xp.cumsum(new) - 1).reshape(x.shape if dim is None else (-1,))
    return values, inverse, xp.diff(xp.append(starts, len(rows)))


def _no_rule(name: str) -> Any:
    def rule(ns: Any, ctx: Any, g: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    return rule


UNIQUE = op("unique", lambda x, *a: _unique(x, *a), "Unique2Backward0", _no_rule("_unique2"))
UNIQUE_DIM = op("unique", UNIQUE.forward, "UniqueDimBackward0", _no_rule("unique_dim"), key="unique.dim")
UNIQUE_CONSECUTIVE = op("unique_consecutive", UNIQUE.forward, "UniqueConsecutiveBackward0",
                        _no_rule("unique_consecutive"))


def unique(input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: Any = None) -> Any:
    """Every value once."""
    d = None if dim is None else dimension(dim, input._array.ndim)
    out = run(UNIQUE if d is None else UNIQUE_DIM, (input,), (d, False), words(dim=dim))
    return _asked(out, return_inverse, return_counts)


def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """Every value once for each run of it."""
    d = None if dim is None else dimension(dim, input._array.ndim)
    return _asked(run(UNIQUE_CONSECUTIVE, (input,), (d, True), words(dim=dim)), return_inverse, return_counts)


def _asked(out: tuple[Any, ...], inverse: bool, counts: bool) -> Any:
    kept = (out[0], *([out[1]] if inverse else []), *([out[2]] if counts else []))
    return kept if len(kept) > 1 else kept[0]


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number occurs."""
    if input._array.dtype.kind not in "iu":
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{input.dtype.code}'")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input._array.ndim != 1 or (input._array.size and input._array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return run(Op("bincount", lambda x: xp.bincount(x, minlength=minlength)), (input,))
    if weights._array.shape != input._array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = xp.float32 if weights._array.dtype == xp.float32 else xp.float64
    return run(Op("bincount", lambda x, w: xp.bincount(x, w, minlength).astype(kind), inputs=("self", "weights")),
               (input, weights))


def _search(row: ndarray, values: ndarray, side: Any) -> Any:
    if row.ndim == 1:
        return asarray(xp.searchsorted(row, values, side))
    lead = row.shape[:-1]
    out = xp.zeros(values.shape, xp.int64)
    for i in xp.ndindex(*lead):
        out[i] = xp.searchsorted(row[i], values[i], side)
    return out


def _found(name: str, row: Any, input: Any, out_int32: bool, side: str) -> Any:
    values = input if isinstance(input, Tensor) else make(asarray(input), Cell())
    kind = xp.int32 if out_int32 else xp.int64
    op_ = Op(name, lambda s, v: _search(s, v, side).astype(kind), inputs=("sorted_sequence", "input"))
    return run(op_, (row, values))


def searchsorted(sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Any = None) -> Any:
    """Where elements would have to stand."""
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while "
                           "right was True")
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    row = sorted_sequence._array
    if isinstance(input, Tensor) and row.ndim != 1 and row.shape[:-1] != input._array.shape[:-1]:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
                           "of boundaries tensor and input value tensor must match, but we got boundaries tensor "
                           f"{size_text(row.shape)} and input value tensor {size_text(input._array.shape)}")
    if sorter is not None:
        sorted_sequence = make(xp.take_along_axis(row, sorter._array, -1), Cell())
    return _found("searchsorted", sorted_sequence, input, out_int32, "right" if right or side == "right" else "left")


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """Between which boundaries elements lie."""
    if boundaries._array.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries._array.ndim})")
    return _found("bucketize", boundaries, input, out_int32, "right" if right else "left")


def _bins(x: ndarray, bins: int, low: float, high: float) -> tuple[float, float]:
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    return (low - 1, high + 1) if low == high else (low, high)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements lie in each of ``bins`` parts of a range."""
    if input._array.dtype.char not in FLOATING:
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{input.dtype.code}'")
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if min > max:
        raise RuntimeError("torch.histc: max must be larger than min")
    if not xp.isfinite(input._array).all() and min == max:
        raise RuntimeError("torch.histc: range of [nan, nan] is not finite")

    def forward(x: ndarray) -> Any:
        return xp.histogram(x, bins, _bins(x, bins, min, max))[0].astype(x.dtype)

    return run(Op("histc", forward), (input,), (), words(bins=bins))


Histogram = returned("histogram", "hist", "bin_edges")


def _limits(x: ndarray, low: float, high: float) -> tuple[float, float]:
    """The range of a histogram; one value lies in the middle of it."""
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low != high:
        return low, high
    return (low - 0.5, high + 0.5) if x.size else (0.0, 1.0)


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """How many elements lie between each two edges, and the edges."""
    x = input._array
    edges: Any = bins._array if isinstance(bins, Tensor) else int(bins)
    limits = None if isinstance(bins, Tensor) else _limits(x, *(range or (0, 0)))
    row = Op("histogram", lambda v: tuple(part.astype(v.dtype) for part in xp.histogram(
        v, edges, limits, density, None if weight is None else weight._array)))
    return Histogram(*run(row, (input,)))


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Which elements are among others."""
    a, b = (t if isinstance(t, Tensor) else make(asarray(t), Cell()) for t in (elements, test_elements))
    row = Op("isin", lambda x, y: xp.isin(*together(x, y), assume_unique, invert), inputs=("elements", "test_elements"))
    return run(row, (a, b))


def unravel_index(indices: Any, shape: Any) -> Any:
    """Places in a flattened tensor as places in one of ``shape``."""
    if indices._array.dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    size = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if any(n < 0 for n in size):
        raise ValueError(f"'shape' cannot have negative values, but got {size}")

    def forward(x: ndarray) -> Any:
        rest, out = x.astype(xp.int64), []
        for n in reversed(size):
            out.append(xp.remainder(rest, n))
            rest = rest // n
        return xp.stack(out[::-1], -1)

    return run(Op("unravel_index", forward), (indices,)).unbind(-1) if size else ()


FUNCTIONS: dict[str, Any] = {
    "unique": unique, "unique_consecutive": unique_consecutive, "bincount": bincount, "searchsorted": searchsorted,
    "bucketize": bucketize, "histc": histc, "histogram": histogram, "isin": isin, "unravel_index": unravel_index,
}
METHODS: dict[str, Any] = {n: FUNCTIONS[n] for n in ("unique", "unique_consecutive", "bincount", "histc", "histogram")}
