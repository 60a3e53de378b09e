"""What is composed of products: powers of matrices, Vandermonde matrices, products of vectors."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import binary, join, moved, reduce, scans, scatter, shape
from gradviz.engine.ops.complex import conj
from gradviz.engine.ops.linalg import matmul
from gradviz.engine.ops.matrices import square
from gradviz.engine.ops.solve import inv
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import make
from gradviz.engine.xp import xp


def matrix_power(A: Any, n: int) -> Any:
    """The matrix multiplied with itself; the inverse for negative ``n``."""
    square("linalg.matrix_power", A)
    with observe.composite("matrix_power", (A,), str(n)) as event:
        return event(_power(A, n))


def _power(A: Any, n: int) -> Any:
    if n == 0:
        out = shape.clone(A)
        return scatter.copy_(out, make(xp.eye(A._array.shape[-1], dtype=A._array.dtype), Cell()))
    base = inv(A) if n < 0 else A
    n = abs(n)
    if n == 1:
        return shape.clone(base)
    if n == 3:
        return matmul(matmul(base, base), base)
    result = square_of = None
    while n:
        square_of = base if square_of is None else matmul(square_of, square_of)
        if n % 2:
            result = square_of if result is None else matmul(result, square_of)
        n //= 2
    return result


def vander(x: Any, *, N: int | None = None) -> Any:
    """Rows of powers, from 0 up."""
    if not x._array.ndim:
        x = shape.unsqueeze(x, -1)
    n = x._array.shape[-1] if N is None else N
    if n is None or n <= 1:
        raise RuntimeError("N must be greater than 1.")
    with observe.composite("vander", (x,)) as event:
        size = x._array.shape
        powers = scans.FUNCTIONS["cumprod"](shape.expand(shape.unsqueeze(x, -1), (*size, n - 1)), -1)
        kind = powers._array.dtype
        return event(join.cat([make(xp.ones((*size, 1), kind), Cell()), powers], -1))


def vander_old(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Rows of powers, down to 0 unless ``increasing``."""
    if x._array.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x._array.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    if n <= 1:
        return x.new_ones((x._array.shape[0], n))
    powers = vander(x, N=n)
    return powers if increasing else moved.flip(powers, -1)


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The sum of products along ``dim``."""
    if x._array.ndim == 1 == y._array.ndim:
        return x.vdot(y)
    with observe.composite("vecdot", (x, y)) as event:
        return event(reduce.FUNCTIONS["sum"](binary.OPERATORS["mul"](conj(x), y), dim))


FUNCTIONS: dict[str, Any] = {"matrix_power": matrix_power, "vander": vander_old}
METHODS: dict[str, Any] = {"matrix_power": matrix_power}
