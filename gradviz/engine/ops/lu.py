"""LU: matrices as products of a permutation and two triangles, by LAPACK."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.errors import warn
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.matrices import floats
from gradviz.engine.ops.returns import returned
from gradviz.engine.xp import contiguous, hosted, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _lu_parts(ns: Any, gl: Any, gu: Any, lower: Any, upper: Any, order: Any) -> Any:
    """Backward of ``A = P @ L @ U``; ``order`` says from which row of ``L @ U`` each row of ``A`` comes."""
    m, n = ns.plain(lower).shape[-2], ns.plain(upper).shape[-1]
    k, dim = min(m, n), ns.plain(lower).ndim
    top, left = (Ellipsis, slice(0, k), slice(None)), (Ellipsis, slice(0, k))
    bottom, right = (Ellipsis, slice(k, None), slice(None)), (Ellipsis, slice(k, None))
    gl = ns.zeros(ns.plain(lower).shape, lower) if gl is None else gl
    gu = ns.zeros(ns.plain(upper).shape, upper) if gu is None else gu
    l1, u1 = ns.take(lower, top), ns.take(upper, left)
    below = ns.adjoint(l1) @ ns.take(gl, top)
    above = ns.take(gu, left) @ ns.adjoint(u1)
    if m > k:
        above = above - ns.adjoint(ns.take(lower, bottom)) @ ns.take(gl, bottom)
    if n > k:
        below = below - ns.take(gu, right) @ ns.adjoint(ns.take(upper, right))
    inner = ns.tri(below, -1, False) + ns.tri(above, 0, True)

    def by_lower(x: Any) -> Any:
        return ns.solve_triangular(ns.adjoint(l1), x, True, True)

    def by_upper(x: Any) -> Any:
        return ns.adjoint(ns.solve_triangular(u1, ns.adjoint(x), True))

    out = by_upper(by_lower(inner))
    if m > k:
        out = ns.cat([out, by_upper(ns.take(gl, bottom))], dim - 2)
    if n > k:
        out = ns.cat([out, by_lower(ns.take(gu, right))], dim - 1)
    return ns.along(out, _rows(order, n), dim - 2)


def _rows(order: ndarray, n: int) -> ndarray:
    return contiguous(xp.broadcast_to(order[..., None], (*order.shape, n)))


def _lu(ns: Any, ctx: Any, g: Any, p: Any, lower: Any, upper: Any) -> Any:
    return _lu_parts(ns, g[0], g[1], lower, upper, xp.argmax(ns.plain(p), axis=-1))


def _split(ns: Any, compact: Any) -> tuple[Any, Any]:
    """The two factors that ``lu_factor`` keeps in one matrix."""
    m, n = ns.plain(compact).shape[-2:]
    k = min(m, n)
    lower = ns.tri(ns.take(compact, (Ellipsis, slice(0, k))), -1, False)
    upper = ns.tri(ns.take(compact, (Ellipsis, slice(0, k), slice(None))), 0, True)
    return lower + ns.const(xp.eye(m, k, dtype=ns.plain(compact).dtype)), upper


def _lu_factor(ns: Any, ctx: Any, g: Any, compact: Any, pivots: Any) -> Any:
    m, n = ns.plain(compact).shape[-2:]
    k = min(m, n)
    lower, upper = _split(ns, compact)
    gl, gu = ns.take(g, (Ellipsis, slice(0, k))), ns.take(g, (Ellipsis, slice(0, k), slice(None)))
    order = xp.argsort(permutation(ns.plain(pivots), m), axis=-1)
    return _lu_parts(ns, ns.tri(gl, -1, False), ns.tri(gu, 0, True), lower, upper, order)


def _lu_solve(ns: Any, ctx: Any, g: Any, compact: Any, pivots: Any, x: Any) -> Any:
    left, adjoint = ctx.args
    if not left:  # X A = B is A* X* = B*
        g, x, adjoint = ns.adjoint(g), ns.adjoint(x), not adjoint
    lower, upper = _split(ns, compact)
    n, dim = ns.plain(compact).shape[-1], ns.plain(x).ndim
    forth = permutation(ns.plain(pivots), n)
    back = xp.argsort(forth, axis=-1)

    def moved(value: Any, order: ndarray) -> Any:
        size = ns.plain(value).shape
        return ns.along(value, contiguous(xp.broadcast_to(order[..., None], size)), dim - 2)

    if adjoint:
        w = moved(x, forth)
        y = ns.adjoint(lower) @ w
        gy = ns.solve_triangular(lower, moved(g, forth), False, True)
        gb = ns.solve_triangular(upper, gy, True)
        gl, gu = -(w @ ns.adjoint(gy)), -(y @ ns.adjoint(gb))
    else:
        gy = ns.solve_triangular(ns.adjoint(upper), g, False)
        gz = ns.solve_triangular(ns.adjoint(lower), gy, True, True)
        gl = -(gz @ ns.adjoint(upper @ x))
        gu, gb = -(gy @ ns.adjoint(x)), moved(gz, back)
    return ns.tri(gl, -1, False) + ns.tri(gu, 0, True), (gb if left else ns.adjoint(gb))


# --- forwards --------------------------------------------------------------------------------------------------------
def permutation(pivots: ndarray, m: int) -> ndarray:
    """LAPACK's row exchanges (from 1) as an order: row i of ``L @ U`` is row ``order[i]`` of the matrix."""
    order = xp.array(xp.broadcast_to(xp.arange(m), (*pivots.shape[:-1], m)))
    for i in xp.ndindex(*pivots.shape[:-1]):
        for k, p in enumerate(pivots[i].tolist()):
            order[(*i, [k, p - 1])] = order[(*i, [p - 1, k])]
    return order


def _lu_factor_of(a: ndarray, pivot: bool) -> Any:
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    from scipy.linalg import lapack

    m, n = a.shape[-2:]
    getrf = getattr(lapack, {"f": "s", "d": "d", "F": "c", "D": "z"}[a.dtype.char] + "getrf")
    compact, pivots = a.copy(), xp.zeros((*a.shape[:-2], min(m, n)), xp.int32)
    info = xp.zeros(a.shape[:-2], xp.int32)
    if a.size:
        for i in xp.ndindex(*a.shape[:-2]):
            compact[i], pivots[i], info[i] = getrf(a[i])
    return compact, pivots + 1 if a.size else pivots, info


def _lu_of(a: ndarray, pivot: bool) -> Any:
    compact, pivots, _ = _lu_factor_of(a, pivot)
    lower, upper = _split(raw, compact)
    return lower, upper, permutation_matrix(pivots, a.shape[-2], a.dtype)


def permutation_matrix(pivots: ndarray, m: int, dtype: Any) -> ndarray:
    order = permutation(pivots, m)
    out = xp.zeros((*order.shape, m), dtype)
    xp.put_along_axis(out, order[..., None, :], 1, axis=-2)
    return out


def _lu_solve_of(compact: ndarray, pivots: ndarray, b: ndarray, left: bool, adjoint: bool) -> Any:
    if not left:
        b, adjoint = raw.adjoint(b), not adjoint
    lower, upper = _split(raw, compact)
    order = permutation(pivots, compact.shape[-1])
    batch = xp.broadcast_shapes(compact.shape[:-2], b.shape[:-2])
    b = xp.broadcast_to(b, batch + b.shape[-2:])

    def moved(value: ndarray, how: ndarray) -> ndarray:
        return xp.take_along_axis(value, xp.broadcast_to(how[..., None], value.shape), -2)

    if adjoint:
        y = raw.solve_triangular(raw.adjoint(upper), b, False)
        x = moved(raw.solve_triangular(raw.adjoint(lower), y, True, True), xp.argsort(order, axis=-1))
    else:
        x = raw.solve_triangular(upper, raw.solve_triangular(lower, moved(b, order), False, True), True)
    return x if left else raw.adjoint(x)


LU = op("lu", _lu_of, "LinalgLuBackward0", _lu, "P L U", "A", 2, results="L U P")
LU_FACTOR = op("lu_factor", _lu_factor_of, "LinalgLuFactorExBackward0", _lu_factor, "LU pivots", "A",
               results="LU pivots info")
LU_SOLVE = op("lu_solve", _lu_solve_of, "LinalgLuSolveBackward0", _lu_solve, "LU pivots result", "LU pivots B")
LU_SOLVE.differentiable = (0, 2)

# --- functions -------------------------------------------------------------------------------------------------------
Lu = returned("linalg_lu", "P", "L", "U")
LuFactor = returned("linalg_lu_factor", "LU", "pivots")
LuFactorEx = returned("linalg_lu_factor_ex", "LU", "pivots", "info")
LuUnpack = returned("lu_unpack", "P", "L", "U")


def _rectangular(name: str, A: Any) -> None:
    if A._array.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: "
                           f"{list(A._array.shape)} instead")
    floats(name, A)


def lu(A: Any, *, pivot: bool = True) -> Any:
    """``P``, ``L`` and ``U``, of which the matrix is the product."""
    _rectangular("linalg.lu", A)
    lower, upper, p = run(LU, (A,), (pivot,))
    return Lu(p, lower, upper)


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    _rectangular("torch.linalg.lu_factor_ex", A)
    return LuFactorEx(*run(LU_FACTOR, (A,), (pivot,)))


def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """``L`` and ``U`` in one matrix, and the exchanges of rows."""
    _rectangular("torch.linalg.lu_factor", A)
    compact, pivots, info = run(LU_FACTOR, (A,), (pivot,))
    zero = int(hosted(info._array).max(initial=0))
    if zero:
        batch = "" if not info._array.ndim else f"(Batch element {int(info._array.argmax())}): "
        raise RuntimeError(f"torch.linalg.lu_factor: {batch}U[{zero},{zero}] is zero and using it on lu_solve would "
                           "result in a division by zero. If you still want to perform the factorization, consider "
                           "calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")
    return LuFactor(compact, pivots)


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """``X`` of ``A @ X == B``, given what ``lu_factor`` made of ``A``."""
    return run(LU_SOLVE, (LU, pivots, B), (left, adjoint), words(left=None if left else "False", adjoint=adjoint))


def lu_old(A: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    """Deprecated: ``linalg.lu_factor``."""
    warn("torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be "
               "removed in a future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\nshould be replaced "
               "with\nLU, pivots = torch.linalg.lu_factor(A, compute_pivots)\nand\nLU, pivots, info = torch.lu(A, "
               "compute_pivots, get_infos=True)\nshould be replaced with\nLU, pivots, info = "
               "torch.linalg.lu_factor_ex(A, compute_pivots)")
    out = run(LU_FACTOR, (A,), (pivot,))
    return out if get_infos else out[:2]


def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """``P``, ``L`` and ``U`` of what ``lu_factor`` made."""
    m, n = LU_data._array.shape[-2:]
    k = min(m, n)
    lower = LU_data[..., :k].tril(-1) + LU_data.new_tensor(xp.eye(m, k))
    upper = LU_data[..., :k, :].triu()
    p = LU_data.detach().new_tensor(permutation_matrix(LU_pivots._array, m, LU_data._array.dtype))
    return LuUnpack(p, lower, upper)


FUNCTIONS: dict[str, Any] = {
    "lu": lu_old, "lu_unpack": lu_unpack, "lu_solve": lambda b, LU_data, LU_pivots: lu_solve(LU_data, LU_pivots, b),
}
METHODS: dict[str, Any] = {name: FUNCTIONS[name] for name in ("lu", "lu_solve")}
