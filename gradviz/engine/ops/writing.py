"""Writing where an index says, into the tensor itself or into a copy: index_add, scatter and their like."""

from __future__ import annotations

import inspect
from typing import Any

from gradviz.engine.autograd.namespaces import along_axis
from gradviz.engine.ops.args import dimension
from gradviz.engine.ops.binary import no_derivative
from gradviz.engine.ops.build import Op, op, run, write
from gradviz.engine.ops.data import fitted
from gradviz.engine.ops.scatter import _index_put, _lined, _put, _rows, array_index
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
    index = xp.atleast_1d(index)
    full = along_axis(index, dim)
    value = value[tuple(slice(n) for n in index.shape)] if is_array(value) and value.ndim else \
        asarray(value, None, x).astype(x.dtype)
    if accumulate:
        accumulate.at(xp.atleast_1d(x), full, value)
    else:
        xp.atleast_1d(x)[full] = value


def _rows_of(write_rows: Any) -> Any:
    """A forward in place that writes the rows ``index`` names; ``write_rows(x, rows, value, *rest)`` does it."""
    def forward(x: ndarray, index: ndarray, value: Any, dim: int, *rest: Any) -> None:
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
_filled = _rows_of(lambda x, rows, value: x.__setitem__(rows, value))
INDEX_FILL = both("index_fill", _filled, "IndexFillBackward0", _index_fill, "index", "self index")
INDEX_FILL_TENSOR = both("index_fill", _filled, "IndexFillBackward1", _index_fill, "index", "self index value",
                         "index_fill.tensor")
INDEX_ADD = both("index_add", _rows_of(_added), "IndexAddBackward0", _index_add, "index source", "self index source")
INDEX_COPY = both("index_copy", _filled, "IndexCopyBackward0", _index_copy, "index", "self index source")
Call = tuple[tuple[Op, Op], tuple[Any, ...], tuple[Any, ...], str, Any]
"""What a method was asked: both rows, the tensors beside itself, the arguments, their text, and what the node keeps."""


# --- functions -------------------------------------------------------------------------------------------------------
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Call:
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
