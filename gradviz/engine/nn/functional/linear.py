"""Affine maps."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.casting import operands
from gradviz.engine.dtypes import rare
from gradviz.engine.ops import linalg, shape
from gradviz.engine.ops.addmm import ADDMM
from gradviz.engine.ops.bilinear import bilinear
from gradviz.engine.ops.build import not_a_tensor, run
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import xp


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("linear", "input", 0, input)
    if not isinstance(weight, Tensor):
        raise not_a_tensor("linear", "weight", 1, weight)
    if probe.sink is None:
        return _linear(input, weight, bias)
    inputs = (input, weight) if bias is None else (input, weight, bias)
    with observe.composite("linear", inputs) as event:
        return event(_linear(input, weight, bias))


def _linear(input: Any, weight: Any, bias: Any) -> Any:
    if rare:
        input, weight, bias = operands("linear", (input, weight, bias))
    array, rows = input._array, weight._array
    if not array.ndim or not rows.ndim:
        raise RuntimeError(f"both arguments to linear need to be at least 1D, but they are {array.ndim}D and "
                           f"{rows.ndim}D")
    columns = run(shape.T, (weight,), (0, 1)) if rows.ndim == 2 else shape.t(weight)
    if bias is None or not bias._array.ndim:
        out = linalg.matmul(input, columns)
        return out if bias is None else out + bias
    if rows.ndim != 2:
        raise RuntimeError(f"mat2 must be a matrix, got {rows.ndim}-D tensor")
    if array.ndim == 2:
        return _addmm(bias, input, columns)
    if not array.flags.c_contiguous:
        out = linalg.matmul(input, columns)
        out.add_(bias)
        return out
    n = array.size // array.shape[-1] if array.shape[-1] else int(xp.prod(array.shape[:-1]))
    flat = _addmm(bias, shape.view(input, (n, array.shape[-1])), columns)
    return shape.view(flat, (*array.shape[:-1], rows.shape[0]))


def _addmm(bias: Any, input: Any, columns: Any) -> Any:
    n, size = columns._array.shape[1], bias._array.shape
    if input._array.dtype != columns._array.dtype:
        raise RuntimeError("mat1 and mat2 must have the same dtype, but got "
                           f"{input.dtype.code} and {columns.dtype.code}")
    if len(size) == 1 and size[0] not in (1, n) and input._array.shape[1] == columns._array.shape[0]:
        raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size ({size[0]}) at "
                           f"non-singleton dimension 1.  Target sizes: {[input._array.shape[0], n]}.  Tensor sizes: "
                           f"{list(size)}")
    turned = linalg._turned(input), linalg._turned(columns)
    return run(ADDMM, (bias, input, columns), (1, 1), "", (1, 1, *turned))


FUNCTIONS: dict[str, Any] = {"linear": linear, "bilinear": bilinear}
