"""``torch.cuda`` where there is no GPU to compute on."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    return False


def is_initialized() -> bool:
    return False


def device_count() -> int:
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


manual_seed_all = manual_seed


def synchronize(device: Any = None) -> None:
    """Nothing to wait for."""
    raise AssertionError("Torch not compiled with CUDA enabled")


def empty_cache() -> None:
    """Nothing to free."""


def current_device() -> int:
    raise AssertionError("Torch not compiled with CUDA enabled")


class _CudaType(type):
    def __call__(cls, *args: Any) -> Any:
        raise TypeError(f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled.")


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error
    from gradviz.engine.ops.legacy import TYPES

    if name in TYPES:
        return _CudaType(name, (), {"__module__": "torch.cuda"})
    raise error("torch.cuda", name)
