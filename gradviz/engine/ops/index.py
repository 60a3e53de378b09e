"""Reading and writing by ``[]``."""

from __future__ import annotations

import math
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd.views import view_of
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.ops import shape
from gradviz.engine.ops.build import Op, op, recording, run, write
from gradviz.engine.ops.data import array_of, fitted
from gradviz.engine.ops.scatter import _copy, _expand_copy, _fill, _fill_of, _index_put, _put, array_index, explained
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


def _index(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.put_add(g, ctx.input_shape(), ctx.args)


def _get(x: ndarray, *index: Any) -> Any:
    try:
        return x[index].copy() if x.ndim and all(isinstance(i, slice) for i in index) else x[index]
    except IndexError as error:
        raise explained(error, x, index) from None


INDEX = op("index", _get, "IndexBackward0", _index)
SETITEM_PUT = op("setitem", _put, "IndexPutBackward0", _index_put, "", "self values", key="setitem.put")
SETITEM_COPY = op("setitem", _expand_copy, "CopyBackwards", _copy, "", "self src", key="setitem.copy")
INDEX.once = SETITEM_PUT.once = True
SETITEM_FILL = op("setitem", _fill_of, "FillBackward3", _fill, "", "self value", key="setitem.fill")


# --- reading and writing by [] ----------------------------------------------------------------------------------------
def _entries(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and any(isinstance(i, slice | Tensor | list | tuple) or i is None or i is Ellipsis
                                       for i in index) and not all(isinstance(i, list | tuple) for i in index):
        return tuple(index)
    return (index,)


def _width(i: Any) -> int:
    """How many dimensions an entry takes up."""
    if i is None or i is Ellipsis or isinstance(i, bool):
        return 0
    array = i._array if isinstance(i, Tensor) else i
    return array.ndim if isinstance(array, ndarray) and array.dtype.kind == "b" else 1


def _basic(i: Any) -> Any:
    """A 0-d integer tensor or NumPy integer as an int."""
    if isinstance(i, xp.integer):
        return int(i)
    if isinstance(i, Tensor) and not i._array.ndim and i._array.dtype.kind in "iu":
        return int(i._array)
    return i


def _check_int(i: int, dim: int, array: ndarray, before: int = 0) -> None:
    """``before``: how many dimensions were there and have been selected from."""
    if not array.ndim:
        raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                         "to convert a 0-dim tensor to a number")
    n = array.shape[dim]
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for dimension {dim + before} with size {n}")


def _walk(array: ndarray, entries: tuple[Any, ...], take: Any) -> dict[int, ndarray]:
    """Go through an index. ``take(kind, dim, what)`` applies a basic entry and gives the array after it; the advanced
    entries are returned by dimension."""
    used = sum(_width(i) for i in entries)
    if used > array.ndim:
        if not array.ndim and any(_width(i) for i in entries):
            _check_int(0, 0, array)
        raise IndexError(f"too many indices for tensor of dimension {array.ndim}")
    advanced: dict[int, ndarray] = {}
    dim, whole = 0, array.ndim
    rest = array.ndim - used
    for i in entries:
        if i is Ellipsis:
            dim += rest
        elif i is None:
            array = take("new", dim, None)
            dim += 1
        elif isinstance(i, bool):
            array = take("new", dim, None)
            advanced[dim] = asarray([i])
            dim += 1
        elif isinstance(i, int):
            _check_int(i, dim, array, whole - array.ndim)
            array = take("select", dim, i)
        elif isinstance(i, slice):
            if i.step is not None and _basic(i.step) <= 0:
                raise ValueError("step must be greater than zero")
            part = slice(_bound(i.start), _bound(i.stop), _bound(i.step))
            if part.indices(array.shape[dim]) != (0, array.shape[dim], 1):
                array = take("slice", dim, part)
            dim += 1
        else:
            which = array_index(i)
            if isinstance(i, str):
                raise TypeError("new(): invalid data type 'str'")
            if which is None:
                raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
                                 f"valid indices (got {type(i).__name__})")
            advanced[dim] = which
            dim += which.ndim if which.dtype.kind == "b" else 1
    return advanced


def _bound(value: Any) -> Any:
    return int(value._array) if isinstance(value, Tensor) else value


def _full_index(advanced: dict[int, ndarray]) -> tuple[Any, ...]:
    """Advanced entries with slices between them."""
    index: list[Any] = []
    dim = 0
    for d in sorted(advanced):
        index += [slice(None)] * (d - dim)
        index.append(advanced[d])
        dim = d + (advanced[d].ndim if advanced[d].dtype.kind == "b" else 1)
    return tuple(index)


def getitem(self: Any, index: Any) -> Any:
    """``x[index]``: views for numbers and slices, a copy for index tensors."""
    if index.__class__ is int and self._array.ndim:
        _check_int(index, 0, self._array)
        return run(shape.SELECT, (self,), (index, Ellipsis), f"[{index}]")
    entries = tuple(_basic(i) for i in _entries(index))
    text = index_text(index)
    current = self

    def take(kind: str, dim: int, what: Any) -> ndarray:
        nonlocal current
        if kind == "new":
            current = shape.unsqueeze(current, dim)
        else:
            part = (slice(None),) * dim + ((what, Ellipsis) if kind == "select" else (what,))
            current = run(shape.SELECT if kind == "select" else shape.SLICE, (current,), part, text)
        return current._array  # type: ignore[no-any-return]

    try:
        advanced = _walk(self._array, entries, take)
    except (IndexError, ValueError, TypeError) as error:
        if probe.sink is not None:
            observe.failed("index", text, (self,), error)
        raise
    if advanced:
        return run(INDEX, (current,), _full_index(advanced), text)
    return run(shape.ALIAS, (self,), (), text) if current is self else current


def setitem(self: Any, index: Any, value: Any) -> None:
    """``x[index] = value``: one in-place write of the part that the index names."""
    text = index_text(index)
    try:
        entries = tuple(_basic(i) for i in _entries(index))
        array = self._array

        def take(kind: str, dim: int, what: Any) -> ndarray:
            nonlocal array
            lead = (slice(None),) * dim
            array = xp.expand_dims(array, dim) if kind == "new" else array[
                (*lead, what, Ellipsis) if kind == "select" else (*lead, what)]
            return array

        advanced = _walk(array, entries, take)
        source = _source(value, self)
        target = self if array is self._array else _part(self, array)
    except Exception as error:
        if probe.sink is not None:
            observe.failed("setitem", text, (self, value), error)
        raise
    if advanced:
        full = _full_index(advanced)
        others = (source,) if isinstance(source, Tensor) else (make(asarray(source).astype(array.dtype), Cell()),)
        _written(self, target, SETITEM_PUT, others, (full, False), text)
    elif isinstance(source, Tensor):
        _written(self, target, SETITEM_COPY, (source,), (), text)
    else:
        _written(self, target, SETITEM_FILL, (make(asarray(source), Cell()),), (), text)


def _source(value: Any, self: Any) -> Any:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, bool | int | float | complex | xp.generic):
        return fitted(value if not isinstance(value, xp.generic) else value.item(), self._array.dtype)
    if isinstance(value, ndarray | list | tuple):
        return make(array_of(value), Cell())
    raise TypeError(f"can't assign a {type(value).__name__} to a torch.{self.dtype.legacy}Tensor")


def _part(self: Any, array: ndarray) -> Any:
    """The part of ``self`` that is written, as a view that nobody else sees."""
    recording((self,))
    return make(array, self._cell, self._requires, self._edge, view_of(self, "default"))


def _written(self: Any, target: Any, row: Op, others: Any, args: Any, text: str) -> None:
    """Write through ``target``; to a recorder the op's operand is ``self``."""
    if probe.sink is None:
        write(row, target, others, args)
        return
    before = self._cell.version
    edge, base = self._edge, self if self._view is None else self._view.base
    base_edge = base._edge
    number = row is SETITEM_FILL or (row is SETITEM_PUT and not others[0]._array.ndim and not others[0]._requires)
    inputs = (self,) if number else (self, *others)
    with observe.muted():
        try:
            write(row, target, others, args)
        except Exception as error:
            observe.failed_here(row.name, text, inputs, error)
            raise
    value = f" = {others[0]._array.item()}" if number else ""
    touched = [t for t, e in ((self, edge), (base, base_edge)) if t.grad_fn is not (None if e is None else e[0])]
    outputs = tuple(dict.fromkeys(touched))
    observe.op("setitem", text + value, inputs, outputs, "op", self, before)


def index_text(index: Any) -> str:
    """An index as a person wrote it: ``[0, 1:]``."""
    entries = index if isinstance(index, tuple) else (index,)
    return "[" + ", ".join(_entry_text(i) for i in entries) + "]"


def _entry_text(i: Any) -> str:
    if isinstance(i, slice):
        text = f"{'' if i.start is None else i.start}:{'' if i.stop is None else i.stop}"
        return text if i.step is None else f"{text}:{i.step}"
    if i is Ellipsis:
        return "..."
    if isinstance(i, Tensor | ndarray):
        return "mask" if (i._array if isinstance(i, Tensor) else i).dtype.kind == "b" else "index"
    text = repr(i)
    return text if len(text) < 40 else "index"




def _take_of(x: ndarray, index: ndarray) -> Any:
    if index.dtype != xp.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {BY_NP[index.dtype].code}")
    if index.size and not x.size:
        raise IndexError("take(): tried to take from an empty tensor")
    bad = index[(index >= x.size) | (index < -x.size)]
    if bad.size:
        raise IndexError(f"out of range: tried to access index {int(bad.flat[0])} on a tensor of {x.size} elements.")
    return x.reshape(-1)[index]


def _took(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    size = ctx.input_shape()
    return ns.reshape(ns.put_add(g, (math.prod(size),), (ns.plain(index),)), size)


TAKE = op("take", _take_of, "TakeBackward0", _took, "index", "self index")


def take(input: Any, index: Any) -> Any:
    """The elements of the flattened tensor at ``index``."""
    return run(TAKE, (input, index))


FUNCTIONS: dict[str, Any] = {"take": take}
METHODS: dict[str, Any] = {"__getitem__": getitem, "__setitem__": setitem, "take": take}
