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
                             "distance", "loss", "adaptive",
                             "conv", "pooling", "batchnorm", "instancenorm", "normalization", "padding", "upsampling",
                             "fold", "pixelshuffle", "channelshuffle", "attention", "transformer")
NAMES: dict[str, Any] = {}
for _family in FAMILIES:
    _module = import_module(f"{__name__}.{_family}")
    for _name in _module.__all__:
        _class: Any = getattr(_module, _name)
        NAMES[_name] = _class
        for _part in _class.__mro__ if isinstance(_class, type) else ():
            if _part.__module__.startswith(__name__):
                _part.__module__ = _part.__module__.replace(__name__, "torch.nn.modules")
            _any: Any = _part
            if _part.__module__.startswith("torch.nn.") and _part.__name__ != "Module":
                _own = vars(_part).get("__init__")
                if _own is not None and not hasattr(_own, "__wrapped__"):
                    _any.__init__ = _settled(_own)
globals().update(NAMES)
