"""Who last wrote what a tensor looks at: the op, its line, and through which alias."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradviz.events import Facts
from gradviz.replay.inspect import Version
from gradviz.replay.outside import Outside, outside, written_by
from gradviz.replay.replay import Replay

_EXACT = 1_000_000
"""Elements up to which two views are compared place by place; larger ones by the stretch that they reach over."""


_HOW = {"view": "a view of", "detach": "detach() of", "data": ".data of"}


@dataclass(frozen=True)
class Link:
    """One tensor of a chain of aliases: ``how`` it was made (view, detach, data; "" for the first) of the next one."""

    tid: int
    label: str
    how: str
    seq: int
    line: int


@dataclass(frozen=True)
class Writer:
    """The last write to what tensor ``tid`` looks at, up to event ``seq``: by ``op`` at event ``written`` (-1: never;
    then ``op`` made it), from version ``before`` to ``after``. ``chain``: from the tensor that was written through to
    the storage's first; ``counted``: whether this tensor's version counter saw it."""

    tid: int
    label: str
    seq: int
    written: int
    op: str
    line: int
    before: int
    after: int
    chain: tuple[Link, ...]
    counted: bool
    outside: Outside | None = None
    """Of a write that no op did, which was found later: the statements that may have."""

    def lines(self) -> list[str]:
        """The answer as plain sentences: the write, then how the alias came about."""
        at = f" at line {self.line}" if self.line else ""
        if self.written < 0:
            since = f"{self.op} made it{at}" if self.op else "it was first seen"
            return [f"{self.label} was not written since {since}"]
        if self.outside is not None:
            by = " ".join(filter(None, (self.op, self.outside.where)))
            told = [f"{self.label} was last written by {by}, found at event {self.written}"]
            if self.outside.seen >= 0:
                told.append(f"  event {self.outside.seen} saw the old content last")
            return [*told, self._unnoticed()]
        first = self.chain[0] if self.chain else None
        through = f", through {first.label}" if first is not None and first.tid != self.tid else ""
        versions = f"version {self.before} → {self.after}"
        told = [f"{self.label} was last written by {self.op}{at} (event {self.written}){through}: {versions}"]
        for link, of in pairwise(self.chain):
            made = f", line {link.line}" if link.line else ""
            told.append(f"  {link.label} is {_HOW[link.how]} {of.label}{made}")
        if not self.counted:
            told.append(self._unnoticed())
        return told

    def _unnoticed(self) -> str:
        return f"  the version of {self.label} did not move: backward cannot notice this write"


def last_writer(replay: Replay, tid: int, seq: int) -> Writer:
    """Who last wrote into a tensor by an event. KeyError if it was never seen."""
    facts = replay.facts_at(tid, max(seq, replay.born(tid)))
    if facts is None:
        raise KeyError(f"no tensor {tid}")
    label, writes = replay.label(tid, seq), replay.index.writes
    rows = writes.where("sid", facts.sid)
    for row in reversed(rows[writes.seq[rows] <= seq].tolist()):
        write, at = writes.row(row), int(writes.seq[row])
        through = replay.facts_at(write.tid, at)
        if through is not None and not _meet(facts, through):
            continue
        op, line = written_by(replay, at)
        where = outside(replay, at) if replay.kind(at) == "write" else None
        return Writer(tid, label, seq, at, op, line, write.before, write.after, tuple(_chain(replay, write.tid, at)),
                      write.cid == facts.cid and write.after > write.before, where)
    maker = replay.maker(tid)
    made = str(replay.event(maker).name) if maker >= 0 else ""
    return Writer(tid, label, seq, -1, made, replay.line_of(maker), facts.version,
                  facts.version, (), True)


def unnoticed(replay: Replay, facts: Facts, seq: int) -> list[Version]:
    """Writes into what a tensor looks at that its version counter did not see: through ``.data``, or from outside."""
    writes = replay.index.writes
    rows = writes.where("sid", facts.sid)
    found = []
    for row in rows[writes.seq[rows] <= seq].tolist():
        write, at = writes.row(row), int(writes.seq[row])
        through = replay.facts_at(write.tid, at)
        if (write.cid != facts.cid or write.after <= write.before) and (through is None or _meet(facts, through)):
            found.append(Version(-1, at, written_by(replay, at)[0], replay.label(write.tid, at),
                                 replay.event(at).span, write.tid))
    return found


def _chain(replay: Replay, tid: int, seq: int) -> list[Link]:
    """From an alias to the tensor that its storage was made for, each by what it was made of."""
    found: list[Link] = []
    seen: set[int] = set()
    while tid and tid not in seen:
        seen.add(tid)
        facts, maker = replay.facts_at(tid, seq), replay.maker(tid)
        if facts is None:
            break
        event = replay.event(maker) if maker >= 0 else None
        how = next((out.how for out in event.outputs if out.tid == tid), "") if event is not None else ""
        alias = how if how in ("view", "detach", "data") else ""
        line = replay.line_of(maker)
        found.append(Link(tid, replay.label(tid, seq), alias, maker, line))
        tid = event.inputs[0][0] if event is not None and alias and event.inputs else 0
    return found


def _meet(one: Facts, other: Facts) -> bool:
    """Whether two views of a storage share an element."""
    if not math.prod(one.shape) or not math.prod(other.shape):
        return False
    ends = [facts.offset + sum((n - 1) * step for n, step in zip(facts.shape, facts.stride, strict=True))
            for facts in (one, other)]
    if one.offset > ends[1] or other.offset > ends[0]:
        return False
    if one.dtype != other.dtype or max(ends) > _EXACT:
        return True
    places = np.arange(max(ends) + 1)
    return bool(np.isin(_window(places, one), _window(places, other)).any())


def _window(places: np.ndarray[tuple[int], np.dtype[np.int64]], facts: Facts) -> np.ndarray[
        tuple[int, ...], np.dtype[np.int64]]:
    steps = tuple(step * places.itemsize for step in facts.stride)
    return as_strided(places[facts.offset:], tuple(facts.shape), steps)
