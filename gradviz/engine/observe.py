"""What a recorder is told: identities, facts and values, and one function per kind of event.

Only called when ``probe.sink`` is set. Numbers are given when something is first told of, so nothing is numbered
without a recorder. A thing that dies puts its weak reference on a list, and the numbers go out with the next event.
"""

from __future__ import annotations

import threading
import weakref
from itertools import count
from math import isfinite, nan, sqrt
from typing import Any

from gradviz import probe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.hooks import return_site
from gradviz.engine.autograd.node import FREED, AccumulateGrad
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.storage import Storage, offset_of, storage_of
from gradviz.engine.xp import ndarray, xp

SMALL = 256
"""Bytes up to which the content is kept whole under the policy auto."""
NO_GRADIENT = (-1, 0, (), "", None)


# --- identities ------------------------------------------------------------------------------------------------------
class _Ref(weakref.ref):  # type: ignore[type-arg]
    __slots__ = ("number",)


_tensors: dict[int, _Ref] = {}
_nodes: dict[int, _Ref] = {}
_dead_tensors: list[_Ref] = []
_dead_nodes: list[_Ref] = []


def _number(tensor: Any) -> int:
    tid = probe.new_tid()
    ref = _tensors[tid] = _Ref(tensor, _dead_tensors.append)
    ref.number = tid
    return tid


def number_node(node: Any) -> int:
    """Number a node; negative on the node until its facts are told."""
    nid: int = probe.new_nid()
    node.nid = -nid
    ref = _nodes[nid] = _Ref(node, _dead_nodes.append)
    ref.number = nid
    return nid


def bury(sink: Any) -> None:
    """Tell which numbers have died since."""
    tids, nids = [], []
    while _dead_tensors:
        tids.append(_tensors.pop(_dead_tensors.pop().number))
    while _dead_nodes:
        nids.append(_nodes.pop(_dead_nodes.pop().number))
    sink.dead([ref.number for ref in tids], [ref.number for ref in nids])


def tensor_id(tensor: Any) -> int:
    """The tensor's number; one that the recording has not met is introduced by a ``tensor`` event."""
    tid: int = tensor._tid
    if tid > 0:
        return tid
    tid = -tid or _number(tensor)
    tensor._tid = tid
    sink: Any = probe.sink
    if tensor._view is not None and tensor._view.base._tid <= 0:
        tensor_id(tensor._view.base)
    sink.tensor(facts(tensor, tid, "external"))
    return tid


def gradient_id(tensor: Any) -> int:
    """The number of a gradient tensor; its facts are told when something else uses it."""
    tid: int = tensor._tid
    if not tid:
        tid = _number(tensor)
        tensor._tid = -tid
    return abs(tid)


def node_id(node: Any) -> int:
    nid: int = node.nid
    return nid if nid > 0 else -nid or number_node(node)


def storage_id(tensor: Any) -> int:
    storage = tensor._cell.storage
    if storage is None:
        storage = storage_of(tensor)
    return storage.sid or _number_storage(storage)


def _number_storage(storage: Storage) -> int:
    sid: int = probe.new_sid()
    storage.sid = sid
    return sid


def cell_id(cell: Any) -> int:
    cid: int = cell.cid
    if not cid:
        cid = cell.cid = probe.new_cid()
    return cid


def output_tid(node: Any, slot: int) -> int:
    """The tensor that a node's output was, where the recording knows it by that node still."""
    for ref in _tensors.values() if node.nid else ():
        tensor = ref()
        if tensor is not None and tensor._edge is not None and tensor._edge[0] is node and tensor._edge[1] == slot:
            return abs(tensor._tid)
    return 0


# --- values ----------------------------------------------------------------------------------------------------------
def value(array: ndarray, full: bool = False) -> Any:
    """The content by policy: all of it, statistics, or nothing."""
    policy = probe.sink.values  # type: ignore[union-attr]
    if policy == "auto":
        if array.nbytes <= SMALL:
            return array.tobytes()
    elif policy == "full":
        return array.tobytes()
    elif policy == "none":
        return None
    return statistics(array, full or policy == "stats")


def statistics(array: ndarray, full: bool = False) -> Any:
    """Figures in the order of ``events.STATISTICS``; without ``full`` those that one dot product tells."""
    kind = array.dtype.kind
    if kind == "c" or not array.size:
        return None
    if kind != "f":
        if not full:
            return (nan, 0.0, 0.0, 0.0, -1.0, nan, nan, nan, nan)
        return (nan, 0.0, 0.0, 0.0, -1.0, float(array.min()), float(array.max()), float(array.mean()),
                float(array.size - xp.count_nonzero(array)))
    flat = array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)
    square = float(xp.dot(flat, flat))
    if not isfinite(square):
        bad = ~xp.isfinite(flat if array.flags.c_contiguous else array.reshape(-1))
        number = int(xp.count_nonzero(bad))
        if number:
            nans = int(xp.count_nonzero(xp.isnan(flat)))
            good = array.reshape(-1)[~bad]
            spread = (float(good.min()), float(good.max()), float(good.mean())) if full and good.size else (nan,) * 3
            zeros = float(array.size - xp.count_nonzero(flat)) if full else nan
            return (square, 1.0, float(nans), float(number - nans), float(bad.argmax()), *spread, zeros)
        square = float(xp.square(flat, dtype=xp.float64).sum())
    if not full:
        return (sqrt(square), 0.0, 0.0, 0.0, -1.0, nan, nan, nan, nan)
    return (sqrt(square), 0.0, 0.0, 0.0, -1.0, float(flat.min()), float(flat.max()), float(flat.mean()),
            float(flat.size - xp.count_nonzero(flat)))


# --- facts -----------------------------------------------------------------------------------------------------------
_strides: dict[tuple[Any, int], tuple[int, ...]] = {}


def element_strides(array: ndarray) -> tuple[int, ...]:
    key = array.strides, array.itemsize
    known = _strides.get(key)
    if known is None:
        known = _strides[key] = tuple(n // key[1] for n in key[0])
    return known


_type_names = {np_type: d.name for np_type, d in BY_NP.items()}


def facts(tensor: Any, tid: int, how: str) -> tuple[Any, ...]:
    """The tensor as ``events.Facts``; a node that made it is numbered."""
    array, cell, view, edge = tensor._array, tensor._cell, tensor._view, tensor._edge
    base = 0
    offset = 0
    storage = cell.storage
    if view is not None:
        base = view.base._tid if view.base._tid > 0 else tensor_id(view.base)
        offset = offset_of(tensor)
    elif storage is not None and storage.array is not array:
        offset = offset_of(tensor)
    nid, slot = (0, 0) if edge is None else (node_id(edge[0]), edge[1])
    return (tid, storage_id(tensor), cell.cid or cell_id(cell), array.shape, element_strides(array), offset,
            _type_names[array.dtype], "cpu", tensor._requires, edge is None, base, cell.version, nid, slot, how,
            value(array))


def gradient(g: Any, full: bool = False) -> Any:
    """A gradient as ``events.Gradient``."""
    if g.__class__ is ndarray:
        return (0, 0, g.shape, _type_names[g.dtype], value(g, full))
    if g is None:
        return NO_GRADIENT
    array = getattr(g, "_array", None)
    if array is None:
        array = xp.asarray(g)
        return (0, 0, array.shape, _type_names.get(array.dtype, str(array.dtype)), value(array, full))
    return (gradient_id(g), storage_id(g), array.shape, _type_names[array.dtype], value(array, full))


def gradients(node: Any, g: Any) -> list[Any]:
    return [gradient(g)] if node.width == 1 else [gradient(x) for x in g]


def _node_rows(node: Any, outputs: Any, rows: list[Any]) -> None:
    """Facts of ``node`` and of every node behind it that the recording has not met (usually new AccumulateGrads)."""
    waiting = [node]
    node_id(node)
    node.nid = abs(node.nid)
    for node in waiting:
        edges = []
        for after, slot in node.next:
            if after is None:
                edges.append((0, 0))
                continue
            nid = after.nid
            if nid <= 0:
                after.nid = nid = -nid or number_node(after)
                waiting.append(after)
            edges.append((nid, slot))
        leaf = tensor_id(node.variable) if node.__class__ is AccumulateGrad else 0
        rows.append((node.nid, type(node).__name__, leaf, edges, _saved_rows(node, outputs), node.order,
                     getattr(node, "site", None)))


def _saved_rows(node: Any, outputs: Any) -> list[Any]:
    saved = node.saved
    if node.__class__.__name__ == "CopySlices":
        inner = node.args[0]
        return _saved_rows(inner, outputs)
    if saved is None or saved is FREED:
        return []
    rows = []
    names = node.saves
    for i in range(0, len(saved), 2):
        holder = saved[i]
        if holder is None:
            continue
        name = names[i // 2] if i // 2 < len(names) else str(i // 2)
        cell = holder._cell
        if hasattr(holder, "_tid"):
            tid = tensor_id(holder)
            sid = storage_id(holder)
        else:
            own = next((t for t in outputs if t._array is holder._array), None)
            tid = 0 if own is None else abs(own._tid)
            sid = storage_id(own) if own is not None else 0 if cell.storage is None else cell.storage.sid
        rows.append((name, tid, sid, cell_id(cell), saved[i + 1]))
    return rows


class _Muted(threading.local):
    on = False


_muted = _Muted()


class muted:  # noqa: N801 - a context
    """Nothing that runs in it is told."""

    def __enter__(self) -> None:
        self.outer = _muted.on
        _muted.on = True

    def __exit__(self, *exc: object) -> None:
        _muted.on = self.outer


def failed_here(name: str, args: str, inputs: Any, error: BaseException) -> None:
    """``failed`` for what runs muted because its caller tells of it."""
    _muted.on = False
    failed(name, args, inputs, error)
    _muted.on = True


class composite:  # noqa: N801 - a context
    """Ops run in it are one op to a person: one event, with all the nodes that they made."""

    def __init__(self, name: str, inputs: Any, args: str = "") -> None:
        self.name, self.inputs, self.args = name, inputs, args

    def __enter__(self) -> Any:
        self.outer = _muted.on
        _muted.on = True
        return self.done

    def done(self, output: Any) -> Any:
        if probe.sink is not None and not self.outer:
            _muted.on = False
            op(self.name, self.args, self.inputs, output if isinstance(output, tuple) else (output,))
        return output

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        _muted.on = self.outer
        if error is not None and probe.sink is not None and not self.outer:
            failed(self.name, self.args, self.inputs, error)


# --- ops -------------------------------------------------------------------------------------------------------------
def op(name: str, args: str, inputs: Any, outputs: Any, how: str = "op", written: Any = None, before: int = 0,
       number: int = 0) -> None:
    """An op has run. ``outputs``: its new tensors and those whose history it changed; ``written``: what it wrote in
    place, whose version was ``before``."""
    sink: Any = probe.sink
    if _muted.on:
        return
    if _dead_tensors or _dead_nodes:
        bury(sink)
    read = []
    for t in inputs:
        tid = t._tid
        version = t._cell.version
        if written is not None and t._cell is written._cell:
            version = before
        read.append((tid if tid > 0 else tensor_id(t), version))
    writes: Any = ()
    if written is not None:
        cell = written._cell
        tid = written._tid
        writes = ((storage_id(written), cell_id(cell), tid if tid > 0 else tensor_id(written), before, cell.version,
                   value(written._array)),)
    for t in outputs:
        if t._tid <= 0:
            t._tid = -t._tid or _number(t)
    rows: list[Any] = []
    for t in outputs:
        edge = t._edge
        if edge is not None and edge[0].nid <= 0:
            _node_rows(edge[0], outputs, rows)
    sink.op(number or probe.new_id(), name, args, read, [facts(t, t._tid, how) for t in outputs], rows, writes,
            modes.thread.mode, True)


def left(name: str, args: str, inputs: Any) -> None:
    """An op whose result is no tensor (``item``, ``numpy``)."""
    op(name, args, inputs, ())


def failed(name: str, args: str, inputs: Any, error: BaseException, number: int = 0) -> None:
    """An op has raised ``error``."""
    sink: Any = probe.sink
    if _muted.on or hasattr(error, "_gradviz_number"):
        return
    number = number or probe.new_id()
    read = [(tensor_id(t), t._cell.version) for t in inputs if hasattr(t, "_cell")]
    sink.op(number, name, args, read, (), (), (), modes.thread.mode, False)
    raised(error, number)


def raised(error: BaseException, number: int) -> None:
    """Tell of an exception, with the saved tensor if that is what it is about."""
    node, field, holder, saved = getattr(error, "_gradviz_saved", (None, "", None, -1))
    sid = found = -1
    if holder is not None:
        found = holder._cell.version
        storage = holder._cell.storage
        sid = storage_id(holder) if hasattr(holder, "_tid") else 0 if storage is None else storage.sid
    probe.sink.error(error_number(error), type(error).__name__, str(error), number,  # type: ignore[union-attr]
                     0 if node is None else node_id(node), field, sid, saved, found, False)


def error_number(error: BaseException) -> int:
    """An exception's number: the same one keeps it."""
    number: int | None = getattr(error, "_gradviz_number", None)
    if number is None:
        number = _new_error()
        error._gradviz_number = number  # type: ignore[attr-defined]
    return number


_new_error = count(1).__next__


def rebind(tensor: Any, reason: str) -> None:
    """A tensor got another storage, counter, history or requires_grad outside an op."""
    rows: list[Any] = []
    edge = tensor._edge
    if edge is not None and edge[0].nid <= 0:
        _node_rows(edge[0], (tensor,), rows)
    probe.sink.rebind(facts(tensor, tensor_id(tensor), "op"), rows, reason)  # type: ignore[union-attr]


# --- backward --------------------------------------------------------------------------------------------------------
def begin(call: Any, roots: Any, inputs: Any, method: str) -> None:
    """A backward call starts. ``roots``: (tensor, edge, gradient given by the user or None)."""
    sink: Any = probe.sink
    if _dead_tensors or _dead_nodes:
        bury(sink)
    call.id = probe.new_call()
    call.roots = [(tensor_id(t), node_id(edge[0]), edge[1], None if g is None else gradient(g)) for t, edge, g in roots]
    call.inputs = [tensor_id(t) for t in inputs]
    call.method = method
    sink.backward(call.id, "begin", call.roots, call.inputs, call.keep, call.create_graph, method)


def end(call: Any, phase: str) -> None:
    sink: Any = probe.sink
    if call.id:
        sink.backward(call.id, phase, call.roots, call.inputs, call.keep, call.create_graph, call.method)


def step(call: Any, node: Any, number: int, g: Any, shares: Any, started: int) -> None:
    """A node has run."""
    sink: Any = probe.sink
    if _dead_tensors or _dead_nodes:
        bury(sink)
    fit = call.ns.fit
    out = []
    for (after, slot), share in zip(node.next, shares, strict=False):
        if share is None or after is None:
            out.append(NO_GRADIENT)
        else:
            if getattr(share, "shape", None) != (after.shape if after.width == 1 else after.shape[slot]):
                share = fit(share, after, slot)
            out.append(gradient(share))
    sink.step(number, call.id, node_id(node), gradients(node, g), out, started, True, getattr(node, "site", None))


def step_failed(call: Any, node: Any, number: int, g: Any, started: int, error: BaseException) -> None:
    sink: Any = probe.sink
    sink.step(number, call.id, node_id(node), gradients(node, g), (), started, False, getattr(node, "site", None))
    raised(error, number)


def accumulated(call: Any, node: Any, g: Any, was: str) -> None:
    """A leaf has its gradient."""
    leaf = node.variable
    probe.sink.accumulate(call.id, node_id(node), tensor_id(leaf), was, gradient(g),  # type: ignore[union-attr]
                          gradient(leaf._grad, True))


def retained(call: Any, tensor: Any, g: Any) -> None:
    """A tensor inside the graph keeps its gradient."""
    probe.sink.accumulate(call.id, 0, tensor_id(tensor), "retained", gradient(g),  # type: ignore[union-attr]
                          gradient(tensor._grad))


def hook(call: Any, handle: Any, function: Any, grad: Any, tid: int, nid: int, guarded: Any, *more: Any) -> Any:
    """Call a hook and tell of it. ``grad`` is a tensor, or a tuple of them for a node's hook."""
    sink: Any = probe.sink
    first = grad if not isinstance(grad, tuple) else next((x for x in grad if x is not None), None)
    number = probe.new_id()
    came = gradient(first if tid == 0 or first is None or first._tid != tid else first._grad)
    version = 0 if first is None else first._cell.version
    position = probe.position
    within, position.within = position.within, number
    try:
        result = guarded(call, function, grad, *more)
    except BaseException as error:
        position.within = within
        sink.hook_call(number, handle.number(), call.id, abs(tid), abs(nid), came, None, False, return_site(function))
        raised(error, number)
        raise
    position.within = within
    edited = first is not None and first._cell.version != version
    gave = None
    if result is not None:
        gave = gradient(next((x for x in result if x is not None), None) if isinstance(result, tuple) else result)
    elif edited:
        gave = gradient(first)
    sink.hook_call(number, handle.number(), call.id, abs(tid), abs(nid), came, gave, edited, return_site(function))
    return result


def grad_set(tensor: Any, to: Any) -> None:
    """The script set ``.grad``."""
    sink: Any = probe.sink
    if to is None:
        sink.grad_set(tensor_id(tensor), "none", None)
    else:
        zeroed = not xp.count_nonzero(to._array)
        sink.grad_set(tensor_id(tensor), "zeroed" if zeroed else "value", gradient(to))
