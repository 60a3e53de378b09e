"""Norms, and what is told by singular values: rank, condition, the pseudo-inverse, least squares."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import HALVES, INEXACT
from gradviz.engine.errors import size_text
from gradviz.engine.ops import reduce, shape
from gradviz.engine.ops.args import dimension, dimensions, words
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.ops.decomposition import SVD, eigh
from gradviz.engine.ops.matrices import floats, square
from gradviz.engine.ops.returns import returned
from gradviz.engine.ops.solve import inv_ex
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, hosted, ndarray, xp

INF = float("inf")


# --- rules -----------------------------------------------------------------------------------------------------------
def _pinv(ns: Any, ctx: Any, g: Any, result: Any, self: Any) -> Any:
    """Source: G. Golub and V. Pereyra, The Differentiation of Pseudo-Inverses, 1973."""
    (m, n), turned, gh = ns.plain(self).shape[-2:], ns.adjoint(result), ns.adjoint(g)
    if m <= n:
        k = gh @ result
        kp = k @ turned
        return -ns.adjoint(result @ k) + kp - (self @ result) @ kp + (turned @ result) @ (gh - k @ self)
    k = result @ gh
    pk = turned @ k
    return -ns.adjoint(k @ result) + (gh - self @ k) @ result @ turned + pk - (pk @ result) @ self


def _lstsq(ns: Any, ctx: Any, g: Any, a: Any, b: Any) -> Any:
    inverse = pinv(a) if isinstance(a, Tensor) else _pinv_of(a, None)
    first = _pinv(ns, ctx, g @ ns.adjoint(b), inverse, a) if ctx.needs(0) else None
    return first, (ns.adjoint(inverse) @ g if ctx.needs(1) else None)


# --- forwards --------------------------------------------------------------------------------------------------------
def _pinv_of(a: ndarray, cut: Any, hermitian: bool = False) -> Any:
    rtol = xp.finfo(a.dtype).eps * max(a.shape[-2:]) if cut is None else cut
    return xp.linalg.pinv(a, rcond=rtol, hermitian=hermitian).astype(a.dtype, copy=False)


def _lstsq_of(a: ndarray, b: ndarray, rcond: Any) -> Any:
    batch = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    (m, n), k = a.shape[-2:], b.shape[-1]
    a, b = xp.broadcast_to(a, (*batch, m, n)), xp.broadcast_to(b, (*batch, m, k))
    out, rank = xp.zeros((*batch, n, k), a.dtype), xp.zeros(batch, xp.int64)
    cut = xp.finfo(a.dtype).eps * max(m, n) if rcond is None else rcond
    for i in xp.ndindex(*batch):
        out[i], _, rank[i], _ = xp.linalg.lstsq(a[i], b[i], cut)
    return out, rank


PINV = op("pinv", _pinv_of, "LinalgPinvBackward0", _pinv, "result self")
LSTSQ = op("lstsq", _lstsq_of, "LinalgLstsqBackward0", _lstsq, "self b", "self b")

# --- functions -------------------------------------------------------------------------------------------------------
Lstsq = returned("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


def _cast(name: str, x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.to(dtype)


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of the elements over dimensions, or of all."""
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    x, p = _cast("linalg.vector_norm", x, dtype), float(ord)
    if x._array.dtype.char not in INEXACT:
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                           f"{x.dtype.code}")
    dims = None if dim is None else dimensions(dim, x._array.ndim) if x._array.ndim else dimensions(dim, 0)[:0]
    if (p < 0 or p == INF) and not reduce.count(x._array.shape, dims):
        text = "inf" if p == INF else f"{p:g}"
        if dims is None:
            raise RuntimeError(f"linalg.vector_norm cannot compute the {text} norm on an empty tensor because the "
                               "operation does not have an identity")
        raise RuntimeError(f"linalg.vector_norm cannot compute the {text} norm on the dimension "
                           f"{next(d for d in dims if not x._array.shape[d])} because this dimension is empty and the "
                           "operation does not have an identity")
    return run(reduce.NORM, (x,), (dims, keepdim, p), words(ord=None if p == 2 else ord, dim=dim, keepdim=keepdim))


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A norm of matrices: fro, nuc, or 1, 2, inf and their negatives."""
    A = _cast("linalg.matrix_norm", A, dtype)
    if A._array.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    floats("linalg.matrix_norm", A)
    pair = tuple(dim)
    if len(pair) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, pair))}")
    n = A._array.ndim
    rows, columns = (dimension(d, n) for d in pair)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({pair[0]}, {pair[1]})")
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
        size: Any = ord
    else:
        size = float(ord)
        if abs(size) not in (1, 2, INF):
            raise RuntimeError(f"linalg.matrix_norm: Order {ord:g} not supported.")
    if A._array.dtype.char in HALVES and (size == "nuc" or size in (2, -2)):
        raise RuntimeError(f"linalg.matrix_norm: Low precision dtypes not supported. Got {A.dtype.code}")
    with observe.composite("matrix_norm", (A,), words(ord=None if ord == "fro" else ord)) as event:
        if size == "fro":
            return event(vector_norm(A, 2, (rows, columns), keepdim))
        if size == "nuc" or abs(size) == 2:
            rest = [d for d in range(n) if d not in (rows, columns)]
            values = run(SVD, (shape.permute(A, [*rest, rows, columns]),), (False,))[1]
            out = reduce.FUNCTIONS["sum"](values, -1, keepdim) if size == "nuc" else _extreme(values, -1, size, keepdim)
            if keepdim:
                back = sorted(range(n), key=[*rest, rows, columns].__getitem__)
                out = shape.permute(shape.unsqueeze(out, -1), back)
            return event(out)
        along, over = (rows, columns) if abs(size) == 1 else (columns, rows)
        over -= 0 if keepdim or over < along else 1
        return event(_extreme(vector_norm(A, 1, along, keepdim), over, size, keepdim))


def _extreme(values: Any, dim: int, order: float, keepdim: bool) -> Any:
    return reduce.FUNCTIONS["amax" if order > 0 else "amin"](values, dim, keepdim)


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A vector's norm or a matrix's, by the number of dimensions."""
    n = A._array.ndim
    if dim is not None:
        dims = tuple(dim) if isinstance(dim, tuple | list) else (dim,)
        if ord is not None and len(dims) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {size_text(dims)}")
    elif ord is not None:
        if isinstance(ord, str) and n < 2:
            raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
        if n not in (1, 2):
            raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                               f"{n}D.")
        dims = tuple(range(n))
    else:
        return vector_norm(A, 2, None, keepdim, dtype=dtype)
    if ord is not None and (len(dims) == 2 or isinstance(ord, str)):
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dims if dim is not None else None, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Any:
    """By how much the solution of an equation with ``A`` may move."""
    if p is None or p in (2, -2):
        values = run(SVD, (A,), (False,))[1]
        if not A._array.size:
            return A.new_zeros(A._array.shape[:-2])
        first, last = values[..., :1], values[..., -1:]
        return shape.squeeze(last / first if p == -2 else first / last, -1)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    square(f"linalg.cond(ord={p})", A)
    if p == "nuc":
        values = run(SVD, (A,), (False,))[1]
        return values.sum(-1) * values.reciprocal().sum(-1)
    inverse, info = inv_ex(A)
    inverse = inverse.masked_fill_((info > 0)[..., None, None], INF)
    return (matrix_norm(A, p) * matrix_norm(inverse, p)).nan_to_num(INF, INF, -INF)


def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """The pseudo-inverse."""
    if A._array.ndim < 2 or A._array.dtype.char not in INEXACT:
        raise RuntimeError(f"linalg.pinv({A.dtype.legacy}{{{size_text(A._array.shape)}}}): expected a tensor with 2 or "
                           "more dimensions of float, double, cfloat or cdouble types")
    cut = rcond if rtol is None else rtol
    if isinstance(cut, Tensor):
        cut = cut._array
    if atol is not None:  # NumPy knows relative limits only
        top = xp.linalg.svd(hosted(A._array), compute_uv=False).max(axis=-1, initial=0)
        limit = atol._array if isinstance(atol, Tensor) else atol
        cut = xp.maximum(0 if cut is None else cut, limit / xp.where(top == 0, 1, top))
    return run(PINV, (A,), (cut, hermitian), words(hermitian=hermitian))


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """How many singular values are not nearly zero."""
    if A._array.ndim < 2:
        raise RuntimeError("torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions.")
    floats("linalg.matrix_rank", A)
    with observe.muted():
        values = eigh(A.detach())[0].abs() if hermitian else run(SVD, (A.detach(),), (False,))[1]
    array = hosted(values._array)
    absolute, relative = (hosted(t._array) if isinstance(t, Tensor) else t
                          for t in (tol if atol is None else atol, rtol))
    top = array.max(axis=-1, initial=0)
    if relative is None:
        relative = 0 if absolute is not None else xp.finfo(array.dtype).eps * max(A._array.shape[-2:])
    limit = xp.maximum(0 if absolute is None else absolute, relative * top)
    row = op("matrix_rank", lambda x: asarray((array > xp.asarray(limit)[..., None]).sum(axis=-1), None, x),
             key="matrix_rank")
    return run(row, (A,))


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> Any:
    """``X`` that brings ``A @ X`` nearest to ``B``."""
    if not isinstance(B, Tensor):
        raise not_a_tensor("linalg_lstsq", "b", 1, B)
    if A._array.ndim < 2:
        raise RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    vector = B._array.ndim == A._array.ndim - 1
    if A._array.shape[-2] != B._array.shape[-1 if vector else -2]:
        raise RuntimeError(f"torch.linalg.lstsq: input.size(-2) should match other.size({-1 if vector else -2})")
    matrix = shape.unsqueeze(B, -1) if vector else B
    solution, rank = run(LSTSQ, (A, matrix), (rcond,))
    (m, n), nothing = A._array.shape[-2:], A.detach().new_zeros(0)
    residuals = nothing
    if m > n and (rank._array == n).all() and driver not in (None, "gelsy"):
        with observe.muted():
            residuals = (A.detach() @ solution.detach() - matrix.detach()).pow(2).sum(-2)
    solution = shape.squeeze(solution, -1) if vector else solution
    return Lstsq(solution, residuals, rank, nothing)


FUNCTIONS: dict[str, Any] = {"pinverse": lambda input, rcond=1e-15: pinv(input, rcond)}
METHODS: dict[str, Any] = dict(FUNCTIONS)
