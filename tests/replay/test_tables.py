"""Columns as relations: look-up by key, flattened lists, unions in the order of events, growth chunk by chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.events import KINDS
from gradviz.replay.tables import Tables, union
from gradviz.trace.columns import decode, encode

DEAD, RETAIN = KINDS["dead"].code, KINDS["retain_grad"].code
events = st.lists(st.one_of(
    st.tuples(st.just(RETAIN), st.tuples(st.integers(1, 9))),
    st.tuples(st.just(DEAD), st.tuples(st.lists(st.integers(1, 9), max_size=4),
                                       st.lists(st.integers(1, 9), max_size=2)))), max_size=40)


def add(tables: Tables, chunk: list[tuple[int, tuple[Any, ...]]], first_seq: int) -> None:
    kinds = np.array([code for code, _ in chunk], np.uint8)
    made = {}
    for code, name in ((DEAD, "dead"), (RETAIN, "retain_grad")):
        rows = [(0, 0, 0, 0, 0, 0, *fields) for kind, fields in chunk if kind == code]
        if rows:
            made[name] = decode(code, encode(code, list(zip(*rows, strict=True)), []), 0)
    tables.extend(first_seq, kinds, made)


@given(events, st.integers(1, 10))
def test_reading_in_chunks_is_reading_at_once(all_events: list[tuple[int, tuple[Any, ...]]], size: int) -> None:
    tables = Tables()
    for start in range(0, len(all_events), size):
        add(tables, all_events[start:start + size], start)
        tables.relation("dead")  # asked for in between, as a live view does
    assert tables.n == len(all_events)
    retains, deaths = tables.relation("retain_grad"), tables.relation("dead").flatten("tids")
    for key in range(1, 10):
        seqs = [seq for seq, (code, fields) in enumerate(all_events) if code == RETAIN and fields[0] == key]
        assert retains.seq[retains.where("tid", key)].tolist() == seqs
        for seq in range(len(all_events)):
            row = retains.last("tid", key, seq)
            before = [s for s in seqs if s <= seq]
            assert (int(retains.seq[row]) if row >= 0 else None) == (before[-1] if before else None)
    flat = [(seq, tid) for seq, (code, fields) in enumerate(all_events) if code == DEAD for tid in fields[0]]
    items = deaths.table["item"]
    assert isinstance(items, np.ndarray)
    assert list(zip(deaths.seq.tolist(), items.tolist(), strict=True)) == flat


@given(events)
def test_a_union_is_in_the_order_of_events_and_keeps_rows_whole(all_events: list[tuple[int, tuple[Any, ...]]]) -> None:
    tables = Tables()
    add(tables, all_events, 0)
    dead = tables.relation("dead")
    both = union([dead, dead])
    assert both.seq.tolist() == sorted(dead.seq.tolist() * 2)
    for row in range(len(both)):
        assert both.row(row)[6:] == tuple(all_events[both.seq[row]][1])


def test_a_table_that_disagrees_with_the_order_of_events_is_refused() -> None:
    tables = Tables()
    table = decode(RETAIN, encode(RETAIN, [[0]] * 6 + [[5]], []), 0)
    with pytest.raises(ValueError, match="2 events of kind retain_grad, but 1 rows"):
        tables.extend(0, np.array([RETAIN, RETAIN], np.uint8), {"retain_grad": table})
