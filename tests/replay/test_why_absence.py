"""Why there is no gradient: each reason names its line, and is true of the engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import gradviz.engine as torch
from gradviz.engine.autograd.node import AccumulateGrad
from gradviz.engine.tensor import gradient_edge
from gradviz.recorder import Recorder
from gradviz.replay import Replay
from gradviz.replay.absence import Absence, Reason, absence
from gradviz.replay.why import lines, why
from tests.programs import Program, begin, programs, run_line
from tests.replay.test_why import tid_of

Record = Callable[[str], Replay]


def reasons(replay: Replay, name: str, seq: int | None = None) -> list[tuple[str, int]]:
    answer = absence(replay, tid_of(replay, name), replay.n - 1 if seq is None else seq)
    assert len(lines(answer)) == len(answer.reasons) + 1
    return [(reason.kind, reason.line) for reason in answer.reasons]


PREAMBLE = """w = torch.tensor([1.0, 2.0], requires_grad=True)
v = torch.tensor([3.0, 4.0], requires_grad=True)
"""


@pytest.mark.parametrize(("text", "name", "expected"), [
    ("y = w * 2", "w", [("no_backward", 0)]),
    ("k = torch.tensor([1, 2])", "k", [("integer", 3), ("no_grad", 3)]),
    ("k = torch.tensor([1.0])", "k", [("no_grad", 3)]),
    ("y = w * 2\ny.sum().backward()", "y", [("not_leaf", 3)]),
    ("y = w * 2\ny.sum().backward()\ny.retain_grad()", "y", [("retained_late", 5), ("before", 4)]),
    ("v.sum().backward()", "w", [("unused", 3), ("not_ancestor", 3)]),
    ("y = w * 2\nv.sum().backward()", "w", [("not_ancestor", 4)]),
    ("y = (w * 2).detach()\n(y * v).sum().backward()", "w", [("cut", 3), ("not_ancestor", 4)]),
    ("y = (w * 2).data\n(y * v).sum().backward()", "w", [("cut", 3), ("not_ancestor", 4)]),
    ("with torch.no_grad():\n    y = w * 2\n(y * v).sum().backward()", "w", [("cut", 4), ("not_ancestor", 5)]),
    ("with torch.no_grad():\n    y = w * 2", "y", [("cut", 4), ("no_grad", 4)]),
    ("y = w.argmax()\n(v * y).sum().backward()", "w", [("cut", 3), ("not_ancestor", 4)]),
    ("y = w.sum().item()\n(v * y).sum().backward()", "w", [("cut", 3), ("not_ancestor", 4)]),
    ("b = torch.zeros(2)\nwith torch.no_grad():\n    b.copy_(w)\n(v * b).sum().backward()", "w",
     [("cut", 5), ("not_ancestor", 6)]),
    ("w.sum().backward()\nw.grad = None", "w", [("set_none", 4), ("before", 3)]),
    ("w.sum().backward()\nw.grad = None\nv.sum().backward()", "w",
     [("set_none", 4), ("not_ancestor", 5)]),
    ("torch.autograd.grad(w.sum(), w)", "w", [("grad_call", 3)]),
    ("(w * v).sum().backward(inputs=[v])", "w", [("inputs", 3)]),
    ("w.sum().backward()\nu = torch.tensor([1.0], requires_grad=True)", "u", [("before", 3)]),
    ("u = torch.tensor([1.0, 1.0])\ny = u * 2\nu.requires_grad_()\n(y * v).sum().backward()", "u",
     [("cut", 4), ("not_ancestor", 6)]),
    ("u = w * 2\nu.detach_()", "u", [("cut", 4), ("no_grad", 3)]),
    ("y = w.exp()\ny.add_(1)\ny.sum().backward()", "w", [("failed", 5)]),
])
def test_the_reasons_and_their_lines(recorded: Record, text: str, name: str, expected: list[tuple[str, int]]) -> None:
    assert reasons(recorded(PREAMBLE + text), name) == expected


def test_the_words(recorded: Record) -> None:
    replay = recorded(PREAMBLE + "y = (w * 2).detach()\nloss = (y * v).sum()\nloss.backward()\nz = w * v\n")
    assert lines(why(replay, tid_of(replay, "w"), replay.n - 1))[:2] == [
        "w.grad is None",
        "  cut by detach() of w * 2 at line 3 (event 3), so backward call 1 at line 5 did not reach it"]
    assert lines(absence(replay, tid_of(replay, "z"), replay.n - 1))[1] == (
        "  not a leaf: mul at line 6 made it; it keeps no gradient unless retain_grad() is called on it before "
        "backward")


def test_a_detach_that_is_only_looked_at_is_no_cut(recorded: Record) -> None:
    replay = recorded(PREAMBLE + "y = w * 2\nseen = y.detach()\nz = y.data\n(z * v).sum().backward()\n")
    assert reasons(replay, "w")[0] == ("cut", 5)


def test_an_update_under_no_grad_is_no_cut(recorded: Record) -> None:
    update = "with torch.no_grad():\n    w.sub_(v)\n    v.sub_(w.detach())\n"
    replay = recorded(PREAMBLE + update + "(v * 2).sum().backward()\n")
    assert ("not_ancestor", 6) in reasons(replay, "w")


def test_before_its_event_a_call_is_running_or_has_not_begun(recorded: Record) -> None:
    replay = recorded(PREAMBLE + "(w * v).sum().backward()\n")
    started = replay.events("backward")[0]
    assert reasons(replay, "w", started) == [("running", 3)]
    assert reasons(replay, "w", started - 1)[0][0] == "no_backward"


class Told:
    """What the engine knows of each backward call of a program: the leaves and nodes that it can reach."""

    def __init__(self) -> None:
        self.reached: list[set[int]] = []

    def before(self, held: list[Any], op: str, i: int) -> None:
        a = held[i % len(held)]
        if op == "backward" and a.requires_grad:
            leaves, nodes, waiting = set[int](), set[int](), [gradient_edge(a)[0]]
            while waiting:
                node = waiting.pop()
                if node is None or id(node) in nodes:
                    continue
                nodes.add(id(node))
                if node.__class__ is AccumulateGrad:
                    leaves.add(id(node.variable))
                waiting += [after for after, _ in node.next]
            self.reached.append(leaves)


@settings(max_examples=80, deadline=None)
@given(programs)
def test_every_missing_gradient_of_a_random_program_has_a_true_reason(program: Program) -> None:
    told = Told()
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "run.gvt")
        recorder.start()
        try:
            held = begin()
            for op, i, j in program:
                told.before(held, op, i)
                run_line(op, held, i, j)
        finally:
            recorder.stop()
        replay = Replay.open(recorder.path)
    for tensor in held:
        if not tensor._tid or replay.born(abs(tensor._tid)) < 0 or tensor._grad is not None:
            continue
        answer = absence(replay, abs(tensor._tid), replay.n - 1)
        assert answer.reasons, (program, tensor._tid)
        for reason in answer.reasons:
            assert true_of(tensor, reason, told), (reason, program)
        shown = why(replay, abs(tensor._tid), replay.n - 1)
        assert isinstance(shown, Absence) or not tensor.is_leaf


def true_of(tensor: Any, reason: Reason, told: Told) -> bool:
    """Whether the engine agrees with a reason."""
    floating = tensor.dtype.is_floating_point
    reaching = any(id(tensor) in leaves for leaves in told.reached)
    return {
        "integer": not floating,
        "no_grad": not tensor.requires_grad,
        "cut": not tensor.requires_grad or not all(id(tensor) in leaves for leaves in told.reached),
        "not_leaf": not tensor.is_leaf and not tensor.retains_grad,
        "retained_late": not tensor.is_leaf and tensor.retains_grad,
        "no_backward": not told.reached,
        "before": True,
        "set_none": tensor._grad is None,
        "not_ancestor": not tensor.is_leaf or not all(id(tensor) in leaves for leaves in told.reached),
        "unused": not tensor.is_leaf or not all(id(tensor) in leaves for leaves in told.reached),
        "failed": reaching or not tensor.is_leaf,
        "no_share": reaching or not tensor.is_leaf,
    }[reason.kind]


def test_engine_modes_are_left_as_they_were() -> None:
    assert torch.is_grad_enabled()
