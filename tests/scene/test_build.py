"""The scene of any run is whole: its links meet glyphs, twins face each other, tracks are in order, no step is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings

from gradviz.findings import find
from gradviz.recorder import Recorder
from gradviz.replay import Replay, narrate
from gradviz.scene import Node, Scene, at, build, grad_at
from tests.programs import Program, begin, programs, run_line

Record = Callable[[str], Replay]

STATES = {
    "leaf": {"future", "live", "lost", "overwritten", "nan"}, "op": {"future", "done", "failed"},
    "write": {"future", "done", "broken"}, "node": {"future", "waiting", "ran", "released", "failed"},
    "accumulate": {"future", "waiting", "done"}, "none": {"future", "idle"},
    "gradient": {"future", "awaited", "partial", "complete", "nan"}, "group": {"future", "running", "done"},
    "mirror": {"future", "waiting", "running", "ran", "released", "failed"}}
STATES["input"] = STATES["tensor"] = STATES["leaf"]

MODEL = """
input = torch.ones(2, 2)
w1 = torch.tensor(2.0, requires_grad=True)
w2 = torch.tensor(3.0, requires_grad=True)
w3 = torch.tensor(4.0, requires_grad=True)
l1 = input * w1
l2 = l1 + w2
l3 = l1 * w3
l4 = l2 * l3
loss = l4.mean()
l1.retain_grad()
l4.register_hook(lambda grad: None)
loss.backward()
"""


def check(replay: Replay, scene: Scene) -> None:
    nodes = {node.id: node for node in scene.nodes}
    assert len(nodes) == len(scene.nodes)
    for node in scene.nodes:
        assert {state for _, state in node.states} <= STATES[node.kind], node
        for track in (node.label, node.sub, node.states, node.grad):
            seqs = [entry[0] for entry in track]
            assert seqs == sorted(set(seqs)), node
        assert node.label[0][0] == 0
        if node.twin:
            assert nodes[node.twin].side != node.side
            assert nodes[node.twin].twin in ("", node.id) or nodes[nodes[node.twin].twin].side == node.side
    for edge in scene.edges:
        assert edge.source in nodes
        assert edge.target in nodes
        if edge.kind == "data":
            assert nodes[edge.source].side == nodes[edge.target].side == "forward"
    for group in scene.groups:
        assert set(group.members) <= nodes.keys()
    steps = [step.seq for step in scene.steps]
    near = [seq for seq in replay.steppable.tolist() if scene.first <= seq <= scene.last]
    assert set(steps) <= set(near)
    ran = [seq for seq in near if replay.kind(seq) == "step" and f"n{replay.event(seq).nid}" in nodes]
    ops = [node.event for node in scene.nodes if node.kind in ("op", "write") and node.event in near]
    assert {*ran, *ops} <= set(steps)
    edges = {edge.id for edge in scene.edges}
    for step in scene.steps:
        assert set(step.focus) | set(step.twins) <= nodes.keys()
        assert set(step.edges) <= edges


@settings(max_examples=60, deadline=None)
@given(programs)
def test_every_scene_of_a_random_program_is_whole(program: Program) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(str(Path(folder) / "run.gvt"))
        recorder.start()
        try:
            held = begin()
            for op, i, j in program:
                run_line(op, held, i, j)
        finally:
            recorder.stop()
        replay = Replay.open(recorder.path)
    assert replay.graphs[0].first == 0
    assert replay.graphs[-1].last == replay.n - 1
    for before, after in zip(replay.graphs, replay.graphs[1:], strict=False):
        assert after.first == before.last + 1
    findings = find(replay)
    for graph in replay.graphs:
        check(replay, build(replay, findings, graph.number))
    for seq in range(replay.n):
        assert narrate.sentence(replay, seq)


def named(scene: Scene, label: str, kind: str = "") -> Node:
    last = scene.last
    return next(node for node in scene.nodes if at(node.label, last) == label and kind in ("", node.kind))


def test_the_model_is_drawn_with_its_gradients(recorded: Record) -> None:
    replay = recorded(MODEL)
    scene = build(replay, [], 0)
    check(replay, scene)
    end = scene.last
    assert grad_at(named(scene, "w1"), end) == ("kept", "28")
    assert grad_at(named(scene, "w2"), end) == ("kept", "8")
    assert grad_at(named(scene, "w3"), end) == ("kept", "10")
    assert grad_at(named(scene, "l1"), end) == ("kept", "14")
    assert grad_at(named(scene, "l3"), end) == ("passed", "2.5")
    assert named(scene, "input").kind == "input"
    assert [node.kind for node in scene.nodes if node.side == "forward"].count("op") == 5
    assert [badge.kind for badge in named(scene, "l1").badges] == ["retain"]
    assert [badge.kind for badge in named(scene, "l4").badges] == ["hook"]
    assert at(named(scene, "l1").badges[0].states, end) == "kept"


def test_a_gradient_with_two_terms_is_partly_there_between_them(recorded: Record) -> None:
    replay = recorded(MODEL)
    chip = named(build(replay, [], 0), "∇l1")
    states = [state for _, state in chip.states]
    assert states == ["future", "awaited", "partial", "complete"]
    partial = chip.states[2][0]
    assert at(chip.sub, partial) == "1 of 2"
    assert replay.event(partial).kind == "step"
    assert at(chip.sub, replay.n) == "‖14‖"


def test_a_hook_that_changes_the_gradient_changes_the_number(recorded: Record) -> None:
    replay = recorded("a = torch.ones(2, requires_grad=True)\nb = a * 3\nb.register_hook(lambda grad: grad * 10)\n"
                      "b.sum().backward()")
    scene = build(replay, [], 0)
    texts = [text for _, text in named(scene, "∇b").sub]
    assert texts == ["‖1.41‖", "‖14.1‖"]
    assert grad_at(named(scene, "a"), scene.last) == ("kept", "30")


def test_the_error_has_three_stops_and_both_versions(recorded: Record) -> None:
    replay = recorded("a = torch.tensor([1.0, 3.0], requires_grad=True)\nb = a + 2\nloss = (b * b).mean()\n"
                      "b[0] = 1000.0\nloss.backward()")
    findings = find(replay)
    scene = build(replay, findings, replay.graph_at(findings[0].seq))
    check(replay, scene)
    assert [(stop.number, stop.title) for stop in scene.stops] == [(1, "Saved"), (2, "Overwritten"), (3, "Failed")]
    kinds = [next(node.kind for node in scene.nodes if node.id == stop.nodes[0]) for stop in scene.stops]
    assert kinds == ["op", "write", "node"]
    end = scene.last
    assert sorted((at(node.sub, end), at(node.states, end)) for node in scene.nodes if at(node.label, end) == "b") == [
        ("2 · v0", "lost"), ("2 · v1", "overwritten")]
    assert {edge.kind: at(edge.label, end) for edge in scene.edges if edge.kind in ("needs", "finds")} == {
        "needs": "needs version 0", "finds": "finds version 1"}
    assert [group.kind for group in scene.groups] == ["storage"]
    write = scene.stops[1].seq
    assert all(at(edge.states, write) == "future" for edge in scene.edges if edge.kind == "needs")


def test_each_iteration_has_its_own_graph(recorded: Record) -> None:
    replay = recorded("w = torch.tensor([2.0], requires_grad=True)\nfor k in range(3):\n    loss = (w * w).sum()\n"
                      "    loss.backward()\n    with torch.no_grad():\n        w -= 0.1 * w.grad\n    w.grad = None")
    assert [graph.call > 0 for graph in replay.graphs] == [True] * 3
    assert [build(replay, [], k).heads[1] for k in range(3)] == [
        f"gradients flow up · call {k} of 3" for k in (1, 2, 3)]
    for graph in replay.graphs[:-1]:  # the update belongs to the iteration whose gradient it uses
        assert any(replay.event(seq).writes for seq in range(graph.end, graph.last + 1) if replay.kind(seq) == "op")


@pytest.mark.parametrize("graph", [-5, 7])
def test_an_unknown_graph_is_an_error(recorded: Record, graph: int) -> None:
    with pytest.raises(IndexError):
        build(recorded(MODEL), [], graph)


def test_an_op_that_raised_is_drawn_and_lit(recorded: Record) -> None:
    replay = recorded("a = torch.ones(4, requires_grad=True)\nb = a * 2\na.add_(10.0)")
    findings = find(replay)
    scene = build(replay, findings, 0)
    check(replay, scene)
    failed = named(scene, "add_ 10.0")
    assert at(failed.states, scene.last) == "failed"
    error = next(step for step in scene.steps if step.phase == "error")
    assert error.focus == [failed.id]
    assert [stop.title for stop in scene.stops] == ["Leaf", "Refused"]


def test_a_gradient_that_the_script_zeroes_or_drops_is_shown_so(recorded: Record) -> None:
    replay = recorded("w = torch.tensor([3.0], requires_grad=True)\n(w * 2).sum().backward()\nw.grad.zero_()\n"
                      "(w * 5).sum().backward()\nw.grad = None")
    texts = [entry[1:] for entry in named(build(replay, [], 1), "w").grad]
    assert texts == [("awaited", ""), ("kept", "2"), ("kept", "0"), ("kept", "5"), ("awaited", "")]


@pytest.mark.parametrize(("source", "label", "state"), [
    ("(x.masked_fill(ahead, -torch.inf)).softmax(-1)", "masked_fill -inf", "done"),
    ("torch.where(ahead, torch.tensor(-torch.inf), x).softmax(-1)", "where", "done"),
    ("(x + torch.full((3, 3), -torch.inf).triu(1)).softmax(-1)", "add", "done"),
    ("(x + torch.full((3, 3), -torch.inf)).softmax(-1)", "softmax dim=-1", "nan"),  # of nothing but masked places
    ("(x - x).log()", "log", "nan"), ("1 / (x - x)", "reciprocal", "nan")])
def test_a_mask_of_infinities_is_nothing_broken(recorded: Record, source: str, label: str, state: str) -> None:
    replay = recorded("x = torch.ones(3, 3, requires_grad=True)\nahead = torch.ones(3, 3, dtype=torch.bool).triu(1)\n"
                      f"y = {source}\ny.sum().backward()\n")
    scene = build(replay, find(replay), 0)
    assert named(scene, label, "op").states[-1][1] == state
    if state == "done":
        assert not {node.id for node in scene.nodes if {"nan", "nan_on"} & {was for _, was in node.states}}
