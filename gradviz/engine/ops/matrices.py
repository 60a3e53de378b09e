"""What linear algebra asks of matrices before it computes, and says of those that it cannot solve."""

from __future__ import annotations

from typing import Any

from gradviz.engine.dtypes import HALVES, INEXACT
from gradviz.engine.errors import LinAlgError
from gradviz.engine.ops.build import not_a_tensor
from gradviz.engine.rare import not_implemented
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray


def matrices(name: str, *tensors: Any) -> None:
    """Refuse what is no tensor of matrices."""
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise not_a_tensor(name.replace(".", "_"), "A", i, t)
    if tensors[0]._array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")


_KERNELS = {"linalg.det": "lu_cpu", "linalg.solve": "lu_cpu", "linalg.svd": "linalg_svd_cpu", "linalg.qr": "geqrf_cpu",
            "linalg.cholesky": "cholesky_cpu", "linalg.eigh": "linalg_eigh_cpu", "linalg.eig": "linalg_eig_out_cpu",
            "linalg.lu": "lu_cpu", "linalg.solve_triangular": "triangular_solve_cpu"}
"""What PyTorch says that halves have not; of other functions it says that they are of low precision."""


def floats(name: str, t: Any) -> None:
    """Refuse types that have no linear algebra."""
    kind = t._array.dtype
    if kind.char not in INEXACT:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {t.dtype.code}")
    if kind.char in HALVES and name in _KERNELS:
        raise not_implemented(_KERNELS[name], kind)
    if kind.char in HALVES and name not in ("linalg.matrix_exp", "linalg.matrix_norm", "linalg.matrix_power"):
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {t.dtype.code}")


def square(name: str, t: Any) -> None:
    """Refuse what is no tensor of square matrices of floating type."""
    matrices(name, t)
    n, m = t._array.shape[-2:]
    if n != m:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {n} by {m} matrices")
    floats(name, t)


def together(name: str, a: Any, b: Any, left: bool) -> None:
    """Refuse two tensors that make no equation."""
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(f"{name}: Expected A and B to have the same dtype, but found A of type {a.dtype.code} and B "
                           f"of type {b.dtype.code} instead")
    (n, m), (p, q) = a._array.shape[-2:], b._array.shape[-2:]
    if (p if left else q) != n:
        raise incompatible(name, (n, m), (p, q), left)


def incompatible(name: str, a: tuple[int, ...], b: tuple[int, ...], left: bool) -> RuntimeError:
    return RuntimeError(f"{name}: Incompatible shapes of A and B for the equation {'AX' if left else 'XA'} = B "
                        f"({a[0]}x{a[1]} and {b[0]}x{b[1]})")


def first_zero(a: ndarray) -> tuple[Any, int]:
    """Which matrix of a batch has no inverse (None: there is one matrix), and its first zero pivot, from 1."""
    flat = a.reshape(-1, *a.shape[-2:])
    for i, matrix in enumerate(flat):
        pivot = zero_pivot(matrix)
        if pivot:
            return (i if a.ndim > 2 else None), pivot
    return None, 0


def zero_pivot(a: ndarray) -> int:
    """Where elimination of one matrix meets a zero, counted from 1; 0 if it does not."""
    from scipy.linalg import lapack

    name = {"f": "s", "d": "d", "F": "c", "D": "z"}[a.dtype.char]
    return int(getattr(lapack, name + "getrf")(a)[2])


def singular(name: str, batch: Any, text: str) -> LinAlgError:
    return LinAlgError(f"{name}: {'' if batch is None else f'(Batch element {batch}): '}{text}")
