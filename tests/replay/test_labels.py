"""What is called by the expression at its place, and what by the module or the op that made it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.replay import Replay
from gradviz.replay.narrate import sentence

Record = Callable[[str], Replay]
NN = "nn = torch.nn\nx = torch.ones(3, 2)\n"


def made_by(replay: Replay, op: str) -> list[str]:
    """What the results of the ops of a name are called."""
    events = [replay.event(seq) for seq in replay.events("op")]
    return [replay.label(facts.tid) for event in events if event.name == op for facts in event.outputs]


@pytest.mark.parametrize(("model", "tanh"), [("net", "net.1(…)"), ("holder['net']", "holder['net'].1(…)")])
def test_layers_of_one_call_are_told_apart(recorded: Record, model: str, tanh: str) -> None:
    replay = recorded(NN + "net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))\nholder = {'net': net}\n"
                      f"({model}(x) ** 2).sum().backward()\n")
    assert made_by(replay, "tanh") == [tanh]
    assert made_by(replay, "linear") == [tanh.replace("1", "0"), f"{model}(x)"]
    assert f"tanh inside {model}(x) · TanhBackward0 keeps {tanh}" in [sentence(replay, n) for n in replay.events("op")]


def test_a_layer_of_a_module_is_called_by_its_path(recorded: Record) -> None:
    replay = recorded(NN + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
                      "        self.mlp = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))\n"
                      "    def forward(self, x):\n        return self.mlp(x) * 2\nNet()(x).sum().backward()\n")
    assert made_by(replay, "tanh") == ["mlp.1(…)"]


def test_nothing_in_an_optimizers_step_is_its_value(recorded: Record) -> None:
    replay = recorded("w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1, weight_decay=0.1)\n"
                      "w.sum().backward()\nopt.step()\n")
    steps = [seq for seq in replay.events("op") if replay.source_text(replay.span(seq)) == "opt.step()"]
    assert steps
    assert all(" inside opt.step()" in sentence(replay, seq) for seq in steps)
    assert "opt.step()" not in {replay.label(facts.tid) for seq in steps for facts in replay.event(seq).outputs}


def test_the_same_call_in_a_loop_gives_its_value_each_time(recorded: Record) -> None:
    replay = recorded("x = torch.ones(3, 2, requires_grad=True)\nkept = []\n"
                      "for _ in range(3): kept.append(torch.nn.functional.cross_entropy(x, torch.tensor([0, 1, 1])))\n")
    assert made_by(replay, "nll_loss") == ["torch.nn.functional.cro…"] * 3
    assert made_by(replay, "log_softmax") == ["log_softmax(…)"] * 3


def test_operands_in_another_form_are_called_after_what_they_are_views_of(recorded: Record) -> None:
    replay = recorded("x = torch.ones(2, 3, 4, requires_grad=True)\nnet = torch.nn.Linear(4, 5)\n"
                      "net(x).sum().backward()\n")
    (linear,) = [sentence(replay, seq) for seq in replay.events("op") if replay.event(seq).name == "linear"]
    assert linear == "net(x) · AddmmBackward0 keeps weight.T and x as 6×4"


def test_a_parameter_that_is_filled_before_its_module_is_called(recorded: Record) -> None:
    replay = recorded("net = torch.nn.Linear(2, 1)\nwith torch.no_grad():\n    "
                      "for p in net.parameters(): p.fill_(0.5)\n"
                      "net(torch.ones(1, 2)).sum().backward()\n")
    told = [sentence(replay, seq) for seq in replay.events("op") if replay.event(seq).name == "fill_"]
    assert [text.split(" in place")[0] for text in told] == ["p.fill_(0.5) writes weight", "p.fill_(0.5) writes bias"]
