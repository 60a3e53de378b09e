"""``torch.nn``: modules from their families' files."""

from __future__ import annotations

from typing import Any

from gradviz.engine.nn import functional, init, modules, parallel, parameter, utils
from gradviz.engine.nn.modules import NAMES as _NAMES
from gradviz.engine.nn.parallel import DataParallel
from gradviz.engine.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

globals().update(_NAMES)


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.nn", name)


__all__ = ["Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init",
           "modules", "parallel", "parameter", "utils"]
