"""Where NaN, Inf and zeros began, and who wrote a tensor last: each told by its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.replay import Replay
from gradviz.replay.origin import gradient_origin, value_origin
from gradviz.replay.why import lines
from gradviz.replay.writers import last_writer
from tests.replay.test_why import tid_of

Record = Callable[[str], Replay]

PREAMBLE = "x = torch.tensor([1.0, 0.0], requires_grad=True)\n"


def told_of_gradient(replay: Replay, name: str = "x") -> list[str]:
    origin = gradient_origin(replay, tid_of(replay, name), replay.n - 1)
    assert origin is not None
    return lines(origin)


@pytest.mark.parametrize(("text", "has", "began", "causes"), [
    ("x.sqrt().sum().backward()", "holds Inf", "SqrtBackward0 at line 2",
     ["upstream 1 at [1]", "saved result (x.sqrt()) is 0 at [1]"]),
    ("y = x.log()\nz = y * 1\nz.sum().backward()", "holds Inf", "LogBackward0 at line 2",
     ["upstream 1 at [1]", "saved self (x) is 0 at [1]"]),
    ("q = torch.tensor([1.0, 0.0]).log()\n(x * q).sum().backward()", "holds Inf", "MulBackward0 at line 3",
     ["upstream 1 at [1]", "saved other (q) is -inf at [1]", "q: log at line 2 (event"]),
    ("(x * 2).sum().backward(torch.tensor(float('inf')))", "holds Inf", "backward call 1 was called with it at line 2",
     []),
    ("x.register_hook(lambda g: g / 0)\n(x * 2).sum().backward()", "holds Inf", "hook <lambda> at line 2", []),
    ("(x * 3e38 + x * 3e38).sum().backward()", "holds Inf", "the sum of finite shares overflowed at line 2", []),
    ("y = (x - 2).relu()\n(y * 5).sum().backward()", "is zero everywhere", "ReluBackward0 at line 2",
     ["saved result (y) is 0 everywhere"]),
    ("m = torch.zeros(2)\n(x * m).sum().backward()", "is zero everywhere", "MulBackward0 at line 3",
     ["saved other (m) is 0 everywhere"]),
    ("x.clamp(5, 6).sum().backward()", "is zero everywhere", "ClampBackward1 at line 2",
     ["saved self (x) lies between 0 and 1"]),
    ("x[0:0].sum().backward()", "is zero everywhere", "SliceBackward0 at line 2 (event 6) was handed an empty gradient",
     []),
    ("(x - x).sum().backward()", "is zero everywhere", "shares cancelled each other at line 2", []),
    ("y = x * 2\ny.fill_(3.0)\ny.sum().backward()", "is zero everywhere", "FillBackward2 at line 3",
     ["what was there was overwritten, so nothing depends on it"]),
    ("(x * 2).sum().backward()\nx.grad.zero_()", "is zero everywhere", "it was written by zero_ at line 3", []),
    ("x.sqrt().sum().backward()\n(x * 2).sum().backward()", "holds Inf", "SqrtBackward0 at line 2",
     ["upstream 1 at [1]", "saved result (x.sqrt()) is 0 at [1]"]),
])
def test_where_a_gradient_began(recorded: Record, text: str, has: str, began: str, causes: list[str]) -> None:
    told = told_of_gradient(recorded(PREAMBLE + text))
    assert told[0] == f"x.grad {has}"
    assert told[1].strip().startswith(began)
    assert len(told) == 2 + len(causes)
    assert all(line.strip().startswith(cause) for line, cause in zip(told[2:], causes, strict=True)), told


def test_a_zero_with_several_reasons_names_each(recorded: Record) -> None:
    told = told_of_gradient(recorded(PREAMBLE + "m = torch.zeros(2)\n(x * m + (x - 2).relu()).sum().backward()\n"))
    assert {line.split()[0] for line in told if line.startswith("  ") and not line.startswith("    ")} == {
        "ReluBackward0", "MulBackward0"}


def test_a_healthy_gradient_has_no_origin(recorded: Record) -> None:
    replay = recorded(PREAMBLE + "(x * 2).sum().backward()\nu = torch.ones(1, requires_grad=True)\n")
    assert gradient_origin(replay, tid_of(replay, "x"), replay.n - 1) is None
    assert gradient_origin(replay, tid_of(replay, "u"), replay.n - 1) is None
    assert value_origin(replay, tid_of(replay, "x"), replay.n - 1) is None


def test_a_large_gradient_is_followed_by_its_figures(recorded: Record) -> None:
    replay = recorded("x = torch.zeros(1000, requires_grad=True)\ny = x.sqrt()\n(y * 3).sum().backward()\n")
    told = told_of_gradient(replay)
    assert told[0] == "x.grad holds Inf"
    assert "SqrtBackward0 at line 2" in told[1]


@pytest.mark.parametrize(("text", "began", "causes"), [
    ("y = x.log()\nz = y * 2\nw = z + 1\n", "log at line 2", ["x is 0 at [1]"]),
    ("w = x / x\n", "div at line 2", ["x is 0 at [1]", "x is 0 at [1]"]),
    ("w = torch.zeros(2)\nw.fill_(float('nan'))\n", "fill_ at line 3", []),
    ("a = torch.tensor([float('inf')])\nw = a * 2\n", "tensor at line 2", []),
    ("b = torch.zeros(2)\nb[0] = float('inf')\nw = b + 1\n", "setitem at line 3", []),
])
def test_where_a_value_began(recorded: Record, text: str, began: str, causes: list[str]) -> None:
    replay = recorded(PREAMBLE + text)
    origin = value_origin(replay, tid_of(replay, "w"), replay.n - 1)
    assert origin is not None
    told = lines(origin)
    assert told[1].strip().startswith(began)
    assert [line.strip() for line in told[2:]][:len(causes)] == causes


def test_the_last_write_is_told_with_the_chain_of_aliases(recorded: Record) -> None:
    replay = recorded("""b = torch.zeros(4)
v = b[1:3]
d = v.detach()
d.fill_(7.0)
t = b[3:]
t.data.add_(1.0)
u = b[0:1]
""")
    told = {name: lines(last_writer(replay, tid_of(replay, name), replay.n - 1)) for name in "bvtud"}
    assert told["v"] == ["v was last written by fill_ at line 4 (event 3), through d: version 0 → 1",
                         "  d is detach() of v, line 3", "  v is a view of b, line 2"]
    assert told["d"][0] == "d was last written by fill_ at line 4 (event 3): version 0 → 1"
    assert told["t"] == ["t was last written by add_ at line 6 (event 6), through t.data: version 0 → 1",
                         "  t.data is .data of t, line 6", "  t is a view of b, line 5",
                         "  the version of t did not move: backward cannot notice this write"]
    assert told["b"][0].startswith("b was last written by add_ at line 6")
    assert told["u"] == ["u was not written since select made it at line 7"] or told["u"] == [
        "u was not written since slice made it at line 7"]
    earlier = last_writer(replay, tid_of(replay, "v"), 2)
    assert (earlier.written, earlier.op, earlier.line) == (-1, "slice", 2)
