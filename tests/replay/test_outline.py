"""Groups of ops: module calls as they were entered, functions, turns of loops; expected values read off the scripts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.replay import Replay
from gradviz.replay.iterations import CROWD, PLAIN, Branch, Outline, gradient_norms, repeats

Record = Callable[[str], Replay]
MODULES = """
nn = torch.nn
class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(2, 2)
    def forward(self, x):
        return self.lin(x).relu()
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Half(), Half()
    def forward(self, x):
        return self.b(self.a(x) * 2)
model = Whole()
(model(torch.ones(2)) - 1).sum().backward()
"""
FUNCTIONS = """
w = torch.tensor(2.0, requires_grad=True)
def cell(h):
    h = h * w
    return h + 1
def once(h):
    return h - w
h = w * 3
for _ in range(30):
    h = cell(h)
    h = h.tanh()
once(h).backward()
"""


def outline(replay: Replay) -> Outline:
    """Over every op that made a node."""
    made = np.unique(replay.index.nodes.seq[replay.index.nodes.ints("leaf") == 0])
    return Outline(replay, made)


def shape(outline: Outline, branch: Branch, depth: int = 9) -> list[object]:
    """Kind and label, and the same of what is within; ops by their name."""
    told: list[object] = []
    for child in outline.children(branch):
        if child.kind == "op":
            told.append(outline.replay.event(int(outline.seqs[child.first])).name)
        else:
            told.append((child.kind, child.label, child.about, shape(outline, child, depth - 1) if depth else ...))
    return told


def test_module_calls_nest_as_they_were_entered(recorded: Record) -> None:
    found = outline(recorded(MODULES))
    half = [("module", "lin", "Linear", ["linear"]), "relu"]
    assert shape(found, found.root) == [
        ("module", "model", "Whole", [("module", "a", "Half", half), "mul", ("module", "b", "Half", half)]),
        "sub", "sum"]


def test_functions_and_the_turns_of_a_loop(recorded: Record) -> None:
    found = outline(recorded(FUNCTIONS))
    (first, roll, last) = found.children(found.root)
    assert (first.kind, roll.kind, roll.times, roll.many, last.kind) == ("op", "roll", 30, 90, "op")
    parts = found.children(roll)
    assert [(part.kind, part.label, part.times) for part in parts] == [
        ("roll", "loop 1 – 10", 10), ("roll", "loop 11 – 20", 10), ("roll", "loop 21 – 30", 10)]
    turns = found.children(parts[1])
    assert [turn.label for turn in turns] == [f"turn {number}" for number in range(11, 21)]
    assert shape(found, turns[3]) == [("function", "cell", "line 4", ["mul", "add"]), "tanh"]


@pytest.mark.parametrize(("keys", "found"), [
    ([1, 1, 1], [(0, 1, 3)]),
    ([1, 1], []),
    ([1, 2, 1, 2], []),
    ([9, 1, 2, 1, 2, 1, 2, 7], [(1, 2, 3)]),
    ([1, 2, 2, 2, 3, 1, 2, 2, 2, 3, 1, 2, 2, 2, 3], [(0, 5, 3)]),
    ([1, 2, 1, 2, 1, 2, 9, 2, 1, 2, 1, 2, 1, 2, 1, 2], [(0, 2, 3), (8, 2, 4)]),  # goes on as it began: with 1
])
def test_where_a_list_repeats_itself(keys: list[int], found: list[tuple[int, int, int]]) -> None:
    assert repeats(keys, len(keys)) == found


@given(st.lists(st.integers(0, 3), max_size=60))
def test_what_is_said_to_repeat_does(keys: list[int]) -> None:
    end = 0
    for start, period, times in repeats(keys, len(keys)):
        assert start >= end
        assert times >= 3
        end = start + period * times
        assert keys[start:end] == keys[start:start + period] * times


def test_a_loop_around_a_loop(recorded: Record) -> None:
    found = outline(recorded("""
w = torch.tensor(2.0, requires_grad=True)
h = w * 1
for _ in range(4):
    for _ in range(5):
        h = h * w
    h = h.tanh()
h.backward()
"""))
    _, outer = found.children(found.root)
    assert (outer.kind, outer.times) == ("roll", 4)
    turn = found.children(outer)[0]
    assert [(child.kind, child.times) for child in found.children(turn)] == [("roll", 5), ("op", 1)]


@pytest.mark.parametrize("turns", [1, 3, CROWD, CROWD + 1, 130, 1000])
def test_every_op_is_in_one_place_and_no_group_is_crowded(recorded: Record, turns: int) -> None:
    found = outline(recorded(f"""
w = torch.tensor(1.0, requires_grad=True)
h = w * 1
for _ in range({turns}):
    h = h * w
    h = h + 1
h.backward()
"""))

    def walk(branch: Branch) -> list[int]:
        children = found.children(branch)
        assert len(children) <= PLAIN
        assert [child.first for child in children] == [branch.first, *[child.last for child in children[:-1]]]
        assert children[-1].last == branch.last
        for child in children:
            assert found.branch(child.id) is child
        return [op for child in children for op in ([child.first] if child.kind == "op" else walk(child))]

    assert walk(found.root) == list(range(len(found.seqs)))


def test_an_id_that_names_nothing(recorded: Record) -> None:
    found = outline(recorded(FUNCTIONS))
    for id in ("7", "0.0", "1.9.9", "1.0.0.0.0.0.0", ""):
        assert (found.branch(id) is None) == (id != "")


def test_the_norm_of_all_gradients_of_each_call(recorded: Record) -> None:
    replay = recorded("""
a = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
for scale in (3.0, 6.0):
    (a * scale + b * 4).backward()
(a * float("nan")).backward()
""")
    norms = gradient_norms(replay)
    assert norms[0] == (5.0, True)  # 3, 4
    assert norms[1][0] == pytest.approx(52 ** 0.5)  # 6, 4
    assert norms[2][1] is False
