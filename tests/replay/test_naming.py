"""What tensors are called: by the script's own words, wherever those stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import gradviz.engine as torch
from gradviz.recorder import Recorder
from gradviz.recorder.portions import Steps
from gradviz.replay import Replay
from gradviz.replay.naming import grad_of

Record = Callable[[str], Replay]

CELL = "def cell(x):\n    a = x * 2\n    b = x * 3\n    return a, b\n"
X = "x = torch.ones(3, requires_grad=True)\n"
NET = """\
class Net:
    def __init__(self, n):
        self.w = torch.ones(n)
    def grow(self):
        self.v = self.w * 2
"""


def called(replay: Replay, op: str, seq: int | None = None) -> list[str]:
    """The labels of the results of all ops of a name."""
    return [replay.label(facts.tid, seq) for at in replay.events("op") if replay.event(at).name == op
            for facts in replay.event(at).outputs]


@pytest.mark.parametrize(("source", "names"), [
    (CELL + "h, c = cell(x)", ["h", "c"]),
    (CELL + "h, c = cell(x)\nprint(h)", ["h", "c"]),
    (CELL + "(h, c) = cell(x)", ["h", "c"]),
    (CELL + "both = cell(x)", ["both[0]", "both[1]"]),
    (CELL + "h, *rest = cell(x)", ["h", "rest[0]"]),
    (CELL + "*rest, c = cell(x)", ["rest[0]", "c"]),
    (CELL + "(h, c), n = cell(x), 3", ["h", "c"]),
    (CELL + "cell(x)", ["a", "b"]),
    (CELL + "class S: pass\ns = S()\ns.h, s.c = cell(x)", ["s.h", "s.c"]),
    (CELL + "def outer(x):\n    return cell(x)\nh, c = outer(x)", ["h", "c"]),
    (CELL + "def outer(x):\n    return cell(x), 3\n(h, c), n = outer(x)", ["h", "c"]),
    (CELL + "def outer(x):\n    h, c = cell(x)\n    return c, h\np, q = outer(x)", ["h", "c"]),
    ("def f(x):\n    return x * 2, x * 3\nh, c = f(x)", ["h", "c"]),
    ("def f(x):\n    return [x * 2, (x * 3, 1)]\nh, (c, n) = f(x)", ["h", "c"]),
    ("def f(x):\n    return {'h': x * 2, 'c': x * 3}\nd = f(x)", ["d['h']", "d['c']"]),
    ("def f(x):\n    h = x * 2\n    return h\nout = f(x)", ["out"]),
    ("def f(x):\n    h = x * 2\n    h = h + 1\n    return h\nout = f(x)", ["h"]),
    ("def f(x, c):\n    if c:\n        h = x * 2\n    else:\n        h = x + 1\n    return h\nout = f(x, True)",
     ["out"]),
    ("def f(x):\n    for i in range(3):\n        x = x * 2\n    return x\nout = f(x)", ["x", "x", "out"]),
    ("out = (lambda x: (x * 2, 1))(x)", ["out[0]"]),
])
def test_what_is_returned_is_called_as_the_caller_does(recorded: Record, source: str, names: list[str]) -> None:
    assert called(recorded(X + source), "mul") == names


def test_inside_the_function_it_has_the_name_that_it_has_there(recorded: Record) -> None:
    replay = recorded(X + "def f(x):\n    h = x * 2\n    g = h + 1\n    return h\nout = f(x)\nlast = out + 1\n")
    _, product, inner, outer = replay.events("op")
    tid = replay.event(product).outputs[0].tid
    assert [replay.label(tid, seq) for seq in (product, inner, outer)] == ["h", "h", "out"]


@pytest.mark.parametrize(("source", "names"), [
    ("parts = x.chunk(3)", ["parts[0]", "parts[1]", "parts[2]"]),
    ("a, *rest = x.chunk(3)", ["a", "rest[0]", "rest[1]"]),
    ("*rest, a = x.chunk(3)", ["rest[0]", "rest[1]", "a"]),
    ("a, b, c = x.chunk(3)", ["a", "b", "c"]),
])
def test_several_results(recorded: Record, source: str, names: list[str]) -> None:
    assert called(recorded(X + source), "split") == names


@pytest.mark.parametrize(("source", "names"), [
    ("one, two = Net(1), Net(2)", ["one.w", "two.w"]),
    ("one = Net(1)\ntwo = Net(2)", ["one.w", "two.w"]),
    ("nets = [Net(1), Net(2)]", ["nets[0].w", "nets[1].w"]),
    ("class Sub(Net):\n    def __init__(self):\n        super().__init__(3)\nsub = Sub()", ["sub.w"]),
    ("class Two:\n    def __init__(self):\n        self.a = Net(1)\n        self.b = Net(2)\ntwo = Two()",
     ["two.a.w", "two.b.w"]),
    ("Net(3)", ["self.w"]),
])
def test_attributes_of_two_objects_are_told_apart(recorded: Record, source: str, names: list[str]) -> None:
    assert called(recorded(NET + source), "ones") == names


def test_attributes_that_methods_set(recorded: Record) -> None:
    replay = recorded(NET + "one, two = Net(1), Net(2)\none.grow()\ntwo.grow()\n")
    assert called(replay, "mul") == ["one.v", "two.v"]


@pytest.mark.parametrize(("source", "op", "names"), [
    ("def f(h):\n    return (h.sum() + 1).exp()\nf(x * 2)", "mul", ["h"]),
    ("def f(h):\n    return (3 * h).exp()\nf(x + 2)", "add", ["h"]),
    ("def loss(pred, target):\n    ((pred - target) ** 2).sum().backward()\nloss(x * 2, x * 3)", "mul",
     ["pred", "target"]),
    ("for row in torch.ones(2, 2):\n    (row * 2).sum()", "unbind", ["row", "row"]),
    ("for a in [x * 2]:\n    a.exp().sum()", "mul", ["a"]),
    ("[a.exp() for a in (x * 2, x * 3)]", "mul", ["a", "a"]),
    ("def f(n):\n    n.backward()\nf((x * 2).sum())", "sum", ["n"]),
    ("def f(n):\n    torch.exp(n)\nf((x * 2))", "mul", ["n"]),
    ("def f(n, m):\n    torch.stack([n, m])\nf(x * 2, x * 3)", "mul", ["n", "m"]),
    ("(x * 2).exp()", "mul", ["x * 2"]),
    ("k = 1 / x", "reciprocal", ["reciprocal(…)"]),
    ("with open(__file__ if '__file__' in globals() else '/dev/null') as f, torch.no_grad():\n    y = x * 2", "mul",
     ["y"]),
])
def test_what_is_bound_without_an_op_is_called_as_where_it_is_used(recorded: Record, source: str, op: str,
                                                                   names: list[str]) -> None:
    assert called(recorded(X + source), op) == names


LAYERS = "nn = torch.nn\none, two = nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3))\n"


@pytest.mark.parametrize(("source", "names"), [
    ("one(one(x)).sum().backward()", ["weight", "bias"]),
    ("two(x).sum().backward()", ["0.weight", "0.bias"]),
    ("two[0](one(x)).sum().backward()", ["one.weight", "one.bias", "two[0].weight", "two[0].bias"]),
    ("class N:\n    def __init__(self):\n        self.g, self.d = one, two[0]\nn = N()\nn.d(n.g(x)).sum().backward()",
     ["n.g.weight", "n.g.bias", "n.d.weight", "n.d.bias"]),
    ("two(one(x)).sum().backward()", ["weight", "bias", "0.weight", "0.bias"]),
])
def test_parameters_of_one_path_are_told_apart_by_what_is_called(recorded: Record, source: str,
                                                                 names: list[str]) -> None:
    replay = recorded(X + LAYERS + source)
    assert [replay.label(replay.event(seq).tid) for seq in replay.events("owner")] == names


def test_an_argument_of_a_results_method_is_no_name_of_the_result(recorded: Record) -> None:
    replay = recorded("T = 2\nm = torch.ones(T, T).view(T, T)")
    assert called(replay, "ones") == ["torch.ones(T, T)"]


@pytest.mark.parametrize(("label", "gradient"), [
    ("w", "w.grad"), ("w[0]", "w[0].grad"), ("model[0].weight", "model[0].weight.grad"), ("a[i, 1:]", "a[i, 1:].grad"),
    ("a + b[0]", "(a + b[0]).grad"), ("f(x)", "(f(x)).grad"), ("-a", "(-a).grad"),
])
def test_only_an_expression_goes_into_parentheses(label: str, gradient: str) -> None:
    assert grad_of(label) == gradient


def test_globals_and_nonlocals(recorded: Record) -> None:
    replay = recorded(X + "def f():\n    global g\n    g = x * 2\nf()\n"
                      "def outer():\n    n = None\n    def inner():\n        nonlocal n\n        n = x * 3\n"
                      "    inner()\n"
                      "outer()\n")
    assert called(replay, "mul") == ["g", "n"]


def test_what_a_recording_meets_late_is_called_as_where_it_is_used(tmp_path: Path) -> None:
    """Reading the frames' variables would keep them alive: in Python 3.11 and 3.12 a frame holds what it was asked."""
    script = tmp_path / "late.py"
    script.write_text(X + "w = [torch.ones(3), torch.ones(3)]\nfor i in range(3):\n    (x * w[1]).sum().backward()\n"
                      "    x.grad.zero_()\n")
    recorder = Recorder(tmp_path / "t.gvt", roots=[str(tmp_path)], steps=Steps.parse("1:"))
    recorder.start()
    try:
        exec(compile(script.read_text(), str(script), "exec"), {"torch": torch})
    finally:
        recorder.stop()
    replay = Replay.open(tmp_path / "t.gvt")
    product = replay.event(next(seq for seq in replay.events("op") if replay.event(seq).name == "mul"))
    assert [replay.label(tid, product.seq) for tid, _ in product.inputs] == ["x", "w[1]"]
    assert replay.label(product.inputs[0][0], replay.born(product.inputs[0][0])) == "x"


def test_without_the_source_there_are_no_names_of_uses(tmp_path: Path) -> None:
    script = tmp_path / "bare.py"
    script.write_text(X + "def f(h):\n    h.exp()\nf(x * 2)\n")
    recorder = Recorder(tmp_path / "t.gvt", roots=[str(tmp_path)], sources=False)
    recorder.start()
    try:
        exec(compile(script.read_text(), str(script), "exec"), {"torch": torch})
    finally:
        recorder.stop()
    assert called(Replay.open(tmp_path / "t.gvt"), "mul") == ["mul(…)"]
