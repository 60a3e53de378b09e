"""Long edges cut: a weight that is used at every step stands beside each use, under its own name.

An edge over many rows says little where it runs and costs a lane in each of them; with hundreds of them no layout is
quick or legible. What is far away is shown again as an *alias*, beside the op that uses it.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import Final

import msgspec

from gradviz.layout.grid import grid
from gradviz.layout.places import bound, ends, places
from gradviz.scene.model import Edge, Node, Scene, Track

SPAN: Final = 30
"""Rows that an edge may span."""
NEAR: Final = 8
"""Rows that the edge of a leaf or an input may span."""


def cut(scene: Scene) -> Scene:
    """The scene with its long edges cut; the same scene where there is none. Edge ids stay, so that steps hold."""
    made: dict[str, Node] = {}
    nodes = {node.id: node for node in scene.nodes}
    most = bound(scene)
    found = places(scene, most)
    rows = grid(found, scene.regions, most, scene.compact)
    edges = []
    for edge in scene.edges:
        both = ends(edge, found)
        if both is not None:
            span = rows.row[rows.item[both[1]]] - rows.row[rows.item[both[0]]]
            if span > (NEAR if found.light[both[0]] else SPAN):
                edge = _cut(edge, nodes, made)
        edges.append(edge)
    if not made:
        return scene
    _pair(made, nodes)
    _letter(made, nodes)
    return msgspec.structs.replace(scene, nodes=[*scene.nodes, *made.values()], edges=edges)


def _cut(edge: Edge, nodes: dict[str, Node], made: dict[str, Node]) -> Edge:
    backward = nodes[edge.source].side == "backward"
    far, near = (edge.target, edge.source) if backward or edge.kind == "view" else (edge.source, edge.target)
    name = f"{far}^{near}"
    if name not in made:
        made[name] = _alias(name, nodes[far], nodes[near], edge)
    if far == edge.source:
        return msgspec.structs.replace(edge, source=name)
    return msgspec.structs.replace(edge, target=name)


def _alias(name: str, far: Node, near: Node, edge: Edge) -> Node:
    """The other place of ``far`` beside ``near``; it is there once the edge is."""
    seen = "quiet" if far.kind in ("input", "none") else "live" if far.kind in ("leaf", "accumulate") else "tensor"
    return Node(name, far.side, "alias", list(far.label), [], _seen(edge.states, seen), near.event, far.span,
                alias_of=far.id, home=near.home, ref=dict(far.ref))


def _seen(states: Track, seen: str) -> Track:
    since = next((seq for seq, state in states if state != "future"), None)
    return [(0, "future")] if since is None else [(0, seen)] if since == 0 else [(0, "future"), (since, seen)]


def _pair(made: dict[str, Node], nodes: dict[str, Node]) -> None:
    """The alias of a leaf beside an op faces that of its AccumulateGrad beside the op's node."""
    for name, alias in list(made.items()):
        if alias.side != "forward":
            continue
        far, near = nodes[alias.alias_of].twin, nodes[name[len(alias.alias_of) + 1:]].twin
        other = made.get(f"{far}^{near}")
        if far and near and other is not None:
            alias.twin, other.twin = other.id, alias.id


def _letter(made: dict[str, Node], nodes: dict[str, Node]) -> None:
    """The same letter at all places of one thing, and of what faces it; none where letters do not reach."""
    letters = iter(ascii_lowercase)
    for alias in made.values():
        far = nodes[alias.alias_of]
        if not far.letter:
            twin = nodes.get(far.twin)
            far.letter = (twin.letter if twin is not None else "") or next(letters, "")
        alias.letter = far.letter
