"""What storages shared with NumPy hold, so that a write through NumPy, which no op tells of, is found.

A storage that the script reaches through NumPy is marked for good. While somebody listens, a checksum of it is taken
when it is exported, used, saved and unpacked: where that differs from the one before, and no op has written in
between, something else has. It is found late, and exactly: between two events.
"""

from __future__ import annotations

from typing import Any
from weakref import ref
from zlib import crc32

from gradviz import probe
from gradviz.engine.identity import cell_id, known_tensors, storage_id, tensor_id, value
from gradviz.engine.storage import Storage, storage_of
from gradviz.engine.xp import address, ndarray

WHOLE = 1 << 20
"""Bytes up to which a storage is looked at as a whole; of a larger one only what a tensor shows of it, and when that
is used again and again only the first, second, fourth, eighth... time."""
_MOST = 4096
"""Parts of one storage that are remembered at most."""

shared: dict[int, ref[Storage]] = {}
"""The storages that the script reaches through NumPy: while there are none, nothing here is called."""


def share(tensor: Any) -> None:
    """From now on the script reaches the tensor's memory through NumPy."""
    storage = storage_of(tensor)
    if storage.prints is None:
        storage.prints = {}
        key = id(storage)
        shared[key] = ref(storage, lambda _: shared.pop(key, None))


def forget() -> None:
    """Nobody has looked for a while: what differs from now on is news."""
    for watch in list(shared.values()):
        storage = watch()
        if storage is not None:
            storage.prints.clear()


def look(holder: Any, seen: int, always: bool = False) -> None:
    """Take the checksum of what a tensor (or a saved result) shows, for the op or step ``seen``; tell of a write that
    nothing explains."""
    cell = holder._cell
    storage = cell.storage
    if storage is None or storage.prints is None:
        return
    prints, array = storage.prints, storage.array
    part: Any = None
    if array.nbytes > WHOLE:
        array = holder._array
        part = address(array), array.shape, array.strides
    cid = cell.cid or cell_id(cell)
    before = prints.get(part)
    looks = 1
    if before is not None:
        looks = before[4] + 1
        if part is not None and not always and looks & (looks - 1):
            prints[part] = (*before[:4], looks)
            return
    check = _checksum(array)
    if before is not None and before[0] != check and (before[1] != cid or before[2] == cell.version):
        prints.clear()
        _tell(holder, cell, storage, before[3])
    elif len(prints) >= _MOST:
        prints.clear()
    prints[part] = check, cid, cell.version, seen, looks


def unpacked(node: Any, seen: int) -> None:
    """A node is about to use what it saved."""
    for holder in () if node.saved is None else node.saved[::2]:
        if holder is not None:
            look(holder, seen, True)


def writing(tensor: Any) -> None:
    """An op of ours is about to write: what it finds may be new, what it leaves is no news."""
    storage = tensor._cell.storage
    if storage is not None and storage.prints is not None and probe.sink is not None:
        look(tensor, 0, True)
        storage.prints.clear()


def rewritten(tensor: Any) -> None:
    """An op of ours has written: what it left is no news."""
    storage = tensor._cell.storage
    if storage is not None and storage.prints is not None:
        storage.prints.clear()


def _checksum(array: ndarray) -> int:
    content: Any = array if array.flags.c_contiguous else array.tobytes()
    return crc32(content)


def _tell(holder: Any, cell: Any, storage: Storage, seen: int) -> None:
    """``seen``: the op or step that saw the old content last."""
    sink: Any = probe.sink
    owner = holder if hasattr(holder, "_tid") else _showing(storage)
    tid = 0 if owner is None else tensor_id(owner)
    content = holder if owner is None else owner
    sink.write((storage_id(content), cell_id(cell), tid, cell.version, cell.version, value(content._array)), "numpy",
               seen)


def _showing(storage: Storage) -> Any:
    """A tensor that the recording knows and that shows a storage: a saved result is none itself."""
    for tensor in known_tensors():
        if tensor._cell.storage is storage:
            return tensor
    return None
