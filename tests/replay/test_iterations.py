"""Backward calls of one loop are its iterations; calls from elsewhere are not."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.replay import Replay
from gradviz.replay.iterations import iterations


def test_calls_from_one_line_are_iterations(recorded: Callable[[str], Replay]) -> None:
    replay = recorded("w = torch.ones(2, requires_grad=True)\n(w * 2).mean().backward()\nfor k in range(4):\n"
                      "    (w * w).sum().backward()\n    if k % 2:\n        w.exp().sum().backward()")
    assert [len(loop) for loop in iterations(replay)] == [1, 4, 2]
    assert replay.summary()["iterations"] == 4
    assert replay.summary()["backward_calls"] == 7


def test_a_run_without_backward_has_none(recorded: Callable[[str], Replay]) -> None:
    assert iterations(recorded("torch.ones(2) + 1")) == []
