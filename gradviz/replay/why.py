"""Why a gradient is what it is: the recorded shares that were added up, followed back to where some met.

``why(replay, tid, seq)`` answers for a tensor, ``at`` for a place in the graph. Beside it ``absence`` says why there is
no gradient, ``origin`` where NaN, Inf and zeros began, and ``writers`` who wrote a tensor last. ``lines(answer)`` are
the words of any of these answers, for every view.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradviz.events import Gradient
from gradviz.replay import derivative, inspect
from gradviz.replay.absence import Absence, absence
from gradviz.replay.grads import retold
from gradviz.replay.inspect import Content
from gradviz.replay.labels import COPIES
from gradviz.replay.naming import grad_of
from gradviz.replay.outside import written_by
from gradviz.replay.replay import Event, Replay
from gradviz.replay.shares import Change, Share, begin_of, calls, changes_at, ordinal, shares_at, step_of, taken_in
from gradviz.replay.terms import Step, Sum, Term, Why
from gradviz.replay.values import shape_text

HOPS = 50
"""How many nodes a single path is followed back, until one asks again from there."""
FULL = "only norms were kept: record with --values full to see the terms add up"


class Answer(Protocol):
    """What can be told in plain sentences."""

    def lines(self) -> list[str]: ...


def lines(answer: Answer) -> list[str]:
    """An answer as plain sentences, the main one first."""
    return answer.lines()


def why(replay: Replay, tid: int, seq: int) -> Why | Absence:
    """Why a tensor's gradient is what it is at an event. KeyError if the tensor was never seen.

    For a leaf or a retained gradient that is what stands in ``.grad``; for another tensor inside the graph, and for a
    leaf that a running backward has handed something, what flowed to it. Where there is neither, the reasons why.
    """
    if replay.born(tid) < 0:
        raise KeyError(f"no tensor {tid}")
    last, reset = _newest(replay, tid, seq)
    if reset is not None and reset.to != "none":
        return _written_over(replay, tid, reset, _set_by_script(replay, tid, reset), seq)
    if last is not None and reset is None:
        return _written_over(replay, tid, last, _of_grad(replay, tid, last), seq)
    flowed = flowing(replay, tid, seq) if reset is None else None
    facts = replay.facts_at(tid, seq)
    if flowed is not None and (_runs(replay, flowed.call, seq) or (facts is not None and not facts.is_leaf)):
        return flowed
    return absence(replay, tid, seq)


def flowing(replay: Replay, tid: int, seq: int) -> Why | None:
    """What flowed to a tensor in the newest backward call that handed it anything by an event; None if none did."""
    facts = replay.facts_at(tid, seq)
    if facts is None:
        return None
    rows = replay.index.nodes.where("leaf", tid)
    nids = [facts.grad_fn] if facts.grad_fn else replay.index.nodes.ints("nid")[rows].tolist()
    places = [(call, nid) for nid in nids for call in _reaching(replay, nid, seq)]
    for call, nid in sorted(places, reverse=True):
        if shares_at(replay, call, nid, seq, facts.output):
            return at(replay, call, nid, facts.output, seq)
    return None


def _reaching(replay: Replay, nid: int, seq: int) -> set[int]:
    """The backward calls that began at a node or ran one that hands on to it, up to an event."""
    index, found = replay.index, set[int]()
    rows = index.roots.where("nid", nid)
    found.update(index.backwards.ints("call")[index.roots.parent[rows[index.roots.seq[rows] <= seq]]].tolist())
    sources = index.nodes.ints("nid")[index.edges.parent[index.edges.where("nid", nid)]].tolist()
    for source in set(sources):
        rows = index.steps.where("nid", source)
        found.update(index.steps.ints("call")[rows[index.steps.seq[rows] <= seq]].tolist())
    return found


def _runs(replay: Replay, call: int, seq: int) -> bool:
    return any(one.call == call and one.end < 0 for one in calls(replay, seq))


def at(replay: Replay, call: int, nid: int, slot: int, seq: int) -> Why:
    """Why the gradient that enters a node at an output is what it is in a call, as far as it has come by an event."""
    first = sum_at(replay, call, nid, slot, seq)
    sums, end = _followed(replay, call, first, seq)
    return Why(first.label, first.tid, call, first.seq if first.seq >= 0 else seq, sums, end)


def place(replay: Replay, call: int, nid: int, slot: int | None, seq: int) -> Why | None:
    """What a call has handed to a node by an event: for a leaf's node its ``.grad``, else what entered the output
    (slot None: the one that got something); None where nothing has flowed, or to several outputs."""
    node = replay.node(nid)
    answer = why(replay, node.leaf, seq) if node is not None and node.leaf else None
    if isinstance(answer, Why) and answer.call == call:
        return answer
    slots = {share.slot for share in shares_at(replay, call, nid, seq, slot)}
    return at(replay, call, nid, slots.pop(), seq) if len(slots) == 1 else None


def sum_at(replay: Replay, call: int, nid: int, slot: int, seq: int) -> Sum:
    """What met at one place, and whether it adds up to what was recorded."""
    shares = shares_at(replay, call, nid, seq, slot)
    whole, taken = taken_in(replay, call, nid, slot, seq)
    terms = tuple(_numbered([_term(replay, call, share, seq) for share in shares]))
    changes = tuple(_step(replay, change) for change in changes_at(replay, call, nid, slot, seq))
    node = replay.node(nid)
    tid = node.leaf if node is not None and node.leaf else replay.output_of(nid, slot, seq)
    label = replay.label(tid, seq) if tid else node.name if node is not None else "a gradient"
    if taken is None:
        value = _total([term.value for term in terms]) if not changes else changes[-1].gave
        if _runs(replay, call, seq):
            return Sum(label, tid, nid, slot, -1, terms, changes, value, None, "not whole yet at this event")
        last = shares[-1].seq if shares else -1
        return Sum(label, tid, nid, slot, last, terms, changes, value, None, "what came of it was not recorded")
    value = inspect.content_of(replay, taken)
    return _checked(Sum(label, tid, nid, slot, whole, terms, changes, value, None))


# --- .grad -----------------------------------------------------------------------------------------------------------
def _newest(replay: Replay, tid: int, seq: int) -> tuple[Event | None, Event | None]:
    """The last accumulate up to an event, and the last setting by the script if that came later."""
    accumulates, sets = replay.index.accumulates, replay.index.grad_sets
    row, reset = accumulates.last("tid", tid, seq), sets.last("tid", tid, seq)
    last = replay.event(int(accumulates.seq[row])) if row >= 0 else None
    event = replay.event(int(sets.seq[reset])) if reset >= 0 else None
    later = event is not None and (last is None or event.seq > last.seq)
    if later and last is not None and event is not None and retold(replay, event.seq):
        had, has = (replay.gradient(one.grad) for one in (last, event))
        later = had is None or has is None or (had.tid, had.value) != (has.tid, has.value)  # a pause changed nothing
    return last, event if later else None


def _set_by_script(replay: Replay, tid: int, event: Event) -> Why:
    label, content = grad_of(replay.label(tid, event.seq)), inspect.content_of(replay, replay.gradient(event.grad))
    note = "there after a pause" if retold(replay, event.seq) else "set by the script"
    term = Term("set", event.seq, content, line=replay.line_of(event.seq), note=note)
    return Why(label, tid, 0, event.seq, (Sum(label, tid, 0, 0, event.seq, (term,), (), content, 0.0),), "root")


def _written_over(replay: Replay, tid: int, known: Event, answer: Why, seq: int) -> Why:
    """The answer, after what was written into ``.grad`` itself since then, if anything was."""
    term = _written(replay, known, seq)
    if term is None:
        return answer
    term = replace(term, kind="set")
    one = Sum(answer.label, tid, 0, 0, term.seq, (term,), (), term.value, 0.0)
    return replace(answer, seq=term.seq, sums=(one, *answer.sums))


def _of_grad(replay: Replay, tid: int, event: Event) -> Why:
    nid, slot = _place(replay, tid, event)
    arrived = sum_at(replay, event.call, nid, slot, event.seq)
    before, label = _before(replay, tid, event), grad_of(replay.label(tid, event.seq))
    value = inspect.content_of(replay, replay.gradient(event.grad))
    added = inspect.content_of(replay, replay.gradient(event.added))
    whole = _checked(replace(arrived, label=label, tid=tid, seq=event.seq, value=added))
    if before is not None:
        off = _apart(_total([before.value, added]), value)
        worst = None if off is None or whole.off is None else max(off, whole.off)
        whole = replace(whole, terms=(before, *whole.terms), off=worst, reason="" if worst is not None else FULL)
    whole = replace(whole, value=value)
    sums, end = _followed(replay, event.call, whole, event.seq)
    return Why(label, tid, event.call, event.seq, sums, end)


def _place(replay: Replay, tid: int, event: Event) -> tuple[int, int]:
    """Where an accumulate got its gradient: the leaf's node, or the node and output of a retained one."""
    if event.nid:
        return event.nid, 0
    facts = replay.index.facts
    rows = facts.where("tid", tid)
    nid, known = 0, replay.facts_at(tid, event.seq)
    within = replay.thing(event.within) if event.within else -1
    if within >= 0 and replay.kind(within) == "step":
        nid = replay.event(within).nid
    elif known is not None:
        nid = known.grad_fn
    rows = rows[facts.ints("grad_fn")[rows] == nid]
    return nid, int(facts.ints("output")[rows[-1]]) if len(rows) else 0


def _before(replay: Replay, tid: int, event: Event) -> Term | None:
    """What stood in ``.grad`` when an accumulate added to it; None if nothing did."""
    if event.was == "none":
        return None
    last, reset = _newest(replay, tid, event.seq - 1)
    known = reset if reset is not None else last
    if known is None or (reset is not None and reset.to == "none"):
        unseen = Term("before", -1, _rest(replay, event), note="from before the recording")
        return unseen if event.was == "added" else None
    written = _written(replay, known, event.seq - 1)
    if written is not None:
        return written if written.value.array is not None else replace(written, value=_rest(replay, event))
    note = "set by the script" if reset is not None else f"from backward call {ordinal(replay, known.call)}"
    content = inspect.content_of(replay, replay.gradient(known.grad))
    return Term("before", known.seq, content, line=replay.line_of(known.seq), note=note)


def _written(replay: Replay, known: Event, seq: int) -> Term | None:
    """The last write into ``.grad`` itself (zero_, clipping), since it was set and up to an event."""
    grad, writes = known.grad, replay.index.writes
    rows = writes.where("sid", grad.sid) if grad.sid else np.zeros(0, np.int64)
    rows = rows[(writes.seq[rows] > known.seq) & (writes.seq[rows] <= seq)]
    if not len(rows):
        return None
    at = int(writes.seq[rows[-1]])
    write = replay.with_value(writes.row(int(rows[-1])))
    through = replay.facts_at(write.tid, at)
    whole = through is None or (tuple(through.shape) == tuple(grad.shape) and through.offset == 0)
    value = write.value if whole else None
    content = inspect.content_of(replay, Gradient(write.tid, write.sid, grad.shape, grad.dtype, value))
    by, line = written_by(replay, at)
    return Term("before", at, content, line=line, note=f"written by {by}")


def _rest(replay: Replay, event: Event) -> Content:
    """What was there before an accumulate, from what is there after it and what was added."""
    after, added = (inspect.content_of(replay, replay.gradient(row)) for row in (event.grad, event.added))
    if after.array is None or added.array is None:
        return Content(after.shape, after.dtype, reason="not kept")
    return Content(after.shape, after.dtype, np.asarray(after.array - added.array))  # type: ignore[operator]


# --- terms -----------------------------------------------------------------------------------------------------------
def _term(replay: Replay, call: int, share: Share, seq: int) -> Term:
    value = inspect.content_of(replay, share.gradient)
    if not share.nid:
        begin = begin_of(replay, call)
        given = begin.roots[0].tid if begin is not None and begin.roots else 0
        return Term("root", share.seq, value, tid=given, line=replay.line_of(share.seq))
    giver, copies = _behind_copies(replay, call, share, seq)
    node = replay.node(giver.nid)
    step = step_of(replay, call, giver.nid, seq)
    assert node is not None
    assert step is not None
    entered = [gradient for row in step.grads_in if (gradient := replay.gradient(row)) is not None]
    upstream = inspect.content_of(replay, entered[0]) if len(entered) == 1 else None
    tid, born = replay.output_of(giver.nid, 0, seq), replay.node_born(giver.nid)
    given = inspect.content_of(replay, giver.gradient)
    formula = derivative.formula_of(node, giver.edge)
    symbols = derivative.symbols_of(replay, node, upstream, given, seq) if upstream is not None else {}
    folded = (shape_text(upstream.shape) if upstream is not None and derivative.folds(node, giver.edge)
              and upstream.shape != given.shape else "")
    return Term("share", giver.seq, value, giver.nid, giver.edge, node.name, replay.label(tid, seq) if tid else "", tid,
                replay.line_of(born), upstream, formula, tuple(symbols.items()), copies, folded,
                note="" if upstream is not None else f"{len(entered)} gradients entered it")


def _behind_copies(replay: Replay, call: int, share: Share, seq: int) -> tuple[Share, int]:
    """The share of the node that gave what only copies handed on since, and how many copies those were."""
    copies = 0
    while share.nid:
        node = replay.node(share.nid)
        if node is None or node.name not in COPIES:
            break
        behind = shares_at(replay, call, share.nid, seq)
        if len(behind) != 1 or not behind[0].nid or changes_at(replay, call, share.nid, behind[0].slot, seq):
            break
        if np.prod(behind[0].gradient.shape) != np.prod(share.gradient.shape):
            break
        share, copies = behind[0], copies + 1
    return share, copies


def _numbered(terms: list[Term]) -> list[Term]:
    """Terms of one node by several of its edges (w * w) say which operand each is."""
    nodes = [term.nid for term in terms]
    return [replace(term, operand=term.edge + 1) if term.nid and nodes.count(term.nid) > 1 else term for term in terms]


def _followed(replay: Replay, call: int, first: Sum, seq: int) -> tuple[tuple[Sum, ...], str]:
    """The sums behind a sum while one node gave all of it, and why it ends there."""
    sums = [first]
    while True:
        given = [term for term in sums[-1].terms if term.kind != "before"]
        if len(given) != 1:
            return tuple(sums), "met" if given else "unknown"
        if given[0].kind == "root":
            return tuple(sums), "root"
        if len(sums) > HOPS:
            return tuple(sums), "far"
        behind = shares_at(replay, call, given[0].nid, seq)
        slots = {share.slot for share in behind}
        if len(slots) != 1:
            return tuple(sums), "outputs" if slots else "unknown"
        sums.append(sum_at(replay, call, given[0].nid, slots.pop(), seq))


def _step(replay: Replay, change: Change) -> Step:
    return Step(change.seq, change.line, change.function, change.edited, inspect.content_of(replay, change.came),
                inspect.content_of(replay, change.gave))


# --- adding up -------------------------------------------------------------------------------------------------------
def _checked(one: Sum) -> Sum:
    """A sum with how far its terms are from what was recorded of it."""
    if not one.terms:
        return replace(one, off=None, reason="what was handed to it was not recorded")
    stations = [(_total([term.value for term in one.terms if term.kind != "before"], one.value),
                 one.changes[0].came if one.changes else one.value)]
    stations += [(before.gave, after.came) for before, after in pairwise(one.changes)]
    if one.changes:
        stations.append((one.changes[-1].gave, one.value))
    apart = [_apart(had, recorded) for had, recorded in stations]
    if any(off is None for off in apart):
        return replace(one, off=None, reason=FULL)
    return replace(one, off=max(off for off in apart if off is not None), reason="")


def _total(contents: list[Content], like: Content | None = None) -> Content:
    """The sum in the order of arrival, in the type of ``like`` (else of the first), as backward adds."""
    if not contents or any(content.array is None for content in contents):
        return Content((), "", reason=FULL)
    known = [content.array for content in (like, *contents) if content is not None and content.array is not None]
    parts = [array.astype(known[0].dtype) for array in known[-len(contents):]]
    total: NDArray[np.float64] = parts[0]  # type: ignore[assignment]
    with np.errstate(all="ignore"):
        for part in parts[1:]:
            total = np.asarray(total + part)  # type: ignore[operator]
    return Content(total.shape, contents[0].dtype, total)


def _apart(one: Content, other: Content) -> float | None:
    """The largest difference of two contents, None where one was not kept. Equal infinities and NaN are none."""
    if one.array is None or other.array is None or one.array.size != other.array.size:
        return None
    wide = np.complex128 if "c" in (one.array.dtype.kind, other.array.dtype.kind) else np.float64
    a, b = one.array.astype(wide).reshape(-1), other.array.astype(wide).reshape(-1)
    with np.errstate(all="ignore"):
        gaps = np.abs(a - b)
    gaps[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return float(np.max(gaps, initial=0.0))
