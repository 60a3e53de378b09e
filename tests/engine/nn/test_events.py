"""What a recorder is told of modules: calls, owners, hooks; and what it is not told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz.engine as torch
from gradviz import probe
from gradviz.recorder import Recorder
from gradviz.replay import Replay
from tests.engine.test_events import Ear, ear  # noqa: F401 - a fixture

nn = torch.nn


class Net(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.Tanh()])
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x + self.shift


def told(heard: Ear) -> list[tuple[str, str, bool]]:
    return [(event.path, event.cls, event.entered) for event in heard.of("scope")]


def test_calls_are_scopes(ear: Ear) -> None:  # noqa: F811
    Net()(torch.ones(1, 2))
    assert told(ear) == [("", "Net", True), ("first", "Linear", True), ("first", "Linear", False),
                         ("blocks.0", "Linear", True), ("blocks.0", "Linear", False), ("blocks.1", "Tanh", True),
                         ("blocks.1", "Tanh", False), ("", "Net", False)]
    root, first, *_ = ear.of("scope")
    assert (root.parent, first.parent) == (0, root.id)
    assert probe.position.scope == 0


def test_a_scope_is_left_by_an_exception(ear: Ear) -> None:  # noqa: F811
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        Net()(torch.ones(1, 5))
    assert told(ear)[-2:] == [("first", "Linear", False), ("", "Net", False)]
    assert probe.position.scope == 0


def test_owners_are_told_once(ear: Ear) -> None:  # noqa: F811
    net = Net().eval()
    x = torch.ones(1, 2)
    net(x)
    net(x)
    assert [(event.path, event.role, event.training) for event in ear.of("owner")] == [
        ("shift", "buffer", False),
        *((path, "parameter", False) for path in ("first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias"))]
    assert ear.of("owner")[1].tid == net.first.weight._tid


def test_a_module_that_is_no_part_is_a_root_of_its_own(ear: Ear) -> None:  # noqa: F811
    other = nn.Sequential(nn.Linear(3, 1))

    class Outer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.own = nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            return self.own(other(self.own(x)).expand(-1, 2))

    Outer()(torch.ones(1, 2))
    assert [path for path, _, entered in told(ear) if entered] == ["", "own", "", "0", "own"]


def test_a_module_added_in_forward_has_its_path(ear: Ear) -> None:  # noqa: F811
    class Late(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            self.made = nn.Linear(2, 1)
            return self.made(x)

    Late()(torch.ones(1, 2))
    assert [path for path, _, entered in told(ear) if entered] == ["", "made"]
    assert [event.path for event in ear.of("owner")] == ["made.weight", "made.bias"]


def test_making_a_layer_tells_nothing(ear: Ear) -> None:  # noqa: F811
    nn.Linear(2, 3)
    nn.LSTM(2, 3)
    nn.TransformerEncoderLayer(4, 2)
    assert not ear.of("op", "tensor", "mode", "write")


def test_a_user_s_own_ops_in_a_constructor_are_told(ear: Ear) -> None:  # noqa: F811
    class Mine(nn.Linear):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(2, 3)
            self.extra = nn.Parameter(torch.zeros(2))

    Mine()
    assert [event.name for event in ear.of("op")] == ["zeros"]
    assert len(ear.of("tensor")) == 1


def test_forward_hooks(ear: Ear) -> None:  # noqa: F811
    layer = nn.Linear(2, 1)
    seen = []

    def watch(module: Any, args: Any, output: Any) -> None:
        seen.append(output + 1)

    handle = layer.register_forward_hook(watch)
    layer(torch.ones(1, 2))
    handle.remove()
    added, = ear.of("hook_add")
    called, = ear.of("hook_call")
    removed, = ear.of("hook_remove")
    assert (added.target, added.type, added.hook) == ("module", "forward", called.hook)
    assert added.function.endswith("watch")
    assert removed.hook == added.hook
    inside, = (event for event in ear.of("op") if event.name == "add")
    assert inside.within == called.id
    assert seen


def test_backward_hooks_run_at_a_node(ear: Ear) -> None:  # noqa: F811
    layer = nn.Linear(2, 1)

    def tenfold(module: Any, grad_input: Any, grad_output: Any) -> Any:
        return (grad_input[0] * 10,)

    layer.register_full_backward_hook(tenfold)
    x = torch.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    module, node = ear.of("hook_add")
    call, = ear.of("hook_call")
    assert (module.target, node.target, node.type) == ("module", "node", "node_post")
    assert node.function.endswith("tenfold")
    assert (call.hook, call.nid) == (node.hook, node.ref)
    assert call.grad_out is not None


def test_the_names_in_a_replay(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "net.gvt", quiet=True)
    net = Net()
    recorder.start()
    y = net(torch.ones(1, 2))
    y.sum().backward()
    recorder.stop()
    replay = Replay.open(tmp_path / "net.gvt")
    weight = next(event for seq in replay.events("owner") if (event := replay.event(seq)).path == "first.weight")
    assert replay.label(weight.tid, replay.end) == "first.weight"
    linear = next(event for seq in replay.events("op") if (event := replay.event(seq)).name == "linear")
    scope = next(event for seq in replay.events("scope") if (event := replay.event(seq)).id == linear.scope)
    assert (scope.path, scope.cls) == ("first", "Linear")


def test_a_parameter_is_not_called_like_the_result(tmp_path: Path) -> None:
    """It is told of where its model is called, but it is not what is bound there."""
    recorder = Recorder(tmp_path / "net.gvt", quiet=True)
    net = Net()
    recorder.start()
    y = net(torch.ones(1, 2))
    recorder.stop()
    replay = Replay.open(tmp_path / "net.gvt")
    assert "y" not in [replay.label(replay.event(seq).facts.tid, seq) for seq in replay.events("tensor")]
    assert y.shape == (1, 3)


def test_only_what_leaves_a_call_has_its_name(tmp_path: Path) -> None:
    """The steps of a layer all happen at the place where it is called."""
    recorder = Recorder(tmp_path / "rnn.gvt", quiet=True)
    rnn = nn.GRU(2, 3)
    recorder.start()
    y, last = rnn(torch.ones(4, 1, 2))
    for _ in range(2):
        y = torch.tanh(y)
    recorder.stop()
    replay = Replay.open(tmp_path / "rnn.gvt")
    made = [(event.name, event.scope > 0, replay.label(event.outputs[0].tid, seq)) for seq in replay.events("op")
            if (event := replay.event(seq)).outputs]
    assert {name for name, inside, label in made if inside and label in ("y", "last")} == {"stack"}
    assert [label for name, _, label in made if name == "stack"] == ["y", "y"]
    assert [label for _, inside, label in made if not inside][-2:] == ["y", "y"]
    assert last.shape == (1, 1, 3)
