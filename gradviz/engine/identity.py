"""Numbers, facts and values: what a recorder is told of tensors, storages, counters and nodes.

Numbers are given when something is first told of, so nothing is numbered without a recorder.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, nan, sqrt
from typing import Any

from gradviz import probe
from gradviz.engine.dtypes import FLOATING, HALVES
from gradviz.engine.storage import Storage, offset_of
from gradviz.engine.xp import asarray, foreign, ndarray, xp

SMALL = 256
"""Bytes up to which the content is kept whole under the policy auto."""
NO_GRADIENT = (-1, 0, (), "", None)


# --- identities ------------------------------------------------------------------------------------------------------
alive = probe.alive
new_tid, new_nid, new_cid = probe.new_tid, probe.new_nid, probe.new_cid


def number_tensor(tensor: Any) -> int:
    tid = new_tid()
    watch = alive[tid] = probe.Watch(tensor, probe.sink.died)  # type: ignore[union-attr]
    watch.number = tid
    return tid


def known_tensors() -> Iterator[Any]:
    """The tensors that the recording has met, and that live."""
    for watch in list(alive.values()):
        tensor = watch()
        if tensor is not None:
            yield tensor


def number_node(node: Any) -> int:
    """Number a node; negative on the node until its facts are told. Its life is not watched: it ends with the last
    tensor or node that leads to it."""
    nid: int = -new_nid()
    node.nid = nid
    return -nid


def tensor_id(tensor: Any) -> int:
    """The tensor's number; one that the recording has not met is introduced by a ``tensor`` event."""
    tid: int = tensor._tid
    if tid > 0:
        return tid
    tid = -tid or number_tensor(tensor)
    tensor._tid = tid
    sink: Any = probe.sink
    if tensor._view is not None and tensor._view.base._tid <= 0:
        tensor_id(tensor._view.base)
    version, known = taken.pop(tid, NOTHING_TAKEN)
    sink.tensor(facts(tensor, tid, "external", known if version == tensor._cell.version else None))
    return tid


taken: dict[int, tuple[int, Any]] = {}
"""Statistics of gradients that were told of and are likely to be told of again, as tensors, with their versions."""
NOTHING_TAKEN = -1, None
_MOST_TAKEN = 1024


def take_along(tensor: Any, content: Any) -> None:
    """Remember the statistics of a gradient that has just been told of."""
    if content.__class__ is tuple and tensor._tid < 0 and probe.sink.values == "auto":  # type: ignore[union-attr]
        if len(taken) > _MOST_TAKEN:
            taken.clear()
        taken[-tensor._tid] = tensor._cell.version, content[:5] + (nan,) * 4


def gradient_id(tensor: Any) -> int:
    """The number of a gradient tensor; its facts are told when something else uses it."""
    tid: int = tensor._tid
    if not tid:
        tid = number_tensor(tensor)
        tensor._tid = -tid
    return abs(tid)


def node_id(node: Any) -> int:
    nid: int = node.nid
    return nid if nid > 0 else -nid or number_node(node)


def storage_id(tensor: Any) -> int:
    cell = tensor._cell
    storage = cell.storage
    if storage is None:
        return cell.cid or cell_id(cell)
    return storage.sid or _number_storage(storage)


def _number_storage(storage: Storage) -> int:
    sid: int = probe.new_sid()
    storage.sid = sid
    return sid


def cell_id(cell: Any) -> int:
    """The counter's number, which is its storage's too, where that is first told of through this counter."""
    cid: int = cell.cid
    if not cid:
        cid = cell.cid = new_cid()
        if cell.storage is not None and not cell.storage.sid:
            cell.storage.sid = cid
    return cid


def output_tid(node: Any, slot: int) -> int:
    """The tensor that a node's output was, where the recording knows it by that node still."""
    watch = alive.get(node.nid)  # of most ops, tensor and node have one number
    own = None if watch is None else watch()
    for tensor in [own] if own is not None and own._edge == (node, slot) else known_tensors() if node.nid else ():
        if tensor._edge is not None and tensor._edge[0] is node and tensor._edge[1] == slot:
            return abs(tensor._tid)  # type: ignore[no-any-return]
    return 0


# --- values ----------------------------------------------------------------------------------------------------------
def value(array: ndarray, full: bool = False) -> Any:
    """The content by policy: all of it, statistics, or nothing."""
    policy = probe.sink.values  # type: ignore[union-attr]
    if array.__class__ in foreign:
        return _late(array, policy)
    if policy == "auto":
        if array.nbytes <= SMALL:
            return array.tobytes()
    elif policy == "full":
        return array.tobytes()
    elif policy == "none":
        return None
    return statistics(array, full or policy == "stats")


def _late(array: Any, policy: str) -> Any:
    if policy == "none":
        return None
    from gradviz.engine import late

    if policy == "full" or (policy == "auto" and array.nbytes <= SMALL):
        return late.content(array)
    return late.statistics(array)


def completed(array: ndarray, known: Any) -> Any:
    """The content in full, of what :func:`value` gave of it: statistics may want more figures."""
    if known.__class__ is not tuple or known[1] or array.dtype.char not in FLOATING:
        return value(array, True) if known.__class__ is tuple else known
    if array.dtype.char in HALVES:
        array = array.astype(xp.float32)
    flat = array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)
    return known[:5] + _spread(flat)


def statistics(array: ndarray, full: bool = False) -> Any:
    """Figures in the order of ``events.STATISTICS``; without ``full`` those that one dot product tells."""
    if array.dtype.char in HALVES:
        array = array.astype(xp.float32)
    kind = array.dtype.kind
    if kind == "c" or not array.size:
        return None
    if kind != "f":
        if not full:
            return (nan, 0.0, 0.0, 0.0, -1.0, nan, nan, nan, nan)
        return (nan, 0.0, 0.0, 0.0, -1.0, float(array.min()), float(array.max()), float(array.mean()),
                float(array.size - xp.count_nonzero(array)))
    flat = array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)
    square = flat.dot(flat)
    if not isfinite(square):
        bad = ~xp.isfinite(flat if array.flags.c_contiguous else array.reshape(-1))
        number = int(xp.count_nonzero(bad))
        if number:
            nans = int(xp.count_nonzero(xp.isnan(flat)))
            good = array.reshape(-1)[~bad]
            spread = (float(good.min()), float(good.max()), float(good.mean())) if full and good.size else (nan,) * 3
            zeros = float(array.size - xp.count_nonzero(flat)) if full else nan
            return (float(square), 1.0, float(nans), float(number - nans), float(bad.argmax()), *spread, zeros)
        square = float(xp.square(flat, dtype=xp.float64).sum())
    if not full:
        return (sqrt(square), 0.0, 0.0, 0.0, -1.0, nan, nan, nan, nan)
    return (sqrt(square), 0.0, 0.0, 0.0, -1.0, *_spread(flat))


def _spread(flat: ndarray) -> tuple[float, ...]:
    """Minimum, maximum, mean and zeros of finite numbers."""
    mean = xp.add.reduce(flat, dtype=None if flat.itemsize > 2 else xp.float32) / flat.size
    return (float(flat.min()), float(flat.max()), float(mean),
            float(xp.count_nonzero(flat == 0)))  # of booleans it is ten times as fast


# --- facts -----------------------------------------------------------------------------------------------------------
_strides: dict[tuple[Any, int], tuple[int, ...]] = {}


def element_strides(array: ndarray) -> tuple[int, ...]:
    key = array.strides, array.itemsize
    known = _strides.get(key)
    if known is None:
        known = _strides[key] = tuple(n // key[1] for n in key[0])
    return known


type_names = probe.dtypes


def facts(tensor: Any, tid: int, how: str, known: Any = None) -> tuple[Any, ...]:
    """The tensor as ``events.Facts``; a node that made it is numbered. ``known``: its value, if that was taken."""
    array, cell, view, edge = tensor._array, tensor._cell, tensor._view, tensor._edge
    base = 0
    offset = 0
    storage = cell.storage
    if view is not None:
        base = view.base._tid if view.base._tid > 0 else tensor_id(view.base)
        offset = offset_of(tensor)
    elif storage is not None and storage.array is not array:
        offset = offset_of(tensor)
    nid = slot = 0
    if edge is not None:
        node, slot = edge
        nid = node.nid
        if nid <= 0:
            nid = node_id(node)
    cid = cell.cid or cell_id(cell)
    sid = cid if storage is None else storage.sid or storage_id(tensor)
    return (tid, sid, cid, array.shape, element_strides(array), offset, type_names[array.dtype],
            "cpu" if array.__class__ is ndarray else str(tensor.device),
            tensor._requires, edge is None, base, cell.version, nid, slot, how,
            value(array) if known is None else known)


def gradient(g: Any, full: bool = False) -> Any:
    """A gradient as ``events.Gradient``."""
    if g.__class__ is ndarray:
        small = g.nbytes <= SMALL and probe.sink.values == "auto"  # type: ignore[union-attr]
        return (0, 0, g.shape, type_names[g.dtype], g.tobytes() if small else value(g, full))
    if g is None:
        return NO_GRADIENT
    array = getattr(g, "_array", None)
    if array is None:
        array = asarray(g)
        return (0, 0, array.shape, type_names.get(array.dtype, str(array.dtype)), value(array, full))
    return (gradient_id(g), storage_id(g), array.shape, type_names[array.dtype], value(array, full))


def gradients(node: Any, g: Any) -> tuple[Any, ...]:
    return (gradient(g),) if node.width == 1 else tuple([gradient(x) for x in g])
