"""``torch.nn.utils``: gradients, parameters and weights of whole models."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.nn.utils", name)
