"""Where the graph between a tensor and the root of a backward call was cut: the ops that handed on no gradient."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from gradviz.events import Facts
from gradviz.replay.replay import Event, Replay

LEAVING = frozenset({"item", "numpy", "tolist", "bool", "__array__", "float", "int"})
"""Ops whose result is no tensor: what is made from it has no history."""

_FARTHEST = 30_000
"""Ops that are looked at for one root."""


@dataclass(frozen=True)
class Cut:
    """An op that took in what carried a gradient and gave out what carries none. ``kind``: detach, data, mode (grad
    was off), integer, late (the tensor did not require grad yet), leaves (the result is no tensor) or op."""

    kind: str
    seq: int
    op: str
    tid: int
    made: int
    detail: str = ""


@dataclass(frozen=True)
class Uses:
    """What became of a tensor before an event. ``used``: the first op that read it, -1 if none; ``reached``: whether
    the roots were computed from it; ``cuts``: where its gradient was cut off on the way, nearest first;
    ``read``: how many ops were looked at."""

    used: int
    reached: bool
    cuts: tuple[Cut, ...]
    read: int


def uses(replay: Replay, tid: int, roots: list[int], seq: int) -> Uses:
    """Follow a tensor's values forward to the roots, and say where its gradient could not follow."""
    behind = _behind(replay, roots, replay.born(tid), seq)
    live, stale, stale_sids, cuts = {tid}, set[int](), set[int](), list[Cut]()
    for at in sorted(behind):
        event = replay.event(at)
        read = {one for one, _ in event.inputs}
        if not event.ok or not (read & live or read & stale or (stale_sids and _sids(replay, read) & stale_sids)):
            continue
        kept = {out.tid for out in event.outputs if out.requires_grad and out.grad_fn and read & live}
        lost = ({out.tid for out in event.outputs} | {write.tid for write in event.writes}) - kept - live
        live |= kept
        stale |= lost
        stale_sids |= {write.sid for write in event.writes if write.tid in lost}
        if read & live and lost & behind[at]:
            cuts.append(_cut(replay, event, min(read & live), min(lost)))
    reached = any(root in live or root in stale for root in roots)
    used = _first_use(replay, tid, seq)
    return Uses(used, reached, tuple(cuts if reached or cuts else _leaving(replay, tid, seq)), len(behind))


def _first_use(replay: Replay, tid: int, seq: int) -> int:
    """The first op that read a tensor and did not fail, before an event; -1 if none did."""
    inputs, ok = replay.index.inputs, replay.index.ops.flags("ok")
    rows = inputs.where("tid", tid)
    rows = rows[(inputs.seq[rows] < seq) & ok[inputs.parent[rows]]]
    return int(inputs.seq[rows[0]]) if len(rows) else -1


def _leaving(replay: Replay, tid: int, seq: int) -> list[Cut]:
    """The ops that took what was made from a tensor out of the graph, before an event."""
    inputs, waiting, seen, found = replay.index.inputs, [tid], {tid}, dict[int, Cut]()
    for one in waiting:
        for at in inputs.seq[inputs.where("tid", one)].tolist():
            if at >= seq or len(seen) > _FARTHEST:
                break
            event = replay.event(at)
            if event.ok and not event.outputs and not event.writes and event.name in LEAVING:
                found.setdefault(at, _cut(replay, event, one, 0))
            fresh = [out.tid for out in event.outputs if out.requires_grad and out.tid not in seen]
            seen.update(fresh)
            waiting += fresh
    return [found[at] for at in sorted(found)]


def cause_of_no_grad(replay: Replay, tid: int) -> Cut | None:
    """The op that made a tensor without history although something that it read had one; None if none did."""
    maker = replay.maker(tid)
    if maker < 0:
        return None
    event = replay.event(maker)
    for read, _ in event.inputs:
        facts = replay.facts_at(read, maker)
        if facts is not None and facts.requires_grad:
            return _cut(replay, event, read, tid)
    return None


def _cut(replay: Replay, event: Event, tid: int, made: int) -> Cut:
    facts = next((out for out in event.outputs if out.tid == made), None)
    kind, detail = _kind(replay, event, tid, facts)
    return Cut(kind, event.seq, event.name, tid, made, detail)


def _kind(replay: Replay, event: Event, tid: int, made: Facts | None) -> tuple[str, str]:
    if not event.outputs and not event.writes:
        return "leaves", ""
    if made is not None and made.how in ("detach", "data"):
        return made.how, ""
    if event.mode != "grad":
        return "mode", event.mode
    if made is not None and not differentiable(made.dtype):
        return "integer", made.dtype
    read = replay.facts_at(tid, event.seq)
    return ("late", "") if read is not None and not read.requires_grad else ("op", "")


def differentiable(dtype: str) -> bool:
    """Whether tensors of a dtype can carry a gradient."""
    return dtype.startswith(("float", "bfloat", "complex"))


def _behind(replay: Replay, roots: list[int], first: int, seq: int) -> dict[int, set[int]]:
    """The ops between two events by which the roots were computed, each with those of its results that mattered.

    Walked from the newest back: when a tensor is met, all that had made it or written its storage before is due, and
    need not be looked for again.
    """
    outputs, writes, found = replay.index.outputs, replay.index.writes, defaultdict[int, set[int]](set)
    due: list[int] = []
    met: set[int] = set()
    met_sids: set[int] = set()

    def meet(tid: int, before: int) -> None:
        if tid in met:
            return
        met.add(tid)
        made = [outputs.seq[outputs.where("tid", tid)]]
        for sid in _sids(replay, {tid}) - met_sids:
            met_sids.add(sid)
            made.append(writes.seq[writes.where("sid", sid)])
        for at in np.concatenate(made).tolist():
            if first <= at < before and replay.kind(at) == "op" and at not in found:
                found[at] = set()
                heappush(due, -at)

    for root in roots:
        meet(root, seq)
    while due and len(found) < _FARTHEST:
        at = -heappop(due)
        event = replay.event(at)
        found[at] |= {out.tid for out in event.outputs} & met
        found[at] |= {write.tid for write in event.writes if write.sid in met_sids}
        for tid, _ in event.inputs:
            meet(tid, at)
    return found


def _sids(replay: Replay, tids: set[int]) -> set[int]:
    index = replay.index.facts
    found = set()
    for tid in tids:
        rows = index.where("tid", tid)
        if len(rows):
            found.add(int(index.ints("sid")[rows[0]]))
    return found
