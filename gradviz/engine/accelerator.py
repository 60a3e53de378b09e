"""``torch.accelerator``: the CUDA device, where there is one."""

from __future__ import annotations

from typing import Any

from gradviz.engine import cuda, devices, dtypes

NONE = "Cannot access accelerator device when none is available."


def is_available() -> bool:
    return devices.count() > 0


def device_count() -> int:
    return devices.count()


def current_accelerator(check_available: bool = False) -> dtypes.device | None:
    """The kind of device that there is, or None."""
    return dtypes.device("cuda") if devices.count() else None


def current_device_index() -> int:
    if not devices.count():
        raise RuntimeError(NONE)
    return cuda.current_device()


def synchronize(device: Any = None) -> None:
    """Wait until the device has done what it was given."""
    if not devices.count():
        raise RuntimeError(NONE)
    cuda.synchronize(device)


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.accelerator", name)
