"""``.grad`` of a tensor over time: what backward and the script put there, and what was then written into it."""

from __future__ import annotations

from typing import NamedTuple

from gradviz.events import Gradient
from gradviz.replay.replay import Replay


class Moment(NamedTuple):
    """``.grad`` from event ``seq`` on; None: there is none."""

    seq: int
    grad: Gradient | None


def history(replay: Replay, tid: int, first: int, last: int) -> list[Moment]:
    """What ``.grad`` of a tensor was at event ``first``, and what it became up to event ``last``.

    A write into the gradient itself (``w.grad.zero_()``, clipping) is no event of the tensor, but changes what it has.
    """
    accumulates, sets = replay.index.accumulates, replay.index.grad_sets
    before = [(relation, relation.last("tid", tid, first)) for relation in (accumulates, sets)]
    start = max([int(relation.seq[row]) for relation, row in before if row >= 0], default=first)
    put = [Moment(int(accumulates.seq[row]), replay.gradient(replay.index.gradients.row(int(row))))
           for row in accumulates.where("tid", tid) if start <= accumulates.seq[row] <= last]
    for row in sets.where("tid", tid):
        if start <= sets.seq[row] <= last:
            event = replay.event(int(sets.seq[row]))
            put.append(Moment(event.seq, None if event.to == "none" else replay.gradient(event.grad)))
    put.sort(key=lambda moment: moment.seq)
    ends = [moment.seq for moment in (*put[1:], Moment(last + 1, None))]
    return [told for moment, end in zip(put, ends, strict=False) for told in (moment, *_written(replay, moment, end))]


def at(replay: Replay, tid: int, seq: int) -> Moment | None:
    """``.grad`` at an event; None where it was never set."""
    moments = history(replay, tid, seq, seq)
    return moments[-1] if moments else None


def retold(replay: Replay, seq: int) -> bool:
    """Whether a ``grad_set`` only tells what a known leaf has after a pause: its facts, told anew, stand before it."""
    if not seq or replay.kind(seq - 1) != "tensor":
        return False
    tid = replay.event(seq - 1).facts.tid
    return bool(tid == replay.event(seq).tid and replay.born(tid) < seq - 1)


def _written(replay: Replay, moment: Moment, end: int) -> list[Moment]:
    """Writes into the gradient of a moment, before event ``end``."""
    grad, writes = moment.grad, replay.index.writes
    if grad is None or not grad.sid:
        return []
    rows = [int(row) for row in writes.where("sid", grad.sid)
            if moment.seq < writes.seq[row] < end and writes.ints("tid")[row] == grad.tid]
    return [Moment(int(writes.seq[row]), grad._replace(value=replay.with_value(writes.row(row)).value)) for row in rows]
