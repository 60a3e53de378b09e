"""``torch.accelerator`` where there is none: scripts ask, and take the CPU."""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    return False


def device_count() -> int:
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """There is none."""


def current_device_index() -> NoReturn:
    raise RuntimeError("Cannot access accelerator device when none is available.")


def synchronize(device: Any = None) -> NoReturn:
    raise RuntimeError("Cannot access accelerator device when none is available.")


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.accelerator", name)
