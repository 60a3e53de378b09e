"""PyTorch's tensors and autograd on NumPy, observable at every step: ``import gradviz.engine as torch``."""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import Any

from gradviz.engine import dtypes as _dtypes
from gradviz.engine import missing as _missing
from gradviz.engine.autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradviz.engine.dtypes import device, dtype, finfo, get_default_dtype, iinfo, set_default_dtype
from gradviz.engine.errors import UnsupportedError
from gradviz.engine.ops.random import Generator, default_generator
from gradviz.engine.ops.table import FUNCTIONS as _FUNCTIONS
from gradviz.engine.printing import get_printoptions, printoptions, set_printoptions
from gradviz.engine.printing import tensor_text as _tensor_text
from gradviz.engine.tensor import Size, Tensor

__version__ = "2.13.0+gradviz"
globals().update(_FUNCTIONS)
globals().update(_dtypes.NAMES)
Tensor.__repr__ = _tensor_text  # type: ignore[method-assign]
Tensor.__module__ = "torch"
_missing.mark(Tensor, "torch.Tensor")
newaxis = None

from gradviz.engine.autograd import public as _public  # noqa: E402 - the public face needs the ops

autograd = _public.module()
from gradviz.engine.autograd import anomaly as _anomaly, inference as _inference  # noqa: E402, F401, I001


def is_anomaly_enabled() -> bool:
    return _anomaly.state.on


def is_anomaly_check_nan_enabled() -> bool:
    return _anomaly.state.check_nan


from gradviz.engine import cuda  # noqa: E402
from gradviz.engine import retelling as _retelling  # noqa: E402, F401 - tells the probe how to be told anew

_LATE = frozenset(("accelerator", "amp", "backends", "distributions", "func", "linalg", "multiprocessing",
                   "nn", "optim", "serialization", "special", "testing", "utils", "version"))
"""Submodules that are loaded when they are first asked for: most scripts need few of them."""


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module
        from importlib.util import find_spec

        if find_spec(f"{__name__}.{name}") is not None:
            return import_module(f"{__name__}.{name}")
    if name in ("load", "save"):
        from gradviz.engine import serialization

        return getattr(serialization, name)
    if name == "vmap":
        from gradviz.engine.func import vmap

        return vmap
    if name in ("GradScaler", "autocast", "get_autocast_dtype", "is_autocast_enabled"):
        from gradviz.engine import amp

        return getattr(amp, name)
    from gradviz.engine.missing import error

    raise error("torch", name)


__all__ = [
    "Generator",
    "Size",
    "Tensor",
    "UnsupportedError",
    "autograd",
    "cuda",
    "default_generator",
    "device",
    "dtype",
    "e",
    "enable_grad",
    "finfo",
    "get_default_dtype",
    "get_printoptions",
    "iinfo",
    "inf",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "nan",
    "no_grad",
    "pi",
    "printoptions",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
]
