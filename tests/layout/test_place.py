"""Nothing overlaps, nothing runs behind a glyph, twins face each other, and it takes no time."""

from __future__ import annotations

import time
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings

from gradviz.layout import across, cut, place
from gradviz.layout.labels import at
from gradviz.layout.places import bound
from gradviz.layout.sizes import pill_of, pill_width
from gradviz.scene.model import Edge, Group, Node, Placed, Position, Scene
from tests.layout.graphs import scenes
from tests.layout.scenes import chain, inplace

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def overlap(a: Position, b: Position, air: float = 0.0) -> bool:
    return abs(a.x - b.x) < (a.w + b.w) / 2 + air and abs(a.y - b.y) < (a.h + b.h) / 2 + air


def check(scene: Scene, placed: Placed) -> None:
    side = {node.id: node.side for node in scene.nodes}
    for a, b in combinations(placed.nodes, 2):
        if side[a] == side[b]:
            assert not overlap(placed.nodes[a], placed.nodes[b], 8), (a, b)
    for name, p in placed.nodes.items():
        assert p.x - p.w / 2 >= 0, name
        assert p.y - p.h / 2 >= 0, name
        assert p.x + p.w / 2 <= placed.width, name
        assert p.y + p.h / 2 <= placed.height, name


def check_routes(scene: Scene, placed: Placed) -> None:
    side = {node.id: node.side for node in scene.nodes}
    for edge in scene.edges:
        route = placed.routes[edge.id]
        assert (len(route) - 1) % 3 == 0
        others = [(name, p) for name, p in placed.nodes.items()
                  if side[name] == side[edge.source] and name not in (edge.source, edge.target)]
        for i in range(0, len(route) - 1, 3):
            curve = route[i], route[i + 1], route[i + 2], route[i + 3]
            for step in range(17):
                x, y = at(curve, step / 16)
                for name, p in others:
                    assert not (abs(x - p.x) < p.w / 2 and abs(y - p.y) < p.h / 2), (edge.id, name, x, y)


def check_ends(scene: Scene, placed: Placed) -> None:
    """A route begins at the rim of its source and ends at that of its target."""
    for edge in scene.edges:
        for name, (x, y) in ((edge.source, placed.routes[edge.id][0]), (edge.target, placed.routes[edge.id][-1])):
            p = placed.nodes[name]
            assert abs(x - p.x) <= p.w / 2 + 1.1
            assert abs(y - p.y) <= p.h / 2 + 1.1
            assert abs(x - p.x) >= p.w / 2 - 1 or abs(y - p.y) >= p.h / 2 - 1


def check_labels(scene: Scene, placed: Placed) -> None:
    edges = {edge.id: edge for edge in scene.edges}
    side = {node.id: node.side for node in scene.nodes}
    boxes = [(edge, Position(*placed.labels[edge], pill_width(edges[edge]), pill_of(edges[edge]).height))
             for edge in placed.labels]
    for (a, one), (b, other) in combinations(boxes, 2):
        assert side[edges[a].source] != side[edges[b].source] or not overlap(one, other), (a, b)
    for edge, box in boxes:
        for name, p in placed.nodes.items():
            assert side[name] != side[edges[edge].source] or not overlap(p, box), (edge, name)


def check_twins(scene: Scene, placed: Placed) -> None:
    claimed: set[str] = set()
    for node in scene.nodes:
        if node.side == "backward" and node.twin and node.twin not in claimed:
            claimed.add(node.twin)
            here, there = placed.nodes[node.id], placed.nodes[node.twin]
            assert here.x == placed.width - there.x
            assert here.y == there.y


@given(scenes())
@QUICK
def test_random_graphs(scene: Scene) -> None:
    placed = place(scene)
    check(scene, placed)
    check_twins(scene, placed)
    check_routes(scene, placed)
    check_ends(scene, placed)
    check_labels(scene, placed)


@given(scenes(most=40))
@settings(QUICK, max_examples=25)
def test_compact_graphs(scene: Scene) -> None:
    scene.compact = True
    scene = cut(scene)
    placed = place(scene)
    check(scene, placed)
    check_twins(scene, placed)
    check_routes(scene, placed)
    check_ends(scene, placed)
    check_labels(scene, placed)
    check_rows(scene, placed)


def check_rows(scene: Scene, placed: Placed) -> None:
    """Several things side by side are no wider than a pane; what is used stands above its use."""
    rows: dict[float, list[str]] = {}
    for node in scene.nodes:
        rows.setdefault(placed.nodes[node.id].y, []).append(node.id)
    side = {node.id: node.side for node in scene.nodes}
    runs = {member for group in scene.groups for member in group.members}
    for row in rows.values():
        for mine in ([id for id in row if side[id] == one] for one in ("forward", "backward")):
            if len(mine) > 1 and runs.isdisjoint(row):
                spans = [(placed.nodes[id].x - placed.nodes[id].w / 2, placed.nodes[id].x + placed.nodes[id].w / 2)
                         for id in mine]
                assert max(right for _, right in spans) - min(left for left, _ in spans) <= bound(scene), mine
    for edge in scene.edges:
        if edge.kind == "data" and runs.isdisjoint((edge.source, edge.target)):
            assert placed.nodes[edge.source].y <= placed.nodes[edge.target].y, edge.id


@given(scenes(most=40))
@settings(QUICK, max_examples=15)
def test_random_graphs_with_long_edges_cut(scene: Scene) -> None:
    short = cut(scene)
    placed = place(short)
    check(short, placed)
    check_routes(short, placed)
    assert {edge.id for edge in short.edges} == {edge.id for edge in scene.edges}


@given(scenes())
@settings(QUICK, max_examples=15)
def test_same_scene_same_place(scene: Scene) -> None:
    assert place(scene) == place(scene)


@pytest.mark.parametrize("scene", [chain(), inplace()])
def test_examples(scene: Scene) -> None:
    placed = place(scene)
    check(scene, placed)
    check_twins(scene, placed)
    assert {edge.id for edge in scene.edges if edge.label and edge.kind == "gradient"} == set(placed.labels)


def test_main_line_of_the_chain_is_straight_and_the_branches_are_balanced() -> None:
    p = place(chain()).nodes
    assert {p[name].x for name in ("mul1", "l1", "mul3", "l4", "mean", "loss")} == {p["l1"].x}
    assert p["l1"].x - p["add"].x == p["mul2"].x - p["l1"].x
    assert p["w2"].x < p["l1"].x < p["w3"].x
    assert p["input"].x < p["w1"].x


def test_versions_of_a_storage_stand_in_one_row() -> None:
    placed = place(inplace())
    p = placed.nodes
    assert p["b0"].y == p["wr"].y == p["b1"].y
    assert p["b0"].x < p["wr"].x < p["b1"].x
    left, top, w, h = placed.frames["storage"]
    for name in ("b0", "wr", "b1"):
        assert left < p[name].x - p[name].w / 2
        assert p[name].x + p[name].w / 2 < left + w
        assert top < p[name].y < top + h


def test_a_run_that_a_path_leaves_and_enters_again_is_parted() -> None:
    """b -> select -> view of b: a row has no depth, so the view stands in a row of its own."""
    def node(name: str, kind: str) -> Node:
        return Node(name, "forward", kind, [(0, name)], [], [(0, "live")], 0)

    edges = [Edge(str(i), a, b, "data", [(0, "rest")]) for i, (a, b) in enumerate(
        [("b", "select"), ("select", "y"), ("y", "write"), ("write", "y1")])]
    scene = Scene(0, 0, 0, 1, ("", ""), [node("b", "leaf"), node("select", "op"), node("y", "tensor"),
                                         node("write", "write"), node("y1", "tensor")], edges,
                  [Group("s", "storage", "one storage", ["b", "y", "write", "y1"], 0)], [], [])
    placed = place(scene)
    check(scene, placed)
    assert placed.nodes["b"].y < placed.nodes["select"].y < placed.nodes["y"].y == placed.nodes["y1"].y
    assert placed.frames == {}


def test_lines_of_a_story_stay_clear_of_glyphs() -> None:
    scene = inplace()
    placed = place(scene)
    side = {node.id: node.side for node in scene.nodes}
    for crossing in across(scene, placed).values():
        for (x1, y1), (x2, y2) in zip(crossing.points[1:-1], crossing.points[2:-1], strict=False):
            for name, p in placed.nodes.items():
                shift = placed.width + 32 if side[name] == "backward" else 0
                inside_x = min(x1, x2) < p.x + shift + p.w / 2 and max(x1, x2) > p.x + shift - p.w / 2
                inside_y = min(y1, y2) < p.y + p.h / 2 and max(y1, y2) > p.y - p.h / 2
                assert not (inside_x and inside_y), name


def test_weights_used_at_every_step_become_aliases() -> None:
    scene = unrolled(40)
    short = cut(scene)
    aliases = [node for node in short.nodes if node.kind == "alias"]
    assert aliases
    assert {node.alias_of for node in aliases} == {"w", "aw"}
    assert {node.label[0][1] for node in aliases} == {"w", "w.grad"}
    assert cut(chain()).nodes == chain().nodes
    placed = place(short)
    check(short, placed)
    check_routes(short, placed)


def test_long_edges_that_are_not_cut_run_down_the_margin() -> None:
    scene = unrolled(30)
    placed = place(scene)
    check(scene, placed)
    check_routes(scene, placed)


def spine() -> Scene:
    """x = x + f(x), twice, in a compact picture: both sides."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for i, (name, kind, sources) in enumerate([
            ("x", "leaf", ()), ("f", "op", ("x",)), ("g", "op", ("f",)), ("add", "op", ("g", "x")),
            ("f2", "op", ("add",)), ("add2", "op", ("f2", "add")), ("loss", "tensor", ("add2",))]):
        back = {"leaf": "accumulate", "tensor": "gradient"}.get(kind, "node")
        nodes.append(Node(name, "forward", kind, [(0, name)], [], [(0, "live")], i, twin=f"{name}B"))
        nodes.append(Node(f"{name}B", "backward", back, [(0, f"{name}B")], [], [(0, "waiting")], i, twin=name))
        edges += [Edge(f"{source}>{name}", source, name, "data", [(0, "rest")]) for source in sources]
        edges += [Edge(f"{name}B>{source}B", f"{name}B", f"{source}B", "gradient", [(0, "rest")]) for source in sources]
    return Scene(1, 1, 0, 9, ("", ""), nodes, edges, [], [], [], compact=True)


def test_a_skip_runs_down_the_left_of_a_straight_spine_and_gradients_add_up_in_a_dot() -> None:
    placed = place(spine())
    assert len({placed.nodes[name].x for name in ("x", "f", "g", "add", "f2", "add2", "loss")}) == 1
    skip = placed.routes["x>add"]
    assert min(x for x, _ in skip) < placed.nodes["g"].x - placed.nodes["g"].w / 2
    add = placed.nodes["add"]
    assert skip[-1] == (add.x - add.w / 2 - 1, add.y)  # in at the side
    assert placed.joins.keys() == {"xB", "addB"}
    x, y = placed.joins["addB"]
    assert x == placed.nodes["addB"].x
    assert placed.nodes["addB"].y < y < placed.nodes["f2B"].y


def test_inputs_of_one_use_stand_at_the_side_of_their_op() -> None:
    scene = spine()
    scene.nodes += [Node("w", "forward", "leaf", [(0, "w")], [], [(0, "live")], 1, twin="wB"),
                    Node("wB", "backward", "accumulate", [(0, "w.grad")], [], [(0, "waiting")], 1, twin="w")]
    scene.edges += [Edge("w>g", "w", "g", "data", [(0, "rest")]), Edge("gB>wB", "gB", "wB", "gradient", [(0, "rest")])]
    placed = place(scene)
    check(scene, placed)
    check_routes(scene, placed)
    assert placed.nodes["w"].y == placed.nodes["g"].y == placed.nodes["wB"].y
    assert placed.nodes["g"].x == placed.nodes["f"].x
    assert {y for _, y in placed.routes["w>g"]} == {placed.nodes["g"].y}


def test_a_cycle_ends() -> None:
    nodes = [Node(name, "forward", "op", [(0, name)], [], [(0, "done")], 0) for name in "abc"]
    edges = [Edge(a + b, a, b, "data", [(0, "rest")]) for a, b in ("ab", "bc", "ca")]
    scene = Scene(0, 0, 0, 1, ("", ""), nodes, edges, [], [], [])
    placed = place(scene)
    check(scene, placed)
    check_routes(scene, placed)


def test_nothing_is_placed_for_an_empty_scene() -> None:
    assert place(Scene(0, 0, 0, 0, ("", ""), [], [], [], [], [])).nodes == {}


def test_a_thousand_nodes_are_placed_while_one_blinks() -> None:
    scene = cut(unrolled(170))
    assert len(scene.nodes) >= 1000
    best = min(timed(scene) for _ in range(3))
    assert best < 0.5, best  # 0.1 s on an idle machine


def timed(scene: Scene) -> float:
    start = time.process_time()
    place(scene)
    return time.process_time() - start


def unrolled(steps: int) -> Scene:
    """A recurrent net: one weight, an input at each step, both sides."""
    nodes = [Node("w", "forward", "leaf", [(0, "w")], [], [(0, "live")], 0, twin="aw"),
             Node("aw", "backward", "accumulate", [(0, "w.grad")], [], [(0, "waiting")], 0, twin="w")]
    edges: list[Edge] = []

    def link(a: str, b: str, kind: str) -> None:
        edges.append(Edge(f"{a}>{b}", a, b, kind, [(0, "rest")]))

    before = "w"
    for i in range(steps):
        for name, kind, twin, back in ((f"m{i}", "op", f"m{i}B", "node"), (f"h{i}", "tensor", f"g{i}", "gradient")):
            nodes.append(Node(name, "forward", kind, [(0, name)], [], [(0, "live")], i, twin=twin))
            nodes.append(Node(twin, "backward", back, [(0, twin)], [], [(0, "waiting")], i, twin=name))
        nodes.append(Node(f"a{i}", "forward", "op", [(0, "tanh")], [], [(0, "done")], i, twin=f"a{i}B"))
        nodes.append(Node(f"a{i}B", "backward", "node", [(0, "TanhBackward0")], [], [(0, "waiting")], i, twin=f"a{i}"))
        for a, b in ((before, f"m{i}"), ("w", f"m{i}"), (f"m{i}", f"a{i}"), (f"a{i}", f"h{i}")):
            if f"{a}>{b}" not in {edge.id for edge in edges[-8:]}:
                link(a, b, "data")
        back = f"g{i - 1}" if i else "aw"
        for a, b in ((f"g{i}", f"a{i}B"), (f"a{i}B", f"m{i}B"), (f"m{i}B", "aw"), (f"m{i}B", back)):
            if f"{a}>{b}" not in {edge.id for edge in edges[-8:]}:
                link(a, b, "gradient")
        before = f"h{i}"
    return Scene(1, 1, 0, steps, ("", ""), nodes, edges, [], [], [])


def test_a_branch_stands_beside_its_use_and_the_main_line_stays_straight() -> None:
    """h = tanh(x_t @ U + h), again and again: each product is made from inputs alone, and could stand at the top."""
    nodes: list[Node] = []
    edges: list[Edge] = []

    def add(name: str, kind: str, *sources: str) -> str:
        nodes.append(Node(name, "forward", kind, [(0, name)], [], [(0, "live")], 0))
        edges.extend(Edge(f"{source}>{name}", source, name, "data", [(0, "rest")]) for source in sources)
        return name

    h = add("h", "tensor", add("make", "op", add("w", "leaf")))
    for i in range(6):
        product = add(f"p{i}", "tensor", add(f"mm{i}", "op", add(f"x{i}", "input"), add(f"u{i}", "leaf")))
        h = add(f"h{i}", "tensor", add(f"add{i}", "op", product, h))
    scene = Scene(0, 0, 0, 1, ("", ""), nodes, edges, [], [], [])
    placed = place(scene)
    check(scene, placed)
    for i in range(1, 6):
        assert placed.nodes[f"p{i}"].y == placed.nodes[f"h{i - 1}"].y
        assert placed.nodes[f"h{i}"].x == placed.nodes[f"h{i - 1}"].x == placed.nodes[f"add{i}"].x
    assert placed.width < 600
