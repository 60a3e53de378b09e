"""The in-place error as a story: saved here, overwritten there, failed now; and what must not be reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradviz.findings import Finding, find
from gradviz.replay import Replay

Record = Callable[[str], Replay]


def only(replay: Replay) -> Finding:
    found = find(replay)
    assert len(found) == 1, [finding.kind for finding in found]
    return found[0]


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "an index is assigned": ("""
a = torch.tensor([1.0, 3.0], requires_grad=True)
b = a + 2
loss = (b * b).mean()
b[0] = 1000.0
loss.backward()
""", {"kind": "inplace_modified", "op": "MulBackward0", "lines": (4, 5, 6), "versions": (0, 1), "tensors": ["b"]}),
    "an augmented assignment": ("""
x = torch.ones(3, requires_grad=True)
out = x.relu()
out += x
out.sum().backward()
""", {"kind": "inplace_modified", "op": "ReluBackward0", "lines": (3, 4, 5), "versions": (0, 1), "tensors": ["out"]}),
    "the second write in a loop": ("""
x = torch.ones(3, requires_grad=True)
h = x * 2
for k in range(3):
    if k == 1:
        y = h.exp() * h
    h.add_(1.0)
y.sum().backward()
""", {"kind": "inplace_modified", "op": "MulBackward0", "lines": (6, 7, 8), "versions": (1, 3), "tensors": ["h"]}),
    "a row of it is zeroed through a view": ("""
x = torch.ones(3, 4, requires_grad=True)
h = x * 2
reg = h.pow(2).mean()
row = h[0]
row.zero_()
reg.backward()
""", {"kind": "inplace_modified_view", "op": "PowBackward0", "lines": (4, 6, 7), "versions": (0, 1), "tensors": ["h"]}),
    "its base is written": ("""
x = torch.ones(3, 4, requires_grad=True)
h = x * 2
flat = h.view(12)
reg = flat.pow(2).mean()
h.mul_(3.0)
reg.backward()
""", {"kind": "inplace_modified_view", "op": "PowBackward0", "lines": (5, 6, 7), "versions": (0, 1),
      "tensors": ["flat"]}),
    "a detached alias is written": ("""
x = torch.ones(4, requires_grad=True)
probs = torch.sigmoid(x)
loss = probs.sum()
hard = probs.detach()
hard.zero_()
loss.backward()
""", {"kind": "inplace_modified_alias", "op": "SigmoidBackward0", "lines": (3, 6, 7), "versions": (0, 1),
      "tensors": ["probs"]}),
    "a leaf is updated between two backwards": ("""
w = torch.ones(2, requires_grad=True)
loss = (w * w).sum()
loss.backward(retain_graph=True)
with torch.no_grad():
    w -= 0.1 * w.grad
loss.backward()
""", {"kind": "inplace_modified", "op": "MulBackward0", "lines": (3, 6, 7), "versions": (0, 1), "tensors": ["w"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_story_names_the_three_places(recorded: Record, case: str) -> None:
    text, expected = CASES[case]
    finding = only(recorded(text))
    saved, written, failed = expected["lines"]
    assert (finding.kind, finding.severity, finding.op) == (expected["kind"], "error", expected["op"])
    assert (finding.saved_at.line, finding.overwritten_at.line, finding.failed_at.line) == (saved, written, failed)
    assert finding.root_cause == finding.overwritten_at
    assert (finding.expected_version, finding.actual_version) == expected["versions"]
    assert finding.tensors == expected["tensors"]
    assert [stop.title for stop in finding.stops] == ["Saved", "Overwritten", "Failed"]
    assert [stop.place.line for stop in finding.stops] == [saved, written, failed]
    assert text.splitlines()[written - 1].strip().startswith(finding.root_cause.text)


def test_the_fix_of_an_augmented_assignment_is_that_line_out_of_place(recorded: Record) -> None:
    finding = only(recorded(CASES["an augmented assignment"][0]))
    assert finding.fix_lines == [("-", "out += x"), ("+", "out = out + x")]


def test_the_alias_chain_is_told(recorded: Record) -> None:
    finding = only(recorded(CASES["a detached alias is written"][0]))
    assert "through hard, a detached alias of probs" in finding.explanation


@pytest.mark.parametrize("text", [
    "x = torch.ones(2, requires_grad=True)\ny = x + 1\ny += 1\ny.sum().backward()",
    "x = torch.ones(2, requires_grad=True)\ny = x.exp()\nz = y.clone()\nz.mul_(2)\nz.sum().backward()",
    "x = torch.ones(2, requires_grad=True)\nwith torch.no_grad():\n    x.mul_(3.0)\n(x * x).sum().backward()",
    "x = torch.ones(2, requires_grad=True)\nloss = (x * x).sum()\nloss.backward(retain_graph=True)\nloss.backward()",
])
def test_legal_programs_get_no_finding(recorded: Record, text: str) -> None:
    assert find(recorded(text)) == []


def test_an_error_that_the_script_caught_is_only_information(recorded: Record) -> None:
    text = CASES["an index is assigned"][0].replace(
        "loss.backward()", "try:\n    loss.backward()\nexcept RuntimeError:\n    pass")
    assert only(recorded(text)).severity == "info"
