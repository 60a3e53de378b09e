"""Tensors in memory that several processes map, and what a pickle holds of a tensor.

The memory has no name that could be left behind: it is a file descriptor, and goes when the last process that maps it
has gone, however it ended.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from mmap import mmap
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.ops.legacy import _flat as flat
from gradviz.engine.storage import Cell, Storage, offset_of, storage_of
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, strided, xp


class Memory:
    """Pages that other processes may map, by their file descriptor."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd, self.size = fd, size
        self.pages = mmap(fd, size)

    def __del__(self) -> None:
        os.close(self.fd)


def allocate(size: int) -> Memory:
    """Fresh pages, all zero."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("tensor")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, max(size, 1))
    return Memory(fd, max(size, 1))


def share_memory_(self: Any) -> Any:
    """Move the storage, its tensor and the views of it to memory that other processes can map, unless it is there.

    Aliases made by ``detach()`` or ``.data`` before stay with the old memory."""
    storage = storage_of(self)
    if storage.memory is None:
        row = flat(self)
        memory = allocate(row.nbytes)
        moved = xp.frombuffer(memory.pages, row.dtype, row.size)
        moved[...] = row
        for tensor in _on(self, storage):
            offset = offset_of(tensor)
            strides = tuple(n // tensor._array.itemsize for n in tensor._array.strides)
            tensor._moved = strided(moved[offset:], tensor._array.shape, strides)
        for tensor in _on(self, storage):
            tensor._array = tensor.__dict__.pop("_moved")
        storage.array, storage.memory = moved, memory
    return self


def _on(tensor: Any, storage: Storage) -> list[Any]:
    """The tensor, its base and their views."""
    base = tensor if tensor._view is None else tensor._view.base
    found = {id(t): t for t in (tensor, base)}
    cell = tensor._cell
    if sys.getrefcount(cell) > 2 + len(found):
        # by type: what asks a stranger for its class may get an exception, such as a dead proxy's
        found |= {id(t): t for t in gc.get_objects() if issubclass(type(t), Tensor) and t._cell is cell}
    return list(found.values())


def is_shared(self: Any) -> bool:
    """Whether other processes can map its memory."""
    return storage_of(self).memory is not None


def attached(memory: Memory, dtype: str, shape: Any, stride: Any, offset: int) -> tuple[Storage, Any]:
    """A storage over another process's memory, and the array of a tensor on it."""
    np_type = dtypes.NAMES[dtype].np
    row = xp.frombuffer(memory.pages, np_type, memory.size // np_type.itemsize)
    return Storage(row, memory=memory), strided(row[offset:], shape, stride)


# --- plain pickles ---------------------------------------------------------------------------------------------------
def rebuild(array: Any, dtype: str, requires_grad: bool, cls: Any, attributes: dict[str, Any]) -> Any:
    """A tensor from what :func:`__reduce_ex__` told of it; ``cls`` is a user's subclass."""
    tensor = make(array.view(dtypes.NAMES[dtype].np), Cell(), requires_grad)
    if cls is not None:
        tensor.__class__ = cls
    vars(tensor).update(attributes)
    return tensor


def __reduce_ex__(self: Any, protocol: Any) -> Any:
    """Its elements, copied, without the graph."""
    array = xp.ascontiguousarray(self._array).reshape(self._array.shape)
    bits = array if array.dtype.kind in "biufc" else array.view(f"u{array.itemsize}")
    cls = None if type(self) is Tensor else type(self)
    return rebuild, (asarray(bits), self.dtype.name, self.requires_grad, cls, dict(vars(self)))


METHODS: dict[str, Any] = {"share_memory_": share_memory_, "is_shared": is_shared, "__reduce_ex__": __reduce_ex__}
FUNCTIONS: dict[str, Any] = {}
