"""The backward side: nodes, gradients of intermediate tensors and AccumulateGrads, and when each of them got what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gradviz.events import Gradient
from gradviz.events import Node as Backward
from gradviz.replay import Event, grads, values
from gradviz.replay.tables import among
from gradviz.scene.closed import draw_mirrors, link_mirrors
from gradviz.scene.draft import Draft
from gradviz.scene.model import Edge, Node

Port = tuple[int, int]
"""A backward node and which of its outputs: where a gradient enters."""


def draw_backward(draft: Draft) -> None:
    """Glyphs and edges of the backward nodes that the forward side made."""
    drawn = _nodes(draft)
    draw_mirrors(draft)
    ports = _ports(draft, drawn)
    chips = {port: _chip(draft, port) for port in ports}
    into: dict[Port, list[Edge]] = defaultdict(list)
    out: dict[tuple[int, int], Edge] = {}
    for node in drawn.values():
        born = draft.nodes[f"n{node.nid}"].event
        for place, (nid, slot) in enumerate(node.edges):
            target = _target(draft, drawn, chips, nid, slot)
            if target:
                edge = draft.link(f"n{node.nid}", target, "gradient", born)
                out[node.nid, place] = edge
                if node.nid in draft.shown:
                    into[nid, slot].append(edge)
            elif not nid:
                _no_grad(draft, node, place, born)
    from_groups: dict[Port, list[tuple[int, int]]] = defaultdict(list)
    for port, edge, nid, place in link_mirrors(draft, {port: chip for port, chip in chips.items() if chip}):
        into[port].append(edge)
        from_groups[port].append((nid, place))
    entry = {port: draft.link(chip, draft.stand_in(f"n{port[0]}"), "gradient", draft.nodes[chip].event)
             for port, chip in chips.items() if chip}
    _flow(draft, chips, into, out, entry, from_groups)
    _release(draft, drawn)


def _nodes(draft: Draft) -> dict[int, Backward]:
    """A glyph for each backward node whose op is on the picture, and for each AccumulateGrad of the graph."""
    drawn: dict[int, Backward] = {}
    for glyph in list(draft.nodes.values()):
        if glyph.kind not in ("op", "write"):
            continue
        event = draft.replay.event(glyph.event)
        for node in _first_the_write(event.nodes) if glyph.kind == "write" else event.nodes:
            if node.leaf or f"n{node.nid}" in draft.nodes:
                continue
            drawn[node.nid] = node
            twin = "" if glyph.twin else glyph.id
            draft.nodes[f"n{node.nid}"] = Node(
                f"n{node.nid}", "backward", "node", [(0, node.name)], [], [(0, "future"), (event.seq, "waiting")],
                event.seq, event.span, twin=twin, ref={"nid": node.nid, "seq": event.seq},
                saved=_saved(draft, node, event.seq))
            if twin:
                glyph.twin = f"n{node.nid}"
    for nid in sorted(_rest(draft, drawn)):
        found = draft.replay.node(nid)
        if found is not None and found.leaf in draft.tensors:
            _accumulate(draft, found)
        elif found is not None and not found.leaf:
            _historic(draft, found)
            drawn[nid] = found
    return drawn


def _rest(draft: Draft, drawn: dict[int, Backward]) -> set[int]:
    """Nodes that are shown and that no shown op made: AccumulateGrads of leaves on the picture, and historic ones."""
    nodes = draft.replay.index.nodes
    leaves = set(nodes.ints("nid")[(nodes.ints("leaf") > 0) & ~among(
        nodes.ints("leaf"), np.array(list(draft.tensors), np.int64))].tolist())
    return draft.shown - drawn.keys() - leaves


def _saved(draft: Draft, node: Backward, seq: int) -> list[tuple[str, str]]:
    """What a node keeps for its backward, by the glyph that stands for it: the tensor's, or that of what made it."""
    held = []
    for one in dict.fromkeys((saved.tid, saved.version) for saved in node.saved if saved.tid and saved.version >= 0):
        tid, version = one
        glyph = draft.glyph_at(tid, seq) or draft.glyph_of.get(tid, "") or draft.stand_in(f"o{draft.replay.maker(tid)}")
        if glyph:
            held.append((glyph, f"holds {draft.replay.label(tid, seq)}, version {version}"))
    return held


def _first_the_write(nodes: Sequence[Backward]) -> list[Backward]:
    """The nodes of an in-place op, the view's way back into its base last: it is the write that faces the op."""
    own = {node.nid for node in nodes if not node.leaf}
    return sorted(nodes, key=lambda node: any(nid in own for nid, _ in node.edges))


def _historic(draft: Draft, node: Backward) -> None:
    """A node that no op made: a view got it when its base was written. It faces nothing."""
    born = draft.replay.node_born(node.nid)
    draft.nodes[f"n{node.nid}"] = Node(
        f"n{node.nid}", "backward", "node", [(0, node.name)], [], [(0, "future"), (born, "waiting")], born,
        ref={"nid": node.nid, "seq": born})


def _accumulate(draft: Draft, node: Backward) -> None:
    leaf = draft.nodes[draft.tensors[node.leaf][0]]
    call = draft.graph.begin
    form = "∇{}" if call >= 0 and draft.replay.event(call).method == "grad" else "{}.grad"
    born = max(draft.replay.node_born(node.nid), leaf.event)
    glyph = f"n{node.nid}"
    draft.nodes[glyph] = Node(
        glyph, "backward", "accumulate", [(seq, form.format(label)) for seq, label in leaf.label],
        [(0, "AccumulateGrad")], [(0, "future"), (born, "waiting")], born, leaf.span, twin=leaf.id,
        ref={"tid": node.leaf, "nid": node.nid})
    leaf.twin = glyph


def _ports(draft: Draft, drawn: dict[int, Backward]) -> list[Port]:
    """Where gradients enter drawn nodes: what drawn edges point to, and the roots."""
    ports = {(nid, slot): None for node in drawn.values() for nid, slot in node.edges if nid in drawn}
    if draft.units.closed:  # what stands between groups has a glyph on this side too
        ports.update({port: None for port in draft.made_by if draft.stand_in(f"n{port[0]}")})
    if draft.graph.call:
        index = draft.replay.index
        for row in index.roots.where("seq", draft.graph.begin):
            root = index.roots.row(int(row))
            if draft.stand_in(f"n{root.nid}"):
                ports[root.nid, root.output] = None
    else:
        taken = set(ports)
        ports.update({port: None for port in draft.made_by if port[0] in drawn and port not in taken})
    return list(ports)


def _chip(draft: Draft, port: Port) -> str:
    """The gradient of the tensor that a node's output is; empty if that tensor is not on the picture."""
    source = draft.made_by.get(port)
    if source is None:
        return ""
    tensor = draft.nodes[source]
    glyph = f"g{tensor.id[1:]}"
    label = [(seq, f"∇({text})" if " " in text else f"∇{text}") for seq, text in tensor.label]
    draft.nodes[glyph] = Node(
        glyph, "backward", "gradient", label, [],
        [(0, "future"), (tensor.event, "awaited")], tensor.event, tensor.span, twin=tensor.id, ref=tensor.ref)
    tensor.twin = glyph
    return glyph


def _target(draft: Draft, drawn: dict[int, Backward], chips: dict[Port, str], nid: int, slot: int) -> str:
    if chips.get((nid, slot)):
        return chips[nid, slot]
    return draft.stand_in(f"n{nid}")


def _no_grad(draft: Draft, node: Backward, place: int, born: int) -> None:
    """An operand that takes no gradient: nothing goes there, and the picture says so."""
    event = draft.replay.event(born)
    operands = [tid for tid, _ in event.inputs] if event.kind == "op" else []
    if place >= len(operands) or operands[place] not in draft.tensors:
        return
    tensor = draft.nodes[draft.glyph_at(operands[place], born)]
    if tensor.kind != "input":
        return
    glyph = f"x{tensor.id[1:]}"
    if glyph not in draft.nodes:
        draft.nodes[glyph] = Node(glyph, "backward", "none", [(0, "∅ no grad")], [], [(0, "future"), (born, "idle")],
                                  born, tensor.span, twin=tensor.id, ref=tensor.ref)
        tensor.twin = glyph
    draft.link(f"n{node.nid}", glyph, "gradient", born)


# --- what flowed, and when -------------------------------------------------------------------------------------------
def _flow(draft: Draft, chips: dict[Port, str], into: dict[Port, list[Edge]], out: dict[tuple[int, int], Edge],
          entry: dict[Port, Edge], from_groups: dict[Port, list[tuple[int, int]]]) -> None:
    replay, graph = draft.replay, draft.graph
    arrived: dict[str, list[tuple[int, Gradient]]] = defaultdict(list)
    if graph.call:
        for row in replay.index.roots.where("seq", graph.begin):
            root = replay.index.roots.row(int(row))
            chip, grad = chips.get((root.nid, root.output)), replay.gradient(root.grad)
            if chip and grad is not None:
                arrived[chip].append((graph.begin, grad))
    awaited = {chip: len(into[port]) + len(arrived[chip]) for port, chip in chips.items() if chip}
    port_of = {chip: port for port, chip in chips.items() if chip}
    full: dict[str, Gradient] = {}
    _from_groups(draft, chips, entry, from_groups, arrived, full)
    for seq in _steps_of(draft):
        event = replay.event(seq)
        glyph = draft.nodes.get(f"n{event.nid}")
        if glyph is None:
            continue
        if not event.ok:
            glyph.states.append((seq, "failed"))
            continue
        glyph.states.append((seq, "ran"))
        for slot, row in enumerate(event.grads_in):
            grad, edge = replay.gradient(row), entry.get((event.nid, slot))
            if grad is not None and edge is not None:
                edge.states.append((seq, "flowed"))
                full[edge.source] = grad
        for place, row in enumerate(event.grads_out):
            grad, edge = replay.gradient(row), out.get((event.nid, place))
            if grad is None or edge is None:
                continue
            edge.states.append((seq, "flowed"))
            target = draft.nodes[edge.target]
            if target.kind in ("gradient", "accumulate"):
                arrived[target.id].append((seq, grad))
            if not draft.folds and (target.kind != "gradient" or len(into[port_of[target.id]]) > 1):
                edge.label.append((seq, _length(grad)))
    for chip, came in arrived.items():
        if not came:
            continue
        came.sort(key=lambda one: one[0])
        if chip in awaited:
            _fill(draft, chip, came, awaited[chip], full.get(chip))
        elif graph.call and replay.event(graph.begin).method == "grad":
            _capture(draft.nodes[chip], came)
    _accumulated(draft)


def _from_groups(draft: Draft, chips: dict[Port, str], entry: dict[Port, Edge],
                 from_groups: dict[Port, list[tuple[int, int]]],
                 arrived: dict[str, list[tuple[int, Gradient]]], full: dict[str, Gradient]) -> None:
    """What nodes within closed groups send to gradients on the picture, and when a gradient enters such a group."""
    replay, ran = draft.replay, draft.ran if draft.units.closed else {}
    for port, several in from_groups.items():
        for nid, place in several:
            event = replay.event(ran[nid]) if nid in ran else None
            grad = replay.gradient(event.grads_out[place]) if event is not None and event.ok else None
            if grad is not None and event is not None:
                arrived[chips[port]].append((event.seq, grad))
    for (nid, slot), edge in entry.items():
        if nid in ran and draft.nodes[edge.target].kind == "mirror":
            edge.states.append((ran[nid], "flowed"))
            taken = replay.event(ran[nid]).grads_in
            if slot < len(taken) and (whole := replay.gradient(taken[slot])) is not None:
                full[edge.source] = whole


def _steps_of(draft: Draft) -> list[int]:
    """The events at which drawn nodes ran in this backward call."""
    steps = draft.replay.index.steps
    rows = steps.where("call", draft.graph.call)
    found: list[int] = steps.seq[rows][np.isin(steps.ints("nid")[rows], draft.nids)].tolist()
    return found if draft.graph.call else []


def _length(grad: Gradient) -> str:
    length = values.norm(grad.value, grad.shape, grad.dtype)
    return "" if length is None else f"‖{values.short(length)}‖"


def _fill(draft: Draft, chip: str, came: list[tuple[int, Gradient]], awaited: int, full: Gradient | None) -> None:
    """States of a gradient: awaited, some of its terms there, all there. Hooks may then change it."""
    node, tensor = draft.nodes[chip], draft.nodes[draft.nodes[chip].twin]
    for count, (seq, _) in enumerate(came, 1):
        if count < awaited:
            node.states.append((seq, "partial"))
            node.sub.append((seq, f"{count} of {awaited}"))
    last, grad = came[-1]
    if len(came) < awaited:
        return
    calls = _hooked(draft, tensor.ref["tid"])
    before = draft.replay.gradient(calls[0].grad_in) if calls else None
    whole = before or full or (grad if awaited == 1 else None)
    tensor.grad.append((tensor.event, "awaited", ""))
    _complete(node, tensor, last, whole)
    for call in calls:
        returned = draft.replay.gradient(call.grad_out)
        if returned is not None or call.edited:
            _complete(node, tensor, call.seq, returned or full)


def _capture(node: Node, came: list[tuple[int, Gradient]]) -> None:
    """autograd.grad hands the gradient of a leaf out; ``.grad`` is not touched."""
    node.states.append((came[-1][0], "done"))
    if len(came) == 1:
        node.grad.append((came[0][0], "kept", _figure(came[0][1])))


def _complete(node: Node, tensor: Node, seq: int, grad: Gradient | None) -> None:
    finite = True if grad is None else values.finite(grad.value, grad.shape, grad.dtype)
    node.states.append((seq, "nan" if finite is False else "complete"))
    node.sub.append((seq, _length(grad) if grad is not None else ""))
    tensor.grad.append((seq, "passed", _compartment(grad)))


def _compartment(grad: Gradient | None) -> str:
    """A scalar as it is, else the norm."""
    return "" if grad is None else values.summary(grad.value, grad.shape, grad.dtype).strip("‖")


def _kept(grad: Gradient | None) -> str:
    """What a leaf's compartment says: the same number as its AccumulateGrad."""
    return _figure(grad).strip("‖")


def _figure(grad: Gradient | None) -> str:
    """The value where all elements are alike, else the norm, said to be one."""
    if grad is None:
        return ""
    uniform = values.everywhere(grad.value, grad.shape, grad.dtype)
    return values.short(uniform) if uniform is not None else values.summary(grad.value, grad.shape, grad.dtype)


def _hooked(draft: Draft, tid: int) -> list[Event]:
    """The calls of tensor hooks on a tensor in this backward call."""
    calls = draft.replay.index.hook_calls
    return [draft.replay.event(int(calls.seq[row])) for row in calls.where("tid", tid)
            if calls.ints("call")[row] == draft.graph.call]


def _accumulated(draft: Draft) -> None:
    """``.grad`` of leaves and of tensors that retain it, as this backward call found and left it."""
    replay, graph = draft.replay, draft.graph
    for glyphs in list(draft.tensors.values()):
        leaf = draft.nodes[glyphs[0]]
        if leaf.kind == "leaf":
            leaf.grad.append((leaf.event, "awaited", ""))
            for moment in grads.history(replay, leaf.ref["tid"], graph.first, graph.last):
                leaf.grad.append((moment.seq, "awaited" if moment.grad is None else "kept", _kept(moment.grad)))
    rows = replay.index.accumulates
    for row in rows.where("call", graph.call):
        event = replay.event(int(rows.seq[row]))
        grad = replay.gradient(event.grad)
        if event.tid not in draft.tensors:
            continue
        tensor = draft.nodes[draft.glyph_at(event.tid, event.seq)]
        tensor.grad.append((event.seq, "kept", _kept(grad) if tensor.kind == "leaf" else _compartment(grad)))
        glyph = draft.nodes.get(f"n{event.nid}")
        if glyph is not None:
            glyph.states.append((event.seq, "done"))
            glyph.grad.append((event.seq, "kept", _figure(grad)))


def _release(draft: Draft, drawn: dict[int, Backward]) -> None:
    """After a call without retain_graph, the nodes that ran hold nothing any more."""
    if draft.graph.state != "done" or draft.replay.event(draft.graph.end).retain_graph:
        return
    for nid in drawn:
        node = draft.nodes[f"n{nid}"]
        if node.states[-1][1] == "ran":
            node.states.append((draft.graph.end, "released"))
