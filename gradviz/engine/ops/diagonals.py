"""Diagonals: parts of matrices, and matrices made of them."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import op, run, write
from gradviz.engine.xp import beside, ndarray, xp


def _embed(x: ndarray, offset: int, a: int, b: int) -> ndarray:
    n = x.shape[-1] + abs(offset)
    size = list(x.shape[:-1])
    for d in sorted((a, b)):
        size.insert(d, n)
    out = xp.zeros(tuple(size), x.dtype, like=beside(x))
    out[shape.diagonal_index(out.shape, offset, a, b)] = x
    return out


def _embedded(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.take(g, shape.diagonal_index(ns.plain(g).shape, *ctx.args))


def _trace(ns: Any, ctx: Any, g: Any) -> Any:
    at = xp.arange(min(ctx.input_shape()))
    return ns.put(ns.expand(g, (len(at),)), ctx.input_shape(), (at, at))


def _scattered(ns: Any, ctx: Any, g: Any) -> Any:
    index = shape.diagonal_index(ns.plain(g).shape, *ctx.args)
    return ns.masked(g, index), ns.take(g, index)


def _scatter(x: ndarray, src: ndarray, *place: int) -> ndarray:
    out = x.copy()
    index = shape.diagonal_index(x.shape, *place)
    out[index] = src
    return out


TRIU = op("triu", lambda x, d: xp.triu(x, d), "TriuBackward0", lambda ns, ctx, g: ns.tri(g, ctx.args[0], True))
TRIL = op("tril", lambda x, d: xp.tril(x, d), "TrilBackward0", lambda ns, ctx, g: ns.tri(g, ctx.args[0], False))
TRIU_ = op("triu_", lambda x, d: x.__setitem__(..., xp.triu(x, d)), "TriuBackward0", TRIU.node.rule)  # type: ignore[union-attr]
TRIL_ = op("tril_", lambda x, d: x.__setitem__(..., xp.tril(x, d)), "TrilBackward0", TRIL.node.rule)  # type: ignore[union-attr]
TRACE = op("trace", lambda x: xp.diagonal(x).sum(dtype=xp.int64 if x.dtype.kind in "iub" else x.dtype),
           "TraceBackward0", _trace)
DIAG = op("diag", lambda x, o, a, b: xp.diagonal(x, o).copy(), "DiagonalBackward0_copy", shape._diagonal)
DIAG_EMBED = op("diag_embed", _embed, "DiagEmbedBackward0", _embedded)
DIAGONAL_SCATTER = op("diagonal_scatter", _scatter, "DiagonalScatterBackward0", _scattered, "", "self src")


def _triangle(row: Any) -> Any:
    def function(input: Any, diagonal: int = 0) -> Any:
        if input._array.ndim < 2:
            raise RuntimeError(f"{row.name}: input tensor must have at least 2 dimensions")
        return run(row, (input,), (diagonal,), words(diagonal=diagonal or None))

    return function


def _triangle_(row: Any) -> Any:
    return lambda self, diagonal=0: write(row, self, (), (diagonal,), words(diagonal=diagonal or None))


def trace(input: Any) -> Any:
    """The sum of the diagonal."""
    if input._array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input._array.ndim}")
    return run(TRACE, (input,))


def diag(input: Any, diagonal: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix of a diagonal."""
    n = input._array.ndim
    if n not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {n}D")
    if n == 1:
        return diag_embed(input, diagonal)
    return run(DIAG, (input,), (diagonal, 0, 1), words(diagonal=diagonal or None))


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices with the last dimension of ``input`` on their diagonals."""
    n = input._array.ndim + 1
    a, b = dimension(dim1, n), dimension(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return run(DIAG_EMBED, (input,), (offset, a, b), words(offset=offset or None))


def diagflat(input: Any, offset: int = 0) -> Any:
    return diag_embed(shape.reshape(input, -1), offset)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy with another diagonal."""
    n = input._array.ndim
    place = offset, dimension(dim1, n), dimension(dim2, n)
    size = xp.diagonal(input._array, *place).shape
    if size != src._array.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self. src size = "
                           f"{list(src._array.shape)}, slice size = {list(size)}")
    return run(DIAGONAL_SCATTER, (input, src), place, words(offset=offset or None))


FUNCTIONS: dict[str, Any] = {
    "triu": _triangle(TRIU), "tril": _triangle(TRIL), "trace": trace, "diag": diag, "diag_embed": diag_embed,
    "diagflat": diagflat, "diagonal_scatter": diagonal_scatter,
}
METHODS: dict[str, Any] = FUNCTIONS | {"triu_": _triangle_(TRIU_), "tril_": _triangle_(TRIL_)}
