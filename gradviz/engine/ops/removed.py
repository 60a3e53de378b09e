"""What PyTorch has removed or deprecated, with its words."""

from __future__ import annotations

from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.errors import warn
from gradviz.engine.ops import create, norms
from gradviz.engine.xp import asarray, xp

GONE = "This function was deprecated since version 1.9 and is now removed."
TEXTS = {
    "symeig": " The default behavior has changed from using the upper triangular portion of the matrix by default to "
              "using the lower triangular portion.\n\nL, _ = torch.symeig(A, upper=upper) should be replaced with:\nL "
              "= torch.linalg.eigvalsh(A, UPLO='U' if upper else 'L')\n\nand\n\nL, V = torch.symeig(A, "
              "eigenvectors=True) should be replaced with:\nL, V = torch.linalg.eigh(A, UPLO='U' if upper else 'L')",
    "eig": " `torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble` rather than real tensors "
           "mimicking complex tensors.\n\nL, _ = torch.eig(A) should be replaced with:\nL_complex = "
           "torch.linalg.eigvals(A)\n\nand\n\nL, V = torch.eig(A, eigenvectors=True) should be replaced "
           "with:\nL_complex, V_complex = torch.linalg.eig(A)",
    "solve": " `torch.solve` is deprecated in favor of `torch.linalg.solve`. `torch.linalg.solve` has its arguments "
             "reversed and does not return the LU factorization.\n\nTo get the LU factorization see `torch.lu`, which "
             "can be used with `torch.lu_solve` or `torch.lu_unpack`.\nX = torch.solve(B, A).solution should be "
             "replaced with:\nX = torch.linalg.solve(A, B)",
    "matrix_rank": "\nPlease use the `torch.linalg.matrix_rank` function instead. The parameter 'symmetric' was "
                   "renamed in `torch.linalg.matrix_rank()` to 'hermitian'.",
}


def _gone(name: str) -> Any:
    def function(*args: Any, **options: Any) -> Any:
        raise RuntimeError(GONE + TEXTS[name])

    return function


def range_(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False) -> Any:
    """Deprecated: numbers from ``start`` up to and including ``end``."""
    warn("torch.range is deprecated and will be removed in a future release because its behavior is "
         "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values in "
         "[start, end).")
    if end is None:
        start, end = 0, start
    n = int((end - start) / step + 1)
    kind = dtypes.default.dtype if dtype is None else dtype
    return create.made(asarray(start + xp.arange(n) * step, kind.np), "range", f"{start}, {end}", requires_grad)


def frobenius_norm(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    warn("at::frobenius_norm is deprecated and it is just left for JIT compatibility. It will be removed in a "
         "future PyTorch release. Please use `linalg.vector_norm(A, 2., dim, keepdim)` instead")
    return norms.vector_norm(input, 2, dim or None, keepdim)


def nuclear_norm(input: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    warn("at::nuclear_norm is deprecated and it is just left for JIT compatibility. It will be removed in a "
         "future PyTorch release. Please use `linalg.matrix_norm(A, 'nuc', dim, keepdim)` instead")
    return norms.matrix_norm(input, "nuc", dim, keepdim)


def _volatile(self: Any) -> bool:
    warn("volatile was removed (Variable.volatile is always False)")
    return False


FUNCTIONS: dict[str, Any] = {name: _gone(name) for name in TEXTS} | {
    "range": range_, "frobenius_norm": frobenius_norm, "nuclear_norm": nuclear_norm}
METHODS: dict[str, Any] = {name: FUNCTIONS[name] for name in ("symeig", "eig", "solve")} | {
    "volatile": property(_volatile)}
