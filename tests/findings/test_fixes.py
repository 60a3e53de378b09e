"""A proposed change is compiled and run: it mends the error, or nothing is proposed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import gradviz.engine as torch
from gradviz.findings import find
from gradviz.replay import Replay

Record = Callable[[str], Replay]

HEAD = "w = torch.ones(3, requires_grad=True)\ns = torch.full((3,), 2.0)\ny = w.exp()\n"
TAIL = "\ny.sum().backward()"


def patched(text: str, replay: Replay) -> str:
    """The script with the first finding's diff applied at its root cause."""
    finding = find(replay)[0]
    lines, at = text.splitlines(), finding.root_cause.line - 1  # type: ignore[union-attr]
    indent = lines[at][:len(lines[at]) - len(lines[at].lstrip())]
    gone = sum(sign in "- " for sign, _ in finding.fix_lines)
    new = [indent + line for sign, line in finding.fix_lines if sign in "+ "]
    return "\n".join([*lines[:at], *new, *lines[at + gone:]])


@pytest.mark.parametrize("write", [
    "y += 1", "y /= s + 1.0", "y *= w.detach() + 1", "y -= y.mean() if True else 3", "y.mul_(\n    10)",
    "y.add_(s, alpha=2)", "y[0] = 5.0", "y[1:].zero_()", "y.zero_()", "for k in range(2):\n    y -= s"])
def test_the_patched_script_runs_and_keeps_the_write(recorded: Record, write: str) -> None:
    text = HEAD + write + TAIL
    replay = recorded(text)
    assert find(replay)[0].fix_lines
    names: dict[str, object] = {"torch": torch}
    exec(patched(text, replay), names)
    plain: dict[str, object] = {"torch": torch}
    exec(HEAD.replace("requires_grad=True", "requires_grad=False") + write, plain)
    assert torch.equal(names["y"].detach(), plain["y"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("write", [
    "torch.relu_(y)", "y.view(3)[0].mul_(10)", "for t in [y]: t.add_(1)", "z, u = y, y.mul_(2)"])
def test_what_is_not_sure_is_said_in_words(recorded: Record, write: str) -> None:
    finding = find(recorded(HEAD + write + TAIL))[0]
    for _, line in finding.fix_lines:
        compile(line if not line.startswith("    ") else line.strip(), "fix", "exec")
    assert "torch = " not in str(finding.fix_lines)


def test_a_leaf_update_is_wrapped(recorded: Record) -> None:
    text = "w = torch.ones(3, requires_grad=True)\nw -= 0.5\nw.sum().backward()"
    names: dict[str, object] = {"torch": torch}
    exec(patched(text, recorded(text)), names)
    assert torch.equal(names["w"].detach(), torch.full((3,), 0.5))  # type: ignore[attr-defined]
