"""Closed groups: nothing is lost in them, both sides close alike, and every event still lights something."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from gradviz.layout import cut, place
from gradviz.replay import Replay
from gradviz.scene import Scene, at, build
from gradviz.scene.build import common
from tests.layout.test_nested import check_whole

Record = Callable[[str], Replay]
MODEL = """
nn = torch.nn
torch.manual_seed(0)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 3)
    def forward(self, x):
        return x + self.lin(x).tanh() * scale
scale = torch.tensor(0.5, requires_grad=True)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = Block(), Block(), nn.Linear(3, 1)
    def forward(self, x):
        return self.head(self.second(self.first(x)))
model = Model()
x = torch.ones(2, 3)
for _ in range(2):
    loss = model(x).pow(2).sum()
    loss.backward()
"""
LOOP = """
w = torch.tensor([0.5, 0.25], requires_grad=True)
x = torch.ones(40, 2)
h = torch.zeros(2)
for t in range(40):
    h = (h * w + x[t]).tanh()
loss = h.sum()
loss.backward()
"""


def lit(replay: Replay, scene: Scene) -> dict[int, str]:
    """What each event lights: its own glyph or the closed group that hides it."""
    found = {step.seq: step.focus[0] for step in scene.steps if step.focus}
    runs = [*scene.inside.runs, (scene.last + 1, 0)]
    for (first, code), (end, _) in pairwise(runs):
        for seq in range(first, end):
            if code and seq in replay.steppable:
                found[seq] = scene.inside.glyphs[code - 1]
    return found


@pytest.mark.parametrize("open", [None, (), ("0",), ("0.0", "0.2"), ("0.1",), ("0.0.0", "0.1.0", "0.2")])
def test_what_is_closed_is_a_glyph_on_both_sides(recorded: Record, open: tuple[str, ...] | None) -> None:
    replay = recorded(MODEL)
    scene = cut(build(replay, [], 0, open))
    glyphs = {node.id: node for node in scene.nodes}
    for node in scene.nodes:
        if node.kind in ("group", "mirror"):
            assert glyphs[node.twin].twin == node.id
            assert glyphs[node.twin].home == node.home
    assert {region.id for region in scene.regions} >= set(open or ())
    whole = lit(replay, build(replay, [], 0, ("0.0.0", "0.1.0", "0.2")))
    here = lit(replay, scene)
    assert here.keys() >= whole.keys()
    ops = sum(node.ref["ops"] if node.kind == "group" else node.kind == "op" for node in scene.nodes)
    assert ops == len([seq for seq in replay.events("op") if seq < scene.last and replay.event(seq).nodes])
    check_whole(scene, place(scene))


def test_a_module_keeps_its_parameters_and_says_their_norm(recorded: Record) -> None:
    replay = recorded(MODEL)
    scene = build(replay, [], 0, ("0",))
    group = next(node for node in scene.nodes if node.id == "m0.0")
    assert group.label[0][1] == "first"
    assert "Block · 4 ops · 12 params" in group.sub[0][1]
    grads = [replay.event(seq) for seq in replay.events("accumulate") if seq <= scene.last]
    mine = [event.grad for event in grads if replay.name(event.tid).startswith("first.")]
    norm = sum(replay.norm_of(replay.gradient(grad)) ** 2 for grad in mine) ** 0.5
    assert float(group.grad[-1][2]) == pytest.approx(norm, rel=5e-3)
    assert not [node for node in scene.nodes if node.kind == "leaf" and at(node.label, scene.last) != "scale"]


def test_a_leaf_that_two_groups_use_stands_between_them(recorded: Record) -> None:
    scene = build(recorded(MODEL), [], 0, ("0",))
    leaf = next(node for node in scene.nodes if node.kind == "leaf")
    assert leaf.label[0][1] == "scale"
    assert {edge.target for edge in scene.edges if edge.source == leaf.id} == {"m0.0", "m0.1"}
    assert leaf.home == "0"


def test_the_same_groups_are_open_in_the_next_iteration(recorded: Record) -> None:
    replay = recorded(MODEL)
    first, second = (build(replay, [], graph, ("0.1",)) for graph in (0, 1))
    assert [(region.id, region.label) for region in first.regions] == [("0", "model"), ("0.1", "second")]
    assert [region.id for region in second.regions] == [region.id for region in first.regions]


def test_a_group_runs_from_its_first_to_its_last_event(recorded: Record) -> None:
    replay = recorded(LOOP)
    scene = build(replay, [], 0, ())
    group = next(node for node in scene.nodes if node.kind == "group")
    mirror = next(node for node in scene.nodes if node.kind == "mirror")
    assert group.label[0][1] == "loop ×40"
    tanh = [seq for seq in replay.events("op") if replay.event(seq).name == "tanh"]
    assert [state for _, state in group.states] == ["future", "running", "done"]
    assert group.states[-1][0] == tanh[-1]
    assert [state for _, state in mirror.states] == ["future", "waiting", "running", "ran", "released"]


def test_a_crowd_of_turns_is_parted_and_opened_step_by_step(recorded: Record) -> None:
    replay = recorded(LOOP)
    small = build(replay, [], 0, ())
    assert (small.shown, small.total) == (4 + 1, 121 + 122)  # roll, its mirror, sum, its node, w.grad
    part = build(replay, [], 0, ("0",))
    assert len([node for node in part.nodes if node.kind == "group"]) == 4
    turn = build(replay, [], 0, ("0.1.3",))
    assert [node.label[0][1] for node in turn.nodes if node.home == "0.1.3" and node.kind == "op"] == [
        "mul", "add", "tanh"]
    for scene in (small, part, turn):
        scene = cut(scene)
        check_whole(scene, place(scene))


def test_nan_is_seen_on_the_group_that_made_it_and_passed_on(recorded: Record) -> None:
    replay = recorded(LOOP.replace("x[t]).tanh()", "x[t]).tanh() * (float('nan') if t == 25 else 1)"))
    scene = build(replay, [], 0, ("0",))
    states = {node.id: node.states[-1][1] for node in scene.nodes if node.kind == "group"}
    assert [states[f"m0.{number}"] for number in range(4)] == ["done", "done", "nan", "nan_on"]
    mirrors = {node.id: node.states[-1][1] for node in scene.nodes if node.kind == "mirror"}
    assert mirrors["k0.1"] == "nan_on"
    assert next(node for node in scene.nodes if node.label[0][1] == "sum").states[-1][1] == "nan_on"


def test_ids_that_are_no_groups_change_nothing(recorded: Record) -> None:
    replay = recorded(LOOP)
    assert build(replay, [], 0, ("99", "0.99", "1.0")).regions == build(replay, [], 0, ("0",)).regions


def test_the_innermost_region_around_some() -> None:
    assert common(["0.1.2", "0.1.3"]) == "0.1"
    assert common(["0.1", "0.10"]) == "0"
    assert common(["0", ""]) == ""
    assert common([]) == ""
    assert common(["2.4"]) == "2.4"


def test_what_a_node_holds_points_at_a_glyph_also_where_the_tensor_folded(recorded: Record) -> None:
    replay = recorded(LOOP)
    for open in (("0.1.3",), ()):
        scene = build(replay, [], 0, open)
        glyphs = {node.id: node for node in scene.nodes}
        held = {node.label[0][1]: node.saved for node in scene.nodes if node.saved}
        assert all(glyphs[glyph].side == "forward" for saved in held.values() for glyph, _ in saved)
        assert not open or [words for _, words in held["TanhBackward0"]] == ["holds h, version 0"]
