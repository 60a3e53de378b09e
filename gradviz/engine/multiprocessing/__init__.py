"""``torch.multiprocessing``: Python's, where a tensor that is sent to a process shares its memory with it."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any
from weakref import WeakValueDictionary

from gradviz.engine.multiprocessing.spawn import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)
from gradviz.engine.nn.parameter import Parameter
from gradviz.engine.ops.share import Memory, attached
from gradviz.engine.storage import Cell, Storage, offset_of, storage_of
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import strided

globals().update({name: getattr(multiprocessing, name) for name in multiprocessing.__all__})
_known: WeakValueDictionary[tuple[int, int], Storage] = WeakValueDictionary()
"""The storages that came from other processes, by device and inode: one that comes again is the same."""


def _reduce(tensor: Tensor) -> Any:
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does "
                           "not support crossing process boundaries.  If you just want to transfer the data, call "
                           "detach() on the tensor before serializing (e.g., putting it on the queue).")
    tensor.share_memory_()
    memory = storage_of(tensor).memory
    return _rebuild, (type(tensor) is Parameter, DupFd(memory.fd), memory.size, tensor.dtype.name, tuple(tensor.shape),
                      tensor.stride(), offset_of(tensor), tensor.requires_grad, dict(vars(tensor)))


def _rebuild(parameter: bool, sent: Any, size: int, dtype: str, shape: Any, stride: Any, offset: int,
             requires_grad: bool, attributes: dict[str, Any]) -> Any:
    fd = sent.detach()
    told = os.fstat(fd)
    key = told.st_dev, told.st_ino
    storage = _known.get(key)
    if storage is None:
        storage, array = attached(Memory(fd, size), dtype, shape, stride, offset)
        _known[key] = storage
    else:
        os.close(fd)
        array = strided(storage.array[offset:], shape, stride)
    tensor = make(array, Cell(storage=storage), requires_grad)
    if parameter:
        tensor.__class__ = Parameter
    vars(tensor).update(attributes)
    return tensor


def get_all_sharing_strategies() -> set[str]:
    """How memory may be shared."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """How memory is shared: by file descriptor, so that nothing is left behind."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Only ``file_descriptor`` is there. Raises AssertionError for others."""
    every = get_all_sharing_strategies()
    if new_strategy not in every:
        raise AssertionError(f"invalid sharing strategy {new_strategy!r}, expected one of {every}")


for _cls in (Tensor, Parameter):
    ForkingPickler.register(_cls, _reduce)

__all__ = ["ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "SpawnContext",
           "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes",
           *multiprocessing.__all__]
