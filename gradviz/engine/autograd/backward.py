"""Backward: walk the graph from the roots, node by node, in PyTorch's order.

A node is ready when every edge into it has delivered; of the ready ones the latest made runs first, and an
AccumulateGrad before all others. Nothing here recurses, so that a graph may be a million nodes deep.

Gradients are raw arrays; under ``create_graph`` they are tensors, and the same rules record a graph of their own. The
difference is ``ns``, the namespace that a rule calls functions of.
"""

from __future__ import annotations

from time import perf_counter_ns as now
from typing import Any

from gradviz import probe
from gradviz.engine import observe, plain
from gradviz.engine.autograd import anomaly, firing, ready
from gradviz.engine.autograd.accumulate import accumulate
from gradviz.engine.autograd.conjugate import OWN, conjugate, is_complex
from gradviz.engine.autograd.namespaces import graph, raw
from gradviz.engine.autograd.node import FREED, AccumulateGrad, Edge
from gradviz.engine.autograd.saved import check, tensor_of
from gradviz.engine.autograd.views import CopySlices
from gradviz.engine.dtypes import rare
from gradviz.engine.errors import size_text
from gradviz.engine.fingerprint import shared as with_numpy
from gradviz.engine.fingerprint import unpacked
from gradviz.engine.rare import in_halves
from gradviz.engine.rare import rule as in_floats
from gradviz.engine.xp import asarray, foreign, ndarray


class Call:
    """One backward call: what it was asked for and where it stands."""

    __slots__ = ("captured", "collect", "create_graph", "here", "id", "inputs", "keep", "method", "needed", "ns",
                 "roots", "site", "targets", "told")

    def __init__(self, ns: Any, keep: bool, create_graph: bool) -> None:
        self.ns, self.keep, self.create_graph = ns, keep, create_graph
        self.id = 0
        self.collect = False
        """Whether gradients of leaves are handed back (``autograd.grad``) instead of accumulated."""
        self.targets: dict[Any, dict[int, list[int]]] | None = None
        """node -> slot -> which of the inputs asked for; None: everything is accumulated into leaves."""
        self.needed: set[Any] | None = None
        self.captured: list[Any] = []
        self.told: dict[Any, tuple[Any, Any]] = {}
        """The last share on its way to a node of which a recorder got statistics, with these: mostly it comes in so."""
        self.here: Any = None
        self.site: Any = None
        """Where it was called, as a recorder knows it: thread and scope, place."""


def count_edges(roots: list[Edge]) -> dict[Any, int]:
    """How many gradients every node that the roots reach is going to get from other nodes."""
    counts: dict[Any, int] = {}
    stack = []
    for node, _ in roots:
        if node not in counts:
            counts[node] = 0
            stack.append(node)
    while stack:
        for node, _ in stack.pop().next:
            if node is not None:
                if node in counts:
                    counts[node] += 1
                else:
                    counts[node] = 1
                    stack.append(node)
    return counts


def shared(roots: list[Edge]) -> dict[Any, int]:
    """The nodes that wait for more than one gradient from others (a root: for any), and for how many.

    Most nodes wait for one; leaving those out keeps the walk from counting them.
    """
    seen = {node for node, _ in roots}
    top = set(seen)
    waiting: dict[Any, int] = {}
    reached = list(seen)
    add, append = seen.add, reached.append
    for node in reached:
        for after, _ in node.next:
            if after is not None:
                if after not in seen:
                    add(after)
                    append(after)
                elif after in waiting:
                    waiting[after] += 1
                else:
                    waiting[after] = 1 if after in top else 2
    return waiting


def run(call: Call, roots: list[Edge], grads: list[Any]) -> None:
    """Deliver ``grads`` at ``roots`` and run all that becomes ready."""
    ns, keep, needed, targets = call.ns, call.keep, call.needed, call.targets
    met = bool(rare)
    short = ns is raw and targets is None and not anomaly.state.on and not any(map(is_complex, grads))
    if call.id and probe.sink is not None:
        call.here, call.site = probe.position.here, probe.sink.site_of(call.id)
    waiting = shared(roots)
    buffers: dict[Any, Any] = {}
    take = buffers.pop
    heap: list[Any] = []
    lone: Any = None
    came = share = shares = lone
    """The node that is to run next, and its gradient; others that are ready wait in the heap."""
    for (node, slot), g in zip(roots, grads, strict=True):
        _deliver(ns, buffers, node, slot, g)
    for node in dict.fromkeys(node for node, _ in roots):
        if node not in waiting:
            ready.push(heap, node)
    while True:
        if lone is not None:
            node, g = lone, came
            lone = came = None
        elif heap:
            node = ready.pop(heap)
            g = take(node, None)
        else:
            break
        edges = node.next
        if g is None:
            shares = (None,) * len(edges)
        elif short and node.plain and node.hooks is None and (
                (sink := probe.sink) is None or (call.id and not with_numpy)) and not (met and in_halves(g)):
            started = 0 if sink is None else now()
            saved = node.saved
            try:
                if saved is None:
                    shares = node.rule(ns, node, g)
                elif len(saved) == 2:
                    holder, version = saved
                    if saved is FREED or (holder is not None and holder._cell.version != version):
                        check(node)
                    shares = node.rule(ns, node, g, None if holder is None else holder._array)
                elif len(saved) == 4:
                    one, version, two, other_version = saved
                    if (one is not None and one._cell.version != version) or (
                            two is not None and two._cell.version != other_version):
                        check(node)
                    shares = node.rule(ns, node, g, None if one is None else one._array,
                                       None if two is None else two._array)
                else:
                    shares = run_rule(ns, node, g)
            except BaseException as error:
                shares = _elsewhere(ns, node, g, error) if foreign else None
                if shares is None:
                    if sink is not None:
                        observe.step_failed(call, node, probe.new_id(), g, started, error)
                    raise
            if not keep and saved is not None:
                node.saved = FREED
            if shares.__class__ is not tuple:
                shares = (shares,)
            if sink is not None:
                shares = plain.step(call, node, g, shares, started)
        elif node.__class__ is AccumulateGrad:
            share = shares = None  # who has the gradient is counted
            if targets is None or node in targets:
                if node.hooks is not None or node.variable._hooks is not None:
                    g = firing.leaf(call, node, g)
                if call.collect:
                    _capture(call, node, g)
                else:
                    accumulate(call, node, g)
            continue
        else:
            shares = visit(call, node, g)
            if shares is None:
                continue
            short = short and not is_complex(shares)
            if not keep and node.saved is not None:
                node.saved = FREED
                if node.__class__ is CopySlices:
                    release(node)
        for (node, slot), share in zip(edges, shares):
            if node is None:
                continue
            wide = False  # where the shapes agree it has one output
            if share is not None and (
                    share.__class__ is not ndarray or share.shape != node.shape or share.dtype is not node.dtype):
                share = ns.fit(share, node, slot)
                wide = node.width != 1
            if needed is not None and node not in needed and node not in targets:  # type: ignore[operator]
                share = None
            if node in waiting:
                left = waiting[node] - 1
                if share is not None:
                    if wide:
                        _deliver(ns, buffers, node, slot, share)
                    elif node in buffers:
                        share = buffers[node] + share
                        buffers[node] = share if share.__class__ is ndarray else ns.solid(share)
                    else:
                        buffers[node] = share
                if left:
                    waiting[node] = left
                    continue
                del waiting[node]
                share = take(node, None)
            elif wide:
                _deliver(ns, buffers, node, slot, share)
                share = take(node, None)
            if lone is None:
                if not heap or node.seq > heap[0].seq:
                    lone, came = node, share
                    continue
            elif node.seq >= lone.seq:
                if came is not None:
                    buffers[lone] = came
                ready.push(heap, lone)
                if node.seq > lone.seq:
                    lone, came = node, share
                    continue
                lone = came = None  # they tie: which comes first is the heap's to say
            if share is not None:
                buffers[node] = share
            ready.push(heap, node)


def visit(call: Call, node: Any, g: Any) -> tuple[Any, ...] | None:
    """Run a node with its hooks, and tell the recorder; None if it was only asked for its gradient."""
    runs = call.needed is None or node in call.needed
    recorded = runs and call.id and probe.sink is not None
    position = probe.position
    within = position.within
    number = started = 0
    if recorded:
        number = position.within = probe.new_id()
        started = now()
        if with_numpy:
            unpacked(node, number)
    try:
        if node.hooks is not None:
            g = firing.before(call, node, g)
        if call.targets is not None and node in call.targets:
            _capture(call, node, g)
        if not runs:
            return None
        if anomaly.state.on:
            shares = anomaly.checked(run_node, call.ns, node, g)
        else:
            shares = run_node(call.ns, node, g)
        if len(shares) < len(node.next):
            shares += (None,) * (len(node.next) - len(shares))
        if node.hooks is not None and node.hooks.post:
            shares = firing.after(call, node, shares, g)
    except BaseException as error:
        position.within = within
        if recorded and probe.sink is not None:  # what it ran may have ended the recording
            observe.step_failed(call, node, number, g, started, error)
        raise
    position.within = within
    if recorded and probe.sink is not None:
        observe.step(call, node, number, g, shares, started)
    return shares  # type: ignore[no-any-return]


def run_node(ns: Any, node: Any, g: Any) -> tuple[Any, ...]:
    """What the node's rule makes of a gradient that may be complex."""
    if is_complex(g) and node.__class__.__name__ not in OWN and not hasattr(node, "owner"):
        return conjugate(ns, _run(ns, node, conjugate(ns, g)))  # type: ignore[no-any-return]
    return _run(ns, node, g)


def _run(ns: Any, node: Any, g: Any) -> tuple[Any, ...]:
    try:
        return run_rule(ns, node, g)
    except Exception as error:
        shares = _elsewhere(ns, node, g, error) if foreign else None
        if shares is None:
            raise
        return shares


def _elsewhere(ns: Any, node: Any, g: Any, error: BaseException) -> tuple[Any, ...] | None:
    """What the rule makes of it on the host, if it failed on a device for what CuPy lacks."""
    if hasattr(node, "owner") or node.__class__ is CopySlices or node.saved is FREED:
        return None
    from gradviz.engine import devices

    saved = [h if h is None or ns is raw else tensor_of(node, h) for h in (node.saved or ())[::2]]
    arrays = [getattr(h, "_array", h) for h in (*(g if g.__class__ is list else (g,)), *saved)]
    if not devices.lack(error, *arrays) and not devices.met(error):
        return None
    return devices.rule_on_host(ns, node, g, arrays[-len(saved):] if ns is raw and saved else saved)


def run_rule(ns: Any, node: Any, g: Any) -> tuple[Any, ...]:
    """What the node's rule makes of the gradient of its output: one share per edge. Saved tensors are checked here."""
    saved = node.saved
    if rare and ns is raw and node.plain and in_halves(g):
        if saved is not None:
            check(node)
        return in_floats(node, g, [None if h is None else h._array for h in (saved or ())[::2]])
    if saved is None:
        shares = node.rule(ns, node, g)
    elif ns is raw:
        check(node)
        shares = node.rule(ns, node, g, *[None if h is None else h._array for h in saved[::2]])
    else:
        check(node)
        shares = node.rule(ns, node, g, *[tensor_of(node, h) for h in saved[::2]])
    if shares.__class__ is tuple:
        return shares
    return (shares,)


def release(node: Any) -> None:
    """Free what the op that wrote a view saved."""
    inner = node.args[0]
    if inner.saved is not None:
        inner.saved = FREED


def _deliver(ns: Any, buffers: dict[Any, Any], node: Any, slot: int, g: Any) -> None:
    """Add a gradient to what waits for ``node``; a node of several outputs has a list."""
    if node.width == 1:
        buffers[node] = ns.solid(buffers[node] + g) if node in buffers else g
        return
    waiting = buffers.get(node)
    if waiting is None:
        waiting = buffers[node] = [None] * node.width
    before = waiting[slot]
    waiting[slot] = g if before is None else ns.solid(before + g)


def _capture(call: Call, node: Any, g: Any) -> None:
    """Keep the gradients that ``autograd.grad`` asked for."""
    for slot, wanted in call.targets.get(node, {}).items():  # type: ignore[union-attr]
        part = g if node.width == 1 else g[slot]
        for i in wanted:
            call.captured[i] = part


def mark_needed(roots: list[Edge], targets: dict[Any, Any]) -> set[Any]:
    """The nodes from which a target is reached over at least one edge."""
    order: list[Any] = []
    counts = count_edges(roots)
    stack = [node for node in dict.fromkeys(n for n, _ in roots) if not counts[node]]
    while stack:
        node = stack.pop()
        order.append(node)
        for after, _ in node.next:
            if after is not None:
                counts[after] -= 1
                if not counts[after]:
                    stack.append(after)
    needed: set[Any] = set()
    for node in reversed(order):
        for after, _ in node.next:
            if after in needed or after in targets:
                needed.add(node)
                break
    return needed


def call_node(node: Any, grads: tuple[Any, ...]) -> Any:
    """``grad_fn(grad)``: run one node by hand."""
    from gradviz.engine.autograd.modes import enabled
    from gradviz.engine.tensor import fresh

    if enabled():
        shares = run_node(graph, node, grads[0] if node.width == 1 else list(grads))
    else:
        arrays = [None if g is None else g._array for g in grads]
        shares = run_node(raw, node, arrays[0] if node.width == 1 else arrays)
        shares = tuple(None if s is None else fresh(asarray(s)) for s in shares)
    shares = (*shares, *(None,) * (len(node.next) - len(shares)))
    return shares[0] if len(shares) == 1 else shares


def invalid_gradient(name: str, i: int, got: tuple[int, ...], expected: tuple[int, ...]) -> RuntimeError:
    return RuntimeError(f"Function {name} returned an invalid gradient at index {i} - got {size_text(got)} but "
                        f"expected shape compatible with {size_text(expected)}")
