"""What rules need of matrices: the functions of the raw namespace that are linear algebra."""

from __future__ import annotations

from typing import Any

from gradviz.engine.xp import asarray, beside, ndarray, xp


class Matrices:
    """On arrays whose last two dimensions are matrices."""

    @staticmethod
    def adjoint(a: ndarray) -> ndarray:
        """The conjugate transpose."""
        turned = a.swapaxes(-1, -2)
        return turned.conj() if a.dtype.kind == "c" else turned

    @staticmethod
    def inv(a: ndarray) -> ndarray:
        return xp.linalg.inv(a)

    @staticmethod
    def solve(a: ndarray, b: ndarray) -> ndarray:
        """``x`` of ``a @ x == b``."""
        return xp.linalg.solve(a, b)

    @staticmethod
    def solve_triangular(a: ndarray, b: ndarray, upper: bool, unit: bool = False) -> ndarray:
        """``x`` of ``a @ x == b``, reading one triangle of ``a``; a zero on the diagonal gives inf, no error."""
        n = a.shape[-1]
        batch = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = xp.array(xp.broadcast_to(b, batch + b.shape[-2:]), dtype=xp.result_type(a.dtype, b.dtype), like=beside(b))
        for i in range(n - 1, -1, -1) if upper else range(n):
            known = slice(i + 1, n) if upper else slice(0, i)
            row = out[..., i, :] - (a[..., i, None, known] @ out[..., known, :])[..., 0, :]
            out[..., i, :] = row if unit else row / a[..., i, i, None]
        return out

    @staticmethod
    def diag_embed(v: ndarray) -> ndarray:
        """Matrices with the last dimension on their diagonals."""
        n = v.shape[-1]
        out = xp.zeros((*v.shape, n), v.dtype, like=beside(v))
        at = xp.arange(n)
        out[..., at, at] = v
        return out

    @staticmethod
    def diag(a: ndarray) -> ndarray:
        """The diagonals, as the last dimension."""
        return asarray(xp.diagonal(a, axis1=-2, axis2=-1))

    @staticmethod
    def matrix_exp(a: ndarray) -> ndarray:
        from scipy.linalg import expm

        if not a.size:
            return a.copy()
        out: Any = expm(a)
        return out.astype(a.dtype, copy=False)  # type: ignore[no-any-return]

    @staticmethod
    def real_like(a: Any, dtype: Any) -> Any:
        """``a`` without its imaginary part, if ``dtype`` has none."""
        return a.real if dtype.kind != "c" else a
