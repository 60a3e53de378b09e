"""Writing where an index says, into the tensor itself or into a copy: index_add, scatter and their like."""

from __future__ import annotations

import inspect
from typing import Any

from gradviz.engine.autograd.namespaces import along_axis
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import dimension
from gradviz.engine.ops.binary import no_derivative
from gradviz.engine.ops.build import Op, op, run, write
from gradviz.engine.ops.data import fitted
from gradviz.engine.ops.scatter import _index_put, _lined, _put, _rows, array_index, within
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, is_array, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _scatter(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    dim, accumulate = ctx.args
    full, g = along_axis(xp.atleast_1d(ns.plain(index)), dim), _lined(ns, g)
    kept = g if accumulate else ns.masked(g, full)
    return (kept, ns.take(g, full)) if len(ctx.next) > 1 else kept


def _index_fill(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    full, g = _rows(ctx.args, ns.plain(index)), _lined(ns, g)
    kept = ns.masked(g, full)
    once = _rows(ctx.args, xp.unique(ns.plain(index)))
    return (kept, ns.sum(ns.take(g, once), None)) if len(ctx.next) > 1 else kept


def _index_add(ns: Any, ctx: Any, g: Any, index: Any, source: Any) -> Any:
    dim, alpha = ctx.args
    return g, ns.take(_lined(ns, g), _rows(dim, ns.plain(index))) * alpha


def _index_copy(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    full, g = _rows(ctx.args, ns.plain(index)), _lined(ns, g)
    return ns.masked(g, full), ns.take(g, full)


# --- forwards --------------------------------------------------------------------------------------------------------
def _scatter_of(x: ndarray, index: ndarray, *rest: Any) -> None:
    value, dim, accumulate = rest
    if not index.size:
        return
    check_scatter(x, index, value, dim)
    index = xp.atleast_1d(index)
    full = along_axis(index, dim)
    value = value[tuple(slice(n) for n in index.shape)] if is_array(value) and value.ndim else \
        asarray(value, None, x).astype(x.dtype)
    if accumulate:
        accumulate.at(xp.atleast_1d(x), full, value)
    else:
        xp.atleast_1d(x)[full] = value


def check_scatter(x: ndarray, index: ndarray, src: Any, dim: int) -> None:
    if index.dtype not in (xp.int64, xp.int32):
        raise RuntimeError("scatter(): Expected dtype int32/int64 for index")
    many = is_array(src)
    if many and src.dtype != x.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    if many and max(index.ndim, 1) != max(src.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(n > most for d, (n, most) in enumerate(zip(index.shape, x.shape, strict=False)) if d != dim) or (
            many and any(n > most for n, most in zip(index.shape, src.shape, strict=False))):
        more = f" and to be no larger size than src {size_text(src.shape)}" if many else ""
        raise RuntimeError(f"Expected index {size_text(index.shape)} to be no larger than self {size_text(x.shape)} "
                           f"apart from dimension {dim}{more}")
    within(x, dim, index)


def _check_fill(x: ndarray, index: ndarray, value: Any, dim: int) -> None:
    if is_array(value) and value.ndim:
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value.ndim} dimension(s).")
    if index.dtype != xp.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    within(x, dim, index, IndexError, negative=True)


def _check_add(x: ndarray, index: ndarray, source: ndarray, dim: int, alpha: Any) -> None:
    if index.ndim > 1:
        raise IndexError(f"index_add_(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
                         f"{BY_NP[index.dtype].code} and size: {size_text(index.shape)}")
    if index.dtype not in (xp.int64, xp.int32):
        raise RuntimeError(f"index_add_(): Expected dtype int32/int64 for index but got: {BY_NP[index.dtype].code}")
    if x.dtype != source.dtype:
        raise RuntimeError(f"index_add_(): self ({BY_NP[x.dtype].code}) and source ({BY_NP[source.dtype].code}) must "
                           "have the same scalar type")
    if source.ndim and source.ndim == x.ndim and index.size != source.shape[dim]:
        raise RuntimeError(f"index_add_(): Number of indices ({index.size}) should be equal to source.size(dim): "
                           f"({source.shape[dim]}), for dim: {dim}")
    if (x.ndim and source.shape[:dim] + source.shape[dim + 1:] != x.shape[:dim] + x.shape[dim + 1:]) or (
            x.ndim and source.ndim != x.ndim and source.ndim):
        raise RuntimeError("source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                           f"self.shape = {size_text(x.shape)} source.shape = {size_text(source.shape)}")
    within(x, dim, index)


def _check_copy(x: ndarray, index: ndarray, source: ndarray, dim: int) -> None:
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    if index.dtype != xp.int64:
        raise RuntimeError(f"index_copy_(): Expected a long tensor for index, but got {BY_NP[index.dtype].code}")
    if x.dtype != source.dtype:
        raise RuntimeError("index_copy_(): self and source expected to have the same dtype, but got (self) "
                           f"{BY_NP[x.dtype].code} and (source) {BY_NP[source.dtype].code}")
    if x.ndim and source.ndim:
        here, there = (a.shape[:dim] + a.shape[dim + 1:] for a in (x, source))
        if here != there:
            raise RuntimeError("index_copy_(): Source/destination tensor must have same slice shapes. Destination "
                               f"slice shape: {' '.join(map(str, here))} at dimension {dim} and source slice shape: "
                               f"{' '.join(map(str, there))} at dimension {dim}.")
        if index.size != source.shape[dim]:
            raise IndexError(f"index_copy_(): Number of indices ({index.size}) should be equal to source.size(dim) "
                             f"({source.shape[dim]})")
    within(x, dim, index, IndexError, "index_copy_(): ")


def _rows_of(write_rows: Any, check: Any) -> Any:
    """A forward in place that writes the rows ``index`` names; ``write_rows(x, rows, value, *rest)`` does it."""
    def forward(x: ndarray, index: ndarray, value: Any, dim: int, *rest: Any) -> None:
        check(x, index, value, dim, *rest)
        write_rows(xp.atleast_1d(x), _rows(dim, index), value, *rest)

    return forward


def _added(x: ndarray, rows: Any, source: ndarray, alpha: Any) -> None:
    xp.add.at(x, rows, source if alpha == 1 else source * asarray(alpha, None, source).astype(source.dtype))


def both(name: str, forward: Any, node: str, rule: Any, saves: str = "", inputs: str = "self",
         key: str = "") -> tuple[Op, Op]:
    """The row of what ``forward`` writes in place, and the row of the same on a copy."""
    def copied(x: ndarray, *rest: Any) -> ndarray:
        out = x.copy()
        forward(out, *rest)
        return out

    key = key or name
    return (op(name + "_", forward, node, rule, saves, inputs, key=key + "_"),
            op(name, copied, node, rule, saves, inputs, key=key))


INDEX_PUT = both("index_put", _put, "IndexPutBackward0", _index_put, "", "self values")
for _row in INDEX_PUT:
    _row.once = True
SCATTER = both("scatter", _scatter_of, "ScatterBackward0", _scatter, "index", "self index src")
SCATTER_NUMBER = both("scatter", _scatter_of, "ScatterBackward1", _scatter, "index", "self index",
                      "scatter.number")
SCATTER_WITH = both("scatter", _scatter_of, "NotImplemented", no_derivative("scatter"), "", "self index src",
                    "scatter.with")
SCATTER_NUMBER_WITH = both("scatter", _scatter_of, "NotImplemented", no_derivative("scatter"), "", "self index",
                           "scatter.number_with")
SCATTER_ADD = both("scatter_add", _scatter_of, "ScatterAddBackward0", _scatter, "index", "self index src")
def _set_rows(x: ndarray, rows: Any, value: Any) -> None:
    x[rows] = value


_filled = _rows_of(_set_rows, _check_fill)
INDEX_FILL = both("index_fill", _filled, "IndexFillBackward0", _index_fill, "index", "self index")
INDEX_FILL_TENSOR = both("index_fill", _filled, "IndexFillBackward1", _index_fill, "index", "self index value",
                         "index_fill.tensor")
INDEX_ADD = both("index_add", _rows_of(_added, _check_add), "IndexAddBackward0", _index_add, "index source",
                 "self index source")
INDEX_COPY = both("index_copy", _rows_of(_set_rows, _check_copy), "IndexCopyBackward0", _index_copy, "index",
                  "self index source")
Call = tuple[tuple[Op, Op], tuple[Any, ...], tuple[Any, ...], str, Any]
"""What a method was asked: both rows, the tensors beside itself, the arguments, their text, and what the node keeps."""


# --- functions -------------------------------------------------------------------------------------------------------
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Call:
    for i, entry in enumerate(indices):
        if not isinstance(entry, Tensor | None):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(entry).__name__}")
    if values._array.dtype != input._array.dtype:
        raise RuntimeError("Index put requires the source and destination dtypes match, got "
                           f"{input.dtype.code} for the destination and {values.dtype.code} for the source.")
    full = tuple(slice(None) if i is None else array_index(i) for i in indices)
    return INDEX_PUT, (values,), (full, accumulate), "accumulate=True" if accumulate else "", None


REDUCE: dict[Any, Any] = {None: None, "add": xp.add, "multiply": xp.multiply}


def _scatter_call(rows: Any, input: Any, dim: int, index: Any, src: Any, by: Any) -> Call:
    d = dimension(dim, input._array.ndim)
    if isinstance(src, Tensor):
        return rows, (index, src), (d, by), f"dim={dim}", (d, by)
    return rows, (index,), (src, d, by), f"dim={dim}, {src}", (d, by)


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None) -> Call:
    if reduce not in REDUCE:
        raise RuntimeError("reduce argument must be either add or multiply.")
    src = value if src is None else src
    tensor = isinstance(src, Tensor)
    rows = (SCATTER_NUMBER, SCATTER, SCATTER_NUMBER_WITH, SCATTER_WITH)[tensor + 2 * (reduce is not None)]
    return _scatter_call(rows, input, dim, index, src, REDUCE[reduce])


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Call:
    return _scatter_call(SCATTER_ADD, input, dim, index, src, xp.add)


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Call:
    d = dimension(dim, input._array.ndim)
    if isinstance(value, Tensor):
        return INDEX_FILL_TENSOR, (index, value), (d,), f"dim={dim}", d
    return INDEX_FILL, (index,), (fitted(value, input._array.dtype), d), f"dim={dim}", d


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Call:
    d = dimension(dim, input._array.ndim)
    return INDEX_ADD, (index, source), (d, alpha), f"dim={dim}", None


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Call:
    d = dimension(dim, input._array.ndim)
    here, there = input._array.ndim, source._array.ndim
    if here and there and here != there:
        raise IndexError("index_copy_(): When source and destination are not scalars, their dimensionality must match. "
                         f"Source dimensionality ({there}), destination dimensionality ({here})")
    return INDEX_COPY, (index, source), (d,), f"dim={dim}", d


def _as(name: str, function: Any, read: Any) -> Any:
    """The function under a name, with the arguments that ``read`` takes."""
    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__signature__ = read.__doc__, inspect.signature(read)
    return function


def both_ways(read: Any) -> dict[str, Any]:
    """What a reader of arguments gives: the function that works on a copy, and the method that writes."""
    def function(input: Any, *args: Any, **named: Any) -> Any:
        rows, others, values, text, keep = read(input, *args, **named)
        return run(rows[1], (input, *others), values, text, keep)

    def method(self: Any, *args: Any, **named: Any) -> Any:
        rows, others, values, text, keep = read(self, *args, **named)
        return write(rows[0], self, others, values, text, keep)

    name = read.__name__
    return {name: _as(name, function, read), name + "_": _as(name + "_", method, read)}


METHODS: dict[str, Any] = {}
for _read in (index_put, index_fill, index_add, index_copy, scatter, scatter_add):
    METHODS |= both_ways(_read)
FUNCTIONS: dict[str, Any] = {name: f for name, f in METHODS.items() if not name.endswith("_")}
