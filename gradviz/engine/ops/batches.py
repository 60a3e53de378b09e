"""Products of batches of matrices: one large product where they fold into it, else one for each."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine.ops import shape
from gradviz.engine.ops.build import run
from gradviz.engine.ops.linalg import BMM, MV, matmul, mm
from gradviz.engine.xp import xp


def _folds(a: Any, b: Any) -> bool:
    """Whether a batch by a matrix or vector becomes one product, the batch laid out as rows: always where the small one
    takes a gradient, which would be as large as the batch; else where that needs no copy."""
    large, small = (a, b) if a._array.ndim >= b._array.ndim else (b, a)
    if small._array.ndim > 2:
        return False
    if small.requires_grad:
        return True
    if a._array.ndim == 2:
        return False
    x = large._array if large is a else large._array.swapaxes(-1, -2)
    return not x.size or all(x.strides[i] == x.strides[i + 1] * x.shape[i + 1] for i in range(x.ndim - 2))


def _folded(input: Any, other: Any) -> Any:
    turned = other._array.ndim > input._array.ndim
    large, small = (shape.transpose(other, -2, -1), input) if turned else (input, other)
    if turned and small._array.ndim == 2:
        small = shape.t(small)
    size, matrix = large._array.shape, small._array.ndim == 2
    rows = shape.reshape(large, (math.prod(size[:-1]), size[-1]))
    product = mm(rows, small) if matrix else run(MV, (rows, small))
    out = run(shape.UNSAFE_VIEW, (product,), (size[:-1] + small._array.shape[1:],))
    return shape.contiguous(shape.transpose(out, -2, -1)) if turned and matrix else out


def batched(input: Any, other: Any) -> Any:
    """Batches: one product where they fold into its rows, else the batch dimensions are broadcast."""
    a, b = input._array.shape, other._array.shape
    if _folds(input, other):
        return _folded(input, other)
    if len(a) == 3 == len(b) and a[0] != b[0]:  # one matrix by many, again
        if a[0] == 1 and input.requires_grad:
            return matmul(shape.squeeze(input, 0), other)
        if b[0] == 1 and other.requires_grad:
            return matmul(input, shape.squeeze(other, 0))
    left, right = len(a) == 1, len(b) == 1
    n, k, inner, p = 1 if left else a[-2], a[-1], b[-1] if right else b[-2], 1 if right else b[-1]
    try:
        batch = xp.broadcast_shapes(a[:-2], b[:-2])
    except ValueError as error:
        from gradviz.engine.ops.promote import operand_error

        raise operand_error(error, xp.empty(a[:-2]), xp.empty(b[:-2])) from None
    many = math.prod(batch)
    if k != inner:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{many}, {k}] but got: "
                           f"[{many}, {inner}].")
    one = shape.reshape(shape.expand(input, (*batch, n, k)), (many, n, k))
    if right:
        two = shape.unsqueeze(shape.reshape(shape.expand(other, (*batch, k)), (many, k)), 2)
        product = shape.squeeze(run(BMM, (one, two)), -1)
    else:
        product = run(BMM, (one, shape.reshape(shape.expand(other, (*batch, k, p)), (many, k, p))))
    return run(shape.UNSAFE_VIEW, (product,), ((*batch, *(() if left else (n,)), *(() if right else (p,))),))
