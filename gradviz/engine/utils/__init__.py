"""``torch.utils``: loading data, checkpoints that trade memory for time, files for TensorBoard.

Its parts are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("checkpoint", "data", "hooks", "tensorboard"):
        return import_module(f"{__name__}.{name}")
    from gradviz.engine.missing import error

    raise error("torch.utils", name)


__all__ = ["checkpoint", "data", "hooks", "tensorboard"]
