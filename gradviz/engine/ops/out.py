"""``out=``: the result of a function written into a tensor that is there already."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.errors import c_name, size_text, warn
from gradviz.engine.fingerprint import shared, writing
from gradviz.engine.ops.build import check_overlap
from gradviz.engine.ops.promote import can_cast, cast_error
from gradviz.engine.ops.refusal import second_try
from gradviz.engine.ops.returns import returned
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import xp


@functools.cache
def _named(name: str, fields: tuple[str, ...]) -> Any:
    """PyTorch names these results apart: ``torch.return_types.max_out``."""
    return returned(name, *fields)


def with_out(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with ``out=``, a tensor or one for each result; it refuses in PyTorch's words."""

    @functools.wraps(function)
    def wrapped(*args: Any, out: Any = None, **options: Any) -> Any:
        try:
            if out is not None:
                return _into(name, function, args, options, out)
            return function(*args, **options) if options else function(*args)
        except Exception as error:
            found = second_try(name, args, options if out is None else {**options, "out": out}, error)
            if found is error:
                raise
            if isinstance(found, Exception):
                raise found from None
        return wrapped(*found[0], **found[1])

    return wrapped


def _into(name: str, function: Callable[..., Any], args: Any, options: dict[str, Any], out: Any) -> Any:
    inputs = [a for a in args if isinstance(a, Tensor)]
    outs = out if isinstance(out, tuple | list) else (out,)
    if modes.enabled() and any(t.requires_grad for t in (*outs, *inputs)):
        raise RuntimeError(f"{name}(): functions with out=... arguments don't support automatic differentiation, "
                           "but one of the arguments requires grad.")
    with observe.muted():
        result = function(*args, **options)
    if outs is not out:
        store(name, tuple(inputs), result, out)
        return out
    for part, target in zip(result, outs, strict=True):
        store(name, tuple(inputs), part, target)
    if not hasattr(result, "_fields"):
        return tuple(outs)
    return _named(type(result).__name__ + "_out", result._fields)(*outs)


EXACT = ("addmm aminmax argmax argmin argsort baddbmm bmm cummax cummin diag gather index_copy inverse kthvalue "
         "linalg_cholesky linalg_det linalg_eigvalsh linalg_inv linalg_matmul linalg_solve linalg_svdvals "
         "linalg_vector_norm log_softmax matmul max median min mm mode msort mv norm renorm scatter scatter_add "
         "scatter_reduce slice_scatter softmax sort take_along_dim topk tril triu")
"""Functions that do not convert what they write."""


def store(name: str, inputs: tuple[Any, ...], result: Any, out: Any) -> None:
    """Write ``result`` into ``out``, which is resized if need be."""
    array = result._array
    if name in EXACT.split() and array.dtype != out._array.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {c_name(result.dtype)}, but got {c_name(out.dtype)} "
                           "instead")
    check_overlap(out._array)
    if not can_cast(array.dtype, out._array.dtype):
        raise cast_error(array.dtype, out._array.dtype)
    if out._array.shape != array.shape:
        if out._array.size:
            warn(
       f"An output with one or more elements was resized since it had shape {size_text(out._array.shape)}, "
       f"which "
       f"does not match the required output shape {size_text(array.shape)}. This behavior is deprecated, and "
       f"in "
       "a future PyTorch release outputs will not be resized unless they have zero elements. You can "
       "explicitly "
       "reuse an out tensor t by resizing it, inplace, to zero elements with t.resize_(0).")
        out._array = xp.empty(array.shape, out._array.dtype)
    before = out._cell.version
    if shared:
        writing(out)
    out._array[...] = array
    out._cell.version = before + 1
    if probe.sink is not None:
        observe.op(name, "out", inputs, (), "op", out, before)
