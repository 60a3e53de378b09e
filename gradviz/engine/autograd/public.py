"""The names of ``torch.autograd``, put on the package once everything is there.

They cannot stand in ``autograd/__init__.py``: tensors need parts of this package, and ``backward`` and ``grad`` need
tensors. ``backward`` there is the function, as in PyTorch; the module of that name is found by importing it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from gradviz.engine import autograd
from gradviz.engine.autograd import anomaly, api, function, modes
from gradviz.engine.autograd.function import Function
from gradviz.engine.tensor import Tensor


class _VariableType(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool | None = False, volatile: bool | None = None) -> Tensor:
        if volatile is not None:
            import warnings

            warnings.warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                          UserWarning, stacklevel=2)
        from gradviz.engine.ops.create import legacy

        out = legacy() if data is None else data.detach()
        out.requires_grad_(bool(requires_grad))
        return out


class Variable(metaclass=_VariableType):
    """What tensors that need gradients once were; a tensor over the same data."""


_LATE = {"functional": "functional", "gradcheck": "check", "gradgradcheck": "check", "graph": "graph"}
"""Names that are loaded when they are first asked for, and the module that has each."""


def _absent(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        module = import_module(f"gradviz.engine.autograd.{_LATE[name]}")
        value = getattr(module, name, module)
        setattr(autograd, name, value)
        return value
    from gradviz.engine.missing import error

    raise error("torch.autograd", name)


def _variable_module() -> ModuleType:
    """``torch.autograd.variable``, from which old scripts import."""
    out = ModuleType("torch.autograd.variable")
    out.Variable = Variable  # type: ignore[attr-defined]
    return out


def module() -> ModuleType:
    """The package with its public names."""
    names: dict[str, Any] = {
        "backward": api.backward, "grad": api.grad, "Function": Function, "Variable": Variable, "function": function,
        "grad_mode": modes, "no_grad": modes.no_grad, "enable_grad": modes.enable_grad,
        "set_grad_enabled": modes.set_grad_enabled, "inference_mode": modes.inference_mode,
        "set_detect_anomaly": anomaly.set_detect_anomaly, "detect_anomaly": anomaly.detect_anomaly,
        "anomaly_mode": anomaly, "variable": _variable_module(),
    }
    names["__getattr__"] = _absent
    for name, value in names.items():
        setattr(autograd, name, value)
    return sys.modules[autograd.__name__]  # type checkers read the stub, in which it is of no known type
