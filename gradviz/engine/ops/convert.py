"""Leaving and changing: to Python, to NumPy, to another type; detach and ``.data``."""

from __future__ import annotations

from math import prod
from typing import Any

from gradviz import probe
from gradviz.engine import dtypes, observe
from gradviz.engine.autograd import modes
from gradviz.engine.devices import placed, resolve
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.errors import warn
from gradviz.engine.fingerprint import share
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.create import from_numpy
from gradviz.engine.storage import Cell, storage_of
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import ndarray, xp

TO = op("to", dtypes.convert, "ToCopyBackward0", lambda ns, ctx, g: g)


def cast(self: Any, dtype: Any, copy: bool = False) -> Any:
    """The tensor in another type; itself if it has that type."""
    want = dtypes.lookup(dtype)
    if self._array.dtype == want.np and not copy:
        return self
    return run(TO, (self,), (want.np,), want.name)


def to(self: Any, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False,
       memory_format: Any = None) -> Any:
    """Another type or device; itself where nothing changes."""
    flagged = False
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, dtypes.dtype) or a in (float, int, bool, complex):
            dtype = a
        elif isinstance(a, bool):  # non_blocking, then copy
            copy, non_blocking = (a, non_blocking) if flagged else (copy, a)
            flagged = True
        elif isinstance(a, str | dtypes.device | int):
            device = a
    if device is not None and (device != "cpu" or self._array.__class__ is not ndarray):
        return moved(self, device, dtype, copy)
    return cast(self, self.dtype if dtype is None else dtype, copy)


def moved(self: Any, device: Any, dtype: Any = None, copy: bool = False) -> Any:
    """The tensor on a device, in another type if one is named; itself if nothing changes."""
    place = resolve(device)
    want = self._array.dtype if dtype is None else dtypes.lookup(dtype).np
    if place == self.device:
        return cast(self, dtypes.BY_NP[want], copy)
    text = str(place) if dtype is None else f"{place}, {dtypes.lookup(dtype).name}"
    return run(MOVE, (self,), (want, place), text, (self.device,))


def _move(x: ndarray, want: Any, place: Any) -> ndarray:
    """Converted where it is fewer bytes to move."""
    if want.itemsize < x.dtype.itemsize:
        x = dtypes.convert(x, want)
    return dtypes.convert(placed(x, place), want)  # type: ignore[no-any-return]


def _moved_back(ns: Any, ctx: Any, g: Any) -> Any:
    return g.to(*ctx.args) if isinstance(g, Tensor) else placed(g, *ctx.args)


MOVE = op("to", _move, "ToCopyBackward0", _moved_back, key="to.device")


def cuda(self: Any, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
    """The tensor on a CUDA device."""
    return moved(self, "cuda" if device is None else device)


def type_(self: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The type's old name, or the tensor in another type."""
    if dtype is None:
        return f"torch.{'cuda.' * self.is_cuda}{self.dtype.legacy}Tensor"
    if (isinstance(dtype, str) and dtype.startswith("torch.cuda.")) or getattr(dtype, "on_cuda", False):
        name = dtype if isinstance(dtype, str) else dtype.__name__
        return cast(moved(self, "cuda"), next(d for d in dtypes.ALL if name.endswith(d.legacy + "Tensor")))
    if self.is_cuda and isinstance(dtype, str | type):  # a type without the word is the CPU's
        self = moved(self, "cpu")
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.").removesuffix("Tensor")
        for d in dtypes.ALL:
            if d.legacy == name and name != dtype:
                return cast(self, d)
        raise ValueError(f"invalid type: '{dtype}'")
    return cast(self, getattr(dtype, "dtype", dtype))


# --- to Python -------------------------------------------------------------------------------------------------------
def item(self: Any) -> Any:
    """The one element as a Python number."""
    array = self._array
    if array.size != 1:
        raise RuntimeError(f"a Tensor with {array.size} elements cannot be converted to Scalar")
    if probe.sink is not None:
        observe.left("item", "", (self,))
    return array.item()


def _scalar(name: str, convert: Any) -> Any:
    def method(self: Any) -> Any:
        array = self._array
        if array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        if self._requires and name in ("__float__", "__int__") and modes.enabled():
            _warn_scalar()
        if probe.sink is not None:
            observe.left(name.strip("_"), "", (self,))
        return convert(array.item())

    return method


_warned: set[str] = set()


def _warn_scalar() -> None:
    """PyTorch says this once a process."""
    if "scalar" in _warned:
        return
    _warned.add("scalar")

    warn("Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider "
         "using tensor.detach() first.")


def __bool__(self: Any) -> bool:
    array = self._array
    if array.size != 1:
        if not array.size:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    if probe.sink is not None:
        observe.left("bool", "", (self,))
    return bool(array.item())


def __index__(self: Any) -> int:
    if self._array.size != 1 or self._array.dtype.kind not in "iub":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self._array.item())


def tolist(self: Any) -> Any:
    """The elements as nested lists."""
    if probe.sink is not None:
        observe.left("tolist", "", (self,))
    return self._array.tolist()


def numpy(self: Any, *, force: bool = False) -> Any:
    """The elements as a NumPy array over the same memory."""
    if self._array.__class__ is not ndarray:
        if not force:
            raise TypeError(_NO_NUMPY.format(self.device))
        self = moved(self, "cpu")
    share(self)
    return _left(self, force).view()


_NO_NUMPY = ("can't convert {} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")


def _left(self: Any, force: bool = False, name: str = "numpy") -> ndarray:
    if self.requires_grad:
        if not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        self = detach(self)
    if self._array.dtype.kind == "V":
        raise TypeError("Got unsupported ScalarType BFloat16")
    if probe.sink is not None:
        observe.left(name, "", (self,))
    return self._array  # type: ignore[no-any-return]


def __array__(self: Any, dtype: Any = None, copy: Any = None) -> Any:
    if self._array.__class__ is not ndarray or (not copy and dtype in (None, self._array.dtype)):
        return numpy(self)
    if copy is False:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return xp.array(_left(self), dtype)  # NumPy takes our word that it is a copy


def __dlpack__(self: Any, **options: Any) -> Any:
    """The memory as a capsule, for any library."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    share(self)
    return _left(self, name="to_dlpack").view().__dlpack__(**options)


def from_dlpack(ext_tensor: Any) -> Any:
    """A tensor that shares the memory of another library's."""
    if not hasattr(ext_tensor, "__dlpack__"):
        raise RuntimeError("from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
                           "once, so you might have already constructed a tensor from it once.")
    return from_numpy(xp.from_dlpack(ext_tensor), "from_dlpack")


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Any:
    """A flat tensor that shares the memory of a buffer; a copy of one that is read-only."""
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    want = dtypes.lookup(dtype).np
    length, size = view.nbytes, want.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} "
                         "bytes) minus 1")
    if count < 0 and (length - offset) % size:
        raise ValueError(f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of "
                         f"element size ({size})")
    if count > 0 and offset + count * size > length:
        raise ValueError(f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be "
                         f"greater than actual buffer length ({length} bytes)")
    array = xp.frombuffer(view.cast("B"), want, count, offset)
    out = from_numpy(array if array.flags.writeable else array.copy(), "frombuffer")
    return out.requires_grad_() if requires_grad else out


def __len__(self: Any) -> int:
    if not self._array.ndim:
        raise TypeError("len() of a 0-d tensor")
    return int(self._array.shape[0])


def __iter__(self: Any) -> Any:
    if not self._array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


def __contains__(self: Any, element: Any) -> bool:
    if isinstance(element, Tensor | int | float | bool | complex):
        return bool((self._array == (element._array if isinstance(element, Tensor) else element)).any())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


def __format__(self: Any, spec: str) -> str:
    if not self._array.ndim and type(self) is Tensor:
        return format(self._array.item(), spec)
    return object.__format__(self, spec)


# --- detach and data -------------------------------------------------------------------------------------------------
def detach(self: Any) -> Any:
    """The same memory outside the graph; writes are still counted."""
    if self._cell.storage is None:
        storage_of(self)
    out = make(self._array, self._cell)
    if probe.sink is not None:
        observe.op("detach", "", (self,), (out,), "detach")
    return out


def detach_(self: Any) -> Any:
    """Take the tensor out of the graph."""
    if self._view is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead. If you are using "
                           "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, "
                           "gradients are views of DDP buckets, and hence detach_() cannot be called on these "
                           "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
                           "torch/optim/optimizer.py as the solution.")
    self._edge, self._requires = None, False
    if probe.sink is not None:
        observe.rebind(self, "detach_")
    return self


def get_data(self: Any) -> Any:
    """The same memory outside the graph; writes through it are not counted."""
    out = make(self._array, Cell(0, 0, storage_of(self)))
    if probe.sink is not None:
        observe.op("data", "", (self,), (out,), "data")
    return out


def set_data(self: Any, value: Any) -> None:
    """Give the tensor another one's memory; counter and history stay."""
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    # The counter stays, and stays shared with views and detached aliases, as in PyTorch: a later write is counted for
    # what was saved before. (`p.data -= x` sets p.data to itself.)
    self._cell.storage = storage_of(value)
    self._array = value._array
    if probe.sink is not None:
        observe.rebind(self, "data")


def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
    """A leaf with a copy of the data, and of the gradient and what the user has put on it."""
    import copy

    if not self.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                           "at the "
                           "moment.  If you were attempting to deepcopy a module, this may be because of a "
                           "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001")
    out = make(self._array.copy(order="K"), Cell(), self._requires)
    memo[id(self)] = out
    if self._grad is not None:
        out._grad = copy.deepcopy(self._grad, memo)
    if type(self) is not Tensor:
        out.__class__ = type(self)
    for key, value in self.__dict__.items():
        out.__dict__[key] = copy.deepcopy(value, memo)
    if probe.sink is not None:
        observe.op("clone", "", (self,), (out,), "op")
    return out


# --- sizes -----------------------------------------------------------------------------------------------------------
def size(self: Any, dim: Any = None) -> Any:
    if dim is None:
        return self.shape
    from gradviz.engine.ops.args import dimension

    if not self._array.ndim:
        raise IndexError("Dimension specified as " + str(dim) + " but tensor has no dimensions")
    return self._array.shape[dimension(dim, self._array.ndim)]


def stride(self: Any, dim: Any = None) -> Any:
    array = self._array
    if not array.size:  # NumPy's are zeros then, or anything
        steps = tuple([prod([max(n, 1) for n in array.shape[i + 1:]]) for i in range(array.ndim)])
    else:
        steps = observe.element_strides(array)
    return steps if dim is None else steps[dim]


def is_contiguous(self: Any, memory_format: Any = None) -> bool:
    return bool(self._array.flags.c_contiguous)


def data_ptr(self: Any) -> int:
    from gradviz.engine.xp import address

    return address(self._array)


METHODS: dict[str, Any] = {
    "to": to, "type": type_, "item": item, "tolist": tolist, "numpy": numpy, "detach": detach, "detach_": detach_,
    "__bool__": __bool__, "__float__": _scalar("__float__", float), "__int__": _scalar("__int__", int),
    "__complex__": _scalar("__complex__", complex), "__index__": __index__, "__array__": __array__,
    "__dlpack__": __dlpack__, "__dlpack_device__": lambda self: self._array.__dlpack_device__(),
    "__len__": __len__, "__iter__": __iter__, "__contains__": __contains__, "__format__": __format__,
    "__deepcopy__": __deepcopy__, "data": property(get_data, set_data), "size": size, "stride": stride,
    "is_contiguous": is_contiguous,
    "data_ptr": data_ptr, "dim": lambda self: self._array.ndim, "ndimension": lambda self: self._array.ndim,
    "numel": lambda self: self._array.size, "nelement": lambda self: self._array.size,
    "element_size": lambda self: self._array.itemsize,
    "cpu": lambda self, memory_format=None: self if self._array.__class__ is ndarray else moved(self, "cpu"),
    "type_as": lambda self, other: to(self, other),
    "get_device": lambda self: -1 if self._array.__class__ is ndarray else self.device.index,
    "is_floating_point": lambda self: self._array.dtype.char in FLOATING,
    "is_complex": lambda self: self._array.dtype.kind == "c", "is_signed": lambda self: self.dtype.is_signed,
    "is_pinned": lambda self: False, "is_inference": lambda self: self._cell.inference,
    "cuda": cuda,
}
for _name in ("float", "double", "half", "long", "int", "short", "bool", "cfloat", "cdouble", "bfloat16"):
    METHODS[_name] = (lambda d: lambda self, memory_format=None: cast(self, d))(dtypes.NAMES[_name])
METHODS["byte"] = lambda self, memory_format=None: cast(self, dtypes.uint8)
METHODS["char"] = lambda self, memory_format=None: cast(self, dtypes.int8)
FUNCTIONS: dict[str, Any] = {
    "detach": detach, "detach_": detach_, "numel": METHODS["numel"], "from_dlpack": from_dlpack,
    "frombuffer": frombuffer,
    "is_floating_point": METHODS["is_floating_point"], "is_complex": METHODS["is_complex"],
    "is_tensor": lambda obj: isinstance(obj, Tensor), "result_type": lambda a, b: result_type(a, b),
    "can_cast": dtypes.can_cast, "promote_types": dtypes.promote_types,
}


def result_type(a: Any, b: Any) -> Any:
    """The type of ``a`` with ``b``."""
    from gradviz.engine.ops.promote import result_dtype

    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return dtypes.BY_NP[result_dtype(a._array, b._array)]
    if isinstance(a, Tensor):
        return dtypes.with_scalar(a.dtype, b)
    if isinstance(b, Tensor):
        return dtypes.with_scalar(b.dtype, a)
    return dtypes.promote_types(dtypes.scalar_type(a), dtypes.scalar_type(b))


__all__ = ["FUNCTIONS", "METHODS", "ndarray", "xp"]
