"""What a tensor held at an event, put together from everything that was recorded of its storage up to then."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradviz.events import Facts
from gradviz.replay import values
from gradviz.replay.replay import Replay
from gradviz.trace.columns import Ints


def content_at(replay: Replay, facts: Facts, seq: int) -> tuple[values.Array | None, str]:
    """The whole content of a tensor at an event, or None and the reason why it is not known.

    Read backwards from the event: what was recorded last of a place in the storage holds. A write through an alias of
    another shape is put in its place; a write of which nothing was kept leaves its places unknown.
    """
    kind = values.dtype_of(facts.dtype)
    size = _reach(facts)
    if kind is None or not math.prod(facts.shape):
        return (None if kind is None else np.zeros(tuple(facts.shape), kind)), ""
    buffer, known, wanted = np.zeros(size, kind), np.zeros(size, np.bool_), _window(np.arange(size), facts)
    blind = ""
    for source, content, who in _recorded(replay, facts.sid, seq):
        if source.dtype != facts.dtype or _reach(source) > size:
            grown = max(size, _reach(source))
            buffer, known = np.resize(buffer, grown), np.concatenate((known, np.zeros(grown - size, np.bool_)))
            size = grown
        places = _window(np.arange(size), source)
        fresh = ~known[places]
        if content is None:
            if np.isin(places[fresh], wanted).any():
                blind = who
                break
        elif source.dtype == facts.dtype:
            buffer[places[fresh]] = content[fresh]
        known[places] = True
        if known[wanted].all():
            return buffer[wanted], ""
    return None, blind or "values were not kept: record with --values full"


def _recorded(replay: Replay, sid: int, seq: int) -> list[tuple[Facts, values.Array | None, str]]:
    """What was recorded of a storage up to an event, the newest first: (where, content or None, by whom)."""
    index = replay.index
    facts, writes = index.facts, index.writes
    moments = [(int(facts.seq[row]), 0, int(row)) for row in facts.where("sid", sid) if facts.seq[row] <= seq]
    moments += [(int(writes.seq[row]), 1, int(row)) for row in writes.where("sid", sid) if writes.seq[row] <= seq]
    found: list[tuple[Facts, values.Array | None, str]] = []
    for at, is_write, row in sorted(moments, reverse=True):
        if not is_write:
            seen = replay.with_value(facts.row(row))
            content = values.array(seen.value, seen.shape, seen.dtype)
            if content is not None:
                found.append((seen, content, ""))
            continue
        write = replay.with_value(writes.row(row))
        through = replay.facts_at(write.tid, at)
        if through is not None:
            content = values.array(write.value, through.shape, through.dtype)
            label = replay.label(write.tid, at)
            found.append((through, content, f"not kept since it was written through {label} (event {at})"))
    return found


def _reach(facts: Facts) -> int:
    """How many elements of the storage a tensor reaches over."""
    if not math.prod(facts.shape):
        return 0
    return facts.offset + sum((n - 1) * step for n, step in zip(facts.shape, facts.stride, strict=True)) + 1


def _window(buffer: Ints, facts: Facts) -> Ints:
    """The places of the storage that a tensor looks at, in its shape."""
    step = buffer.itemsize
    return as_strided(buffer[facts.offset:], tuple(facts.shape), tuple(n * step for n in facts.stride))
