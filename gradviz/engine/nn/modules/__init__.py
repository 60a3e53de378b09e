"""The classes of ``torch.nn``, a file for each family; a family's ``__all__`` is what it gives."""

from __future__ import annotations

from importlib import import_module
from typing import Any

FAMILIES = ()
NAMES: dict[str, Any] = {}
for _family in FAMILIES:
    _module = import_module(f"{__name__}.{_family}")
    NAMES |= {_name: getattr(_module, _name) for _name in _module.__all__}
globals().update(NAMES)
