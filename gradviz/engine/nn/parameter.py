"""Tensors that belong to modules: parameters, buffers, and those whose shape is not known yet."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.devices import exemplar, resolve
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.ops.create import legacy
from gradviz.engine.printing import tensor_text
from gradviz.engine.storage import Cell, storage_of
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import ndarray, xp


def alias(cls: Any, data: Any, requires_grad: bool) -> Any:
    """A leaf of class ``cls`` over the memory and the counter of ``data``."""
    if requires_grad and data._array.dtype.char not in INEXACT:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    if requires_grad and data._cell.inference and not modes.is_inference_mode_enabled():
        raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
    storage_of(data)
    out = make(data._array, data._cell, bool(requires_grad))
    out.__class__ = cls
    if probe.sink is not None and not observe.silent():
        observe.tensor_id(out)
    return out


class _ParameterType(type(Tensor)):  # type: ignore[misc]
    def __instancecheck__(cls, instance: object) -> bool:
        if cls is Parameter and isinstance(instance, Tensor) and instance.__dict__.get("_is_param", False):
            return True
        return super().__instancecheck__(instance)  # type: ignore[no-any-return]


class Parameter(Tensor, metaclass=_ParameterType):
    """A tensor that a module lists among its parameters when it is assigned to it."""

    __module__ = "torch.nn.parameter"

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = legacy(0)
        if type(data) is Tensor or type(data) is Parameter:
            return alias(cls, data, requires_grad)
        out = data.detach().requires_grad_(requires_grad)
        out.__class__ = type(data)
        out._is_param = True
        return out

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        """Says to a type checker what ``__new__`` takes: a Struct's own takes its fields."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + tensor_text(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild, (type(self), self._array, self.requires_grad, OrderedDict(), dict(self.__dict__))


def _rebuild(cls: Any, array: ndarray, requires_grad: bool, hooks: Any, state: dict[str, Any]) -> Any:
    """A parameter from what was pickled of it."""
    out = make(array, Cell(), requires_grad)
    out.__class__ = cls
    out.__dict__.update(state)
    return out


class _BufferType(type(Tensor)):  # type: ignore[misc]
    def __instancecheck__(cls, instance: object) -> bool:
        if cls is Buffer and isinstance(instance, Tensor) and instance.__dict__.get("_is_buffer", False):
            return True
        return super().__instancecheck__(instance)  # type: ignore[no-any-return]


class Buffer(Tensor, metaclass=_BufferType):
    """A tensor that a module lists among its buffers when it is assigned to it."""

    __module__ = "torch.nn.parameter"

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        data = legacy(0) if data is None else data
        out = alias(type(data), data, data.requires_grad)
        out.persistent, out._is_buffer = persistent, True
        return out


# --- of a shape that is not known yet --------------------------------------------------------------------------------
class _Uninitialized:
    """Refuses everything but to be moved, converted and given a shape."""

    __slots__ = ()

    def _refused(self: Any, where: str = "") -> Any:
        name = type(self).__name__
        where = where or sys._getframe(1).f_code.co_name
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {where}. This error happens when you are using a "
            f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{name}` objects. When using LazyModules Call "
            "`forward` with a dummy batch to initialize the parameters before calling torch functions")

    _array = property(_refused)

    def numel(self) -> Any:
        self._refused("<method 'numel' of 'torch._C.TensorBase' objects>")

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Make it the parameter or buffer that it was to become, with memory that is not filled."""
        want = self._dtype if dtype is None else dtype
        like = exemplar(self._device if device is None else device)
        self.__class__ = self.cls_to_become
        self._array = xp.empty(tuple(shape), want.np, like=like)
        del self.__dict__["_dtype"], self.__dict__["_device"]

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes.")

    def share_memory_(self) -> Any:
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize "
                           "the parameters before calling `module.share_memory()`.")

    def converted(self: Any, dtype: Any, device: Any = None) -> Any:
        """The same of another type, on another device."""
        self.__dict__["_dtype"] = dtype
        if device is not None:
            self.__dict__["_device"] = resolve(device)
        return self

    dtype = property(lambda self: self._dtype)
    device = property(lambda self: self._device)

    def is_floating_point(self: Any) -> Any:
        return self._dtype.is_floating_point

    def is_complex(self: Any) -> Any:
        return self._dtype.is_complex

    data = property(lambda self: self, lambda self, value: None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self._requires, dtype=self._dtype, device=self._device)
        return memo[id(self)]

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return type(self), (self._requires,)


def _empty(cls: Any, requires_grad: bool, device: Any, dtype: Any) -> Any:
    place = resolve(device)
    data = legacy(0) if dtype is None else legacy(0).to(dtype)
    out = make(data._array, Cell(), requires_grad)
    out._dtype, out._device = data.dtype, place
    out.__class__ = cls
    return out


class UninitializedParameter(_Uninitialized, Parameter):  # type: ignore[metaclass]
    """A parameter whose shape is known when its module is first called."""

    __module__ = "torch.nn.parameter"
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return _empty(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass


class UninitializedBuffer(_Uninitialized, Tensor):  # type: ignore[metaclass]
    """A buffer whose shape is known when its module is first called."""

    __module__ = "torch.nn.parameter"
    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None,
                persistent: bool = True) -> Any:
        out = _empty(cls, requires_grad, device, dtype)
        out.persistent, out._is_buffer = persistent, True
        return out

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None,
                 persistent: bool = True) -> None:
        pass


def is_lazy(param: Any) -> bool:
    """Whether its shape is not known yet."""
    return isinstance(param, _Uninitialized)


UninitializedTensorMixin = _Uninitialized
__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin",
           "is_lazy"]
