"""``torch.nn.functional``: a file for each family; a family's ``FUNCTIONS`` is what it gives."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradviz.engine.ops.out import with_out

FAMILIES: tuple[str, ...] = ("activation", "distance", "loss", "linear", "embedding", "dropout",
                             "conv", "pool", "norm", "vision", "attention",
                             "multihead")
for _family in FAMILIES:
    globals().update(import_module(f"{__name__}.{_family}").FUNCTIONS)
for _name in ("avg_pool2d", "avg_pool3d", "gelu", "hardshrink", "logsigmoid", "softplus", "softshrink"):
    globals()[_name] = with_out(_name, globals()[_name])


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.nn.functional", name)
