"""The forward side: tensors, ops, closed groups and in-place writes of a graph, in the order in which they happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from gradviz.events import Facts
from gradviz.replay import Event, values
from gradviz.replay.tables import among
from gradviz.scene.closed import Closed, closed, draw_closed
from gradviz.scene.draft import Draft
from gradviz.scene.model import Group, Node, Track

SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "matmul": "@", "mm": "@", "bmm": "@", "pow": "^", "sum": "Σ",
         "mean": "μ", "neg": "−", "sqrt": "√", "square": "²", "exp": "e", "log": "ln", "sigmoid": "σ", "relu": "⌐",
         "max": "↑", "min": "↓", "reciprocal": "⅟"}


SHORT = 16
"""Letters of a name that stands at an edge."""
NEAR = 32
"""How many tensors are looked at to find where an operand was cut from the graph."""


def draw_forward(draft: Draft) -> None:
    """Glyphs and edges of the graph's ops, their inputs and outputs, and of the writes into their storages."""
    writes = _writes(draft)
    starts = {one.first: one for one in closed(draft)}
    for seq in sorted(_shown_ops(draft) | _unhidden(draft, writes | _failed(draft)) | starts.keys()):
        if seq in starts:
            _draw_closed(draft, starts[seq])
            continue
        event = draft.replay.event(seq)
        if not event.inputs and not event.writes and event.ok:
            for facts in event.outputs:
                _tensor(draft, facts, seq)
        elif seq in writes and not _makes_member(draft, event):
            _draw_write(draft, event)
        else:
            _draw_op(draft, event)


def _draw_closed(draft: Draft, one: Closed) -> None:
    """A closed group, with what it takes from elsewhere and what of it is used elsewhere."""
    glyph = draw_closed(draft, one)
    names = dict(reversed(_sources(draft, one.inputs)))
    for source in reversed(names):
        if source:
            _link(draft, source, glyph, one.first, names[source])
    for facts, seq in one.outputs:
        if _keeps_glyph(draft, facts):
            draft.link(glyph, _tensor(draft, facts, seq), "data", seq)
        else:
            draft.glyph_of[facts.tid] = glyph


def _sources(draft: Draft, inputs: Sequence[tuple[int, int]]) -> list[tuple[str, str]]:
    """Per operand (tid, event) its glyph, and its name where that glyph is not its own and says it nowhere yet."""
    found = []
    for tid, seq in inputs:
        glyph, name = _input(draft, tid, seq), ""
        if glyph[:1] in ("o", "m") and tid not in draft.named:
            name = draft.replay.name(tid, draft.graph.last)
            name = name if name.isidentifier() and name != "self" and len(name) <= SHORT else ""
            draft.named.add(tid)
        found.append((glyph, name))
    return found


def _link(draft: Draft, source: str, target: str, seq: int, name: str) -> None:
    edge = draft.link(source, target, "data", seq)
    if name:
        edge.label.append((seq, name))


def _keeps_glyph(draft: Draft, facts: Facts) -> bool:
    """Whether a tensor that an op made is drawn by itself and not folded into the edges along which it flows."""
    return not draft.folds or facts.tid in draft.kept or facts.cid in draft.written


def _shown_ops(draft: Draft) -> set[int]:
    units = draft.units
    return set(units.outline.seqs[units.closed_of < 0].tolist())


def _unhidden(draft: Draft, seqs: set[int]) -> set[int]:
    return {seq for seq in seqs if draft.units.closed_at(seq) is None}


def _failed(draft: Draft) -> set[int]:
    """Ops that raised while the graph is shown."""
    ops = draft.replay.index.ops
    near = (ops.seq >= draft.graph.first) & (ops.seq <= draft.graph.last)
    return set(ops.seq[~ops.flags("ok") & near].tolist())


def _makes_member(draft: Draft, event: Event) -> bool:
    return draft.units.row(event.seq) >= 0


def _writes(draft: Draft) -> set[int]:
    """In-place ops into storages of the graph while it is shown, from its first op on."""
    replay, ops = draft.replay, draft.units.outline.seqs
    index = replay.index
    if not len(ops) or not len(index.writes):
        return set()
    tids = np.concatenate((index.inputs.ints("tid")[among(index.inputs.seq, ops)],
                           index.outputs.ints("tid")[among(index.outputs.seq, ops)]))
    sids = np.unique(index.facts.ints("sid")[among(index.facts.ints("tid"), np.unique(tids))])
    writes = index.writes
    near = (writes.seq >= ops[0]) & (writes.seq <= draft.graph.last) & among(writes.ints("sid"), sids)
    return {seq for seq in writes.seq[near].tolist() if replay.kind(seq) == "op"}


def _draw_op(draft: Draft, event: Event) -> None:
    """An op that makes nodes of the graph; in place or not."""
    glyph = f"o{event.seq}"
    sources = _sources(draft, [(tid, event.seq) for tid, _ in event.inputs])
    draft.nodes[glyph] = Node(
        glyph, "forward", "write" if event.writes else "op", [(0, _op_label(draft, event))], [], _states(event),
        event.seq, event.span, "" if event.writes else SIGNS.get(event.name, ""),
        ref={"seq": event.seq, "id": event.id})
    draft.home[glyph] = draft.units.home(event.seq)
    through = [draft.glyph_of[facts.tid] for facts in event.outputs if facts.tid in draft.glyph_of]
    for source, name in sources + [(old, "") for old in through if old not in dict(sources)]:
        if source and source != glyph:
            _link(draft, source, glyph, event.seq, name)
    _draw_outputs(draft, glyph, event.outputs, event.seq)


def _draw_outputs(draft: Draft, op: str, outputs: Sequence[Facts], seq: int) -> list[str]:
    """Glyphs of what an op made. A view whose base was written with it hangs on that base: its history goes there."""
    tids = {facts.tid for facts in outputs}
    made = []
    for facts in sorted(outputs, key=lambda facts: facts.base in tids):
        if facts.base not in tids and not _keeps_glyph(draft, facts):
            draft.glyph_of[facts.tid] = op
            continue
        glyph = _tensor(draft, facts, seq)
        draft.home[glyph] = draft.home.get(op, "")
        made.append(glyph)
        if facts.base in tids:
            draft.link(glyph, draft.glyph_of[facts.base], "view", seq)
        else:
            draft.link(op, glyph, "data", seq)
    return made


def _states(event: Event) -> Track:
    return [(0, "future"), (event.seq, "done" if event.ok else "failed")]


def _draw_write(draft: Draft, event: Event) -> None:
    """A write that the graph does not go through. Where it changed nobody's grad_fn (under no_grad, through
    ``.data``), the tensor stays one glyph and only its version moves on."""
    changed = [facts for facts in event.outputs if facts.tid in draft.tensors] or _still_needed(draft, event)
    renewed = {draft.glyph_of[facts.tid] for facts in changed}
    for write in event.writes:
        for glyph in _aliases(draft, write.sid, write.cid):
            if glyph not in renewed:
                _move_version(draft, draft.nodes[glyph], event.seq, write.after)
    if not changed:
        return
    glyph = f"o{event.seq}"
    before = [draft.glyph_of[facts.tid] for facts in changed]
    draft.nodes[glyph] = Node(
        glyph, "forward", "write", [(0, _op_label(draft, event))], [], _states(event), event.seq, event.span,
        ref={"seq": event.seq, "id": event.id})
    draft.home[glyph] = draft.home.get(before[0], "")
    for old in dict.fromkeys(before):
        draft.link(old, glyph, "data", event.seq)
    after = _draw_outputs(draft, glyph, changed, event.seq)
    if len(changed) == 1:
        draft.groups.append(Group(f"s{event.seq}", "storage", f"one storage, {_bytes(changed[0])}",
                                  [before[0], glyph, after[0]], event.seq))


def _still_needed(draft: Draft, event: Event) -> list[Facts]:
    """Tensors whose saved version a write made stale before the node that holds it ran: drawn, as their history is
    about to matter, though nobody's grad_fn changed (a write under no_grad or through a detached alias)."""
    replay, index, found = draft.replay, draft.replay.index, {}
    for write in event.writes:
        for row in index.saved.where("cid", write.cid):
            saved, at = index.saved.row(int(row)), int(index.saved.seq[row])
            nid = int(index.nodes.ints("nid")[index.saved.parent[row]])
            ran = index.steps.seq[index.steps.where("nid", nid)]
            facts = replay.facts_at(saved.tid, event.seq)
            if (0 <= saved.version < write.after and at < event.seq and nid in draft.shown and (ran > event.seq).any()
                    and facts is not None and saved.tid in draft.tensors):
                found[saved.tid] = facts._replace(version=write.after, grad_fn=0, value=None)
    return list(found.values())


def _move_version(draft: Draft, node: Node, seq: int, version: int) -> None:
    shape = node.sub[-1][1].split(" · ")[0]
    if node.sub[0][1] == shape and not any(" · v" in text for _, text in node.sub):
        node.sub[0] = (0, f"{shape} · v0")
    node.sub.append((seq, f"{shape} · v{version}"))


def _aliases(draft: Draft, sid: int, cid: int) -> list[str]:
    """The current glyphs of tensors that share a version counter."""
    return [draft.glyph_of[tid] for tid in draft.sharing.get((sid, cid), ())]


def _input(draft: Draft, tid: int, seq: int) -> str:
    """The glyph of an operand; one that was made outside the graph gets one here."""
    if tid in draft.glyph_of:
        return draft.glyph_of[tid]
    known = draft.replay.index.facts
    row = known.last("tid", tid, seq)
    if row < 0:
        return ""
    facts, born = known.row(row), draft.replay.born(tid)
    glyph = _tensor(draft, facts, born)
    if facts.base in draft.tensors:
        draft.link(glyph, draft.glyph_of[facts.base], "view", born)
    elif facts.base in draft.glyph_of:
        draft.link(draft.glyph_of[facts.base], glyph, "cut", born, "cut")
    elif source := _cut_from(draft, tid):
        draft.link(source, glyph, "cut", born, "cut")
    return glyph


def _cut_from(draft: Draft, tid: int) -> str:
    """The nearest glyph that an operand was computed from by ops that gradients do not pass (detach, no_grad, a
    comparison); empty if there is none near."""
    seen = {tid}
    queue = [tid]
    for made in islice(queue, NEAR):
        maker = draft.replay.maker(made)
        for source, _ in draft.replay.event(maker).inputs if maker >= 0 else ():
            glyph = draft.glyph_of.get(source, "")
            if glyph and draft.nodes[glyph].kind != "input":
                return glyph
            if source not in seen:
                seen.add(source)
                queue.append(source)
    return ""


def _tensor(draft: Draft, facts: Facts, seq: int) -> str:
    """A new glyph for a tensor: when it is made, and again for what it holds after a write that changed its grad_fn."""
    replay = draft.replay
    old = draft.glyph_at(facts.tid, seq) or None
    glyph = f"t{facts.tid}" if old is None else f"t{facts.tid}.{seq}"
    kind = "leaf" if facts.requires_grad and facts.is_leaf else "tensor" if facts.requires_grad else "input"
    shape = values.shape_text(facts.shape)
    sub = f"{shape} · v{facts.version}" if old else f"{shape} · view" if facts.how == "view" else shape
    value = replay.value(facts.value) if facts.value else None  # type: ignore[arg-type]
    finite = values.finite(value, facts.shape, facts.dtype)
    node = Node(
        glyph, "forward", kind, _labels(draft, facts.tid, seq), [(0, sub)],
        [(0, "future"), (seq, "nan" if finite is False else "live")], seq, _span_of(draft, facts.tid, seq),
        ref={"tid": facts.tid})
    if old is not None:
        previous = draft.nodes[old]
        previous.states.append((seq, "lost"))
        if "v" not in previous.sub[-1][1].split(" · ")[-1]:
            previous.sub[0] = (0, f"{previous.sub[0][1]} · v{facts.version - 1}")
    draft.nodes[glyph] = node
    draft.glyph_of[facts.tid] = glyph
    draft.sharing.setdefault((facts.sid, facts.cid), {})[facts.tid] = None
    draft.tensors.setdefault(facts.tid, []).append(glyph)
    if facts.grad_fn:
        draft.made_by[facts.grad_fn, facts.output] = glyph
    return glyph


def _span_of(draft: Draft, tid: int, seq: int) -> int:
    maker = draft.replay.maker(tid)
    event = draft.replay.event(seq if draft.replay.kind(seq) in ("op", "tensor") else maker if maker >= 0 else seq)
    return int(event.span)


def _labels(draft: Draft, tid: int, seq: int) -> Track:
    """Every name that a tensor bears while the graph is shown, from the one that it is born with."""
    replay = draft.replay
    track = [(0, replay.label(tid, seq))]
    names = replay.index.names
    texts = names.texts("name")
    for row in names.where("tid", tid):
        if seq < names.seq[row] <= draft.graph.last and texts.texts[texts.index[row]] != track[-1][1]:
            track.append((int(names.seq[row]), texts.texts[texts.index[row]]))
    return track


def _op_label(draft: Draft, event: Event) -> str:
    if event.writes:
        text = draft.replay.source_text(draft.replay.spans[event.span])
        head = text[:text.find("=") + 1]
        if event.name == "setitem" and 0 < len(head) <= 20:
            return head
        through = draft.replay.label(event.writes[0].tid, event.seq)
        if event.writes[0].tid not in draft.glyph_of and len(through) <= 12:
            return f"{through}.{event.name}"
    return f"{event.name} {event.args}" if event.args and len(event.args) <= 12 else str(event.name)


def _bytes(facts: Facts) -> str:
    kind = values.dtype_of(facts.dtype)
    size = math.prod(facts.shape) * (kind.itemsize if kind is not None else 1)
    return f"{size:,} bytes"
