"""What autograd.grad hands out has a name, and it is told whose gradient it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.replay import Replay, inspect
from gradviz.replay.narrate import sentence

Record = Callable[[str], Replay]

BEGIN = """x = torch.ones(3, requires_grad=True)
w = torch.ones(3, requires_grad=True)
y = (x * x * w).sum()
"""


def handed_out(replay: Replay) -> list[tuple[str, str, str]]:
    """Of each gradient handed out: its name at the end, whose it is, and the sentence of the event."""
    return [(replay.label(out.tid), inspect.tensor(replay, out.tid, replay.n - 1).gradient_of, sentence(replay, seq))
            for seq in replay.events("op") if replay.event(seq).name == "grad" for out in replay.event(seq).outputs]


@pytest.mark.parametrize("more", ["", ", create_graph=True"])
def test_one(recorded: Record, more: str) -> None:
    call = f"torch.autograd.grad(y, x{more})"
    told = handed_out(recorded(f"{BEGIN}g, = {call}\n"))
    assert told == [("g", "x", f"g = {call}: 2 is the gradient of x")]


def test_several_of_which_one_is_not_used(recorded: Record) -> None:
    replay = recorded(BEGIN + "n = torch.ones(1, requires_grad=True)\n"
                      "g, none, h = torch.autograd.grad(y, (x, n, w), allow_unused=True)\n")
    assert [told[:2] for told in handed_out(replay)] == [("g", "x"), ("h", "w")]


def test_in_one_name(recorded: Record) -> None:
    told = handed_out(recorded(BEGIN + "grads = torch.autograd.grad(y, (x, w))\n"))
    assert [one[:2] for one in told] == [("grads[0]", "x"), ("grads[1]", "w")]


def test_chosen_at_once(recorded: Record) -> None:
    told = handed_out(recorded(BEGIN + "g = torch.autograd.grad(y, x)[0]\nk = g + 1\n"))
    assert [one[:2] for one in told] == [("g", "x")]


def test_what_backward_computes_on_the_way_has_not_its_name(recorded: Record) -> None:
    replay = recorded(BEGIN + "g, = torch.autograd.grad(y, x, create_graph=True)\n(g * 2).sum().backward()\n")
    named = {replay.label(out.tid) for seq in replay.events("op") if replay.span(seq).line == 4
             for out in replay.event(seq).outputs if replay.event(seq).name != "grad"}
    assert named >= {"g", "expand(…)"}
    assert len([name for name in named if name == "g"]) == 1
    assert x_grad(replay) == [4, 4, 4]  # of 2 · 2xw


def x_grad(replay: Replay) -> list[float]:
    x = next(replay.event(seq).outputs[0].tid for seq in replay.events("op"))
    content = inspect.tensor(replay, x, replay.n - 1).grad.array
    assert content is not None
    return list(content.tolist())


def test_it_is_the_last_event_of_the_call(recorded: Record) -> None:
    replay = recorded(BEGIN + "g, = torch.autograd.grad(y, x)\n")
    steps = [replay.kind(int(seq)) for seq in replay.steppable][-2:]
    assert steps == ["backward", "op"]
