"""The classes of ``torch.nn``, a file for each family; a family's ``__all__`` is what it gives."""

from __future__ import annotations

from importlib import import_module
from typing import Any

FAMILIES: tuple[str, ...] = ("module", "linear", "container", "sparse", "flatten", "dropout", "activation",
                             "distance", "loss")
NAMES: dict[str, Any] = {}
for _family in FAMILIES:
    _module = import_module(f"{__name__}.{_family}")
    for _name in _module.__all__:
        NAMES[_name] = _class = getattr(_module, _name)
        if isinstance(_class, type) and _class.__module__.startswith("gradviz."):
            _class.__module__ = f"torch.nn.modules.{_family}"
globals().update(NAMES)
