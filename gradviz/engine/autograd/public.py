"""The names of ``torch.autograd``, put on the package once everything is there.

They cannot stand in ``autograd/__init__.py``: tensors need parts of this package, and ``backward`` and ``grad`` need
tensors. ``backward`` there is the function, as in PyTorch; the module of that name is found by importing it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from gradviz.engine import autograd
from gradviz.engine.autograd import api, function, modes
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


def set_detect_anomaly(mode: bool, check_nan: bool = True) -> None:
    """Accepted for compatibility: a recording shows where every value came from."""


class detect_anomaly:
    """Accepted for compatibility: a recording shows where every value came from."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


def _absent(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.autograd", name)


def module() -> ModuleType:
    """The package with its public names."""
    names: dict[str, Any] = {
        "backward": api.backward, "grad": api.grad, "Function": Function, "Variable": Variable, "function": function,
        "grad_mode": modes, "no_grad": modes.no_grad, "enable_grad": modes.enable_grad,
        "set_grad_enabled": modes.set_grad_enabled, "inference_mode": modes.inference_mode,
        "set_detect_anomaly": set_detect_anomaly, "detect_anomaly": detect_anomaly,
    }
    names["__getattr__"] = _absent
    for name, value in names.items():
        setattr(autograd, name, value)
    return autograd
