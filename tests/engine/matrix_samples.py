"""Samples for rules of matrices, statistics and special functions: op -> function and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz.engine as torch

L = torch.linalg
DIAGONAL = 3 * np.eye(3)
WIDE = np.array([[1.5, -0.3, 0.7], [0.2, -1.1, 0.9]])


FLAT = torch.tensor([4, 0])
MASK = torch.tensor([[True, False, True], [False, True, False]])
ROWS = torch.tensor([[0, 1, 0], [0, 1, 1]])


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
    "special.xlog1py.number": (lambda x: torch.special.xlog1py(x, 2.5), [(3,)]),
    "special.number_xlog1py": (lambda x: torch.special.xlog1py(2.5, x), [(3,)]),
    "special.ndtri": (lambda x: torch.special.ndtri(x / 3), [(3,)]),
    **{f"special.{name}": (getattr(torch.special, name), [(3,)])
       for name in ("i0", "i1", "i0e", "i1e", "erfcx", "entr", "log_ndtr")},
    "var_mean": (lambda x: torch.var_mean(x, 1), [(2, 3)]), "std_mean": (lambda x: torch.std_mean(x, 0), [(3, 2)]),
    "aminmax": (lambda x: [*torch.aminmax(x), *torch.aminmax(x, dim=1)], [(2, 3)]),
    "logcumsumexp": (lambda x: torch.logcumsumexp(x, 1), [(2, 3)]),
    "nanmedian": (lambda x: torch.nanmedian(x), [(2, 3)]),
    "nanmedian.dim": (lambda x: torch.nanmedian(x, 1)[0], [(2, 3)]),
    "block_diag": (torch.block_diag, [(2,), (2, 3)]),
    "rot90": (lambda x: [torch.rot90(x, k) for k in (1, 2, 3)], [(2, 3)]),
    "put": (lambda x, y: [x.put(FLAT, y), x.put(FLAT, y, True)], [(2, 3), (2,)]),
    "put_": (lambda x, y: x.clone().put_(FLAT, y), [(2, 3), (2,)]),
    "masked_scatter": (lambda x, y: x.masked_scatter(MASK, y), [(2, 3), (2, 2)]),
    "masked_scatter_": (lambda x, y: x.clone().masked_scatter_(MASK, y), [(2, 3), (2, 2)]),
    "select_scatter": (lambda x, y: torch.select_scatter(x, y, 1, 0), [(2, 3), (2,)]),
    "slice_scatter": (lambda x, y: torch.slice_scatter(x, y, 1, 0, 2), [(2, 3), (2, 2)]),
    "scatter_reduce": (lambda x, y: [x.scatter_reduce(0, ROWS, y, how, include_self=keep) for keep in (True, False)
                                     for how in ("sum", "mean", "amax", "amin", "prod")], [(2, 3), (2, 3)]),
    "scatter_reduce_": (lambda x, y: x.clone().scatter_reduce_(0, ROWS, y, "prod"), [(2, 3), (2, 3)]),
    "ldexp": (torch.ldexp, [(2, 3), (3,)]), "frexp": (lambda x: torch.frexp(x)[0], [(3,)]),
    "logaddexp2": (torch.logaddexp2, [(2, 3), (3,)]),
    "renorm": (lambda x: [x.renorm(2, 0, 1.5), x.renorm(3, 1, 0.5)], [(2, 3)]),
    "renorm_": (lambda x: x.clone().renorm_(2, 0, 1.5), [(2, 3)]),
    "cdist": (lambda x, y: [torch.cdist(x, y, p) for p in (2, 1, 3)], [(2, 3), (4, 3)]),
    "complex": (lambda x, y: torch.view_as_real(torch.complex(x, y)), [(3,), (3,)]),
    "view_as_real": (lambda x, y: torch.complex(x, y).imag, [(3,), (3,)]),
    "view_as_complex": (lambda x: torch.view_as_complex(x * 1).real, [(3, 2)]),
    "conj": (lambda x, y: torch.complex(x, y).conj().imag, [(3,), (3,)]),
    "conj_physical": (lambda x, y: torch.conj_physical(torch.complex(x, y)).imag, [(3,), (3,)]),
    "angle": (lambda x, y: torch.complex(x, y).angle(), [(3,), (3,)]),
    "polar": (lambda x, y: torch.view_as_real(torch.polar(x, y)), [(3,), (3,)]),
    "unsqueeze_": (lambda x: x.quantile(torch.tensor([0.2, 0.7]).double(), 1), [(2, 3)]),
    "transpose_": (lambda x: x.quantile(torch.tensor([0.2, 0.7]).double()), [(2, 3)]),
    "cholesky.old": (lambda x: L.cholesky(symmetric(x)), [(3, 3)]),
    "reshape": (lambda x: x.t()[None].flatten(0, 1), [(2, 3)]),
}
