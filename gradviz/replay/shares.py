"""What nodes handed to one another in a backward call: the recorded shares at a place, and what a place passed on.

A place is an output of a node, (nid, slot): there shares add up, hooks see the sum, and the node takes it in.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.events import Gradient
from gradviz.replay.replay import Event, Replay


@dataclass(frozen=True)
class Share:
    """What step ``seq`` of node ``nid`` handed on along its edge number ``edge``; nid 0: the call began with it.
    ``slot``: the output of the receiving node that it is for."""

    seq: int
    nid: int
    edge: int
    slot: int
    gradient: Gradient


@dataclass(frozen=True)
class Change:
    """A hook that changed a gradient on its way at event ``seq``: what came, and what went on instead."""

    seq: int
    line: int
    function: str
    edited: bool
    came: Gradient | None
    gave: Gradient | None


@dataclass(frozen=True)
class Calls:
    """A backward call: its begin and its end (-1: none yet) as events, and whether it failed."""

    call: int
    begin: int
    end: int
    failed: bool


def calls(replay: Replay, seq: int) -> list[Calls]:
    """The backward calls that began up to an event, in that order."""
    backwards = replay.index.backwards
    phases = backwards.texts("phase")
    numbers = backwards.ints("call").tolist()
    found: dict[int, Calls] = {}
    for row, (call, at) in enumerate(zip(numbers, backwards.seq.tolist(), strict=True)):
        if at > seq:
            break
        phase = phases.texts[phases.index[row]]
        if phase == "begin":
            found[call] = Calls(call, at, -1, False)
        elif call in found:
            found[call] = Calls(call, found[call].begin, at, phase == "failed")
    return list(found.values())


def begin_of(replay: Replay, call: int) -> Event | None:
    """The event at which a backward call began."""
    backwards = replay.index.backwards
    rows = backwards.where("call", call)
    return replay.event(int(backwards.seq[rows[0]])) if len(rows) else None


def ordinal(replay: Replay, call: int) -> int:
    """The number of a backward call as a person counts them: from 1."""
    return replay.index.ordinals.get(call, 1)


def step_of(replay: Replay, call: int, nid: int, seq: int) -> Event | None:
    """The event at which a node ran in a call, up to an event; None before that."""
    steps = replay.index.steps
    rows = steps.where("nid", nid)
    rows = rows[(steps.ints("call")[rows] == call) & (steps.seq[rows] <= seq)]
    return replay.event(int(steps.seq[rows[0]])) if len(rows) else None


def shares_at(replay: Replay, call: int, nid: int, seq: int, slot: int | None = None) -> list[Share]:
    """What a call had handed to a node by an event, in the order of arrival; slot None: to any of its outputs."""
    index, found = replay.index, []
    begin = begin_of(replay, call)
    for root in begin.roots if begin is not None and begin.seq <= seq else ():
        gradient = replay.gradient(root.grad) if root.nid == nid and slot in (None, root.output) else None
        if gradient is not None and begin is not None:
            found.append(Share(begin.seq, 0, 0, root.output, gradient))
    edges, nids, offsets = index.edges, index.nodes.ints("nid"), index.edge_offsets
    for row in edges.where("nid", nid).tolist():
        parent, into = int(edges.parent[row]), int(edges.ints("slot")[row])
        source, place = int(nids[parent]), row - int(offsets[parent])
        if index.node_rows[source] != parent or (slot is not None and into != slot):
            continue
        step = step_of(replay, call, source, seq)
        if step is None or place >= len(step.grads_out):
            continue
        gradient = replay.gradient(step.grads_out[place])
        if gradient is not None:
            found.append(Share(step.seq, source, place, into, gradient))
    return sorted(found, key=lambda share: (share.seq, share.edge))


def taken_in(replay: Replay, call: int, nid: int, slot: int, seq: int) -> tuple[int, Gradient | None]:
    """The event at which a place passed on its sum (after hooks), and the sum; -1 where it has not."""
    step = step_of(replay, call, nid, seq)
    if step is not None:
        row = step.grads_in[slot] if slot < len(step.grads_in) else None
        return step.seq, None if row is None else replay.gradient(row)
    rows = replay.index.accumulates
    for row in rows.where("nid", nid).tolist():
        if int(rows.ints("call")[row]) == call and rows.seq[row] <= seq:
            return int(rows.seq[row]), replay.gradient(replay.event(int(rows.seq[row])).added)
    return -1, None


def changes_at(replay: Replay, call: int, nid: int, slot: int, seq: int) -> list[Change]:
    """The hooks that changed what came to a place, in the order in which they ran; those that left it are left out."""
    hook_calls, found = replay.index.hook_calls, []
    for row in hook_calls.where("nid", nid).tolist():
        if int(hook_calls.ints("call")[row]) != call or hook_calls.seq[row] > seq:
            continue
        event = replay.event(int(hook_calls.seq[row]))
        gave = replay.gradient(event.grad_out)
        adds = replay.index.hooks
        rows = adds.where("hook", event.hook)
        added = replay.event(int(adds.seq[rows[0]])) if len(rows) else None
        if (gave is None and not event.edited) or (added is not None and added.type not in ("tensor", "node_pre")):
            continue
        if added is not None and added.type == "tensor" and slot != _slot(replay, added.ref, nid):
            continue
        line = replay.spans[event.site].line or (replay.spans[added.site].line if added is not None else 0)
        found.append(Change(event.seq, line, added.function if added is not None else "a hook", event.edited,
                            replay.gradient(event.grad_in), gave))
    return found


def _slot(replay: Replay, tid: int, nid: int) -> int:
    """Which output of a node a tensor is; 0 for a leaf."""
    facts = replay.index.facts
    rows = facts.where("tid", tid)
    rows = rows[facts.ints("grad_fn")[rows] == nid]
    return int(facts.ints("output")[rows[0]]) if len(rows) else 0
