"""What a recorder is told: one function per kind of event. Only called when ``probe.sink`` is set."""

from __future__ import annotations

import threading
from itertools import count
from time import perf_counter_ns
from typing import Any

from gradviz import probe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.hooks import return_site
from gradviz.engine.fingerprint import look, rewritten, shared
from gradviz.engine.identity import (
    NO_GRADIENT,
    cell_id,
    completed,
    element_strides,
    facts,
    gradient,
    gradient_id,
    gradients,
    node_id,
    number_tensor,
    output_tid,
    storage_id,
    take_along,
    tensor_id,
    type_names,
    value,
)
from gradviz.engine.noderows import node_rows
from gradviz.engine.xp import foreign, is_array, xp


class _Muted(threading.local):
    on = False


class _Mutes:
    """``open`` counts the muted regions of all threads: while it is 0, nobody has to ask the thread-local."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open = 0


mutes = _Mutes()


_muted = _Muted()


class muted:
    """Nothing that runs in it is told."""

    def __enter__(self) -> None:
        self.outer = _muted.on
        mutes.open += 1
        _muted.on = True

    def __exit__(self, *exc: object) -> None:
        mutes.open -= 1
        _muted.on = self.outer


def silent() -> bool:
    """Whether what happens now in this thread is not to be told."""
    return bool(mutes.open) and _muted.on


def failed_here(name: str, args: str, inputs: Any, error: BaseException) -> None:
    """``failed`` for what runs muted because its caller tells of it."""
    _muted.on = False
    failed(name, args, inputs, error)
    _muted.on = True


class composite:
    """Ops run in it are one op to a person: one event, with all the nodes that they made.

    ``buffers``: tensors that they write.
    """

    def __init__(self, name: str, inputs: Any, args: str = "", buffers: tuple[Any, ...] = ()) -> None:
        self.name, self.inputs, self.args = name, inputs, args
        self.buffers = tuple([(t, t._cell.version) for t in buffers])

    def __enter__(self) -> Any:
        self.outer = _muted.on
        mutes.open += 1
        _muted.on = True
        return self.done

    def done(self, output: Any) -> Any:
        if probe.sink is not None and not self.outer:
            _muted.on = False
            op(self.name, self.args, self.inputs, output if isinstance(output, tuple) else (output,),
               buffers=self.buffers)
        return output

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        mutes.open -= 1
        _muted.on = self.outer
        if error is not None and probe.sink is not None and not self.outer:
            failed(self.name, self.args, self.inputs, error)


# --- ops -------------------------------------------------------------------------------------------------------------
def op(name: str, args: str, inputs: Any, outputs: Any, how: str = "op", written: Any = None, before: int = 0,
       number: int = 0, buffers: tuple[tuple[Any, int], ...] = ()) -> None:
    """An op has run. ``outputs``: its new tensors and those whose history it changed; ``written``: what it wrote in
    place, whose version was ``before``; ``buffers``: what else it wrote, with the versions before."""
    sink: Any = probe.sink
    if mutes.open and _muted.on:
        return
    if shared:
        number = number or probe.new_id()
        for t, _ in buffers:
            rewritten(t)
        for t in outputs if how == "external" else inputs:
            look(t, number)
    read = []
    for t in inputs:
        tid = t._tid
        version = t._cell.version
        if written is not None and t._cell is written._cell:
            version = before
        elif buffers:
            version = next((v for b, v in buffers if b._cell is t._cell), version)
        read.append((tid if tid > 0 else tensor_id(t), version))
    writes: Any = ()
    if written is not None:
        writes = (_write(written, before),)
    if buffers:
        writes += tuple([_write(t, v) for t, v in buffers])
    for t in outputs:
        if t._tid <= 0:
            t._tid = -t._tid or number_tensor(t)
    rows: list[Any] = []
    for t in outputs:
        edge = t._edge
        if edge is not None and edge[0].nid <= 0:
            node_rows(edge[0], outputs, rows)
    made = [facts(t, t._tid, how) for t in outputs]
    mode = modes.thread.mode if modes.regions.off else "grad"
    sink.op(number or probe.new_id(), name, args, read, made, rows, writes, mode, True)


def _write(written: Any, before: int) -> tuple[Any, ...]:
    cell, tid = written._cell, written._tid
    return (storage_id(written), cell_id(cell), tid if tid > 0 else tensor_id(written), before, cell.version,
            value(written._array))


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
        sid = holder._cell.cid if storage is None else storage.sid
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
        node_rows(edge[0], (tensor,), rows)
    probe.sink.rebind(facts(tensor, tensor_id(tensor), "op"), rows, reason)  # type: ignore[union-attr]


# --- backward --------------------------------------------------------------------------------------------------------
def begin(call: Any, roots: Any, inputs: Any, method: str) -> None:
    """A backward call starts. ``roots``: (tensor, edge, gradient given by the user or None)."""
    sink: Any = probe.sink
    call.id = probe.new_call()
    for t, edge, _ in roots:
        if edge[0].nid <= 0:
            _late(t, edge[0])
    call.roots = [(tensor_id(t), node_id(edge[0]), edge[1], None if g is None else gradient(g)) for t, edge, g in roots]
    call.inputs = [tensor_id(t) for t in inputs]
    call.method = method
    sink.backward(call.id, "begin", call.roots, call.inputs, call.keep, call.create_graph, method)


def _late(tensor: Any, node: Any) -> None:
    """Tell of a graph that was made while nobody listened."""
    tid = tensor_id(tensor)
    rows: list[Any] = []
    node_rows(node, (tensor,), rows)
    probe.sink.rebind(facts(tensor, tid, "external"), rows, "made before")  # type: ignore[union-attr]


def refused(call: Any, roots: Any, method: str, error: BaseException) -> None:
    """A backward call that raised before its first node. ``roots``: (tensor, edge)."""
    sink: Any = probe.sink
    call.id, call.inputs, call.method = probe.new_call(), [], method
    call.roots = [(tensor_id(t), 0 if edge[0] is None else node_id(edge[0]), edge[1], None) for t, edge in roots]
    sink.backward(call.id, "begin", call.roots, call.inputs, call.keep, call.create_graph, method)
    raised(error, 0)
    end(call, "failed")


def end(call: Any, phase: str) -> None:
    sink: Any = probe.sink
    if call.id:
        sink.backward(call.id, phase, call.roots, call.inputs, call.keep, call.create_graph, call.method)


NOTHING = (None, None)


def began(started: int) -> int:
    """A time as ``perf_counter_ns`` gave it, on the trace's clock."""
    return probe.sink.clock() - perf_counter_ns() + started  # type: ignore[union-attr]


def step(call: Any, node: Any, number: int, g: Any, shares: Any, started: int) -> None:
    """A node has run. ``started`` is what ``perf_counter_ns`` gave then."""
    sink: Any = probe.sink
    fit = call.ns.fit
    known, content = call.told.pop(node, NOTHING) if call.told else NOTHING
    came = gradients(node, g) if known is None or known is not g else (
        (0, 0, g.shape, type_names[g.dtype], content),)
    out: list[Any] = []
    for (after, slot), share in zip(node.next, shares):
        if share is None or after is None:
            out.append(NO_GRADIENT)
        else:
            if getattr(share, "shape", None) != (after.shape if after.width == 1 else after.shape[slot]):
                share = fit(share, after, slot)
            out.append(gradient(share))
            if share.__class__ in foreign and after.width == 1:
                call.told[after] = share, out[-1][4]
    nid = node.nid
    sink.step(number, call.id, nid if nid > 0 else node_id(node), came, tuple(out), began(started), True, node.site)


def step_failed(call: Any, node: Any, number: int, g: Any, started: int, error: BaseException) -> None:
    sink: Any = probe.sink
    sink.step(number, call.id, node_id(node), gradients(node, g), (), began(started), False, node.site)
    raised(error, number)


def accumulated(call: Any, node: Any, g: Any, was: str, known: Any) -> None:
    """A leaf has its gradient. ``known``: the value of ``g``, where the step that made it took it."""
    leaf = node.variable
    added = gradient(g) if known is None else (0, 0, g.shape, type_names[g.dtype], known)
    grad, total = leaf._grad, None
    if was == "none" and is_array(g):  # it is what came in
        total = (gradient_id(grad), storage_id(grad), g.shape, added[3], completed(g, added[4]))
    if total is None:
        total = gradient(grad, True)
    take_along(grad, total[4])
    probe.sink.accumulate(call.id, node_id(node), tensor_id(leaf), was, added, total)  # type: ignore[union-attr]


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
        if probe.sink is not None:  # the hook may have ended the recording
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


__all__ = [
    "accumulated", "begin", "composite", "element_strides", "end", "facts", "failed", "failed_here", "grad_set",
    "gradient",
    "gradient_id", "hook", "left", "muted", "node_id", "op", "output_tid", "raised", "rebind", "retained", "step",
    "step_failed", "tensor_id",
]
