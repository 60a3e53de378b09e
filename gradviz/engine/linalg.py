"""``torch.linalg``: linear algebra."""

from __future__ import annotations

from typing import Any

from gradviz.engine.errors import LinAlgError
from gradviz.engine.ops import shape
from gradviz.engine.ops.decomposition import (
    cholesky,
    cholesky_ex,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from gradviz.engine.ops.linalg import matmul, multi_dot
from gradviz.engine.ops.lu import lu, lu_factor, lu_factor_ex, lu_solve
from gradviz.engine.ops.matrix import linalg_cross as cross
from gradviz.engine.ops.norms import cond, lstsq, matrix_norm, matrix_rank, norm, pinv, vector_norm
from gradviz.engine.ops.out import with_out
from gradviz.engine.ops.power import matrix_power, vander, vecdot
from gradviz.engine.ops.solve import (
    det,
    inv,
    inv_ex,
    matrix_exp,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices, as views."""
    return shape.diagonal(A, offset, dim1, dim2)


__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
for _name in __all__:
    if _name != "LinAlgError":
        globals()[_name] = with_out("linalg_" + _name, globals()[_name])


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.linalg", name)
