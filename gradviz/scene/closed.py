"""Closed groups: one glyph for many ops, one for their backward nodes, and what goes in and out of them.

All is taken from columns: what is hidden costs no look at single events, so that a group of 20,000 ops closes and opens
as quickly as one of twenty.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gradviz.events import Facts
from gradviz.replay import values
from gradviz.replay.iterations import Branch
from gradviz.replay.tables import Relation, among
from gradviz.scene.draft import Draft
from gradviz.scene.model import Edge, Node
from gradviz.scene.units import is_leaf
from gradviz.trace.columns import Ints

NEVER = 1 << 60


@dataclass
class Closed:
    """A closed group: events of its first and last op, what comes from elsewhere (tid, and the event that reads it),
    what is made in it and used elsewhere or kept (facts, event), and the leaves and inputs that only it uses."""

    branch: Branch
    first: int
    last: int
    inputs: list[tuple[int, int]] = field(default_factory=list)
    outputs: list[tuple[Facts, int]] = field(default_factory=list)
    own: list[int] = field(default_factory=list)


def closed(draft: Draft) -> list[Closed]:
    """The closed groups of a draft."""
    units, index = draft.units, draft.replay.index
    seqs = units.outline.seqs
    found = [Closed(one, int(seqs[one.first]), int(seqs[one.last - 1])) for one in units.closed]
    if not found:
        return []
    inputs, outputs = _of(index.inputs, seqs), _of(index.outputs, seqs)
    taker = np.searchsorted(seqs, index.inputs.seq[inputs])
    maker = np.searchsorted(seqs, index.outputs.seq[outputs])
    unit = np.where(units.closed_of >= 0, units.closed_of, len(found) + np.arange(len(seqs)))
    tids = index.inputs.ints("tid")[inputs]
    source = _made(tids, taker, index.outputs.ints("tid")[outputs], maker)
    across = (source >= 0) & (unit[source] != unit[taker])
    for row in _firsts(unit[taker], tids, across & (unit[taker] < len(found))):
        found[unit[taker[row]]].inputs.append((int(tids[row]), int(seqs[taker[row]])))
    used = np.unique(source[across] * (tids.max(initial=0) + 1) + tids[across])
    keys = maker * (tids.max(initial=0) + 1) + index.outputs.ints("tid")[outputs]
    leaving = among(keys, used) | among(index.outputs.ints("tid")[outputs], _roots(draft))
    for row in np.flatnonzero(leaving & (unit[maker] < len(found))).tolist():
        found[unit[maker[row]]].outputs.append((index.outputs.row(int(outputs[row])), int(seqs[maker[row]])))
    _from_outside(draft, found, unit[taker], tids, source < 0, seqs[taker])
    return found


def _roots(draft: Draft) -> Ints:
    roots = draft.replay.index.roots
    return roots.ints("tid")[roots.where("seq", draft.graph.begin)]


def _of(relation: Relation, seqs: Ints) -> Ints:
    """The rows of some events."""
    return np.flatnonzero(among(relation.seq, seqs))


def _made(tids: Ints, taker: Ints, out: Ints, maker: Ints) -> Ints:
    """The op that made each operand last before it was taken; -1 for none of these ops."""
    wide = int(max(taker.max(initial=0), maker.max(initial=0))) + 2
    made = out * wide + maker
    order = np.argsort(made, kind="stable")
    place = np.searchsorted(made[order], tids * wide + taker) - 1
    row = order[np.maximum(place, 0)] if len(order) else np.zeros(len(tids), np.int64)
    if not len(order):
        return np.full(len(tids), -1)
    return np.where((place >= 0) & (out[row] == tids), maker[row], -1)


def _firsts(unit: Ints, tids: Ints, wanted: NDArray[np.bool_]) -> list[int]:
    """The first row of each wanted (unit, tid)."""
    rows = np.flatnonzero(wanted)
    _, first = np.unique(unit[rows] * (tids.max(initial=0) + 1) + tids[rows], return_index=True)
    return [int(row) for row in np.sort(rows[first])]


def _from_outside(draft: Draft, found: list[Closed], unit: Ints, tids: Ints, outside: NDArray[np.bool_],
                  seqs: Ints) -> None:
    """Leaves and inputs: within the one closed group that uses them (a module that is called twice is one), or on the
    picture where several do. Leaves that belong to no module stay on the picture: they are what the person gave the
    loop or the function."""
    rows = np.array(_firsts(unit, tids, outside), np.int64)
    users: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in rows.tolist():
        branch = found[unit[row]].branch if unit[row] < len(found) else None
        users[int(tids[row])].add((branch.label, branch.about) if branch and branch.label else ("", str(unit[row])))
    for row in rows.tolist():
        one, tid = int(unit[row]), int(tids[row])
        if one >= len(found):
            continue
        given = found[one].branch.kind != "module" and tid in draft.leaves and tid not in draft.owned
        if len(users[tid]) == 1 and not given and tid not in draft.kept:
            found[one].own.append(tid)
            draft.owner[tid] = one
        else:
            found[one].inputs.append((tid, int(seqs[row])))


# --- their glyphs ----------------------------------------------------------------------------------------------------
def draw_closed(draft: Draft, one: Closed) -> str:
    """The glyph of a closed group on the forward side; its id."""
    branch, index = one.branch, draft.replay.index
    glyph = f"m{branch.id}"
    leaves = [tid for tid in one.own if tid in draft.leaves]
    size = sum(_size(index.facts, tid) for tid in leaves)
    ops = f"{branch.many:,} ops" if branch.many > 1 else "1 op" if branch.kind != "op" else ""
    about = [branch.about, ops, f"{_short(size)} params" if size else ""]
    label = f"{branch.label} ×{branch.times:,}" if branch.kind == "roll" and "–" not in branch.label else branch.label
    label = label or draft.replay.event(one.first).name
    draft.nodes[glyph] = Node(
        glyph, "forward", "group", [(0, label)], [(0, " · ".join(word for word in about if word))],
        [(0, "future"), (one.first, "running"), (one.last, "done")] if one.last > one.first else
        [(0, "future"), (one.first, "done")],
        one.first, draft.units.outline.span(branch), _glyph(draft, branch),
        ref={"seq": one.first, "last": one.last, "ops": branch.many})
    draft.home[glyph] = branch.id.rpartition(".")[0]
    draft.folded[glyph] = leaves
    return glyph


def _glyph(draft: Draft, branch: Branch) -> str:
    if branch.kind == "roll":
        return "roll"
    return "one" if branch.kind == "op" else "module" if is_leaf(draft.units.outline, branch) else ""


def _size(facts: Relation, tid: int) -> int:
    return math.prod(facts.row(int(facts.where("tid", tid)[-1])).shape)


def _short(n: int) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if n >= limit:
            return f"{n / {'G': 1e9, 'M': 1e6, 'k': 1e3}[letter]:.3g}{letter}"
    return f"{n:,}"


def draw_mirrors(draft: Draft) -> None:
    """The backward side of closed groups: their glyphs, when they ran, and what flows between them and the rest."""
    units = draft.units
    nids, number = draft.hidden
    steps = _steps(draft)
    spot = np.minimum(np.searchsorted(nids, steps[0]), max(0, len(nids) - 1))
    theirs = np.where(nids[spot] == steps[0], number[spot], -1) if len(nids) else np.full(len(steps[0]), -1)
    for place, branch in enumerate(units.closed):
        front, glyph = draft.nodes[f"m{branch.id}"], f"k{branch.id}"
        mine = nids[number == place]
        ran = np.sort(steps[1][theirs == place])
        states = [(0, "future"), (front.event, "waiting")]
        if len(ran):
            states += [(int(ran[0]), "running"), (int(ran[-1]), "ran")] if len(ran) > 1 else [(int(ran[0]), "ran")]
        failed = _failed(draft, mine)
        if failed >= 0:
            states.append((failed, "failed"))
        elif len(ran) and draft.graph.state == "done" and not draft.replay.event(draft.graph.end).retain_graph:
            states.append((draft.graph.end, "released"))
        many = f"{len(mine):,} nodes" if len(mine) != 1 else "1 node"
        about = f"{branch.about} · {many}" if branch.about else many
        draft.nodes[glyph] = Node(
            glyph, "backward", "mirror", list(front.label), [(0, about)], states, front.event, front.span,
            front.glyph, twin=front.id, ref={"seq": front.event, "nodes": len(mine)})
        front.twin = glyph
        _norm(draft, front, draft.nodes[glyph], ran)


def _failed(draft: Draft, nids: Ints) -> int:
    steps = draft.replay.index.steps
    rows = np.flatnonzero((steps.ints("call") == draft.graph.call) & ~steps.flags("ok"))
    rows = rows[among(steps.ints("nid")[rows], nids)]
    return int(steps.seq[rows[0]]) if len(rows) else -1


def _steps(draft: Draft) -> tuple[Ints, Ints]:
    """Node and event of every step of this backward call."""
    steps = draft.replay.index.steps
    rows = steps.where("call", draft.graph.call) if draft.graph.call else np.zeros(0, np.int64)
    return steps.ints("nid")[rows], steps.seq[rows]


def _norm(draft: Draft, front: Node, back: Node, ran: Ints) -> None:
    """In the compartment: the norm of the gradients of all parameters within, once the last of them is there."""
    rows, total, last = draft.replay.index.accumulates, 0.0, -1
    for tid in draft.folded.get(front.id, ()):
        for row in rows.where("tid", tid):
            if rows.ints("call")[row] != draft.graph.call:
                continue
            event = draft.replay.event(int(rows.seq[row]))
            length = draft.replay.norm_of(draft.replay.gradient(event.grad))
            total += length * length if length is not None else 0.0
            last = max(last, int(rows.seq[row]))
    for node in (front, back):
        if draft.folded.get(front.id):
            node.grad = [(front.event, "awaited", "")]
            if last >= 0:
                node.grad.append((last, "kept", values.short(math.sqrt(total))))


def link_mirrors(draft: Draft, ports: dict[tuple[int, int], str]) -> list[tuple[tuple[int, int], Edge, int, int]]:
    """Edges of the backward side that begin in closed groups. ``ports``: where a gradient has a glyph of its own.
    Returns what arrives there: (port, edge, nid, place)."""
    index, (nids, number) = draft.replay.index, draft.hidden
    within = nids[number >= 0]
    rows = np.flatnonzero(among(index.nodes.ints("nid"), within))
    edges = np.flatnonzero(among(index.edges.parent, rows))
    parents = index.edges.parent[edges]
    place = edges - index.edge_offsets[parents]
    sources, targets = index.nodes.ints("nid")[parents], index.edges.ints("nid")[edges]
    own = number[np.searchsorted(nids, sources)]
    spot = np.minimum(np.searchsorted(nids, targets), max(0, len(nids) - 1))
    theirs = np.where(nids[spot] == targets, number[spot], -1) if len(nids) else np.full(len(targets), -1)
    slots = index.edges.ints("slot")[edges]
    away = np.flatnonzero((targets > 0) & ((theirs < 0) | (theirs != own)))
    count = len(draft.units.closed)
    ends = np.where(theirs >= 0, theirs, count + targets)[away]
    pairs, first, which = np.unique(own[away] * (count + targets.max(initial=0) + 1) + ends, return_index=True,
                                    return_inverse=True)
    flowed = np.full(len(pairs), NEVER)
    np.minimum.at(flowed, which, _ran(draft, sources[away]))
    made: dict[tuple[str, str], Edge] = {}
    for row, seq in zip(away[first].tolist(), flowed.tolist(), strict=True):
        source, target = f"k{draft.units.closed[own[row]].id}", draft.stand_in(f"n{targets[row]}")
        if target and target != source:
            _gradient(draft, made, source, target, seq)
    chips = {nid for nid, _ in ports}
    arrivals: list[tuple[tuple[int, int], Edge, int, int]] = []
    for row in away[among(targets[away], np.array(list(chips), np.int64))].tolist() if chips else ():
        port = int(targets[row]), int(slots[row])
        if port in ports:
            nid = int(sources[row])
            edge = _gradient(draft, made, f"k{draft.units.closed[own[row]].id}", ports[port], draft.ran.get(nid, NEVER))
            arrivals.append((port, edge, nid, int(place[row])))
    return arrivals


def _gradient(draft: Draft, made: dict[tuple[str, str], Edge], source: str, target: str, seq: int) -> Edge:
    """The one edge between two glyphs; it has flowed once something has."""
    edge = made.get((source, target))
    if edge is None:
        edge = made[source, target] = draft.link(source, target, "gradient", draft.nodes[source].event)
        if seq < NEVER:
            edge.states.append((seq, "flowed"))
    return edge


def _ran(draft: Draft, nids: Ints) -> Ints:
    """The event of each node's step; NEVER where it did not run."""
    known, seqs = _steps(draft)
    if not len(known):
        return np.full(len(nids), NEVER)
    order = np.argsort(known, kind="stable")
    spot = np.minimum(np.searchsorted(known[order], nids), len(order) - 1)
    return np.where(known[order[spot]] == nids, seqs[order[spot]], NEVER)
