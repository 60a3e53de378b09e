"""Settings that scripts make and ask for: threads, precision, determinism; memory formats; windows of signals."""

from __future__ import annotations

from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.ops import create
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, xp


class _Settings:
    deterministic = warn_only = warn_always = False
    precision = "highest"
    threads = interop = 1


settings = _Settings()


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered: everything here is deterministic anyhow."""
    settings.deterministic, settings.warn_only = mode, warn_only


def _count(name: str) -> Any:
    def function(threads: int) -> None:
        if threads <= 0:
            raise RuntimeError(f"{name} expects a positive integer")
        setattr(settings, "threads" if name == "set_num_threads" else "interop", threads)

    return function


def set_float32_matmul_precision(precision: str) -> None:
    """Remembered: products of matrices are always as precise as their type."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision} is not one of 'highest', 'high', or 'medium'")
    settings.precision = precision


def set_warn_always(b: bool) -> None:
    settings.warn_always = b


def get_default_device() -> dtypes.device:
    """Where tensors are made that name no device."""
    device = dtypes.default.device
    return dtypes.device("cuda", 0) if device.type == "cuda" and device.index is None else device


class memory_format:
    """How dimensions lie in memory; here always as they are counted."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return "torch." + self.name


memory_format.__module__ = "torch"


def typename(obj: Any) -> str:
    """The type's name with its module."""
    if isinstance(obj, Tensor):
        return obj.type()  # type: ignore[no-any-return]
    cls = obj if isinstance(obj, type) else type(obj)
    module: str = cls.__module__
    return cls.__qualname__ if module in ("builtins", "__builtin__") else f"{module}.{cls.__qualname__}"


def compile_(model: Any = None, **options: Any) -> Any:
    """The model itself: nothing is compiled here, every op runs where a person can see it."""
    return (lambda function: function) if model is None else model


def _window(name: str, values: Any) -> Any:
    def function(window_length: int, periodic: bool = True, *parameters: Any, dtype: Any = None, device: Any = None,
                 requires_grad: bool = False, **named: Any) -> Any:
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        kind = (dtypes.default.dtype if dtype is None else dtypes.lookup(dtype)).np
        n = window_length - (0 if periodic else 1)
        t = xp.arange(window_length)
        numbers = xp.ones(window_length) if window_length <= 1 else values(t, n, *parameters, **named)
        return create.made(asarray(numbers, kind), name, str(window_length), requires_grad, device=device)

    return function


def _hamming(t: Any, n: int, alpha: float = 0.54, beta: float = 0.46) -> Any:
    return alpha - beta * xp.cos(2 * xp.pi * t / n)


def _blackman(t: Any, n: int) -> Any:
    return 0.42 - 0.5 * xp.cos(2 * xp.pi * t / n) + 0.08 * xp.cos(4 * xp.pi * t / n)


def _kaiser(t: Any, n: int, beta: float = 12.0) -> Any:
    return xp.i0(beta * xp.sqrt(xp.maximum(0, 1 - (2 * t / n - 1) ** 2))) / xp.i0(beta)


def _as(self: Any, cls: Any) -> Any:
    from gradviz.engine.tensor import subclass

    return subclass(cls, self.view_as(self))


FUNCTIONS: dict[str, Any] = {
    "use_deterministic_algorithms": use_deterministic_algorithms,
    "are_deterministic_algorithms_enabled": lambda: settings.deterministic,
    "is_deterministic_algorithms_warn_only_enabled": lambda: settings.warn_only,
    "get_deterministic_debug_mode": lambda: (1 if settings.warn_only else 2) if settings.deterministic else 0,
    "set_num_threads": _count("set_num_threads"), "get_num_threads": lambda: settings.threads,
    "set_num_interop_threads": _count("set_num_interop_threads"), "get_num_interop_threads": lambda: settings.interop,
    "set_float32_matmul_precision": set_float32_matmul_precision,
    "get_float32_matmul_precision": lambda: settings.precision, "set_flush_denormal": lambda mode: False,
    "set_default_device": dtypes.set_default_device, "get_default_device": get_default_device,
    "set_warn_always": set_warn_always, "is_warn_always_enabled": lambda: settings.warn_always,
    "typename": typename, "compile": compile_, "memory_format": memory_format,
    "get_device": lambda input: input.get_device(), "is_signed": lambda input: input.dtype.is_signed,
    "is_inference": lambda input: input.is_inference(),
    "hann_window": _window("hann_window", lambda t, n: 0.5 - 0.5 * xp.cos(2 * xp.pi * t / n)),
    "hamming_window": _window("hamming_window", _hamming), "blackman_window": _window("blackman_window", _blackman),
    "bartlett_window": _window("bartlett_window", lambda t, n: 1 - xp.abs(2 * t / n - 1)),
    "kaiser_window": _window("kaiser_window", _kaiser),
}
FUNCTIONS |= {name: memory_format(name) for name in ("channels_last", "channels_last_3d", "contiguous_format",
                                                     "preserve_format")}
METHODS: dict[str, Any] = {
    "dim_order": lambda self: tuple(range(self._array.ndim)), "name": property(lambda self: None),
    "is_set_to": lambda self, tensor: self._array is tensor._array, "as_subclass": _as,
}
