"""The classes of ``torch.nn``, a file for each family; a family's ``__all__`` is what it gives."""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from typing import Any

from gradviz import probe
from gradviz.engine import observe


def _settled(make: Any) -> Any:
    """An ``__init__`` of ours that tells nothing of how it fills a layer: a recording meets its parameters when they
    are first used."""

    @wraps(make)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if probe.sink is None:
            make(self, *args, **kwargs)
        else:
            with observe.muted():
                make(self, *args, **kwargs)

    return __init__


FAMILIES: tuple[str, ...] = ("module", "linear", "container", "sparse", "flatten", "dropout", "rnn", "activation",
                             "distance", "loss")
NAMES: dict[str, Any] = {}
for _family in FAMILIES:
    _module = import_module(f"{__name__}.{_family}")
    for _name in _module.__all__:
        NAMES[_name] = _class = getattr(_module, _name)
        if isinstance(_class, type) and _class.__module__.startswith("gradviz."):
            _class.__module__ = f"torch.nn.modules.{_family}"
            if "__init__" in vars(_class) and _name != "Module":
                _class.__init__ = _settled(_class.__init__)  # type: ignore[misc]
globals().update(NAMES)
