"""Square systems: inverses, determinants and solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.errors import LinAlgError, warn
from gradviz.engine.ops import pointwise, shape
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.ops.matrices import first_zero, incompatible, singular, square, together, zero_pivot
from gradviz.engine.ops.returns import returned
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _inv(ns: Any, ctx: Any, g: Any, inverse: Any) -> Any:
    turned = ns.adjoint(inverse)
    return -(turned @ (g @ turned))


def _det(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    scaled = ns.unsqueeze(g * result, (-1, -2))
    if ns is not raw or (ns.plain(result) != 0).all():
        return scaled * ns.swap(ns.inv(self))
    # A matrix without an inverse has cofactors all the same: from its singular values.
    u, s, v = xp.linalg.svd(self)
    weights = raw.others(s, (-1,)) * (xp.linalg.det(u) * xp.linalg.det(v))[..., None]
    return g[..., None, None] * ((u.conj() * weights[..., None, :]) @ v.conj())


def _slogdet(ns: Any, ctx: Any, g: Any, self: Any, sign: Any) -> Any:
    if g[1] is None:
        return ns.zeros(ctx.input_shape(), self)
    return ns.unsqueeze(g[1], (-1, -2)) * ns.adjoint(ns.inv(self))


def _columns(ns: Any, vector: bool, *values: Any) -> Any:
    """Vectors as matrices of one column."""
    return [ns.unsqueeze(v, (-1,)) if vector else v for v in values]


def _solve(ns: Any, ctx: Any, g: Any, a: Any, result: Any) -> Any:
    left, vector = ctx.args
    g, x = _columns(ns, vector, g, result)
    if left:
        second = ns.solve(ns.adjoint(a), g)
        first = -(second @ ns.adjoint(x))
    else:
        second = ns.adjoint(ns.solve(a, ns.adjoint(g)))
        first = -(ns.adjoint(x) @ second)
    return first, (ns.sum(second, -1) if vector else second)


def _solve_triangular(ns: Any, ctx: Any, g: Any, result: Any, a: Any) -> Any:
    upper, left, unit = ctx.args
    if left:
        second = ns.solve_triangular(ns.adjoint(a), g, not upper, unit)
        first = -(second @ ns.adjoint(result))
    else:
        second = ns.adjoint(ns.solve_triangular(a, ns.adjoint(g), upper, unit))
        first = -(ns.adjoint(result) @ second)
    return ns.tri(first, (1 if upper else -1) if unit else 0, upper), second


def _cholesky_solve(ns: Any, ctx: Any, g: Any, result: Any, input2: Any) -> Any:
    upper, = ctx.args
    first = ns.solve_triangular(input2, ns.solve_triangular(ns.adjoint(input2), g, False), True) if upper else \
        ns.solve_triangular(ns.adjoint(input2), ns.solve_triangular(input2, g, False), True)
    common = first @ ns.adjoint(result)
    common = common + ns.adjoint(common)
    return first, -(input2 @ common if upper else common @ input2)


def _cholesky_inverse(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    upper, = ctx.args
    common = result @ (g + ns.adjoint(g)) @ result
    return -(self @ common if upper else common @ self)


def _matrix_exp(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    """The upper right of the exponential of [[A*, G], [0, A*]]."""
    n = ns.plain(self).shape[-1]
    turned = ns.adjoint(self)
    zero = ns.zeros(ns.plain(self).shape, self)
    dim = ns.plain(self).ndim
    block = ns.cat([ns.cat([turned, g], dim - 1), ns.cat([zero, turned], dim - 1)], dim - 2)
    return ns.take(ns.matrix_exp(block), (Ellipsis, slice(0, n), slice(n, None)))


# --- forwards --------------------------------------------------------------------------------------------------------
def _inv_of(a: ndarray) -> Any:
    try:
        return xp.linalg.inv(a)
    except xp.linalg.LinAlgError:
        batch, pivot = first_zero(a)
        raise singular("linalg.inv", batch, f"The diagonal element {pivot} is zero, the inversion could not be "
                       "completed because the input matrix is singular.") from None


def _each(a: ndarray, one: Callable[[ndarray], ndarray]) -> tuple[ndarray, ndarray]:
    """``one`` of every matrix by itself; what it refuses is NaN and has a 1 in the second result."""
    out, info = xp.full_like(a, xp.nan), xp.zeros(a.shape[:-2], xp.int32)
    for i in xp.ndindex(*a.shape[:-2]):
        try:
            out[i] = one(a[i])
        except (xp.linalg.LinAlgError, LinAlgError):
            info[i] = 1
    return out, info


def _inv_ex_of(a: ndarray) -> Any:
    try:
        return xp.linalg.inv(a), xp.zeros(a.shape[:-2], xp.int32)
    except xp.linalg.LinAlgError:
        out, info = _each(a, xp.linalg.inv)
        for i in zip(*xp.nonzero(info), strict=True) if info.ndim else [()]:
            info[i] = zero_pivot(a[i])
        return out, info


def _det_of(a: ndarray) -> Any:
    return xp.linalg.det(a) if a.shape[-1] else xp.ones(a.shape[:-2], a.dtype)


def _solve_of(a: ndarray, b: ndarray, left: bool, vector: bool) -> Any:
    if vector:
        b = b[..., None]
    try:
        x = xp.linalg.solve(a, b) if left else raw.adjoint(xp.linalg.solve(raw.adjoint(a), raw.adjoint(b)))
    except xp.linalg.LinAlgError:
        raise singular("torch.linalg.solve", first_zero(a)[0],
                       "The solver failed because the input matrix is singular.") from None
    return x[..., 0] if vector else x


def _triangular_of(a: ndarray, b: ndarray, upper: bool, left: bool, unit: bool) -> Any:
    if left:
        return raw.solve_triangular(a, b, upper, unit)
    return raw.adjoint(raw.solve_triangular(raw.adjoint(a), raw.adjoint(b), not upper, unit))


def _cholesky_solve_of(b: ndarray, factor: ndarray, upper: bool) -> Any:
    if upper:
        factor = raw.adjoint(factor)
    return raw.solve_triangular(raw.adjoint(factor), raw.solve_triangular(factor, b, False), True)


def _cholesky_inverse_of(factor: ndarray, upper: bool) -> Any:
    one = xp.broadcast_to(xp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return _cholesky_solve_of(one, factor, upper)


INV = op("inv", _inv_of, "LinalgInvExBackward0", _inv, "inverse", "A", results="inverse")
INV_EX = op("inv_ex", _inv_ex_of, "LinalgInvExBackward0", _inv, "inverse", "A", results="inverse info")
DET = op("det", _det_of, "LinalgDetBackward0", _det, "A result", "A")
SLOGDET = op("slogdet", lambda a: tuple(xp.linalg.slogdet(a)), "LinalgSlogdetBackward0", _slogdet, "A sign", "A", 2,
             results="sign logabsdet")
SOLVE = op("solve", _solve_of, "LinalgSolveExBackward0", _solve, "A result", "A B")
SOLVE_TRIANGULAR = op("solve_triangular", _triangular_of, "LinalgSolveTriangularBackward0", _solve_triangular,
                      "result self", "self B")
CHOLESKY_SOLVE = op("cholesky_solve", _cholesky_solve_of, "CholeskySolveBackward0", _cholesky_solve, "result input2",
                    "self input2")
CHOLESKY_INVERSE = op("cholesky_inverse", _cholesky_inverse_of, "CholeskyInverseBackward0", _cholesky_inverse,
                      "self result")
MATRIX_EXP = op("matrix_exp", raw.matrix_exp, "LinalgMatrixExpBackward0", _matrix_exp, "self")


# --- functions -------------------------------------------------------------------------------------------------------
InvEx = returned("linalg_inv_ex", "inverse", "info")
SLogDet = returned("linalg_slogdet", "sign", "logabsdet")
SLogDetOld = returned("slogdet", "sign", "logabsdet")
SolveEx = returned("linalg_solve_ex", "result", "info")
TriangularSolve = returned("triangular_solve", "solution", "cloned_coefficient")


def inv(A: Any) -> Any:
    """The inverse of a matrix, or of each of a batch."""
    square("linalg.inv", A)
    return run(INV, (A,))


def inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """The inverse, and where there is none: nothing is raised."""
    square("linalg.inv_ex", A)
    out = run(INV_EX, (A,))
    if check_errors and out[1]._array.any():
        batch, pivot = first_zero(A._array)
        raise singular("linalg.inv_ex", batch, f"The diagonal element {pivot} is zero, the inversion could not be "
                       "completed because the input matrix is singular.")
    return InvEx(*out)


def det(A: Any) -> Any:
    """The determinant."""
    square("linalg.det", A)
    return run(DET, (A,))


def slogdet(A: Any) -> Any:
    """The determinant's sign and the logarithm of its size."""
    square("linalg.slogdet", A)
    return SLogDet(*run(SLOGDET, (A,)))


def slogdet_old(input: Any) -> Any:
    return SLogDetOld(*slogdet(input))


def logdet(input: Any) -> Any:
    """The logarithm of the determinant; NaN where that is negative."""
    with observe.composite("logdet", (input,)) as event:
        square("logdet", input)
        sign, size = run(SLOGDET, (input,))
        return event(pointwise.where(sign == -1, float("nan"), size))


def is_vector(a: Any, b: Any) -> bool:
    """Whether ``b`` holds one vector for each matrix of ``a``."""
    return bool(b._array.ndim == 1 or (b._array.ndim == a._array.ndim - 1 and b._array.shape == a._array.shape[:-1]))


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """``X`` of ``A @ X == B`` (of ``X @ A == B`` without ``left``)."""
    square("linalg.solve", A)
    if not isinstance(B, Tensor):
        raise not_a_tensor("linalg_solve", "B", 1, B)
    vector = is_vector(A, B)
    if vector and A._array.dtype == B._array.dtype:
        if B._array.shape[-1] != A._array.shape[-1]:
            raise incompatible("linalg.solve", A._array.shape[-2:], (B._array.shape[-1], 1), left)
        if not left:
            raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for "
                               "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)")
    else:
        together("linalg.solve", A, B, left)
    return run(SOLVE, (A, B), (left, vector), words(left=None if left else "False"))


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    result = solve(A, B, left=left)
    from gradviz.engine.tensor import fresh

    return SolveEx(result, fresh(xp.zeros(A._array.shape[:-2], xp.int32)))


def solve_triangular(A: Any, B: Any, *, upper: Any = None, left: bool = True, unitriangular: bool = False) -> Any:
    """``X`` of ``A @ X == B`` for a matrix of which one triangle counts."""
    if upper is None:
        raise TypeError('linalg_solve_triangular() missing 1 required positional arguments: "upper"')
    square("linalg.solve_triangular", A)
    if B._array.ndim < 2:
        raise RuntimeError("linalg.solve_triangular: The input tensor B must have at least 2 dimensions.")
    together("linalg.solve_triangular", A, B, left)
    return run(SOLVE_TRIANGULAR, (A, B), (upper, left, unitriangular), words(upper=upper, unitriangular=unitriangular))


def triangular_solve(input: Any, A: Any, upper: bool = True, transpose: bool = False,
                     unitriangular: bool = False) -> Any:
    """Deprecated: ``solve_triangular`` with its arguments the other way round."""
    warn("torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in a "
               "future PyTorch release.\ntorch.linalg.solve_triangular has its arguments reversed and does not return "
               "a copy of one of the inputs.\nX = torch.triangular_solve(B, A).solution\nshould be replaced with\nX = "
               "torch.linalg.solve_triangular(A, B).")
    matrix = shape.transpose(A, -2, -1) if transpose else A
    solution = solve_triangular(matrix, input, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolve(solution, shape.clone(A.detach()))


def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """``X`` of ``A @ X == B``, given the Cholesky factor of ``A``."""
    for letter, t in (("b", B), ("u", L)):
        if t._array.ndim < 2:
            raise RuntimeError(f"{letter} should have at least 2 dimensions, but has {t._array.ndim} "
                               "dimensions instead")
    square("cholesky_solve", L)
    together("cholesky_solve", L, B, True)
    return run(CHOLESKY_SOLVE, (B, L), (upper,), words(upper=upper))


def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is given."""
    square("cholesky_inverse", L)
    return run(CHOLESKY_INVERSE, (L,), (upper,), words(upper=upper))


def matrix_exp(A: Any) -> Any:
    """The exponential series of a matrix."""
    square("linalg.matrix_exp", A)
    return run(MATRIX_EXP, (A,))


def _size(t: Any, dims: Any) -> int:
    n = 1
    for d in dims:
        n *= t._array.shape[d]
    return n


def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of the linear map that ``tensordot`` with ``A`` is."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    size = A._array.shape
    after, before = _size(A, range(ind, len(size))), _size(A, range(min(ind, len(size))))
    if after != before:
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
                           f"but got {after} != {before}")
    return shape.reshape(inv(shape.reshape(A, (after, after))), size[ind:] + size[:ind])


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """``X`` of ``tensordot(A, X) == B``."""
    if dims is not None:
        n = A._array.ndim
        last = [d % n for d in dims]
        A = shape.permute(A, [d for d in range(n) if d not in last] + last)
    size, m = A._array.shape, B._array.ndim
    after, before = _size(A, range(m, len(size))), _size(A, range(m))
    if after != before:
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           f"prod(self.shape[:other.ndim]), but got {after} != {before}")
    out = solve(shape.reshape(A, (before, after)), shape.reshape(B, -1) if m != 1 else B)
    return shape.reshape(out, size[m:])


FUNCTIONS: dict[str, Any] = {
    "inverse": lambda input: inv(input), "det": det, "slogdet": slogdet_old, "logdet": logdet,
    "cholesky_solve": cholesky_solve, "cholesky_inverse": cholesky_inverse, "matrix_exp": matrix_exp,
    "triangular_solve": triangular_solve,
}
METHODS: dict[str, Any] = dict(FUNCTIONS)
