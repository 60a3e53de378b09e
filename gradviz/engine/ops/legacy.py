"""Old names: typed tensor constructors, storages, layout, and in-place changes of shape."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import devices, dtypes, observe
from gradviz.engine.autograd.node import node_class
from gradviz.engine.errors import warn
from gradviz.engine.ops import create, shape
from gradviz.engine.storage import storage_of
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import address, asarray, ndarray, strided, xp


class _TypedTensor(type):
    """``torch.FloatTensor``: makes tensors of its type and knows them."""

    dtype: dtypes.dtype

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype and not value.is_cuda

    def __call__(cls, *args: Any) -> Tensor:
        return create.legacy(*args, dtype=cls.dtype)

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


TYPES: dict[str, Any] = {
    d.legacy + "Tensor": _TypedTensor(d.legacy + "Tensor", (), {"dtype": d, "__module__": "torch"})
    for d in dtypes.ALL if not d.is_complex and not 15 <= d.rank < 20
}


def set_default_tensor_type(t: Any) -> None:
    """Deprecated in favour of ``set_default_dtype``."""

    warn("torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
         "torch.set_default_dtype() "
         "and torch.set_default_device() as alternatives.")
    on_cuda = "cuda." in t if isinstance(t, str) else hasattr(t, "on_cuda")
    name = t.rpartition(".")[2] if isinstance(t, str) else t.__name__
    if on_cuda and not devices.count():
        raise TypeError(f"type torch.cuda.{name} not available. Torch not compiled with CUDA enabled.")
    dtypes.set_default_dtype(TYPES[name].dtype)
    dtypes.set_default_device("cuda" if on_cuda else None)


class layout:
    """How elements lie in memory; here always strided."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return "torch." + self.name


strided_layout = layout("strided")


def _flat(tensor: Any) -> ndarray:
    """The whole storage as one row."""
    array = storage_of(tensor).array
    if array.flags.c_contiguous:
        return array.reshape(-1)
    n = 1 + sum((k - 1) * s // array.itemsize for k,
                s in zip(array.shape, array.strides, strict=True)) if array.size else 0
    return strided(array, (n,), (1,))


class UntypedStorage:
    """The bytes of a storage."""

    def __init__(self, tensor: Any) -> None:
        self._storage, self._bytes = storage_of(tensor), _flat(tensor).view(xp.uint8)
        self.device = tensor.device

    def data_ptr(self) -> int:
        return address(self._bytes)

    def nbytes(self) -> int:
        return int(self._bytes.nbytes)

    size = __len__ = nbytes

    def tolist(self) -> Any:
        return self._bytes.tolist()

    def __getitem__(self, i: Any) -> Any:
        return self._bytes[i].item() if isinstance(i, int) else self._bytes[i]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._storage is self._storage

    def __hash__(self) -> int:
        return id(self._storage)

    def __repr__(self) -> str:
        return "".join(f" {v}\n" for v in self._bytes.tolist()) + (
            f"[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]")


class TypedStorage:
    """The elements of a storage in a row."""

    def __init__(self, tensor: Any) -> None:
        self._tensor, self._row = tensor, _flat(tensor)
        self.dtype, self.device = tensor.dtype, tensor.device

    def data_ptr(self) -> int:
        return address(self._row)

    def size(self) -> int:
        return int(self._row.size)

    __len__ = size

    def nbytes(self) -> int:
        return int(self._row.nbytes)

    def element_size(self) -> int:
        return int(self._row.itemsize)

    def untyped(self) -> UntypedStorage:
        return UntypedStorage(self._tensor)

    def tolist(self) -> Any:
        return self._row.tolist()

    def __iter__(self) -> Any:
        return iter(self._row.tolist())

    def __getitem__(self, i: Any) -> Any:
        return self._row[i].item()

    def __setitem__(self, i: Any, value: Any) -> None:
        self._row[i] = value

    def __repr__(self) -> str:
        return "".join(f" {v}\n" for v in self._row.tolist()) + (
            f"[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {self.size()}]")


TypedStorage.__module__ = UntypedStorage.__module__ = "torch.storage"


class _OfType(type):
    """``torch.FloatStorage``: makes storages of its type and knows them."""

    dtype: dtypes.dtype

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, TypedStorage) and value.dtype is cls.dtype

    def __call__(cls, *args: Any) -> TypedStorage:
        return TypedStorage(create.legacy(*args, dtype=cls.dtype))

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


STORAGES: dict[str, Any] = {
    d.legacy + "Storage": _OfType(d.legacy + "Storage", (), {"dtype": d, "__module__": "torch"})
    for d in dtypes.ALL if not 15 <= d.rank < 20
}


def storage(self: Any) -> TypedStorage:
    """Deprecated in favour of ``untyped_storage``."""

    warn("TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only "
         "storage"
         " class. This should only matter to you if you are using storages directly.  To access "
         "UntypedStorage "
         "directly, use tensor.untyped_storage() instead of tensor.storage()")
    return TypedStorage(self)


_IN_PLACE: dict[Any, Any] = {row.node: node_class(name, row.node.rule) for row, name in (  # type: ignore[union-attr]
    (shape.T, "TBackward1"), (shape.SQUEEZE, "SqueezeBackward3"), (shape.SQUEEZE_DIM, "SqueezeBackward4"),
    (shape.SQUEEZE_DIMS, "SqueezeBackward5"))}
_IN_PLACE |= {shape.TRANSPOSE.node: shape.TRANSPOSE_.node, shape.UNSQUEEZE.node: shape.UNSQUEEZE_.node}


def _reshaped(name: str) -> Any:
    """``t_`` and its like: the tensor itself becomes that view."""
    function = shape.FUNCTIONS[name]

    def method(self: Any, *args: Any, **options: Any) -> Any:
        from gradviz.engine.autograd.views import check_inplace

        check_inplace(self, self.requires_grad)
        with observe.muted():
            view = function(self, *args, **options)
        before = self._cell.version
        edge = view._edge
        self._array = view._array
        self._cell.version = before + 1
        if edge is not None and self._edge is not None:
            edge[0].__class__ = _IN_PLACE[edge[0].__class__]
            self._edge = edge
        if self._view is not None:
            self._view.version = before + 1
        if probe.sink is not None:
            observe.op(name + "_", "", (self,), (self,), "op", self, before)
        return self

    return method


def resize(self: Any, *sizes: Any) -> Any:
    """Deprecated: another shape of as many elements."""

    warn("non-inplace resize is deprecated")
    return shape.view(self, *sizes)


def resize_(self: Any, *sizes: Any, memory_format: Any = None) -> Any:
    """Another shape in place; memory is added if it does not suffice."""
    from gradviz.engine.ops.args import sizes as read

    size = read(sizes)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    row, n = _flat(self), int(xp.prod(size))
    if n > row.size:
        bigger = xp.zeros(n, row.dtype)
        bigger[:row.size] = row
        self._cell.storage = None
        row = bigger
    self._array = row[:n].reshape(size)
    if self._cell.storage is None:
        storage_of(self)
    if probe.sink is not None:
        observe.rebind(self, "resize_")
    return self


def set_(self: Any, source: Any = None) -> Any:
    """Make the tensor a view of another's memory."""
    if source is not None:
        self._array, self._cell.storage = source._array, storage_of(source)
        if probe.sink is not None:
            observe.rebind(self, "set_")
    return self


def apply_(self: Any, function: Any) -> Any:
    """Call a Python function on every element, in place."""
    if self.requires_grad:
        raise TypeError("apply_() is only implemented on CPU tensors")
    flat = [function(v) for v in self._array.reshape(-1).tolist()]
    self._array[...] = asarray(flat, self._array.dtype).reshape(self._array.shape)
    return self


def map_(self: Any, other: Any, function: Any) -> Any:
    """Call a Python function on pairs of elements, in place."""
    pairs = zip(self._array.reshape(-1).tolist(), xp.broadcast_to(other._array, self._array.shape).reshape(-1).tolist(),
                strict=True)
    self._array[...] = asarray([function(a, b) for a, b in pairs], self._array.dtype).reshape(self._array.shape)
    return self


def _pin_memory(self: Any, device: Any = None) -> Any:
    if not devices.count():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return self


FUNCTIONS: dict[str, Any] = TYPES | STORAGES | {
    "set_default_tensor_type": set_default_tensor_type, "layout": layout, "strided": strided_layout,
    "is_storage": lambda obj: isinstance(obj, UntypedStorage | TypedStorage), "UntypedStorage": UntypedStorage,
    "TypedStorage": TypedStorage,
}
METHODS: dict[str, Any] = {
    "storage": storage, "untyped_storage": UntypedStorage, "layout": property(lambda self: strided_layout),
    "resize": resize, "resize_": resize_, "resize_as_": lambda self, other: resize_(self, other._array.shape),
    "pin_memory": _pin_memory, "set_": set_, "apply_": apply_, "map_": map_,
    "storage_type": lambda self: STORAGES.get(self.dtype.legacy + "Storage", TypedStorage),
}
for _name in ("t", "transpose", "swapaxes", "squeeze", "unsqueeze"):
    METHODS[_name + "_"] = _reshaped(_name)
METHODS["untyped_storage"] = lambda self: UntypedStorage(self)
