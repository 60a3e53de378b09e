"""Inference tensors: made in ``inference_mode``, they count no writes and may not be saved for backward.

Ops make a ``Cell`` for each result, and must not ask for the mode each time. While a thread is in the mode, the modules
of the engine find under that name a function that asks.
"""

from __future__ import annotations

import sys
from typing import Any

from msgspec import Struct

from gradviz.engine.autograd import modes
from gradviz.engine.storage import Cell

SAVED = ("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
         "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it "
         "in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.")
WRITTEN = ("Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
           "normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.")


class InferenceCell(Struct, eq=False, gc=False):
    """The counter of an inference tensor, which counts nothing."""

    cid: int = 0
    storage: Any = None

    inference = True

    @property
    def version(self) -> int:
        """0; an op that asks in order to save the tensor is refused."""
        if modes.thread.mode == "grad":
            caller = sys._getframe(1)
            module: str = caller.f_globals["__name__"]
            if module.startswith("gradviz.engine.ops.") or caller.f_code.co_name == "_attach":
                raise RuntimeError(SAVED)
        return 0

    @version.setter
    def version(self, value: int) -> None:
        pass


def _cell(*args: Any) -> Any:
    return InferenceCell() if modes.thread.mode == "inference" and not args else Cell(*args)


class _Open:
    count = 0


def enter() -> None:
    """A thread enters the mode."""
    _Open.count += 1
    if _Open.count == 1:
        _provide(Cell, _cell)


def leave() -> None:
    _Open.count -= 1
    if not _Open.count:
        _provide(_cell, Cell)


def _provide(old: Any, new: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("gradviz.engine.") and module is not sys.modules[__name__]:
            names = vars(module)
            if names.get("Cell") is old:
                names["Cell"] = new


modes.inference = sys.modules[__name__]
