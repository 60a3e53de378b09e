"""Other types and devices: what is done to all tensors of a module and of those below."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn.parameter import is_lazy
from gradviz.engine.tensor import Tensor


def _apply(self: Any, fn: Callable[[Any], Any], recurse: bool = True) -> Any:
    """Replace what the parameters, their gradients and the buffers hold by ``fn`` of it."""
    for module in self.children() if recurse else ():
        module._apply(fn)
    for parameter in self._parameters.values():
        if parameter is not None:
            for tensor in (parameter, parameter.grad):
                if tensor is not None:
                    with no_grad():
                        changed = fn(tensor)
                    if changed is not tensor:
                        tensor.data = changed
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Another floating point type, or another device."""
    dtype = kwargs.pop("dtype", None)
    for a in args:
        if isinstance(a, Tensor | dtypes.dtype):
            dtype = a.dtype if isinstance(a, Tensor) else a
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError("nn.Module.to only accepts floating point or complex dtypes, but got desired "
                        f"dtype={dtype}")
    if dtype is not None and dtype.is_complex:
        warnings.warn(
            "Complex modules are a new feature under active development whose design may change, and some modules "
            "might not work as expected when using complex tensors as parameters or buffers. Please file an issue "
            "at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not "
            "work as expected.", stacklevel=2)
    device = kwargs.get("device", next((a.device if isinstance(a, Tensor) else a for a in args
                                        if isinstance(a, str | dtypes.device | int | Tensor)), None))
    return self._apply(lambda t: _converted(t, dtype, device, t.is_floating_point() or t.is_complex()))


def type(self: Any, dst_type: Any) -> Any:
    return self._apply(lambda t: t.type(dst_type))


def _of_type(dtype: Any) -> Any:
    """The method that makes everything floating be of a type."""
    return lambda self: self._apply(lambda t: _converted(t, dtype, None, t.is_floating_point()))


float, double, half, bfloat16 = map(_of_type, (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16))


def cpu(self: Any) -> Any:
    return self._apply(lambda t: _converted(t, None, "cpu", False))


def cuda(self: Any, device: Any = None) -> Any:
    return self._apply(lambda t: _converted(t, None, "cuda" if device is None else device, False))


def to_empty(self: Any, *, device: Any, recurse: bool = True) -> Any:
    """Memory that is not filled, on another device."""
    from gradviz.engine.ops.table import FUNCTIONS

    return self._apply(lambda t: FUNCTIONS["empty_like"](t, device=device), recurse)


def share_memory(self: Any) -> Any:
    return self._apply(lambda t: t.share_memory_())


def _converted(tensor: Any, dtype: Any, device: Any, kind: bool) -> Any:
    want = dtype if kind and dtype is not None else tensor.dtype
    if is_lazy(tensor):
        return tensor.converted(want, device)
    return tensor.to(want) if device is None else tensor.to(device, want)
