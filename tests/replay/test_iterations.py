"""Backward calls of one loop are its iterations; calls from elsewhere are not."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.replay import Replay
from gradviz.replay.iterations import failed_in, iterations


def test_calls_from_one_line_are_iterations(recorded: Callable[[str], Replay]) -> None:
    replay = recorded("w = torch.ones(2, requires_grad=True)\n(w * 2).mean().backward()\nfor k in range(4):\n"
                      "    (w * w).sum().backward()\n    if k % 2:\n        w.exp().sum().backward()")
    assert [len(loop) for loop in iterations(replay)] == [1, 4, 2]
    assert replay.summary()["iterations"] == 4
    assert replay.summary()["backward_calls"] == 7


def test_a_run_without_backward_has_none(recorded: Callable[[str], Replay]) -> None:
    assert iterations(recorded("torch.ones(2) + 1")) == []


def test_an_iteration_that_failed_in_its_forward_has_a_number(recorded: Callable[[str], Replay]) -> None:
    text = """
w = torch.ones(3, requires_grad=True)
for i in range(6):
    x = torch.ones(3 if i < 4 else 4)
    loss = {forward}
    loss.backward()
"""
    for forward in ("(w * x).sum()", "((w * 2) * x).sum()"):
        replay = recorded(text.format(forward=forward))
        assert failed_in(replay) == 5
        assert len(replay.graphs) == 5
        assert replay.graph_at(replay.events("error")[0]) == 4
    assert failed_in(recorded(text.format(forward="(w * 2).sum()"))) == 0
