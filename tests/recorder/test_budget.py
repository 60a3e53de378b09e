"""A recording that may not grow: what is left of it has names, leaves, values and graphs."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

import gradviz
import gradviz.engine as torch
from gradviz.replay import Replay
from gradviz.trace.ring import LEAST


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    path = tmp_path_factory.mktemp("budget") / "t.gvt"
    with gradviz.record(path, stacks=True, max_bytes=LEAST) as recorder:
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        kept = w * 2.0
        view = w.detach()[:1]
        other = torch.tensor([5.0], requires_grad=True)
        handle = w.register_hook(lambda g: g + 0.0)
        for i in range(4000):
            gradviz.mark(str(i))
            loss = (w * float(i)).sum()
            loss.backward()
            with torch.no_grad():
                w -= 0.0001 * w.grad
            w.grad = None
            if i % 25 == 0:
                recorder._pump.drain()
        (kept * other).sum().backward()
        view += 1.0
        handle.remove()
    assert not recorder.failure
    assert os.path.getsize(path) < LEAST * 1.01
    return gradviz.open(str(path))


def test_the_beginning_and_the_end_are_there(replay: Replay) -> None:
    marks = [int(replay.event(seq).text) for seq in replay.events("mark")]
    (jump,) = [place for place, (a, b) in enumerate(pairwise(marks)) if b != a + 1]
    assert marks[0] == 0
    assert marks[-1] == 3999
    assert 10 < jump < len(marks) - 10
    (gap,) = replay.events("gap")
    assert replay.event(gap).reason == "older events gave way"
    assert replay.event(gap).dropped > 1000
    assert (replay.state, replay.reader.damage) == ("complete", "")


def test_what_was_alive_is_told_again_after_the_gap(replay: Replay) -> None:
    (gap,) = replay.events("gap")
    told = {}
    for seq in range(gap + 1, replay.n):
        if replay.kind(seq) != "tensor":
            break
        facts = replay.event(seq).facts
        told[replay.label(facts.tid, seq)] = facts
    assert {"w", "kept", "other"} <= told.keys()
    assert (told["w"].is_leaf, told["w"].requires_grad, told["kept"].is_leaf) == (True, True, False)
    assert told["w"].version > 100
    assert told["other"].version == 0


def test_graphs_after_the_gap_are_whole(replay: Replay) -> None:
    (gap,) = replay.events("gap")
    late = [graph for graph in replay.graphs if graph.call and graph.begin > gap]
    assert len(late) > 10
    assert all(graph.state == "done" for graph in late)
    for seq in replay.events("step"):
        assert replay.node(replay.event(seq).nid) is not None
    accumulated = [replay.label(replay.event(seq).tid, seq) for seq in replay.events("accumulate")]
    assert accumulated[-2:] in (["other", "w"], ["w", "other"])
    assert replay.stack(replay.events("op")[-1])


def test_too_small_a_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too small"), gradviz.record(tmp_path / "t.gvt", max_bytes=5):
        pass
    assert not (tmp_path / "t.gvt").exists()
