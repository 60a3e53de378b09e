"""``torch.autocast`` where it is off, or is for a GPU that is not there. Casting ops to half the bits is not done."""

from __future__ import annotations

import warnings
from contextlib import ContextDecorator
from typing import Any

from gradviz.engine.errors import UnsupportedError


class autocast(ContextDecorator):
    """A block in which ops would run in a narrower type."""

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if enabled and device_type == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
        elif enabled:
            raise UnsupportedError(f"gradviz.engine has no torch.autocast('{device_type}'); "
                                   f"give it enabled=False, or run with --engine torch")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing was changed."""


autocast.__module__ = "torch.amp.autocast_mode"
