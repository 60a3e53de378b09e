"""``torch.utils``: loading data, and checkpoints that trade memory for time. Its parts are loaded when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("checkpoint", "data"):
        return import_module(f"{__name__}.{name}")
    from gradviz.engine.missing import error

    raise error("torch.utils", name)


__all__ = ["checkpoint", "data"]
