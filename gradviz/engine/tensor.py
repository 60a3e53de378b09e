"""The tensor: an array, the cell that counts its writes, and its place in the graph.

Methods that are ops are put on the class from the tables in ``gradviz.engine.ops``; what every tensor has beside ops
is here.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gradviz import probe
from gradviz.engine import dtypes
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.node import AccumulateGrad
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.storage import Cell, offset_of, storage_of
from gradviz.engine.xp import ndarray


class Size(tuple):  # type: ignore[type-arg]
    """A shape."""

    __slots__ = ()

    def numel(self) -> int:
        n = 1
        for d in self:
            n *= d
        return n

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, i: Any) -> Any:
        item = tuple.__getitem__(self, i)
        return Size(item) if isinstance(i, slice) else item

    def __add__(self, other: tuple[int, ...]) -> Size:  # type: ignore[override]
        return Size(tuple.__add__(self, other))


_StructMeta = type(Struct)


class _TensorType(_StructMeta):  # type: ignore[misc,valid-type]
    """A Struct has a constructor in C, which takes the fields and which ``make`` uses. What a user calls is
    ``Tensor(data)``; subclasses may define ``__new__`` and ``__init__``, which a Struct's body may not hold."""

    def __new__(meta, name: str, bases: Any, body: dict[str, Any], **options: Any) -> Any:
        own = {key: body.pop(key) for key in ("__new__", "__init__") if key in body}
        notes = body.pop("__annotations__", None) if name != "Tensor" else None
        cls = super().__new__(meta, name, bases, body, **options)
        if notes:
            cls.__annotations__ = notes
        if "__new__" in own:
            cls._construct = staticmethod(own["__new__"])
        if "__init__" in own:
            cls._initialise = own["__init__"]
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        self = cls._construct(cls, *args, **kwargs)
        if isinstance(self, cls):
            self._initialise(*args, **kwargs)  # type: ignore[unreachable]
        return self


class Tensor(Struct, metaclass=_TensorType, eq=False, weakref=True, dict=True):
    """A multi-dimensional array that remembers how it was computed."""

    _array: ndarray
    _cell: Cell
    _requires: bool = False
    """Whether ops on it record. A view's is brought up to date by ``refresh`` before it is used."""
    _edge: Any = None
    """(node, slot) that made it; None for a leaf."""
    _view: Any = None
    _grad: Any = None
    _tid: int = 0
    """Its number in a recording: 0 none yet, negative if the recording has the number but not yet the facts."""
    _accumulate: Any = None
    """Weak reference to a leaf's AccumulateGrad, which holds the leaf."""
    _hooks: Any = None

    __array_priority__ = 1000  # NumPy leaves `np.float64(2) * tensor` to the tensor

    @staticmethod
    def _construct(cls: Any, *args: Any, **kwargs: Any) -> Any:
        from gradviz.engine.ops.create import legacy

        return subclass(cls, legacy(*args, **kwargs))

    def _initialise(self, *args: Any, **kwargs: Any) -> None:
        pass

    # --- what it is ---------------------------------------------------------------------------------------------
    @property
    def shape(self) -> Size:
        return Size(self._array.shape)

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.BY_NP[self._array.dtype]

    @property
    def device(self) -> dtypes.device:
        array = self._array
        if array.__class__ is ndarray:
            return dtypes.CPU
        return dtypes.device("cuda", array.device.id)  # type: ignore[attr-defined]

    @property
    def _version(self) -> int:
        if self._cell.inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self._cell.version

    @property
    def ndim(self) -> int:
        return self._array.ndim

    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    is_cpu = property(lambda self: self._array.__class__ is ndarray)
    is_cuda = property(lambda self: self._array.__class__ is not ndarray)
    is_sparse = is_quantized = is_meta = is_mps = is_nested = is_mkldnn = property(lambda self: False)

    def storage_offset(self) -> int:
        return offset_of(self)

    # --- its place in the graph -----------------------------------------------------------------------------------
    @property
    def grad_fn(self) -> Any:
        if self._view is not None:
            refresh(self)
        edge = self._edge
        return None if edge is None else edge[0]

    @property
    def output_nr(self) -> int:
        return 0 if self._edge is None else self._edge[1]

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def requires_grad(self) -> bool:
        return self._requires or (self._view is not None and self._view.base._requires)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        set_requires_grad(self, value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Have backward compute its gradient, or not."""
        if requires_grad.__class__ is not bool:
            from gradviz.engine.ops.refusal import refusal  # type: ignore[unreachable]

            raise refusal("requires_grad_", (self, requires_grad), {}, True) or TypeError("a bool is needed")
        if requires_grad and self._array.dtype.char not in INEXACT:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        set_requires_grad(self, requires_grad)
        return self

    @property
    def _base(self) -> Any:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    if TYPE_CHECKING:  # methods that are ops; at run time it would make every attribute three times as slow
        def __getattr__(self, name: str) -> Any: ...

    def __hash__(self) -> int:
        return id(self)


make = _StructMeta.__call__.__get__(Tensor)
"""The constructor from fields: ``make(array, cell, requires, edge, view)``."""


def subclass(cls: Any, tensor: Tensor) -> Any:
    """``tensor`` as one of a user's subclass."""
    if cls is not Tensor:
        tensor.__class__ = cls
    return tensor


def fresh(array: ndarray) -> Tensor:
    """A leaf that owns ``array``."""
    return make(array, Cell())  # type: ignore[no-any-return]


def set_requires_grad(tensor: Tensor, value: bool) -> None:
    if value and tensor._array.dtype.char not in INEXACT:
        raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
    if value and tensor._cell.inference and not modes.is_inference_mode_enabled():
        raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
    if not tensor.is_leaf:
        if value:
            return
        raise RuntimeError(
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
            "subgraph that doesn't require differentiation use var_no_grad = var.detach().")
    if tensor._requires != value:
        tensor._requires = bool(value)
        if probe.sink is not None and tensor._tid > 0:
            from gradviz.engine import observe

            observe.rebind(tensor, "requires_grad_")


def gradient_edge(tensor: Tensor) -> Any:
    """Where the gradient of ``tensor`` goes; a leaf's AccumulateGrad is made when it is first needed."""
    if tensor._view is not None:
        refresh(tensor)
    if tensor._edge is not None:
        return tensor._edge
    if not tensor._requires:
        return None, 0
    view = tensor._view
    if view is not None and view.kind == "no_grad" and view.base._requires:
        return None, 0  # a view made under no_grad requires what its base does, but has no gradient of its own
    ref = tensor._accumulate
    node = None if ref is None else ref()
    if node is None:
        array = tensor._array
        node = AccumulateGrad(tensor, array.shape, array.dtype)
        tensor._accumulate = weakref.ref(node)
    return node, 0


from gradviz.engine.autograd.views import refresh  # noqa: E402 - views build tensors and tensors refresh views

__all__ = ["Size", "Tensor", "fresh", "gradient_edge", "make", "offset_of", "refresh", "storage_of", "subclass"]
