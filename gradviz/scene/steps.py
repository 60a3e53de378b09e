"""What each steppable event lights up, and the badges of retained gradients and hooks."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from gradviz.replay import Event
from gradviz.replay.rows import phase
from gradviz.scene.draft import Draft
from gradviz.scene.model import Badge, Edge, Step, Track


class Links:
    """The edges of a draft by what they touch and by when something flowed along them."""

    def __init__(self, edges: list[Edge]) -> None:
        self.around: dict[str, list[str]] = defaultdict(list)
        self.into: dict[str, list[str]] = defaultdict(list)
        self.flowed: dict[int, list[str]] = defaultdict(list)
        for edge in edges:
            if edge.kind == "gradient":
                self.into[edge.target].append(edge.id)
            for end in {edge.source, edge.target}:
                self.around[end].append(edge.id)
            for seq, state in edge.states:
                if state == "flowed":
                    self.flowed[seq].append(edge.id)


def light_steps(draft: Draft) -> list[Step]:
    """A Step for each event that lights something while the graph is shown, and an empty one where it goes out."""
    seqs, links = draft.replay.steppable, Links(draft.edges)
    near = seqs[(seqs >= draft.graph.first) & (seqs <= draft.graph.last)]
    lit = near[~np.isin(near, _elsewhere(draft))].tolist()
    steps = [step for seq in lit if (step := _step(draft, links, draft.replay.event(seq))).focus]
    after = near[np.searchsorted(near, [step.seq for step in steps], side="right").clip(max=len(near) - 1)].tolist()
    dark = sorted(set(after) - {step.seq for step in steps})
    steps += [Step(seq, phase(draft.replay.event(seq)), [], [], []) for seq in dark]
    return sorted(steps, key=lambda step: step.seq)


def _elsewhere(draft: Draft) -> NDArray[np.int64]:
    """Events of ops, nodes and leaves that are not on the picture: most of a large run."""
    index = draft.replay.index
    drawn = [node.event for node in draft.nodes.values()]
    ops, steps, accumulates = index.ops, index.steps, index.accumulates
    return np.concatenate((
        ops.seq[~np.isin(ops.seq, drawn) & ~np.isin(ops.seq, index.writes.seq)],
        steps.seq[~np.isin(steps.ints("nid"), draft.nids)],
        accumulates.seq[~np.isin(accumulates.ints("tid"), list(draft.tensors))]))


def _step(draft: Draft, links: Links, event: Event) -> Step:
    focus = [glyph for glyph in dict.fromkeys(_focus(draft, event)) if glyph in draft.nodes]
    twins = [draft.nodes[glyph].twin for glyph in focus if draft.nodes[glyph].twin]
    broken = any(state == "broken" for glyph in focus for _, state in draft.nodes[glyph].states)
    return Step(event.seq, "error" if broken else phase(event), focus, twins, _edges(links, event, focus))


def _focus(draft: Draft, event: Event) -> list[str]:
    if event.kind == "op":
        if f"o{event.seq}" in draft.nodes:
            return [f"o{event.seq}"]
        if event.writes:
            return [draft.glyph_at(write.tid, event.seq) for write in event.writes]
        return [draft.glyph_at(facts.tid, event.seq) for facts in event.outputs if facts.how == "created"]
    if event.kind in ("step", "error"):
        nid = draft.replay.failed_node(event) if event.kind == "error" else event.nid
        if nid:
            return [f"n{nid}"]
        seq = draft.replay.thing(event.op) if event.kind == "error" and event.op else -1
        return [f"o{seq}"] if seq >= 0 else []
    if event.kind == "accumulate":
        if event.nid:
            return [f"n{event.nid}"]
        return [draft.nodes[glyph].twin for glyph in [draft.glyph_at(event.tid, event.seq)] if glyph in draft.nodes]
    if event.kind == "hook_call":
        if event.nid and not event.tid:
            return [f"n{event.nid}"]
        tensor = draft.nodes.get(draft.glyph_at(event.tid, event.seq))
        return [tensor.twin or tensor.id] if tensor else []
    if event.kind == "write":
        return [draft.glyph_at(event.write.tid, event.seq)]
    if event.kind == "backward" and event.phase == "begin":
        roots = [draft.glyph_at(root.tid, event.seq) for root in event.roots]
        return [draft.nodes[glyph].twin or glyph for glyph in roots if glyph in draft.nodes]
    return []


def _edges(links: Links, event: Event, focus: list[str]) -> list[str]:
    """The edges along which something flows at an event."""
    if event.kind == "op":
        return list(dict.fromkeys(edge for glyph in focus if glyph[0] == "o" for edge in links.around[glyph]))
    if event.kind == "step":
        return links.flowed[event.seq]
    if event.kind == "accumulate":
        return [edge for glyph in focus for edge in links.into[glyph]]
    return []


def pin_badges(draft: Draft) -> None:
    """Discs for retain_grad and hooks, on the tensor and on its gradient, or on the node."""
    replay, last = draft.replay, draft.graph.last
    for tid, glyphs in draft.tensors.items():
        for row in replay.index.retains.where("tid", tid):
            seq = int(replay.index.retains.seq[row])
            glyph = draft.nodes[draft.glyph_at(tid, seq)]
            if seq <= last and glyph.kind == "tensor" and not any(badge.kind == "retain" for badge in glyph.badges):
                _pin(draft, glyph.id, Badge("retain", [(seq, "idle"), *_kept(draft, tid)]))
        _pin_hooks(draft, "tensor", tid, glyphs[0])
    for glyph in list(draft.nodes.values()):
        if glyph.kind in ("node", "accumulate"):
            _pin_hooks(draft, "node", glyph.ref["nid"], glyph.id)


def _kept(draft: Draft, tid: int) -> Track:
    rows = draft.replay.index.accumulates
    return [(int(rows.seq[row]), "kept") for row in rows.where("tid", tid)
            if rows.ints("call")[row] == draft.graph.call]


def _pin_hooks(draft: Draft, target: str, ref: int, glyph: str) -> None:
    hooks, calls = draft.replay.index.hooks, draft.replay.index.hook_calls
    targets = hooks.texts("target")
    added, ran = [], []
    for row in hooks.where("ref", ref):
        if targets.texts[targets.index[row]] == target and hooks.seq[row] <= draft.graph.last:
            added.append(int(hooks.seq[row]))
            ran += calls.seq[calls.where("hook", int(hooks.ints("hook")[row]))].tolist()
    if not added:
        return
    track: Track = [(min(added), "idle")]
    steppable = draft.replay.steppable
    for seq in sorted(ran):
        track.append((seq, "running"))
        after = np.searchsorted(steppable, seq, side="right")
        if after < len(steppable) and int(steppable[after]) not in ran:
            track.append((int(steppable[after]), "idle"))
    where = draft.nodes[glyph].twin if target == "tensor" else ""
    _pin(draft, glyph, Badge("hook", track, len(added)), where)


def _pin(draft: Draft, glyph: str, badge: Badge, twin: str | None = None) -> None:
    """On a glyph, and on the gradient that it faces."""
    draft.nodes[glyph].badges.append(badge)
    facing = draft.nodes[glyph].twin if twin is None else twin
    if facing in draft.nodes and draft.nodes[facing].kind == "gradient":
        draft.nodes[facing].badges.append(badge)
