"""Why a tensor has no gradient: the reasons, the most specific first, each with the event that proves it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradviz.events import Facts
from gradviz.replay.cuts import Cut, cause_of_no_grad, differentiable, uses
from gradviz.replay.graphs import members_of
from gradviz.replay.naming import grad_of
from gradviz.replay.replay import Event, Replay
from gradviz.replay.shares import Calls, begin_of, calls, ordinal, shares_at

_TOLD = 3
"""Backward calls, and cuts, that are told of one by one."""
_ASKED = 8
"""Backward calls that are looked through, the newest, for where a tensor was cut off."""
_BUDGET = 40_000
"""Ops that are read for that, all calls together."""


@dataclass(frozen=True)
class Reason:
    """``kind``: set_none, integer, no_grad (does not require grad), cut, not_leaf, retained_late, no_backward, running,
    before (it was made after the last backward), grad_call, inputs, failed, not_ancestor, unused or no_share;
    ``seq`` and ``line``: the event that proves it (-1 and 0: there is none); ``call``: of which backward call."""

    kind: str
    text: str
    seq: int = -1
    line: int = 0
    call: int = 0


@dataclass(frozen=True)
class Absence:
    """``.grad`` of a tensor is None at an event, for these reasons."""

    label: str
    tid: int
    seq: int
    reasons: tuple[Reason, ...]

    def lines(self) -> list[str]:
        """The answer as plain sentences: what is None, then a line a reason."""
        return [f"{grad_of(self.label)} is None", *(f"  {reason.text}" for reason in self.reasons)]


def absence(replay: Replay, tid: int, seq: int) -> Absence:
    """The reasons why nothing stands in ``.grad`` of a tensor at an event, the most specific first."""
    facts = replay.facts_at(tid, max(seq, replay.born(tid)))
    if facts is None:
        raise KeyError(f"no tensor {tid}")
    facts = _current(replay, facts, seq)
    reset = _set_to_none(replay, tid, seq)
    reasons = _of_the_tensor(replay, facts, seq)
    if not reasons or reasons[-1].kind == "retained_late":
        reasons += _of_the_calls(replay, facts, seq, reset.seq if reset is not None else -1)
    if reset is not None:
        at = replay.line_of(reset.seq)
        told = Reason("set_none", f"set to None{_at(at)} (event {reset.seq})", reset.seq, at)
        reasons.insert(0, told)
    return Absence(replay.label(tid, seq), tid, seq, tuple(reasons))


def _set_to_none(replay: Replay, tid: int, seq: int) -> Event | None:
    """The event that set ``.grad`` to None, if that was the last thing that happened to it and it had been more."""
    sets = replay.index.grad_sets
    row = sets.last("tid", tid, seq)
    event = replay.event(int(sets.seq[row])) if row >= 0 else None
    return event if event is not None and event.to == "none" else None


def _current(replay: Replay, facts: Facts, seq: int) -> Facts:
    """A view takes the history of its base once that was written; producers tell so only when the view is used."""
    base = replay.facts_at(facts.base, seq) if facts.base else None
    if base is None or facts.grad_fn or not base.requires_grad or not base.grad_fn:
        return facts
    if replay.node_born(base.grad_fn) > replay.born(facts.tid):
        return facts._replace(requires_grad=True, is_leaf=False, grad_fn=base.grad_fn)
    return facts


# --- what the tensor is ----------------------------------------------------------------------------------------------
def _of_the_tensor(replay: Replay, facts: Facts, seq: int) -> list[Reason]:
    """Reasons that hold whatever backward is called."""
    if not facts.requires_grad:
        return _no_grad(replay, facts, seq)
    if facts.is_leaf:
        return []
    retains = replay.index.retains
    rows = retains.where("tid", facts.tid)
    rows = rows[retains.seq[rows] <= seq]
    if len(rows):
        asked = int(retains.seq[rows[0]])
        earlier = [one for one in calls(replay, seq) if one.begin < asked]
        if not earlier or earlier[-1].begin < replay.born(facts.tid):
            return []
        line = replay.line_of(asked)
        return [Reason("retained_late", f"retain_grad() was called{_at(line)} (event {asked}), after backward call "
                       f"{ordinal(replay, earlier[-1].call)}{_at(replay.span(earlier[-1].begin).line)} had begun",
                       asked, line)]
    made = replay.node_born(facts.grad_fn)
    line = replay.line_of(made)
    by = getattr(replay.event(made), "name", "") if made >= 0 else ""
    text = f"not a leaf: {by or 'an op'}{_at(line)} made it; it keeps no gradient unless retain_grad() is called on it"
    return [Reason("not_leaf", f"{text} before backward", made, line)]


def _no_grad(replay: Replay, facts: Facts, seq: int) -> list[Reason]:
    reasons: list[Reason] = []
    if not differentiable(facts.dtype):
        reasons.append(Reason("integer", f"it is of dtype {facts.dtype}: only floating point and complex tensors carry "
                              "gradients", replay.born(facts.tid), replay.line_of(replay.born(facts.tid))))
    rebinds = replay.index.tables.relation("rebind")
    own = rebinds.part("facts")
    row = own.last("tid", facts.tid, seq)
    if row >= 0:
        event = replay.event(int(own.seq[row]))
        if event.reason in ("detach_", "requires_grad_"):
            did = "detach_() cut it off" if event.reason == "detach_" else "requires_grad was set to False"
            line = replay.line_of(event.seq)
            reasons.append(Reason("cut", f"{did}{_at(line)} (event {event.seq})", event.seq, line))
    cut = cause_of_no_grad(replay, facts.tid)
    if cut is not None and not reasons:
        reasons.append(_cut_reason(replay, cut, seq))
    born = replay.born(facts.tid)
    line = replay.line_of(born)
    if cut is None and replay.maker(facts.tid) >= 0 and replay.event(replay.maker(facts.tid)).inputs:
        text = f"requires_grad is False: nothing that it was made from{_at(line)} requires grad"
    elif cut is None and replay.maker(facts.tid) < 0 and len(replay.tables.relation("owner").where("tid", facts.tid)):
        text = f"requires_grad is False: it was frozen before it was first used{_at(line)}"
    elif cut is None:
        text = f"requires_grad is False: it was made{_at(line)} without requires_grad=True"
    else:
        text = "requires_grad is False"
    return [*reasons, Reason("no_grad", text, born, line)]


def _cut_reason(replay: Replay, cut: Cut, seq: int) -> Reason:
    """A cut in words."""
    line, of = replay.line_of(cut.seq), replay.label(cut.tid, seq)
    at = f"{_at(line)} (event {cut.seq})"
    texts = {
        "detach": f"cut by detach() of {of}{at}",
        "data": f"cut by .data of {of}{at}",
        "mode": f"{cut.op} ran under {'inference_mode' if cut.detail == 'inference' else 'no_grad'}{at}",
        "integer": f"{cut.op}{at} gives {cut.detail}, which carries no gradient",
        "late": f"{of} did not require grad yet when {cut.op} used it{at}",
        "leaves": f"{cut.op} took the numbers of {of} out of the graph{at}",
        "op": f"{cut.op}{at} hands on no gradient",
    }
    return Reason("cut", texts[cut.kind], cut.seq, line)


# --- what the calls did ----------------------------------------------------------------------------------------------
def _of_the_calls(replay: Replay, facts: Facts, seq: int, reset: int) -> list[Reason]:
    """Reasons that lie in the backward calls, the newest first."""
    known = calls(replay, seq)
    if not known:
        return [Reason("no_backward", "no backward has run yet at this event", seq)]
    asked = replay.index.retains.last("tid", facts.tid, seq) if not facts.is_leaf else -1
    ready = max(replay.born(facts.tid), int(replay.index.retains.seq[asked]) if asked >= 0 else -1)
    since = [one for one in known if (one.end < 0 or one.end > reset) and one.begin > ready]
    if not since:
        when = (f"it was set to None{_at(replay.line_of(reset))}" if reset >= ready
                else "retain_grad() was called" if asked >= 0 else "it was made")
        return [Reason("before", f"no backward has run since {when}", known[-1].begin, replay.line_of(known[-1].begin))]
    reasons = [reason for one in reversed(since[-_TOLD:]) for reason in _of_call(replay, facts, one, seq)]
    return _cuts(replay, facts, since, seq) + reasons


def _cuts(replay: Replay, facts: Facts, since: list[Calls], seq: int) -> list[Reason]:
    """Why a tensor is no ancestor of the newest root that was computed from it: where it was cut; else that no op used
    it."""
    read, places = 0, set(_places(replay, facts))
    for one in reversed(since[-_ASKED:]):
        begin = begin_of(replay, one.call)
        if begin is None or read > _BUDGET:
            break
        if places & set(members_of(replay.index, one.call)):
            continue
        found = uses(replay, facts.tid, [root.tid for root in begin.roots if root.tid], one.begin)
        read += found.read
        if found.used < 0:
            line = replay.line_of(one.begin)
            return [Reason("unused", f"no op used it before backward call {ordinal(replay, one.call)}{_at(line)}",
                           one.begin, line, one.call)] if one is since[-1] else []
        if found.cuts:
            way = f", so backward call {ordinal(replay, one.call)}{_at(replay.line_of(one.begin))} did not reach it"
            return [replace(told, text=told.text + way, call=one.call)
                    for told in (_cut_reason(replay, cut, seq) for cut in found.cuts[:_TOLD])]
    return []


def _of_call(replay: Replay, facts: Facts, one: Calls, seq: int) -> list[Reason]:
    begin = begin_of(replay, one.call)
    assert begin is not None
    line, reasons = replay.line_of(one.begin), list[Reason]()
    call = f"backward call {ordinal(replay, one.call)}{_at(line)}"

    def reason(kind: str, text: str, at: int = one.begin) -> None:
        reasons.append(Reason(kind, text, at, replay.line_of(at), one.call))

    if begin.method == "grad":
        reason("grad_call", f"{call} was torch.autograd.grad, which returns gradients and leaves .grad alone")
        return reasons
    if begin.inputs and facts.tid not in begin.inputs:
        names = ", ".join(replay.label(tid, seq) for tid in begin.inputs[:4])
        reason("inputs", f"{call} was asked for the gradients of {names} only (inputs=)")
    places = _places(replay, facts)
    roots = [root.tid for root in begin.roots if root.tid]
    if not set(places) & set(members_of(replay.index, one.call)):
        named = ", ".join(replay.label(tid, seq) for tid in roots[:3]) or "its root"
        reason("not_ancestor", f"it is not an ancestor of {named}, the root of {call}")
        return reasons
    if one.failed:
        where = _failure(replay, one, seq)
        reason("failed", f"{call} failed{where} before it reached it", one.end)
    elif one.end < 0:
        reason("running", f"{call} is running and has not reached it yet at this event")
    elif not reasons:
        senders = _senders(replay, places, one.call, seq)
        by = f": {senders} handed none to it" if senders else ""
        reason("no_share", f"{call} had no gradient for it{by}")
    return reasons


def _places(replay: Replay, facts: Facts) -> list[int]:
    """The nodes that take in a tensor's gradient."""
    if facts.grad_fn:
        return [facts.grad_fn]
    nodes = replay.index.nodes
    return list(dict.fromkeys(nodes.ints("nid")[nodes.where("leaf", facts.tid)].tolist()))


def _failure(replay: Replay, one: Calls, seq: int) -> str:
    errors = replay.index.errors
    rows = [row for row in range(len(errors)) if one.begin < errors.seq[row] <= one.end]
    if not rows:
        return ""
    node = replay.node(replay.failed_node(replay.event(int(errors.seq[rows[0]]))))
    return f" in {node.name} (event {int(errors.seq[rows[0]])})" if node is not None else ""


def _senders(replay: Replay, places: list[int], call: int, seq: int) -> str:
    """The nodes that ran and could have handed a gradient to a place, but handed None."""
    edges, nids, found = replay.index.edges, replay.index.nodes.ints("nid"), dict[str, None]()
    for place in places:
        if shares_at(replay, call, place, seq):
            return ""
        for row in edges.where("nid", place).tolist():
            node = replay.node(int(nids[edges.parent[row]]))
            if node is not None:
                found[node.name] = None
    return ", ".join(list(found)[:3])


def _at(line: int) -> str:
    return f" at line {line}" if line else ""
