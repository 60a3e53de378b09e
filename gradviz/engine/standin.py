"""Let the engine stand in for PyTorch: ``import torch`` and its submodules give the engine."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import gradviz.engine as engine


def install() -> None:
    """Put the engine in ``sys.modules`` under PyTorch's names, if nothing is there yet."""
    for name, module in modules().items():
        sys.modules.setdefault(name, module)


def modules() -> dict[str, ModuleType]:
    """PyTorch's module names and what stands in for them."""
    found: dict[str, Any] = {"torch": engine}
    for name in ("autograd", "autograd.function", "autograd.grad_mode", "cuda"):
        value: Any = engine
        for part in name.split("."):
            value = getattr(value, part)
        found["torch." + name] = value
    return found
