"""Where a NaN, an Inf or an all-zero gradient began: the first step or op that made it from what was not so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradviz.events import Gradient
from gradviz.replay import causes, inspect, values
from gradviz.replay.causes import state
from gradviz.replay.inspect import Content
from gradviz.replay.outside import written_by
from gradviz.replay.replay import Replay
from gradviz.replay.shares import Share, changes_at, ordinal, shares_at, step_of
from gradviz.replay.tables import among
from gradviz.replay.terms import Why
from gradviz.replay.why import why

_PLACES = 4
"""Beginnings of one zero gradient that are told of."""


@dataclass(frozen=True)
class Began:
    """A beginning, at event ``seq`` and a line.

    ``kind``: step, empty (it was handed an empty gradient), hook, root (backward was called with it), sum (finite
    shares overflowed, or shares cancelled), before (it was in ``.grad`` already), set (it was written there), op,
    masked (an op made NaN of what is infinite on purpose), given (it was put there on purpose), created or unknown;
    ``by``: the node, op or hook; ``causes``: the values that did it, in words.
    """

    kind: str
    seq: int
    line: int
    by: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where ``what`` (NaN, Inf or zero) in ``label`` at event ``seq`` began; several places where shares are zero for
    several reasons. ``path``: the events that it came by, the newest first."""

    what: str
    label: str
    tid: int
    seq: int
    began: tuple[Began, ...]
    path: tuple[int, ...]

    def lines(self) -> list[str]:
        """The answer as plain sentences: what began where, then the values that did it."""
        has = f"{self.label} is zero everywhere" if self.what == "zero" else f"{self.label} holds {self.what}"
        told = [has]
        for one, words in zip(self.began, self.beginnings(), strict=True):
            told.append(f"  {words}")
            told += [f"    {cause}" for cause in one.causes]
        return told

    def beginnings(self) -> list[str]:
        """Each beginning as a sentence without its subject."""
        return [_began(self.what, one) for one in self.began]


def gradient_origin(replay: Replay, tid: int, seq: int) -> Origin | None:
    """Where the NaN, Inf or zeros of a tensor's gradient at an event began; None where it holds none of them."""
    answer = why(replay, tid, seq)
    if not isinstance(answer, Why):
        return None
    first = answer.sums[0]
    what = state(first.value)
    if what not in ("NaN", "Inf", "zero"):
        return None
    label = answer.label if answer.label.endswith(".grad") else f"the gradient of {answer.label}"
    before = next((term for term in first.terms if term.kind == "before"), None)
    if before is not None and what != "zero" and state(before.value) in ("NaN", "Inf"):
        line = replay.line_of(before.seq)
        earlier = gradient_origin(replay, tid, before.seq) if _reaches_back(before.seq, answer.seq) else None
        if earlier is not None:
            return Origin(what, label, tid, seq, earlier.began, (answer.seq, *earlier.path))
        return Origin(what, label, tid, seq, (Began("before", before.seq, line, before.note),), (answer.seq,))
    if first.terms and first.terms[0].kind == "set":
        term = first.terms[0]
        return Origin(what, label, tid, seq, (Began("set", term.seq, term.line, term.note),), (term.seq,))
    began, path = _back(replay, answer.call, first.nid, first.slot, answer.seq, what)
    return Origin(what, label, tid, seq, tuple(began), tuple(path))


def value_origin(replay: Replay, tid: int, seq: int) -> Origin | None:
    """Where the NaN or Inf in a tensor's value at an event began; None where it holds neither, or that is not known."""
    content = causes.value_at(replay, tid, seq)
    what = state(content)
    if what not in ("NaN", "Inf"):
        return None
    began, path = _made(replay, tid, seq, what)
    return Origin(what, replay.label(tid, seq), tid, seq, (began,), tuple(path))


def place_origin(replay: Replay, call: int, nid: int, slot: int, what: str, seq: int) -> Origin:
    """Where what a call handed to an output of a node began to be so."""
    began, path = _back(replay, call, nid, slot, seq, what)
    return Origin(what, "", 0, seq, tuple(began), tuple(path))


def first_bad(replay: Replay) -> int:
    """The event that made the first NaN or Inf of those that a backward call began with or left in a gradient; -1 where
    there is none."""
    found = [_bad_root(replay), _bad_gradient(replay)]
    return min((seq for seq in found if seq >= 0), default=-1)


def _bad_root(replay: Replay) -> int:
    roots, facts = replay.index.roots, replay.index.facts
    for row, tid in enumerate(roots.ints("tid").tolist() if len(replay.suspects) else ()):
        at = int(roots.seq[row])
        known = facts.last("tid", tid, at) if tid else -1
        one = replay.with_value(facts.row(known)) if known >= 0 else None
        if one is not None and values.finite(one.value, one.shape, one.dtype) is False:
            origin = value_origin(replay, tid, at)
            return origin.began[0].seq if origin is not None else at
    return -1


def _bad_gradient(replay: Replay) -> int:
    accumulates, grads = replay.index.accumulates, replay.index.accumulates.part("grad")
    for row in np.flatnonzero(among(grads.ints("value"), replay.suspects)).tolist():
        seq = int(accumulates.seq[row])
        gradient = replay.gradient(grads.row(row))
        if gradient is not None and values.finite(gradient.value, gradient.shape, gradient.dtype) is False:
            origin = gradient_origin(replay, int(accumulates.ints("tid")[row]), seq)
            return origin.began[0].seq if origin is not None and origin.began and origin.began[0].seq >= 0 else seq
    return -1


def _reaches_back(before: int, now: int) -> bool:
    return 0 <= before < now


# --- gradients -------------------------------------------------------------------------------------------------------
def _back(replay: Replay, call: int, nid: int, slot: int, seq: int, what: str) -> tuple[list[Began], list[int]]:
    """Follow a gradient back from a place to where it began; a zero along all shares, the rest along the first."""
    waiting, seen = [(nid, slot)], {(nid, slot)}
    began: list[Began] = []
    path: list[int] = []
    while waiting and len(began) < _PLACES:
        place = waiting.pop(0)
        ends, further = _at(replay, call, *place, seq, what, path)
        began += [end for end in ends if end not in began]
        for one in further:
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return began, path


def _at(replay: Replay, call: int, nid: int, slot: int, seq: int, what: str,
        path: list[int]) -> tuple[list[Began], list[tuple[int, int]]]:
    """What began at one place, and the places where it was so before."""
    for change in reversed(changes_at(replay, call, nid, slot, seq)):
        if _is(change.gave, what) and not _is(change.came, what):
            return [Began("hook", change.seq, change.line, f"hook {change.function}")], []
    shares = shares_at(replay, call, nid, seq, slot)
    same = [share for share in shares if _is(share.gradient, what)]
    if not same or (what == "zero" and len(same) < len(shares)):
        unknown = not shares or any(state(inspect.content_of(replay, share.gradient)) == "" for share in shares)
        last = shares[-1].seq if shares else -1
        return [Began("unknown" if unknown else "sum", last, replay.line_of(last), "")], []
    ends: list[Began] = []
    further: list[tuple[int, int]] = []
    for share in same if what == "zero" else same[:1]:
        path.append(share.seq)
        end, before = _through(replay, call, share, seq, what)
        ends += end
        further += before
    return ends, further


def _through(replay: Replay, call: int, share: Share, seq: int, what: str) -> tuple[list[Began], list[tuple[int, int]]]:
    """Whether a step made it, or was handed it: then at which outputs."""
    if not share.nid:
        return [Began("root", share.seq, replay.line_of(share.seq), f"backward call {ordinal(replay, call)}")], []
    node, step = replay.node(share.nid), step_of(replay, call, share.nid, seq)
    assert node is not None
    assert step is not None
    entered = [(slot, gradient) for slot, row in enumerate(step.grads_in)
               if (gradient := replay.gradient(row)) is not None]
    handed = [(share.nid, slot) for slot, gradient in entered if _is(gradient, what)]
    if handed and (what != "zero" or len(handed) == len(entered)):
        return [], handed if what == "zero" else handed[:1]
    born = replay.node_born(share.nid)
    upstream = inspect.content_of(replay, entered[0][1]) if len(entered) == 1 else None
    if what == "zero" and upstream is not None and upstream.shape and 0 in upstream.shape:
        return [Began("empty", share.seq, replay.line_of(born), node.name)], []
    given = inspect.content_of(replay, share.gradient)
    found = causes.of_step(replay, node, share.edge, upstream, given, what, share.seq)
    told = [cause.text for cause in found]
    for cause in found:
        if cause.tid and what != "zero" and (origin := value_origin(replay, cause.tid, born)) is not None:
            told += [f"{origin.label}: {_began(origin.what, one)}" for one in origin.began]
    return [Began("step", share.seq, replay.line_of(born), node.name, tuple(told))], []


def _is(gradient: Gradient | None, what: str) -> bool:
    """Whether a gradient is as asked: NaN and Inf count as one, for the one becomes the other."""
    if gradient is None:
        return False
    shape = tuple(gradient.shape)
    found = state(Content(shape, gradient.dtype, values.array(gradient.value, shape, gradient.dtype),
                          values.statistics(gradient.value)))
    return found == "zero" if what == "zero" else found in ("NaN", "Inf")


# --- values ----------------------------------------------------------------------------------------------------------
def _made(replay: Replay, tid: int, seq: int, what: str) -> tuple[Began, list[int]]:
    """The op that first made a value that is not finite from finite ones, and the ops between.

    NaN is followed to NaN first. What is infinite on purpose, as a mask is, is no culprit: then it is the op that made
    NaN of it.
    """
    path: list[int] = []
    while True:
        at = _last_made(replay, tid, seq)
        if at < 0:
            born = replay.born(tid)
            return Began("created", born, replay.line_of(born), "it was so when first seen"), path
        path.append(at)
        event = replay.event(at)
        if event.kind != "op":
            by, line = written_by(replay, at)
            return Began("op", at, line, by), path
        written = {write.tid for write in event.writes}
        places = [(one, at - 1 if one in written else at) for one, _ in event.inputs]
        states = [state(causes.value_at(replay, *place)) for place in places]
        bad = [place for place, found in zip(places, states, strict=True) if found == "NaN"]
        infinite = [place for place, found in zip(places, states, strict=True) if found == "Inf"]
        line = replay.line_of(at)
        if not bad and infinite and what == "NaN":
            meant = [(place, began) for place in infinite if (began := _made(replay, *place, "Inf")[0]).kind == "given"]
            if len(meant) == len(infinite):
                told = causes.masked(replay, event, meant[0][0][0], meant[0][1].by, meant[0][1].line)
                return Began("masked", at, line, event.name, tuple(told)), path
            bad = [place for place in infinite if place not in [one for one, _ in meant]]
        if bad := bad or infinite:
            tid, seq = bad[0][0], at - 1
            what = "NaN" if "NaN" in states else "Inf"
            continue
        if what == "Inf" and "inf" in event.args:
            return Began("given", at, line, event.name), path
        found = causes.of_op(replay, event, tid)
        return Began("op" if places else "created", at, line, event.name, tuple(found)), path


def _last_made(replay: Replay, tid: int, seq: int) -> int:
    """The last event that made or wrote a tensor's content, up to an event; -1 if none did."""
    outputs, writes = replay.index.outputs, replay.index.writes
    facts = replay.facts_at(tid, max(seq, replay.born(tid)))
    rows = outputs.where("tid", tid)
    seqs = outputs.seq[rows][outputs.seq[rows] <= max(seq, replay.born(tid))].tolist()
    if facts is not None:
        rows = writes.where("sid", facts.sid)
        seqs += writes.seq[rows][writes.seq[rows] <= seq].tolist()
    return int(max(seqs, default=-1))


def _began(what: str, one: Began) -> str:
    at = (f" at line {one.line}" if one.line else "") + (f" (event {one.seq})" if one.seq >= 0 else "")
    zero = what == "zero"
    return {
        "step": f"{one.by}{at} made it from a gradient that was {'not zero' if zero else 'finite'}",
        "empty": f"{one.by}{at} was handed an empty gradient: nothing had been taken from it",
        "hook": f"{one.by}{at} made it",
        "root": f"{one.by} was called with it{at}",
        "sum": f"shares cancelled each other{at}" if zero else f"the sum of finite shares overflowed{at}",
        "before": f"it was there before: {one.by}{at}",
        "set": f"it was {one.by}{at}",
        "op": f"{one.by}{at} made it from finite values",
        "masked": f"{one.by}{at} made it of values that are infinite on purpose",
        "given": f"{one.by}{at} put it there on purpose",
        "created": f"{one.by}{at} made it so",
        "unknown": f"what was handed on was not kept{at}: record with --values full",
    }[one.kind]

