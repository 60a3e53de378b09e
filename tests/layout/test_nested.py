"""Open groups: frames hold what is theirs and nothing else, edges cross borders at ports and run behind no glyph."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gradviz.layout import cut, place
from gradviz.scene.model import Placed, Region, Scene
from tests.layout.graphs import scenes
from tests.layout.test_place import QUICK, check, check_ends, check_routes, check_twins


def check_whole(scene: Scene, placed: Placed) -> None:
    check(scene, placed)
    check_routes(scene, placed)
    check_ends(scene, placed)
    check_frames(scene, placed)


def check_frames(scene: Scene, placed: Placed) -> None:
    assert placed.regions.keys() == {region.id for region in scene.regions}
    for id, (x, y, w, h) in placed.regions.items():
        for node in scene.nodes:
            p = placed.nodes[node.id]
            left = placed.width - x - w if node.side == "backward" else x
            near, far, top, low = p.x - p.w / 2, p.x + p.w / 2, p.y - p.h / 2, p.y + p.h / 2
            within = left <= near and far <= left + w and y <= top and low <= y + h
            apart = far <= left or left + w <= near or low <= y or y + h <= top
            mine = node.home == id or node.home.startswith(f"{id}.")
            assert within if mine else apart, (id, node.id)
    for (one, a), (other, b) in combinations(placed.regions.items(), 2):
        nested = one.startswith(f"{other}.") or other.startswith(f"{one}.")
        assert nested or a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


@st.composite
def grouped(draw: st.DrawFn) -> Scene:
    """A random scene whose ops, in order, are in some groups, one of them within another."""
    scene = draw(scenes(10))
    scene.groups = []
    scene.edges = [edge for edge in scene.edges if edge.kind != "view"]
    ops = [node for node in scene.nodes if node.kind in ("op", "write")]
    first = draw(st.integers(0, len(ops)))
    last = draw(st.integers(first, len(ops)))
    middle = draw(st.integers(first, last))
    homes = {op.id: "0" for op in ops[first:last]} | {op.id: "0.1" for op in ops[first:middle]}
    homes |= {op.id: "1" for op in ops[last:]}
    of = {node.id: node for node in scene.nodes}
    for op, home in homes.items():
        of[op].home = home
        made = [of[edge.target] for edge in scene.edges if edge.source == op]
        for node in (of[op], *made):
            node.home = home
    for node in scene.nodes:
        if node.side == "backward":
            node.home = of[node.twin].home if node.twin in of else ""
    used = {node.home for node in scene.nodes} | ({"0"} if any(node.home == "0.1" for node in scene.nodes) else set())
    scene.regions = [Region(id, "module", f"group {id}", "Block", 1, 3, 3, 0, 9) for id in sorted(used) if id]
    return scene


@QUICK
@given(grouped())
def test_groups_of_random_scenes_are_whole(scene: Scene) -> None:
    for compact in (False, True):
        scene.compact = compact
        short = cut(scene)
        check_whole(short, place(short))
        check_twins(short, place(short))
