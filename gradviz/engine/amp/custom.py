"""Decorators for the two halves of a Function that is to run alike whether its caller casts or not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, wraps
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.amp.autocast import autocast, get_autocast_dtype, is_autocast_enabled
from gradviz.engine.tensor import Tensor


def _checked(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def _cast(value: Any, device_type: str, dtype: Any) -> Any:
    """Floating tensors of the device as ``dtype``, in containers too."""
    if isinstance(value, Tensor):
        wanted = value.is_floating_point() and value.device.type == device_type and value.dtype is not dtypes.float64
        return value.to(dtype) if wanted else value
    if isinstance(value, Mapping):
        return {_cast(key, device_type, dtype): _cast(part, device_type, dtype) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_cast(part, device_type, dtype) for part in value])
    return value


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorates ``forward``: it notes whether it was cast; with ``cast_inputs`` its inputs are, and nothing in it."""
    _checked(device_type)
    if fwd is None:
        return partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        casts = is_autocast_enabled(device_type)
        ctx._dtype, ctx._fwd_used_autocast = get_autocast_dtype(device_type), casts and cast_inputs is None
        if cast_inputs is None or not casts:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(ctx, *_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return forward


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorates ``backward``: it is cast as its ``forward`` was."""
    _checked(device_type)
    if bwd is None:
        return partial(custom_bwd, device_type=device_type)

    @wraps(bwd)
    def backward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(ctx, *args, **kwargs)

    return backward


custom_fwd.__module__ = custom_bwd.__module__ = "torch.amp.autocast_mode"
