"""Buffers and version counters.

A tensor is a view of a buffer. Tensors that share a *cell* see each other's in-place writes counted: views and
``detach()`` share it, ``.data`` makes a new cell over the same storage.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gradviz.engine.xp import address, ndarray


class Storage(Struct, eq=False, weakref=True):
    """A buffer and its number, which is assigned when somebody records it: that of its first counter."""

    array: ndarray
    sid: int = 0
    prints: Any = None
    """Checksums of the content, where the script shares it with NumPy."""
    memory: Any = None
    """The pages that it lies in, where other processes can map them."""


class Cell(Struct, eq=False, gc=False):
    """A version counter. ``storage`` is made when something needs its identity, so that an op does not pay for it."""

    version: int = 0
    cid: int = 0
    storage: Any = None
    inference: bool = False


def storage_of(tensor: Any) -> Storage:
    """The storage of a tensor. The first caller is the tensor that owns the whole buffer, or a view of it."""
    cell = tensor._cell
    storage = cell.storage
    if storage is None:
        view = tensor._view
        storage = cell.storage = Storage((tensor if view is None else view.base)._array, cell.cid)
    return storage  # type: ignore[no-any-return]


def offset_of(tensor: Any) -> int:
    """Index of the first element in the storage."""
    array = tensor._array
    whole = storage_of(tensor).array
    if whole is array or not array.size:
        return 0
    return (address(array) - address(whole)) // int(array.itemsize)
