"""Each event in one sentence. The caption, the live region, the text export and the tests all use these words."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.events import Facts, Gradient, Node
from gradviz.replay import labels, values
from gradviz.replay.grads import retold
from gradviz.replay.outside import outside, written_by
from gradviz.replay.replay import Event, Replay

Part = tuple[str, str]
"""Text and its role: "" our words, "name" the user's, "grad" a gradient's figure, "strong"."""
Parts = list[Part]


def parts(replay: Replay, seq: int) -> Parts:
    """What happened at an event, as text with roles."""
    event = replay.event(seq)
    return [part for part in _TELLERS[event.kind](replay, event) if part[0]]


def sentence(replay: Replay, seq: int) -> str:
    """What happened at an event, in one sentence of plain text."""
    return "".join(text for text, _ in parts(replay, seq))


def listed(names: list[Part]) -> Parts:
    """a, b and c."""
    told: Parts = []
    for place, name in enumerate(names):
        if place:
            told.append((" and " if place == len(names) - 1 else ", ", ""))
        told.append(name)
    return told


def figure(replay: Replay, gradient: Gradient | None) -> Part:
    """A gradient in a few characters: its number where all its elements are that, else its norm."""
    if gradient is None:
        return ("None", "grad")
    uniform = values.everywhere(gradient.value, gradient.shape, gradient.dtype)
    if uniform is not None:
        return (values.short(uniform), "grad")
    if few := values.few(gradient.value, gradient.shape, gradient.dtype):
        return (few, "grad")
    text = values.summary(gradient.value, gradient.shape, gradient.dtype)
    return (text or "a gradient that was not kept", "grad" if text else "")


def target_of(replay: Replay, nid: int, slot: int, seq: int) -> str:
    """Whose gradient an edge carries: the leaf's or the intermediate tensor's label; empty if it has none. Steps within
    an op make tensors that nobody sees: one that only copies is called by what it copies, another by the expression."""
    while (node := replay.node(nid)) is not None and not node.leaf:
        tid, born = replay.output_of(nid, slot, seq), replay.node_born(nid)
        if tid:
            return replay.label(tid, seq)
        if node.name not in labels.COPIES or len(node.edges) != 1 or not node.edges[0][0]:
            event = replay.event(born)
            text = labels.expression(replay, event) if event.kind == "op" else ""
            return labels.shortened(text) if text else node.name
        nid, slot = node.edges[0]
    return replay.label(node.leaf, seq) if node is not None else ""


def own_nodes(event: Event) -> list[Node]:
    """The backward nodes that an op made itself, without the AccumulateGrads of its leaves."""
    return [node for node in event.nodes if not node.leaf]


# --- tellers, one a kind ---------------------------------------------------------------------------------------------
def _op(replay: Replay, event: Event) -> Parts:
    told: Parts
    text = labels.expression(replay, event) or f"{event.name}({event.args})"
    fresh = [row for row in event.outputs if row.how != "op" or row.tid not in {tid for tid, _ in event.inputs}]
    named = [name for row in fresh if (name := replay.name(row.tid, event.seq))]
    if not event.ok:
        return [(text, "name"), (" failed in ", ""), (event.name, "name")]
    inside = not named and bool(event.outputs or event.writes) and not labels.is_value(replay, event)
    said: Parts = [(event.name, "name"), (" inside ", ""), (text, "name")] if inside else [(text, "name")]
    if event.writes:
        write = event.writes[0]
        told = [*said, (" writes ", ""), (replay.label(write.tid, event.seq), "name"),
                (f" in place: version {write.before} → {write.after}", "")]
        return told + _keeps(replay, event)
    if not event.outputs:
        told = [(text, "name"), (" leaves the graph", "")]
        return told
    if event.name == "grad":
        return _gradients(replay, event, text, named)
    how = event.outputs[0].how
    if how == "created":
        return _created(replay, event, said)
    if named and not any(text.startswith(f"{name} =") for name in named):
        said = [(", ".join(named) + " = " + text, "name")]
    told = said.copy()
    if len(event.outputs) == 1 and (shown := _result(replay, event)):
        told.append((f" = {shown}", ""))
    source = replay.label(event.inputs[0][0], event.seq) if event.inputs else ""
    if how == "view":
        told += [(" · a view of ", ""), (source, "name")]
    elif how in ("detach", "data"):
        told += [(" · shares the storage of ", ""), (source, "name"), (", cut from the graph", "")]
    return told + _keeps(replay, event)


def _gradients(replay: Replay, event: Event, text: str, named: list[str]) -> Parts:
    """What autograd.grad handed out: g = the gradient of x."""
    told: Parts = [(", ".join(named) + " = " + text if named else text, "name")]
    for place, ((tid, _), row) in enumerate(zip(event.inputs, event.outputs, strict=True)):
        facts = replay.with_value(row)
        shown = figure(replay, Gradient(facts.tid, facts.sid, facts.shape, facts.dtype, facts.value))
        told += [("; " if place else ": ", ""), shown, (" is the gradient of ", ""),
                 (replay.label(tid, event.seq), "name")]
    return told


def _result(replay: Replay, event: Event) -> str:
    """What came out: a number as it is; more than one where the op made no node that would be told instead."""
    facts: Facts = replay.with_value(event.outputs[0])
    if facts.shape and (own_nodes(event) or facts.how != "op"):
        return ""
    few = values.few(facts.value, facts.shape, facts.dtype)
    return few or values.summary(facts.value, facts.shape, facts.dtype)


def _created(replay: Replay, event: Event, said: Parts) -> Parts:
    facts: Facts = replay.with_value(event.outputs[0])
    name = replay.name(facts.tid, event.seq)
    told: Parts = [("leaf ", "")] if facts.requires_grad else []
    told += [(name, "name")] if name else said
    told.append((" created: " + values.shape_text(facts.shape) if facts.shape else " created", ""))
    uniform = values.everywhere(facts.value, facts.shape, facts.dtype)
    if uniform is not None:
        told.append((f" of {values.short(uniform)}" if facts.shape else f" = {values.short(uniform)}", ""))
    if not facts.requires_grad:
        told.append((", takes no gradient", ""))
    return told


def _keeps(replay: Replay, event: Event) -> Parts:
    nodes = own_nodes(event)
    if not nodes:
        known = [replay.facts_at(tid, event.seq) for tid, _ in event.inputs]
        if event.mode != "grad" and any(facts.requires_grad for facts in known if facts):
            return [(f" · {event.mode}: not recorded for backward", "")]
        return []
    told: Parts = []
    for node in (node for node in nodes if node.saved):  # of an op of several nodes it may be any of them
        kept = dict.fromkeys(replay.label(saved.tid, event.seq) if saved.tid else saved.field for saved in node.saved)
        told += [(" · ", ""), (node.name, "name"), (" keeps ", ""), *listed([(name, "name") for name in kept])]
    if not told and not event.writes:
        told = [(" · ", ""), (nodes[0].name, "name"), (" keeps nothing", "")]
    return told


def _backward(replay: Replay, event: Event) -> Parts:
    ordinal = replay.index.ordinals[event.call]
    if event.phase == "begin":
        told: Parts = [(f"backward call {ordinal} begins at ", "")]
        told += listed([(replay.label(root.tid, event.seq) if root.tid else "an unnamed root", "name")
                        for root in event.roots])
        grads = [replay.gradient(root.grad) for root in event.roots]
        if len(grads) == 1 and grads[0] is not None:
            told += [(" with gradient ", ""), figure(replay, grads[0])]
        return told
    if event.phase == "failed":
        return [(f"backward call {ordinal} failed", "strong")]
    kept = ", the graph is kept (retain_graph)" if event.retain_graph else ", what its nodes held is released"
    return [(f"backward call {ordinal} is done{kept}", "")]


def _step(replay: Replay, event: Event) -> Parts:
    node = replay.node(event.nid)
    if node is None:
        return [("a node that was not seen in the forward ran", "")]
    if not event.ok:
        return [(node.name, "name"), (" failed", "strong")]
    grads_in = [grad for row in event.grads_in if (grad := replay.gradient(row)) is not None]
    told: Parts = [(node.name, "name"), (" ran: ", "")]
    if grads_in:
        head = figure(replay, grads_in[0])
        told.append(head)
        everywhere = head[0][0] not in "‖[" and len(grads_in[0].shape) > 0
        told.append((" everywhere" if everywhere and head[1] else "", ""))
        told.append((" becomes ", ""))
    outs: list[Parts] = []
    for (nid, slot), row in zip(node.edges, event.grads_out, strict=False):
        grad = replay.gradient(row)
        if nid and grad is not None:
            outs.append([figure(replay, grad), (" for ", ""), (target_of(replay, nid, slot, event.seq), "name")])
    for place, out in enumerate(outs):
        if place:
            told.append((" and " if place == len(outs) - 1 else ", ", ""))
        told += out
    if not outs:
        told.append(("nothing that is wanted", ""))
    return told


def _accumulate(replay: Replay, event: Event) -> Parts:
    name, grad = replay.label(event.tid, event.seq), replay.gradient(event.grad)
    if event.was == "retained":
        return [(name, "name"), (" keeps its gradient ", ""), figure(replay, grad)]
    told: Parts = [(f"{name}.grad", "name"), (" = ", ""), figure(replay, grad)]
    if event.was == "added":
        told += [(", ", ""), figure(replay, replay.gradient(event.added)), (" was added to what was there", "")]
    return told


def _hook_call(replay: Replay, event: Event) -> Parts:
    adds = replay.index.hooks
    rows = adds.where("hook", event.hook)
    function = str(adds.row(int(rows[0]))[-2]) if len(rows) else ""
    node = replay.node(event.nid) if event.nid else None
    where = (replay.label(event.tid, event.seq) if event.tid else node.name if node
             else labels.module(replay, event.scope) or "a module")
    told: Parts = [("hook ", ""), (function, "name"), (" on ", ""), (where, "name")]
    grad_in, grad_out = replay.gradient(event.grad_in), replay.gradient(event.grad_out)
    if grad_in is not None:
        told += [(" saw ", ""), figure(replay, grad_in)]
    if event.edited:
        return [*told, (", edited it in place", "")]
    if grad_out is not None:
        return [*told, (", returned ", ""), figure(replay, grad_out)]
    return [*told, (", left it unchanged", "")]


def _error(replay: Replay, event: Event) -> Parts:
    node = replay.node(event.nid) if event.nid else None
    if node is not None and event.saved >= 0 and event.found >= 0:
        held = [saved.tid for saved in node.saved if saved.field == event.field and saved.tid]
        held += [saved.tid for saved in node.saved if saved.sid == event.sid and saved.tid]
        what = replay.label(held[0], event.seq) if held else "a saved tensor"
        return [(node.name, "name"), (" needs ", ""), (what, "name"), (f" at version {event.saved} and finds ", ""),
                (f"version {event.found}", "strong"), (f": {event.type}", "")]
    message, failed = event.message.split("\n")[0], replay.node(replay.failed_node(event))
    if failed is not None:
        return [(failed.name, "name"), (" failed: ", ""), (event.type, "strong"), (f": {message}", "")]
    return [(event.type, "strong"), (f": {message}" if message else "", ""),
            (" (left the script)" if event.uncaught else "", "")]


def _tensor(replay: Replay, event: Event) -> Parts:
    facts: Facts = event.facts
    first = replay.born(facts.tid) == event.seq
    seen = f"first seen: {values.shape_text(facts.shape)}, {facts.how}" if first else "is there after the pause"
    return [(replay.label(facts.tid, event.seq), "name"), (f" {seen}", "")]


def _write(replay: Replay, event: Event) -> Parts:
    write, where = event.write, outside(replay, event.seq).where
    name = replay.label(write.tid, event.seq) if write.tid else "a saved result"
    by, _ = written_by(replay, event.seq)
    told: Parts = [(name, "name"), (f" was written by {by}{' ' * bool(where)}{where}", "")]
    return told if write.after > write.before else [*told, (": ", ""), ("its version did not move", "strong")]


def _rebind(replay: Replay, event: Event) -> Parts:
    return [(replay.label(event.facts.tid, event.seq), "name"), (f" changed: {event.reason}", "")]


def _hook_add(replay: Replay, event: Event) -> Parts:
    node = replay.node(event.ref) if event.target == "node" else None
    where = node.name if node else replay.label(event.ref, event.seq) if event.ref else ""
    if not where:  # model[1].register_forward_hook(hook)
        where = labels.called(labels.expression(replay, event)).rpartition(".register_")[0] or event.target
    return [("hook ", ""), (event.function, "name"), (" registered on ", ""), (where, "name")]


def _grad_set(replay: Replay, event: Event) -> Parts:
    if retold(replay, event.seq):
        now = figure(replay, replay.gradient(event.grad))
        return [(f"{replay.label(event.tid, event.seq)}.grad", "name"), (" after the pause: ", ""), now]
    to = {"none": "was set to None", "zeroed": "was set to zero", "value": "was set by the script"}[event.to]
    return [(f"{replay.label(event.tid, event.seq)}.grad", "name"), (f" {to}", "")]


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _scope(replay: Replay, event: Event) -> Parts:
    return [(event.path or event.cls, "name"), (" entered" if event.entered else " left", "")]


_TELLERS: dict[str, Callable[[Replay, Event], Parts]] = {
    "op": _op, "tensor": _tensor, "write": _write, "rebind": _rebind, "backward": _backward, "step": _step,
    "accumulate": _accumulate, "hook_add": _hook_add, "hook_call": _hook_call, "error": _error, "scope": _scope,
    "grad_set": _grad_set,
    "owner": lambda r, e: [(r.label(e.tid, e.seq), "name"), (
        " is kept by the optimizer" if e.role == "state" else f" is a {e.role} of its module", "")],
    "optimizer": lambda r, e: [(e.cls, "name"), (" made", "")],
    "hook_remove": lambda r, e: [("hook removed", "")],
    "retain_grad": lambda r, e: [(r.label(e.tid, e.seq), "name"), (" will keep its gradient", "")],
    "mode": lambda r, e: [(e.mode, "name"), (" entered" if e.entered else " left", "")],
    "grad_read": lambda r, e: [(f"{r.label(e.tid, e.seq)}.grad", "name"), (" read: None, it is not a leaf", "")],
    "dead": lambda r, e: [(" and ".join(_counted(len(ids), of) for ids, of in (
        (e.tids, "tensor"), (e.nids, "node")) if ids) + " freed", "")],
    "print": lambda r, e: [("printed ", ""), (e.text.strip(), "name")],
    "value": lambda r, e: [("a value arrived late", "")],
    "gradcheck": lambda r, e: [("backward compared with finite differences", "")],
    "mark": lambda r, e: [(e.text, "strong")],
    "gap": lambda r, e: [(f"not recorded: {e.reason}", "")],
}
