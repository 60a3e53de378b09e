"""Answers about one tensor, node or op at one event: what it is, what it holds, who wrote it, what flows through it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gradviz.events import Facts, Gradient, Node, Value
from gradviz.formulas import FORMULAS, Formula
from gradviz.replay import grads, values
from gradviz.replay.absence import absence
from gradviz.replay.outside import written_by
from gradviz.replay.replay import Event, Replay
from gradviz.replay.storages import content_at


@dataclass(frozen=True)
class Content:
    """What was kept of a tensor or gradient. ``array`` where all of it was, else ``statistics``; ``reason`` says why
    nothing is shown."""

    shape: tuple[int, ...]
    dtype: str
    array: values.Array | None = None
    statistics: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def norm(self) -> float | None:
        if self.array is not None:
            return values.norm(self.array.tobytes(), self.shape, str(self.array.dtype))
        return self.statistics.get("norm")


@dataclass(frozen=True)
class Version:
    """A version of a storage: made at event ``seq`` by the op ``by`` through the alias ``via`` (both empty for the
    first), at a span."""

    version: int
    seq: int
    by: str
    via: str
    span: int
    tid: int = 0


@dataclass(frozen=True)
class Alias:
    tid: int
    label: str
    how: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class TensorView:
    """A tensor at an event."""

    tid: int
    label: str
    facts: Facts
    made_by: str
    made_at: int
    base: str
    retains_grad: bool
    versions: list[Version]
    aliases: list[Alias]
    storage_bytes: int
    value: Content
    grad: Content
    grad_fn: str
    used_by: list[tuple[int, str]]
    hooks: list[str]
    gradient_of: str
    """Whose gradient it is, where autograd.grad handed it out."""


@dataclass(frozen=True)
class SavedView:
    """A saved tensor: ``version`` when it was saved, ``now`` at the event. ``freed``: the node has let go of it."""

    field: str
    tid: int
    label: str
    version: int
    now: int
    freed: bool
    content: Content

    @property
    def valid(self) -> bool:
        return self.version < 0 or self.now == self.version


@dataclass(frozen=True)
class Flow:
    """A gradient along an edge: whose it is, and what it is once it has flowed."""

    label: str
    nid: int
    content: Content


@dataclass(frozen=True)
class NodeView:
    """A backward node at an event. ``state``: waiting, ran, failed or released."""

    nid: int
    name: str
    state: str
    made_by: str
    """The op that made it; empty for a view's new history, which no op made."""
    made_at: int
    leaf: int
    formula: Formula | None
    saved: list[SavedView]
    grads_in: list[Flow]
    grads_out: list[Flow]
    hooks: list[str]


@dataclass(frozen=True)
class OpView:
    """An op: what it read, made and wrote."""

    seq: int
    name: str
    args: str
    text: str
    mode: str
    ok: bool
    inputs: list[tuple[int, str, int]]
    outputs: list[tuple[int, str]]
    nodes: list[Node]
    writes: list[Version]


def tensor(replay: Replay, tid: int, seq: int) -> TensorView:
    """A tensor at an event; KeyError if it was never seen. Before its birth it is shown as it was born."""
    born = replay.born(tid)
    if born < 0:
        raise KeyError(f"no tensor {tid}")
    facts = replay.facts_at(tid, max(seq, born))
    assert facts is not None
    versions = _versions(replay, facts, seq)
    facts = facts._replace(version=versions[-1].version)
    maker = replay.maker(tid)
    node = replay.node(facts.grad_fn) if facts.grad_fn else None
    return TensorView(
        tid, replay.label(tid, seq), facts, replay.event(maker).name if maker >= 0 else "", born,
        replay.label(facts.base, seq) if facts.base else "", _retains(replay, tid, seq), versions,
        _aliases(replay, facts, seq), _bytes(replay, facts), _value(replay, facts, seq), _grad(replay, facts, seq),
        node.name if node else "", _users(replay, tid, seq), _hooks(replay, "tensor", tid, seq),
        _gradient_of(replay, tid, seq))


def node(replay: Replay, nid: int, seq: int) -> NodeView:
    """A backward node at an event; KeyError if it was never seen."""
    found = replay.node(nid)
    if found is None:
        raise KeyError(f"no node {nid}")
    born = replay.node_born(nid)
    ran = _step(replay, nid, seq)
    freed = ran is not None and ran.ok and not _retained(replay, ran.call)
    state = "waiting" if ran is None else "failed" if not ran.ok else "ran"
    grads_in = [] if ran is None else [
        Flow(_owner(replay, nid, slot, seq), nid, content_of(replay, replay.gradient(row)))
        for slot, row in enumerate(ran.grads_in)]
    grads_out = [
        Flow(_edge_owner(replay, target, slot, seq), target,
             content_of(replay, replay.gradient(ran.grads_out[place])) if ran is not None and place < len(ran.grads_out)
             else Content((), "", reason="has not flowed yet"))
        for place, (target, slot) in enumerate(found.edges)]
    if found.leaf:
        return _accumulator(replay, found, born, seq)
    maker = replay.event(born)
    return NodeView(
        nid, found.name, state, maker.name if maker.kind == "op" else "", born, found.leaf, FORMULAS.get(found.name),
        [_saved(replay, found, place, seq, freed) for place in range(len(found.saved))], grads_in, grads_out,
        _hooks(replay, "node", nid, seq))


def op(replay: Replay, seq: int) -> OpView:
    """The op of an event; KeyError if the event is not an op."""
    if replay.kind(seq) != "op":
        raise KeyError(f"event {seq} is not an op")
    event = replay.event(seq)
    return OpView(
        seq, event.name, event.args, replay.source_text(replay.spans[event.span]), event.mode, event.ok,
        [(tid, replay.label(tid, seq), version) for tid, version in event.inputs],
        [(facts.tid, replay.label(facts.tid, seq)) for facts in event.outputs], list(event.nodes),
        [Version(write.after, seq, event.name, replay.label(write.tid, seq), event.span, write.tid)
         for write in event.writes])


def content_of(replay: Replay, gradient: Gradient | None) -> Content:
    """A gradient as content."""
    if gradient is None:
        return Content((), "", reason="None: no gradient goes here")
    return _content(gradient.value, tuple(gradient.shape), gradient.dtype)


def _content(value: Value, shape: tuple[int, ...], dtype: str) -> Content:
    array = values.array(value, shape, dtype)
    if array is not None:
        return Content(shape, dtype, array)
    figures = values.statistics(value)
    return Content(shape, dtype, None, figures,
                   "values were not kept: record with --values full" if figures else "nothing was kept of it")


# --- tensors ---------------------------------------------------------------------------------------------------------
def _versions(replay: Replay, facts: Facts, seq: int) -> list[Version]:
    first = next((row for row in [replay.born(facts.tid)] if row >= 0), 0)
    known = replay.index.facts
    rows = known.where("cid", facts.cid)
    start = known.row(int(rows[0])) if len(rows) else facts
    history = [Version(start.version, int(known.seq[rows[0]]) if len(rows) else first, "", "", 0)]
    writes = replay.index.writes
    for row in writes.where("cid", facts.cid):
        at = int(writes.seq[row])
        if at > seq:
            break
        write = writes.row(int(row))
        event = replay.event(at)
        history.append(Version(write.after, at, written_by(replay, at)[0], replay.label(write.tid, at), event.span))
    return history


def _aliases(replay: Replay, facts: Facts, seq: int) -> list[Alias]:
    known = replay.index.facts
    tids = dict.fromkeys(known.ints("tid")[known.where("sid", facts.sid)].tolist())
    found = []
    for tid in tids:
        now = replay.facts_at(tid, seq)
        if now is not None and now.sid == facts.sid:
            found.append(Alias(tid, replay.label(tid, seq), now.how, now.offset, tuple(now.shape), tuple(now.stride)))
    return found


def _bytes(replay: Replay, facts: Facts) -> int:
    kind = values.dtype_of(facts.dtype)
    size = kind.itemsize if kind is not None else 1
    reach = [alias.offset + sum((n - 1) * step for n, step in zip(alias.shape, alias.stride, strict=True)) + 1
             for alias in _aliases(replay, facts, replay.n) if math.prod(alias.shape)]
    return size * max(reach, default=math.prod(facts.shape))


def _value(replay: Replay, facts: Facts, seq: int) -> Content:
    """The content of a tensor at an event; before its birth, what it was born with."""
    seq = max(seq, replay.born(facts.tid))
    content, reason = content_at(replay, facts, seq)
    if content is not None:
        return Content(tuple(facts.shape), facts.dtype, content)
    newest = replay.facts_at(facts.tid, seq)
    figures = values.statistics(newest.value if newest is not None else None)
    return Content(tuple(facts.shape), facts.dtype, None, figures, reason)


def _retains(replay: Replay, tid: int, seq: int) -> bool:
    return any(replay.index.retains.seq[row] <= seq for row in replay.index.retains.where("tid", tid))


def _grad(replay: Replay, facts: Facts, seq: int) -> Content:
    """``.grad`` at an event, or the reason why there is none."""
    moment = grads.at(replay, facts.tid, seq)
    if moment is not None and moment.grad is not None:
        return content_of(replay, moment.grad)
    reasons = absence(replay, facts.tid, seq).reasons
    return Content((), "", reason=f"None: {reasons[0].text}" if reasons else "None")


def _gradient_of(replay: Replay, tid: int, seq: int) -> str:
    outputs = replay.index.outputs
    for at in outputs.seq[outputs.where("tid", tid)].tolist():
        event = replay.event(at)
        if event.name == "grad":
            place = next(i for i, out in enumerate(event.outputs) if out.tid == tid)
            return replay.label(event.inputs[place][0], seq)
    return ""


def _users(replay: Replay, tid: int, seq: int) -> list[tuple[int, str]]:
    inputs = replay.index.inputs
    seqs = dict.fromkeys(int(inputs.seq[row]) for row in inputs.where("tid", tid) if inputs.seq[row] <= seq)
    return [(at, replay.event(at).name) for at in seqs]


def _hooks(replay: Replay, target: str, ref: int, seq: int) -> list[str]:
    hooks = replay.index.hooks
    found = []
    for row in hooks.where("ref", ref):
        event = replay.event(int(hooks.seq[row]))
        if event.target == target and event.seq <= seq:
            found.append(event.function)
    return found


# --- nodes -----------------------------------------------------------------------------------------------------------
def _step(replay: Replay, nid: int, seq: int) -> Event | None:
    steps = replay.index.steps
    row = steps.last("nid", nid, seq)
    return replay.event(int(steps.seq[row])) if row >= 0 else None


def _retained(replay: Replay, call: int) -> bool:
    backwards = replay.index.backwards
    rows = backwards.where("call", call)
    return bool(replay.event(int(backwards.seq[rows[0]])).retain_graph) if len(rows) else False


def _owner(replay: Replay, nid: int, slot: int, seq: int) -> str:
    tid = replay.output_of(nid, slot)
    return replay.label(tid, seq) if tid else ""


def _edge_owner(replay: Replay, nid: int, slot: int, seq: int) -> str:
    target = replay.node(nid) if nid else None
    if target is None:
        return ""
    return replay.label(target.leaf, seq) if target.leaf else _owner(replay, nid, slot, seq) or target.name


def _saved(replay: Replay, found: Node, place: int, seq: int, freed: bool) -> SavedView:
    saved = found.saved[place]
    facts, born = replay.facts_at(saved.tid, seq) if saved.tid else None, replay.node_born(found.nid)
    now, writes = saved.version, replay.index.writes
    for row in writes.where("cid", saved.cid):
        if writes.seq[row] <= seq:
            now = max(now, int(writes.ints("after")[row]))
    content = Content((), "", reason="not a tensor that was recorded") if facts is None else _value(
        replay, facts, max(born, replay.born(saved.tid)))
    return SavedView(saved.field, saved.tid, replay.label(saved.tid, seq) if saved.tid else saved.field,
                     saved.version, now, freed, content)


def _accumulator(replay: Replay, found: Node, born: int, seq: int) -> NodeView:
    rows = replay.index.accumulates
    row = rows.last("nid", found.nid, seq)
    event = replay.event(int(rows.seq[row])) if row >= 0 else None
    label = replay.label(found.leaf, seq)
    pending = Content((), "", reason="has not flowed yet")
    return NodeView(
        found.nid, found.name, "waiting" if event is None else "ran", "", born, found.leaf, FORMULAS[found.name], [],
        [Flow(label, found.nid, pending if event is None else content_of(replay, replay.gradient(event.added)))],
        [Flow(f"{label}.grad", 0, pending if event is None else content_of(replay, replay.gradient(event.grad)))],
        _hooks(replay, "node", found.nid, seq))
