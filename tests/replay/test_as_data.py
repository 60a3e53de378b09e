"""The run as data for other tools: events as dictionaries, graphs for networkx."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from gradviz.replay import Replay

SCRIPT = """\
w = torch.tensor([1.0, 2.0], requires_grad=True)
y = w * w
loss = y.sum()
loss.backward()
z = w * 3.0
"""


@pytest.fixture
def replay(recorded: Callable[[str], Replay]) -> Replay:
    return recorded(SCRIPT)


def test_a_graph_for_networkx(replay: Replay) -> None:
    graph = replay.graph_nx(0)
    names = {data["name"]: (nid, data) for nid, data in graph.nodes(data=True)}
    assert set(names) == {"SumBackward0", "MulBackward0", "AccumulateGrad"}
    total, mul, leaf = (names[name][0] for name in ("SumBackward0", "MulBackward0", "AccumulateGrad"))
    assert sorted(graph.edges(data="output")) == sorted([(total, mul, 0), (mul, leaf, 0), (mul, leaf, 1)])
    assert [graph.nodes[nid]["label"] for nid in (total, mul, leaf)] == ["loss", "y", "w"]
    assert names["MulBackward0"][1]["line"] == 2
    assert graph.graph == {"call": replay.graphs[0].call, "state": "done"}


def test_the_forward_after_the_last_backward_is_a_graph_too(replay: Replay) -> None:
    (data,) = [data for _, data in replay.graph_nx(1).nodes(data=True) if data["name"] == "MulBackward0"]
    assert data["label"] == "z"


def test_without_networkx_it_is_said_how_to_get_it(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"gradviz\[networkx\]"):
        replay.graph_nx(0)


def test_events_as_dictionaries(replay: Replay) -> None:
    ops = list(replay.records("op"))
    assert [(op["name"], op["line"]) for op in ops] == [("tensor", 1), ("mul", 2), ("sum", 3), ("mul", 5)]
    assert ops[1]["outputs"][0]["shape"] == [2]
    everything = list(replay.records())
    assert [one["seq"] for one in everything] == list(range(replay.n))
    json.dumps(everything)
