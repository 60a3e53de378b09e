"""What PyTorch refuses at once: in place on leaves and on one of several views, a second backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.findings import find
from gradviz.replay import Replay

Record = Callable[[str], Replay]


@pytest.mark.parametrize(("text", "line", "leaf"), [
    ("a = torch.ones(4, requires_grad=True)\na += 10.0", 2, "a"),
    ("a = torch.ones(4, requires_grad=True)\na.add_(10.0)", 2, "a"),
    ("a = torch.ones(4, requires_grad=True)\n\na[:] = 0", 3, "a"),
    ("a = torch.ones(4, requires_grad=True)\nhead = a[:2]\nhead.zero_()", 3, "a"),
])
def test_a_leaf_changed_in_place_is_named_with_its_line(recorded: Record, text: str, line: int, leaf: str) -> None:
    finding, = find(recorded(text))
    assert (finding.kind, finding.severity, finding.root_cause.line) == ("leaf_inplace", "error", line)
    assert finding.tensors == [leaf]
    assert "torch.no_grad()" in finding.fix


def test_one_of_several_views_changed_in_place(recorded: Record) -> None:
    finding, = find(recorded("x = torch.ones(3, 2, requires_grad=True) * 2\na, b, c = x.unbind(0)\nb.mul_(2.0)"))
    assert (finding.kind, finding.root_cause.line, finding.tensors) == ("multi_view_inplace", 3, ["b"])
    assert "3 views" in finding.explanation


def test_a_second_backward_names_the_first_and_what_was_shared(recorded: Record) -> None:
    finding, = find(recorded("""
x = torch.ones(3, requires_grad=True)
trunk = x.tanh()
a = trunk.sum()
b = (trunk * 2).sum()
a.backward()
b.backward()
"""))
    assert (finding.kind, finding.op, finding.saved_at.line) == ("graph_reuse", "TanhBackward0", 3)
    assert (finding.root_cause.line, finding.failed_at.line) == (6, 7)


def test_a_graph_made_before_a_loop_points_to_where_it_was_made(recorded: Record) -> None:
    finding, = find(recorded("x = torch.ones(3, requires_grad=True)\ny = x.exp()\nfor k in range(2):\n"
                             "    y.sum().backward()"))
    assert (finding.kind, finding.root_cause.line, finding.failed_at.line) == ("graph_reuse", 2, 4)


@pytest.mark.parametrize("text", [
    "a = torch.ones(4, requires_grad=True)\nwith torch.no_grad():\n    a += 10.0",
    "a = torch.ones(4, requires_grad=True)\na.data.fill_(3.0)\n(a * a).sum().backward()",
    "a = torch.ones(4)\na += 10.0",
    "x = torch.ones(3, requires_grad=True)\n(x + 1).sum().backward()\n(x + 1).sum().backward()",
])
def test_legal_changes_get_no_finding(recorded: Record, text: str) -> None:
    assert find(recorded(text)) == []


def test_backward_on_several_elements_names_the_root(recorded: Record) -> None:
    finding, = find(recorded("w = torch.ones(3, requires_grad=True)\ny = w * 2\ny.backward()"))
    assert (finding.kind, finding.severity, finding.root_cause.line, finding.tensors) == (
        "nonscalar_backward", "error", 3, ["y"])


def test_a_backward_that_is_refused_is_an_event(recorded: Record) -> None:
    replay = recorded("x = torch.ones(1)\ntry:\n    x.backward()\nexcept RuntimeError:\n    pass")
    assert [replay.event(seq).phase for seq in replay.events("backward")] == ["begin", "failed"]
    assert len(replay.events("error")) == 1
    assert find(replay) == []
