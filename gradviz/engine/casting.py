"""What ``torch.autocast`` does to operands: products are taken of halves, losses and long products of float32.

Asked only once a half type is in use, as entering a region makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.dtypes import dtype, rare

LOWERED = frozenset((
    "addbmm", "addmm", "baddbmm", "bmm", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "convolution", "linear", "matmul", "mm", "prelu"))
RAISED = frozenset((
    "adaptive_avg_pool3d", "avg_pool3d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cdist",
    "ctc_loss", "grid_sample", "huber_loss", "max_pool3d", "mse_loss", "multi_margin_loss", "multilabel_margin_loss",
    "nll_loss", "prod", "smooth_l1_loss", "soft_margin_loss", "trace"))
WIDEST = frozenset(("cat", "stack"))


class _State:
    """The innermost region that is open. ``to``: what products are taken of, None where nothing is cast."""

    to: dtype | None = None
    chosen: dtype = dtypes.bfloat16
    caches = True
    depth = 0
    cast: dict[int, tuple[Any, Any]]
    """Parameters that were cast in the outermost region, by id, each with what it was cast to."""


state = _State()
state.cast = {}


def operands(name: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of an op, as the region wants them."""
    want = state.to
    if want is None:
        return inputs
    if name in RAISED or (name in WIDEST and any(t._array.dtype.char == "f" for t in inputs)):
        want = dtypes.float32
    elif name not in LOWERED:
        return inputs
    return tuple([None if t is None else _in(t, want) for t in inputs])


def _in(tensor: Any, want: dtype) -> Any:
    char = tensor._array.dtype.char
    if char not in dtypes.FLOATING or char == "d" or tensor._array.dtype == want.np:
        return tensor
    if char != "f" or not (state.caches and tensor._requires and tensor.is_leaf and tensor._view is None):
        return tensor.to(want)
    known = state.cast.get(id(tensor))
    if known is None:
        known = state.cast[id(tensor)] = tensor, tensor.to(want)
    return known[1]


def raised(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of several ops, all of which a region wants of float32."""

    @wraps(function)
    def wide(*args: Any, **options: Any) -> Any:
        if not rare or state.to is None:
            return function(*args, **options)
        return function(*[_in(a, dtypes.float32) if hasattr(a, "_array") else a for a in args], **options)

    return wide


__all__ = ["operands", "raised", "state"]
