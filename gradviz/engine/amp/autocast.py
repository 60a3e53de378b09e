"""``torch.autocast``: a region in which ops choose the type that they compute in."""

from __future__ import annotations

import warnings
from contextlib import ContextDecorator
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.casting import state
from gradviz.engine.errors import UnsupportedError


class autocast(ContextDecorator):
    """A region in which products are taken of halves, and losses of float32."""

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(dtypes.device(device_type).type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device, self._on_cpu = device_type, device_type == "cpu"
        self.fast_dtype = dtype if dtype is not None else state.chosen if self._on_cpu else dtypes.float16
        self._cache_enabled = state.caches if cache_enabled is None else cache_enabled
        if enabled and not self._on_cpu:
            from gradviz.engine.devices import count

            if count():
                raise UnsupportedError("gradviz.engine has no torch.autocast('cuda'); give it enabled=False, or run "
                                       "with --engine torch")
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            warnings.warn("In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast "
                          "only supports dtypes of torch.bfloat16, torch.float16 currently.", stacklevel=2)
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        self._before = state.to, state.chosen, state.caches
        if self._on_cpu:
            state.to, state.chosen = (self.fast_dtype if self._enabled else None), self.fast_dtype
            if self._enabled:
                self.fast_dtype.np  # noqa: B018 - from now on a rare type is in use
        state.caches = self._cache_enabled
        state.depth += 1
        return self

    def __exit__(self, *raised: object) -> None:
        state.to, state.chosen, state.caches = self._before
        state.depth -= 1
        if not state.depth:
            state.cast.clear()


def is_autocast_available(device_type: str) -> bool:
    return device_type in ("cpu", "cuda")


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether a region is open that casts."""
    return device_type == "cpu" and state.to is not None


def get_autocast_dtype(device_type: str) -> Any:
    """What products are taken of in a region that names no type."""
    return state.chosen if device_type == "cpu" else dtypes.float16


autocast.__module__ = is_autocast_available.__module__ = "torch.amp.autocast_mode"
