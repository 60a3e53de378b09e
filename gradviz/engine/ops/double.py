"""The namespace that rules run in under ``create_graph``: the functions of ``autograd.namespaces``, on tensors."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.namespaces import _expected, graph, raw
from gradviz.engine.ops import (
    binary,
    complex,
    diagonals,
    index,
    join,
    linalg,
    matrix,
    moved,
    pointwise,
    reduce,
    scans,
    shape,
    solve,
    special,
    unary,
)
from gradviz.engine.ops.build import op, run
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, beside, filled, xp

U = unary.FUNCTIONS


def const(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else make(asarray(value), Cell())


def fit(share: Any, node: Any, slot: int) -> Any:
    expected, dtype = _expected(node, slot)
    share = const(share)
    if share._array.shape != expected:
        share = sum_to(share, expected)
    if share._array.dtype == dtype:
        return share
    return (share if dtype.kind == "c" else complex.real(share)).to(_dtype(dtype))


def _dtype(np_type: Any) -> Any:
    from gradviz.engine.dtypes import BY_NP

    return BY_NP[xp.dtype(np_type)]


def sum_to(t: Any, to: tuple[int, ...]) -> Any:
    have = t._array.shape
    extra = len(have) - len(to)
    dims = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(to) if n == 1 and have[i + extra] != 1)
    if dims:
        t = reduce.FUNCTIONS["sum"](t, dims, True)
    return shape.reshape(t, to) if extra else t


def _sum(t: Any, dims: Any, keepdim: bool = False) -> Any:
    return reduce.FUNCTIONS["sum"](t, dims if dims is None or isinstance(dims, int) else tuple(dims), keepdim)


def _mean(t: Any, dims: Any) -> Any:
    return reduce.FUNCTIONS["mean"](t, tuple(range(t._array.ndim)) if dims is None else dims, True)


def _unsqueeze(t: Any, dims: Any) -> Any:
    named = dims if isinstance(dims, tuple) else (dims,)
    n = t._array.ndim + len(named)
    for d in sorted(d % n for d in named):
        t = shape.unsqueeze(t, d)
    return t


def _where(condition: Any, a: Any, b: Any) -> Any:
    return pointwise.where(const(condition), a, b)


PUT = op("put", lambda g, s, i: raw.put(g, s, i), "PutBackward", lambda ns, ctx, g: ns.take(g, ctx.args[1]),
         key="graph.put")
PUT_ADD = op("put", lambda g, s, i: raw.put_add(g, s, i), "PutBackward", PUT.node.rule,  # type: ignore[union-attr]
             key="graph.put_add")
TAKE = op("index", lambda x, i: raw.take(x, i), "IndexBackward0", lambda ns, ctx,
          g: ns.put_add(g, ctx.input_shape(), ctx.args[0]),
          key="graph.take")
MASKED = op("index_fill", lambda g, i: raw.masked(g, i), "IndexFillBackward0", lambda ns, ctx,
            g: ns.masked(g, *ctx.args),
            key="graph.masked")
PUT_ALONG = op("scatter_add", lambda g, s, i, d: raw.put_along(g, s, i, d), "ScatterAddBackward0",
               lambda ns, ctx, g: ns.along(g, ctx.args[1], ctx.args[2]), key="graph.put_along")
ALONG = op("gather", lambda x, i, d: raw.along(x, i, d), "GatherBackward0",
           lambda ns, ctx, g: ns.put_along(g, ctx.input_shape(), *ctx.args), key="graph.along")
UNSTRIDED = op("as_strided_scatter", lambda g, *a: raw.unstrided(g, *a), "AsStridedScatterBackward0",
               lambda ns, ctx, g: ns.strided(g, ctx.shape_in, *ctx.args[1:]), key="graph.unstrided")


def _unstrided(g: Any, base_shape: Any, strides: Any, offset: int, base: Any) -> Any:
    """As a sum over an index: differentiable by indexing."""
    positions = _positions(g._array.shape, strides, offset)
    flat_index = _flat_index(base_shape, base)
    # memory position -> index in the (contiguous) gradient of the base
    lookup = xp.full(int(positions.max(initial=0)) + 1 if positions.size else 1, 0)
    inside = flat_index.reshape(-1)
    lookup = xp.zeros(max(int(inside.max(initial=0)), int(positions.max(initial=0))) + 1, xp.int64)
    lookup[inside] = xp.arange(inside.size)
    where_to = lookup[positions]
    n = 1
    for size in base_shape:
        n *= size
    return shape.reshape(run(PUT_ADD, (g,), ((n,), (where_to,))), base_shape)


def _positions(size: Any, strides: Any, offset: int) -> Any:
    out = asarray(offset)
    for n, s in zip(size, strides, strict=True):
        out = xp.expand_dims(out, -1) + xp.arange(n) * s
    return out


def _flat_index(size: Any, strides: Any) -> Any:
    return _positions(size, strides, 0)


def _split_slice(g: Any, size: Any, strides: Any, offset: int, base: Any) -> Any:
    inside = _flat_index(g._array.shape, base).reshape(-1)
    positions = _positions(size, strides, offset)
    lookup = xp.zeros(max(int(inside.max(initial=0)), int(positions.max(initial=0))) + 1, xp.int64)
    lookup[inside] = xp.arange(inside.size)
    flat = shape.reshape(g, (-1,)) if g._array.size else shape.reshape(g, (0,))
    return shape.clone(g), run(TAKE, (flat,), ((lookup[positions],),))


def _put_slice(whole: Any, part: Any, size: Any, strides: Any, offset: int, base: Any) -> None:
    inside = _flat_index(whole._array.shape, base).reshape(-1)
    positions = _positions(size, strides, offset)
    lookup = xp.zeros(max(int(inside.max(initial=0)), int(positions.max(initial=0))) + 1, xp.int64)
    lookup[inside] = xp.arange(inside.size)
    at = xp.unravel_index(lookup[positions], whole._array.shape) if whole._array.ndim else ()
    value = 0 if part is None else part
    index.setitem(whole, tuple(make(asarray(i), Cell()) for i in at) if at else Ellipsis, value)


def _exclusive(rows: Any) -> Any:
    """Products of the elements before each one along the last dimension."""
    one = make(xp.ones((*rows._array.shape[:-1], 1), rows._array.dtype), Cell())
    return scans.FUNCTIONS["cumprod"](join.cat([one, rows[..., :-1]], -1), -1)


def _others(a: Any, dims: Any) -> Any:
    n = a._array.ndim
    axes = tuple(range(n)) if dims is None else tuple(dims)
    rest = tuple(d for d in range(n) if d not in axes)
    moved = shape.permute(a, rest + axes)
    rows = shape.reshape(moved, (*[a._array.shape[d] for d in rest], -1))
    after = moved.flip(_exclusive(moved.flip(rows, -1)), -1)
    out = shape.reshape(_exclusive(rows) * after, moved._array.shape)
    return shape.permute(out, tuple(sorted(range(n), key=(rest + axes).__getitem__)))


def _cumprod_zeros(g: Any, a: Any, dim: int) -> Any:
    x, upstream = shape.movedim(a, dim, -1), shape.movedim(g, dim, -1)
    parts = []
    for i in range(x._array.shape[-1]):
        at = make(xp.arange(x._array.shape[-1]) == i, Cell())
        terms = scans.FUNCTIONS["cumprod"](_where(at, 1.0, x), -1) * upstream
        parts.append(_sum(terms[..., i:], -1))
    return shape.movedim(join.stack(parts, -1), -1, dim)


def _cat(parts: Any, dim: int) -> Any:
    return join.cat(parts, dim)


graph.__class__ = type("Graph", (), {name: staticmethod(f) for name, f in {
    "exp": U["exp"], "log": U["log"], "sin": U["sin"], "cos": U["cos"], "sinh": U["sinh"], "cosh": U["cosh"],
    "tanh": U["tanh"], "sqrt": U["sqrt"], "conj": complex.conj,
    "sign": lambda t: (special.FUNCTIONS["sgn"] if t._array.dtype.kind == "c" else U["sign"])(t), "abs": U["abs"],
    "where": _where,
    "without": lambda g, gone: _where(gone, 0, g),
    "sigmoid": U["sigmoid"], "log1p": U["log1p"], "erf": special.FUNCTIONS["erf"],
    "maximum": binary.OPERATORS["maximum"], "minimum": binary.OPERATORS["minimum"], "matmul": linalg.matmul,
    "flip": moved.flip, "solid": const, "fit": fit, "const": const, "plain": lambda t: t._array,
    "apply": lambda row, inputs, *args: run(row, inputs, args),
    "zeros": lambda s, like: make(xp.zeros(s, like._array.dtype, like=beside(like._array)), Cell()),
    "full": lambda s, v, like: make(filled(s, v, like._array.dtype, like=beside(like._array)), Cell()),
    "cast": lambda t, dtype: t.to(_dtype(dtype)), "sum": _sum, "mean": _mean,
    "cumsum": scans.FUNCTIONS["cumsum"], "expand": shape.expand, "reshape": shape.reshape, "unsqueeze": _unsqueeze,
    "permute": shape.permute, "t": shape.t, "swap": lambda t: shape.transpose(t, -2, -1), "swapaxes": shape.transpose,
    "roll": moved.roll, "cross": lambda a, b, dim: matrix.linalg_cross(a, b, dim=dim),
    "take": lambda t, i: run(TAKE, (t,), (i,)), "put": lambda g, s, i: run(PUT, (g,), (s, i)),
    "put_add": lambda g, s, i: run(PUT_ADD, (g,), (s, i)), "masked": lambda g, i: run(MASKED, (g,), (i,)),
    "cat": _cat, "stack": join.stack, "along": lambda t, i, d: run(ALONG, (t,), (i, d)),
    "put_along": lambda g, s, i, d: run(PUT_ALONG, (g,), (s, i, d)),
    "tri": lambda t, d, upper: (t.triu if upper else t.tril)(d),
    "unstrided": _unstrided, "others": _others, "cumprod_zeros": _cumprod_zeros, "split_slice": _split_slice,
    "put_slice": _put_slice,
    "inv": solve.inv, "solve": solve.solve, "matrix_exp": solve.matrix_exp, "diag_embed": diagonals.diag_embed,
    "solve_triangular": lambda a, b, upper, unit=False: solve.solve_triangular(a, b, upper=upper, unitriangular=unit),
    "diag": lambda t: shape.diagonal(t, 0, -2, -1), "adjoint": lambda t: complex.conj(shape.transpose(t, -2, -1)),
}.items()})
