"""A parametrization whose columns, or rows, are orthonormal whatever it starts from."""

from __future__ import annotations

from typing import Any

from gradviz.engine import linalg
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.nn.utils import parametrize
from gradviz.engine.ops.table import FUNCTIONS as OPS
from gradviz.engine.tensor import Tensor, fresh
from gradviz.engine.xp import xp

MAPS = ("matrix_exp", "cayley", "householder")


class _Orthogonal(Module):
    """A map from matrices to orthogonal ones; with ``base`` it starts from that and not from the identity."""

    __module__ = "torch.nn.utils.parametrizations"

    def __init__(self, weight: Any, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        transposed = X.size(-2) < X.size(-1)
        X = X.mT if transposed else X
        Q = _reflected(X) if self.orthogonal_map == "householder" else _turned(X, self.orthogonal_map)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if transposed else Q

    @no_grad()
    def right_inverse(self, Q: Any) -> Any:
        if Q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                             f"{Q.shape}.")
        given, transposed = Q, Q.size(-2) < Q.size(-1)
        Q = Q.mT if transposed else Q
        n, k = Q.shape[-2:]
        if not hasattr(self, "base"):
            if self.orthogonal_map != "householder":
                raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                          "parametrizations when use_trivialization=False.")
            A = _reflectors(Q)
            return A.mT if transposed else A
        if n != k:
            Q = _made_orthogonal(OPS["cat"]([Q, OPS["randn"](*Q.shape[:-2], n, n - k, dtype=Q.dtype)], -1))
        else:
            Q = Q.clone() if _is_orthogonal(Q) else _made_orthogonal(Q)
        self.base = Q
        start = OPS["zeros_like"](given)  # all reflections by -1 are the identity
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start


def _turned(X: Any, how: str) -> Any:
    """The exponential of a skew-symmetric matrix made of ``X``, or its Cayley map."""
    n, k = X.shape[-2:]
    X = X.tril()
    if n != k:
        X = OPS["cat"]([X, X.new_zeros(n, n - k).expand(*X.shape[:-2], -1, -1)], -1)
    A = X - X.mH
    if how == "matrix_exp":
        Q = OPS["matrix_exp"](A)
    else:
        one = OPS["eye"](n, dtype=A.dtype)
        Q = linalg.solve(one.add(A, alpha=-0.5), one.add(A, alpha=0.5))
    return Q if n == k else Q[..., :k]


def _reflected(X: Any) -> Any:
    """The product of the reflections whose directions are below the diagonal of ``X``, with the signs on it."""
    n, k = X.shape[-2:]
    A = X.tril(-1)
    scale = 2.0 / (1.0 + (A * A).sum(dim=-2))
    Q = OPS["eye"](n, k, dtype=A.dtype)
    directions = A + Q
    for i in reversed(range(k)):
        v = directions[..., i:i + 1]
        Q = Q - v @ (v.mT @ Q) * scale[..., i, None, None]
    return Q * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)


def _reflectors(Q: Any) -> Any:
    """What :func:`_reflected` makes ``Q`` of, if it is orthogonal."""
    raw, scale = xp.linalg.qr(Q._array, mode="raw")
    A = fresh(xp.ascontiguousarray(raw.swapaxes(-1, -2)))
    signs = A.diagonal(dim1=-2, dim2=-1).sign_()
    signs[fresh(scale == 0.0)] *= -1
    return A


def _is_orthogonal(Q: Any) -> bool:
    n, k = Q.shape[-2:]
    one = OPS["eye"](k, dtype=Q.dtype)
    return bool((Q.mH @ Q).allclose(one, atol=10.0 * n * float(xp.finfo(Q._array.dtype).eps)))


def _made_orthogonal(A: Any) -> Any:
    """The factor Q of A = QR with a positive diagonal of R."""
    Q, R = linalg.qr(A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(module: Any, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Any:
    """Have a parameter be an orthogonal matrix, or a batch of them."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
                         f"{orthogonal_map}")
    orth = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, orth, unsafe=True)
