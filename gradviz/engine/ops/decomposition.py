"""Factorisations of matrices: singular values, QR, eigenvalues, Cholesky, LU."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.errors import LinAlgError, warn
from gradviz.engine.ops import shape
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.matrices import floats, matrices, singular, square
from gradviz.engine.ops.returns import returned
from gradviz.engine.xp import ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _gaps(ns: Any, values: Any) -> Any:
    """``values[j] - values[i]`` at (i, j), ones on the diagonal."""
    n = ns.plain(values).shape[-1]
    eye = xp.eye(n, dtype=ns.plain(values).dtype)
    return ns.unsqueeze(values, (-2,)) - ns.unsqueeze(values, (-1,)) + ns.const(eye)


def _off(ns: Any, a: Any) -> Any:
    """``a`` with a diagonal of zeros."""
    return a * ns.const(1 - xp.eye(ns.plain(a).shape[-1], dtype=ns.plain(a).dtype))


def _svd(ns: Any, ctx: Any, g: Any, u: Any, s: Any, v: Any) -> Any:
    """Source: J. Townsend, Differentiating the Singular Value Decomposition, 2016."""
    k, m, n = ns.plain(s).shape[-1], ns.plain(u).shape[-2], ns.plain(v).shape[-1]
    if ns.plain(u).shape[-1] != k or ns.plain(v).shape[-2] != k:  # full matrices: what spans the rest has no gradient
        u, v = ns.take(u, (Ellipsis, slice(0, k))), ns.take(v, (Ellipsis, slice(0, k), slice(None)))
        g = [None if g[0] is None else ns.take(g[0], (Ellipsis, slice(0, k))), g[1],
             None if g[2] is None else ns.take(g[2], (Ellipsis, slice(0, k), slice(None)))]
    gu, gs, gv = g
    inner: Any = None if gs is None else ns.diag_embed(gs)
    column, row = ns.unsqueeze(s, (-1,)), ns.unsqueeze(s, (-2,))
    gaps = _gaps(ns, s * s)
    for share, factor in ((gu, gu is not None and ns.adjoint(u) @ gu), (gv, gv is not None and v @ ns.adjoint(gv))):
        if share is None:
            continue
        skew = _off(ns, (factor - ns.adjoint(factor)) / gaps)
        part = skew * row if share is gu else column * skew
        inner = part if inner is None else inner + part
    if inner is None:
        return None
    left = u @ inner
    if gu is not None and m > k:
        left = left + (gu - u @ (ns.adjoint(u) @ gu)) / row
    out = left @ v
    if gv is not None and n > k:
        out = out + u @ ((gv - (gv @ ns.adjoint(v)) @ v) / column)
    return out


def _qr(ns: Any, ctx: Any, g: Any, q: Any, r: Any) -> Any:
    mode, = ctx.args
    m, n = ns.plain(q).shape[-2], ns.plain(r).shape[-1]
    if mode == "r":
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                           "linalg.qr(A, mode='reduced') if you are going to require gradients through linalg.qr.")
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    gq, gr = g
    if m >= n:
        return _qr_tall(ns, gq, gr, q, r)
    first, rest = (Ellipsis, slice(0, m)), (Ellipsis, slice(m, None))
    a2 = q @ ns.take(r, rest)
    zero = ns.zeros(ns.plain(q).shape, q)
    if gr is None:
        one = _qr_tall(ns, gq, None, q, ns.take(r, first))
        two = ns.zeros(ns.plain(a2).shape, a2)
    else:
        gr2 = ns.take(gr, rest)
        both = (zero if gq is None else gq) + a2 @ ns.adjoint(gr2)
        one = _qr_tall(ns, both, ns.take(gr, first), q, ns.take(r, first))
        two = q @ gr2
    return ns.cat([one, two], ns.plain(r).ndim - 1)


def _qr_tall(ns: Any, gq: Any, gr: Any, q: Any, r: Any) -> Any:
    inner = None if gr is None else gr @ ns.adjoint(r)
    if gq is not None:
        part = ns.adjoint(q) @ gq
        inner = -part if inner is None else inner - part
    upper = ns.tri(inner, 0, True)
    out = q @ (upper + ns.adjoint(ns.tri(upper, 1, True)))
    if gq is not None:
        out = out + gq
    return ns.adjoint(ns.solve_triangular(r, ns.adjoint(out), True))


def _eigh(ns: Any, ctx: Any, g: Any, values: Any, vectors: Any) -> Any:
    gl, gv = g
    inner = None if gl is None else ns.diag_embed(gl)
    if gv is not None:
        factor = ns.adjoint(vectors) @ gv
        part = _off(ns, (factor - ns.adjoint(factor)) * 0.5 / _gaps(ns, values))
        inner = part if inner is None else inner + part
    return vectors @ inner @ ns.adjoint(vectors)


def _eig(ns: Any, ctx: Any, g: Any, values: Any, vectors: Any) -> Any:
    if ns is not raw:
        from gradviz.engine.errors import UnsupportedError

        raise UnsupportedError("the second derivative of torch.linalg.eig is not built; run with --engine torch")
    gl, gv = g
    inner = None if gl is None else raw.diag_embed(gl)
    if gv is not None:
        turned = raw.adjoint(vectors)
        part = turned @ gv
        part = part - (turned @ vectors) * raw.diag(part).real[..., None, :]
        part = _off(raw, part / _gaps(raw, values).conj())
        inner = part if inner is None else inner + part
    turned = raw.adjoint(vectors)
    return raw.real_like(xp.linalg.solve(turned, inner @ turned), ctx.next[0][0].dtype)


def _cholesky(ns: Any, ctx: Any, g: Any, factor: Any) -> Any:
    upper, = ctx.args
    if upper:
        factor, g = ns.adjoint(factor), ns.adjoint(g)
    lower = ns.tri(ns.adjoint(factor) @ g, 0, False)
    inner = (lower + ns.adjoint(ns.tri(lower, -1, False))) * 0.5
    turned = ns.adjoint(factor)
    half = ns.solve_triangular(turned, inner, True)
    return ns.adjoint(ns.solve_triangular(turned, ns.adjoint(half), True))


# --- forwards --------------------------------------------------------------------------------------------------------
def _svd_of(a: ndarray, full: bool) -> Any:
    try:
        u, s, v = xp.linalg.svd(a, full_matrices=full)
    except xp.linalg.LinAlgError:
        raise LinAlgError("linalg.svd: The algorithm failed to converge because the input matrix contained non-finite "
                          "values.") from None
    return u, s, v


def _qr_of(a: ndarray, mode: str) -> Any:
    if mode == "r":
        return xp.zeros(0, a.dtype), xp.linalg.qr(a, mode="r")
    return tuple(xp.linalg.qr(a, mode=mode))  # type: ignore[call-overload]


def _eigh_of(a: ndarray, uplo: str) -> Any:
    if not xp.isfinite(a).all():
        return xp.full(a.shape[:-1], xp.nan, xp.abs(a[..., :0, :0]).dtype), xp.full_like(a, xp.nan)
    return tuple(xp.linalg.eigh(a, uplo))  # type: ignore[call-overload]


def _eig_of(a: ndarray) -> Any:
    if not xp.isfinite(a).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    values, vectors = xp.linalg.eig(a)
    kind = xp.result_type(a.dtype, xp.complex64)
    return values.astype(kind), vectors.astype(kind)


def _cholesky_of(a: ndarray, upper: bool, name: str) -> Any:
    try:
        factor = xp.linalg.cholesky(raw.adjoint(a) if upper else a)
    except xp.linalg.LinAlgError:
        for i in xp.ndindex(*a.shape[:-2]):
            order = _bad_minor(a[i])
            if order:
                raise singular(name, int(xp.ravel_multi_index(i, a.shape[:-2])) if i else None,
                               "The factorization could not be completed because the input is not positive-definite "
                               f"(the leading minor of order {order} is not positive-definite).") from None
        raise
    return raw.adjoint(factor) if upper else factor


def _bad_minor(a: ndarray) -> int:
    """The order of the first leading minor that is not positive-definite; 0 if all are."""
    for n in range(1, a.shape[-1] + 1):
        try:
            xp.linalg.cholesky(a[:n, :n])
        except xp.linalg.LinAlgError:
            return n
    return 0


def _cholesky_ex_of(a: ndarray, upper: bool) -> Any:
    out, info = xp.tril(a), xp.zeros(a.shape[:-2], xp.int32)
    for i in xp.ndindex(*a.shape[:-2]):
        info[i] = _bad_minor(a[i])
        if not info[i]:
            out[i] = xp.linalg.cholesky(a[i])
    return (raw.adjoint(out) if upper else out), info


SVD = op("svd", _svd_of, "LinalgSvdBackward0", _svd, "U S Vh", "A", 3, results="U S Vh")
QR = op("qr", _qr_of, "LinalgQrBackward0", _qr, "Q R", "A", 2, results="Q R")
EIGH = op("eigh", _eigh_of, "LinalgEighBackward0", _eigh, "eigenvalues eigenvectors", "A", 2,
          results="eigenvalues eigenvectors")
EIG = op("eig", _eig_of, "LinalgEigBackward0", _eig, "eigenvalues eigenvectors", "self", 2,
         results="eigenvalues eigenvectors")
CHOLESKY = op("cholesky", lambda a, u: _cholesky_of(a, u, "linalg.cholesky"), "LinalgCholeskyExBackward0", _cholesky,
              "L", results="L")
CHOLESKY_EX = op("cholesky_ex", _cholesky_ex_of, "LinalgCholeskyExBackward0", _cholesky, "L", results="L info")
CHOLESKY_OLD = op("cholesky", lambda a, u: _cholesky_of(a, u, "cholesky"), "CholeskyBackward0", _cholesky, "result",
                  key="cholesky.old")
# --- functions -------------------------------------------------------------------------------------------------------
Svd = returned("linalg_svd", "U", "S", "Vh")
SvdOld = returned("svd", "U", "S", "V")
Qr = returned("linalg_qr", "Q", "R")
QrOld = returned("qr", "Q", "R")
Eigh = returned("linalg_eigh", "eigenvalues", "eigenvectors")
Eig = returned("linalg_eig", "eigenvalues", "eigenvectors")
CholeskyEx = returned("linalg_cholesky_ex", "L", "info")

def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """``U``, the singular values, and ``Vh``, of which the matrix is the product."""
    matrices("linalg.svd", A)
    floats("linalg.svd", A)
    return Svd(*run(SVD, (A,), (full_matrices,), words(full_matrices=None if full_matrices else "False")))


def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values."""
    matrices("linalg.svdvals", A)
    floats("linalg.svdvals", A)
    return run(SVD, (A,), (False,))[1]


def svd_old(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """The singular values with ``V`` where ``linalg.svd`` has its adjoint."""
    matrices("linalg.svd", input)
    with observe.composite("svd", (input,)) as event:
        u, s, v = svd(input, not some)
        if not compute_uv:
            (m, n), batch = input._array.shape[-2:], input._array.shape[:-2]
            u, v = (input.new_zeros((*batch, k, k)) for k in (m, n))
        return SvdOld(*event((u, s, shape.transpose(v, -2, -1))))


def qr(A: Any, mode: str = "reduced") -> Any:
    """An orthogonal matrix and an upper triangular one, of which the matrix is the product."""
    matrices("linalg.qr", A)
    floats("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           "'complete'")
    return Qr(*run(QR, (A,), (mode,), words(mode=None if mode == "reduced" else repr(mode))))


def qr_old(input: Any, some: bool = True) -> Any:
    """Deprecated: ``linalg.qr``."""
    warn("torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future PyTorch release.\n"
               "The boolean parameter 'some' has been replaced with a string parameter 'mode'.\nQ, R = torch.qr(A, "
               "some)\nshould be replaced with\nQ, R = torch.linalg.qr(A, 'reduced' if some else 'complete')")
    return QrOld(*qr(input, "reduced" if some else "complete"))


def eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues, in order, and eigenvectors of a symmetric matrix."""
    square("linalg.eigh", A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return Eigh(*run(EIGH, (A,), (UPLO.upper(),), words(UPLO=None if UPLO == "L" else UPLO)))


def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    square("linalg.eigvalsh", A)
    return eigh(A, UPLO)[0]


def eig(A: Any) -> Any:
    """Eigenvalues and eigenvectors, which are complex."""
    square("linalg.eig", A)
    return Eig(*run(EIG, (A,)))


def eigvals(A: Any) -> Any:
    square("linalg.eigvals", A)
    return run(EIG, (A,))[0]


def cholesky(A: Any, *, upper: bool = False) -> Any:
    """The triangular matrix whose product with its adjoint is ``A``."""
    square("linalg.cholesky", A)
    return run(CHOLESKY, (A,), (upper,), words(upper=upper))


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    square("linalg.cholesky_ex", A)
    return CholeskyEx(*run(CHOLESKY_EX, (A,), (upper,), words(upper=upper)))


def cholesky_old(input: Any, upper: bool = False) -> Any:
    """Deprecated: ``linalg.cholesky``."""
    warn("torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a future PyTorch "
               "release.\nL = torch.cholesky(A)\nshould be replaced with\nL = torch.linalg.cholesky(A)\nand\nU = "
               "torch.cholesky(A, upper=True)\nshould be replaced with\nU = torch.linalg.cholesky(A).mH\nThis "
               "transform will produce equivalent results for all valid (symmetric positive definite) inputs.")
    square("cholesky", input)
    return run(CHOLESKY_OLD, (input,), (upper,), words(upper=upper))


FUNCTIONS: dict[str, Any] = {"svd": svd_old, "qr": qr_old, "cholesky": cholesky_old}
METHODS: dict[str, Any] = dict(FUNCTIONS)
