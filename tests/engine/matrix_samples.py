"""A sample for each rule of matrices and of special functions: op -> function and shapes, as ``test_gradients`` checks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz.engine as torch

L = torch.linalg
DIAGONAL = 3 * np.eye(3)
WIDE = np.array([[1.5, -0.3, 0.7], [0.2, -1.1, 0.9]])


def solid(x: Any) -> Any:
    """A matrix that can be inverted."""
    return x + torch.tensor(DIAGONAL)


def symmetric(x: Any) -> Any:
    """A positive-definite matrix, whichever triangle is read."""
    return x @ x.mT + torch.tensor(DIAGONAL) + torch.tensor(np.diag([0.0, 1.0, 2.5]))


def parts(*tensors: Any) -> list[Any]:
    """Without the freedom of signs that singular and eigenvectors have."""
    return [t.abs() for t in tensors]


def lu_solutions(x: Any, y: Any) -> list[Any]:
    factors = L.lu_factor(solid(x))
    return [L.lu_solve(*factors, y), L.lu_solve(*factors, y, adjoint=True), L.lu_solve(*factors, y.mT, left=False)]


MATRICES: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "inv": (lambda x: L.inv(solid(x)), [(2, 3, 3)]), "inv_ex": (lambda x: L.inv_ex(solid(x))[0], [(3, 3)]),
    "det": (lambda x: L.det(solid(x)), [(2, 3, 3)]), "slogdet": (lambda x: L.slogdet(solid(x))[1], [(2, 3, 3)]),
    "solve": (lambda x, y: [L.solve(solid(x), y), L.solve(solid(x), y[:, 0]), L.solve(solid(x), y.mT, left=False)],
              [(3, 3), (3, 2)]),
    "solve_triangular": (lambda x, y: [L.solve_triangular(solid(x), y, upper=True),
                                       L.solve_triangular(solid(x), y.mT, upper=False, left=False),
                                       L.solve_triangular(x, y, upper=False, unitriangular=True)], [(3, 3), (3, 2)]),
    "cholesky_solve": (lambda x, y: [torch.cholesky_solve(x, solid(y).tril()),
                                     torch.cholesky_solve(x, solid(y).triu(), True)], [(3, 2), (3, 3)]),
    "cholesky_inverse": (lambda x: [torch.cholesky_inverse(solid(x).tril()),
                                    torch.cholesky_inverse(solid(x).triu(), True)], [(3, 3)]),
    "matrix_exp": (lambda x: L.matrix_exp(x * 0.3), [(2, 3, 3)]),
    "svd": (lambda x: [*parts(*L.svd(x, full_matrices=False)), L.svdvals(x + torch.tensor(WIDE))], [(2, 3)]),
    "qr": (lambda x: [*L.qr(solid(x)), *L.qr(x[:2] + torch.tensor(WIDE)), *L.qr(solid(x)[:, :2])], [(3, 3)]),
    "eigh": (lambda x: [L.eigvalsh(symmetric(x)), *parts(*L.eigh(symmetric(x)))], [(3, 3)]),
    "cholesky": (lambda x: [L.cholesky(symmetric(x)), L.cholesky(symmetric(x), upper=True)], [(3, 3)]),
    "cholesky_ex": (lambda x: L.cholesky_ex(symmetric(x))[0], [(3, 3)]),
    "lu": (lambda x: [t for m in (solid(x), x[:2], x[:, :2]) for t in L.lu(m)[1:]], [(3, 3)]),
    "lu_factor": (lambda x: [L.lu_factor(solid(x))[0], L.lu_factor(x[:2])[0], L.lu_factor(x[:, :2])[0]], [(3, 3)]),
    "lu_solve": (lu_solutions, [(3, 3), (3, 2)]),
    "pinv": (lambda x: [L.pinv(x), L.pinv(x.mT), L.pinv(x[:, :2] + torch.tensor(DIAGONAL[:2, :2]))], [(2, 3)]),
    "lstsq": (lambda x, y: L.lstsq(x, y)[0], [(3, 2), (3, 2)]),
    "dist": (lambda x, y: [torch.dist(x, y), torch.dist(x, y, 1), torch.dist(x, y, 3)], [(2, 3), (3,)]),
    "vdot": (torch.vdot, [(3,), (3,)]),
    "addmv": (lambda x, y, z: torch.addmv(x, y, z, beta=2, alpha=3), [(2,), (2, 3), (3,)]),
    "addmv_": (lambda x, y, z: x.clone().addmv_(y, z, beta=2, alpha=3), [(2,), (2, 3), (3,)]),
    "addr": (lambda x, y, z: torch.addr(x, y, z, beta=2, alpha=3), [(2, 3), (2,), (3,)]),
    "addr_": (lambda x, y, z: x.clone().addr_(y, z, beta=2, alpha=3), [(2, 3), (2,), (3,)]),
    "addbmm": (lambda x, y, z: torch.addbmm(x, y, z, beta=2, alpha=3), [(3,), (2, 2, 3), (2, 3, 3)]),
    "addbmm_": (lambda x, y, z: x.clone().addbmm_(y, z, beta=2, alpha=3), [(2, 3), (2, 2, 3), (2, 3, 3)]),
    "baddbmm": (lambda x, y, z: torch.baddbmm(x, y, z, beta=2, alpha=3), [(3,), (2, 2, 3), (2, 3, 3)]),
    "baddbmm_": (lambda x, y, z: x.clone().baddbmm_(y, z, beta=2, alpha=3), [(2, 2, 3), (2, 2, 3), (2, 3, 3)]),
    "addmm_": (lambda x, y, z: x.clone().addmm_(y, z, beta=2, alpha=3), [(2, 3), (2, 3), (3, 3)]),
    "diag_embed": (lambda x: [x.diag_embed(1), x.diag_embed(0, 0, 2), x[0].diag(-1)], [(2, 3)]),
    "diagonal_scatter": (lambda x, y: torch.diagonal_scatter(x, y, 1), [(3, 3), (2,)]),
    "tril_": (lambda x: x.clone().tril_(), [(3, 3)]), "triu_": (lambda x: x.clone().triu_(1), [(3, 3)]),
    "polygamma": (lambda x: torch.polygamma(1, x) + torch.polygamma(2, x), [(3,)]),
    "mvlgamma": (lambda x: torch.mvlgamma(x + 1, 2), [(3,)]),
    "igamma": (lambda x: torch.igamma(torch.full((3,), 1.7).double(), x), [(3,)]),
    "igammac": (lambda x: torch.igammac(torch.full((3,), 1.7).double(), x), [(3,)]),
    "special.xlog1py": (torch.special.xlog1py, [(3,), (3,)]),
    "special.ndtri": (lambda x: torch.special.ndtri(x / 3), [(3,)]),
    **{f"special.{name}": (getattr(torch.special, name), [(3,)])
       for name in ("i0", "i1", "i0e", "i1e", "erfcx", "entr", "log_ndtr")},
    "cholesky.old": (lambda x: L.cholesky(symmetric(x)), [(3, 3)]),
    "reshape": (lambda x: x.t()[None].flatten(0, 1), [(2, 3)]),
}
