"""Long edges cut: a weight that is used at every step stands beside each use, under its own name.

An edge over many rows says little where it runs and costs a lane in each of them; with hundreds of them no layout is
quick or legible. What is far away is shown again as an *alias*, one row above where it is used.
"""

from __future__ import annotations

import msgspec

from gradviz.layout.levels import Level, levels
from gradviz.layout.nested import prepared
from gradviz.layout.places import Places, ends, places
from gradviz.layout.ranks import ranks
from gradviz.scene.model import Edge, Node, Scene, Track

SPAN = 12
"""Rows that an edge may span."""


def cut(scene: Scene) -> Scene:
    """The scene with its long edges cut; the same scene where there is none. Edge ids stay, so that steps hold."""
    made: dict[str, Node] = {}
    nodes = {node.id: node for node in scene.nodes}
    if scene.regions:
        edges = _cut_levels(scene, nodes, made)
    else:
        found = places(scene)
        rank = ranks(found).rank
        edges = [_cut(edge, found, rank, nodes, made) for edge in scene.edges]
    if not made:
        return scene
    _pair(made, nodes)
    return msgspec.structs.replace(scene, nodes=[*scene.nodes, *made.values()], edges=edges)


def _cut_levels(scene: Scene, nodes: dict[str, Node], made: dict[str, Node]) -> list[Edge]:
    """The same in every open group. What comes from outside of it is shown again inside."""
    turned: dict[str, str] = {}
    split, _ = levels(scene)
    edges = {edge.id: edge for edge in scene.edges}
    for level in split[::-1]:
        found = prepared(level, {})
        rank = ranks(found).rank
        for id, part in level.edges.items():
            both = ends(part, found)
            where = _lower(part, level)
            if both is None or rank[both[1]] - rank[both[0]] <= SPAN or "|out|" in where:
                continue
            for one in level.carries[id]:
                edge = edges[one]
                upward = nodes[edge.source].side == "backward" or edge.kind == "view"
                far, near = (edge.target, edge.source) if upward else (edge.source, edge.target)
                name = f"{far}^{near if '|' not in where else where.split('|')[1]}"
                if one in turned:
                    continue
                if name not in made:
                    made[name] = _alias(name, nodes[far], nodes[near], edge)
                    made[name].home = level.id
                turned[one] = name
    return [_turn(edge, nodes, turned[edge.id]) if edge.id in turned else edge for edge in scene.edges]


def _lower(part: Edge, level: Level) -> str:
    upward = part.kind == "view" or level.nodes[part.source].side == "backward"
    return part.source if upward else part.target


def _turn(edge: Edge, nodes: dict[str, Node], alias: str) -> Edge:
    if nodes[edge.source].side == "backward" or edge.kind == "view":
        return Edge(edge.id, edge.source, alias, edge.kind, edge.states, edge.label)
    return Edge(edge.id, alias, edge.target, edge.kind, edge.states, edge.label)


def _cut(edge: Edge, found: Places, rank: list[int], nodes: dict[str, Node], made: dict[str, Node]) -> Edge:
    both = ends(edge, found)
    if both is None or rank[both[1]] - rank[both[0]] <= SPAN:
        return edge
    backward = nodes[edge.source].side == "backward"
    far, near = (edge.target, edge.source) if backward or edge.kind == "view" else (edge.source, edge.target)
    name = f"{far}^{near}"
    if name not in made:
        made[name] = _alias(name, nodes[far], nodes[near], edge)
    if far == edge.source:
        return Edge(edge.id, name, edge.target, edge.kind, edge.states, edge.label)
    return Edge(edge.id, edge.source, name, edge.kind, edge.states, edge.label)


def _alias(name: str, far: Node, near: Node, edge: Edge) -> Node:
    """The other place of ``far`` beside ``near``; it is there once the edge is."""
    label = [(seq, text) for seq, text in far.label]
    seen = "quiet" if far.kind in ("input", "none") else "live" if far.kind in ("leaf", "accumulate") else "tensor"
    return Node(name, far.side, "alias", label, [], _seen(edge.states, seen), near.event, far.span, alias_of=far.id,
                home=near.home, ref=dict(far.ref))


def _seen(states: Track, seen: str) -> Track:
    since = next((seq for seq, state in states if state != "future"), None)
    return [(0, "future")] if since is None else [(0, seen)] if since == 0 else [(0, "future"), (since, seen)]


def _pair(made: dict[str, Node], nodes: dict[str, Node]) -> None:
    """The alias of a leaf beside an op faces that of its AccumulateGrad beside the op's node."""
    for name, alias in list(made.items()):
        if alias.side != "forward":
            continue
        where = name[len(alias.alias_of) + 1:]
        far, near = nodes[alias.alias_of].twin, nodes[where].twin if where in nodes else where
        other = made.get(f"{far}^{near}")
        if far and near and other is not None:
            alias.twin, other.twin = other.id, alias.id
