"""Open groups as graphs of their own: each region is laid out by itself and stands as one box in the one around it.

An edge that crosses the borders of regions is a chain of edges, one a level, that meet in *ports*: points of the upper
or lower border. What leaves one glyph shares its ports, so that a value enters a region once and branches off inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.scene.model import Edge, Node, Scene

Part = tuple[str, str]
"""A region and an edge of its level."""


@dataclass
class Level:
    """What stands directly in a region ("" is the picture): ``scene`` with boxes and ports as glyphs; ``tops`` and
    ``bottoms``: its own ports; ``boxes``: per region in it the glyphs of its ports; ``carries``: per edge the edges of
    the whole scene that it is part of."""

    id: str
    scene: Scene
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    tops: set[str] = field(default_factory=set)
    bottoms: set[str] = field(default_factory=set)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    carries: dict[str, list[str]] = field(default_factory=dict)


def levels(scene: Scene) -> tuple[list[Level], dict[str, list[Part]]]:
    """The levels of a scene, inner ones first, and the parts of each edge from its upper end down."""
    nodes = {node.id: node for node in scene.nodes}
    found = {id: Level(id, scene) for id in ("", *(region.id for region in scene.regions))}
    for node in scene.nodes:
        found[node.home].nodes[node.id] = node
    for id in found:
        if id:
            _box(found[_above(id)], id)
    parts = {edge.id: _through(found, nodes, edge) for edge in scene.edges
             if edge.kind not in ("needs", "finds") and nodes[edge.source].side == nodes[edge.target].side}
    for level in found.values():
        _pair(level)
        groups = [group for group in scene.groups if any(member in level.nodes for member in group.members)]
        level.scene = Scene(scene.graph, scene.call, scene.first, scene.last, scene.heads, list(level.nodes.values()),
                            list(level.edges.values()), groups, [], [])
    return sorted(found.values(), key=lambda level: -_depth(level.id)), parts


def box_of(region: str, backward: bool) -> str:
    """The glyph that stands for a region in the level around it."""
    return f"{'B' if backward else 'b'}|{region}"


def port_of(region: str, way: str, upper: str, backward: bool) -> str:
    """The glyph of a port: ``way`` in or out; ``upper``: the glyph above, as it is called on the forward side."""
    return f"{'P' if backward else 'p'}|{region}|{way}|{upper}"


def _above(id: str) -> str:
    return id.rpartition(".")[0]


def _depth(id: str) -> int:
    return id.count(".") + 1 if id else 0


def _box(level: Level, region: str) -> None:
    front, back = box_of(region, False), box_of(region, True)
    level.nodes[front] = _glyph(front, "forward", "group", back)
    level.nodes[back] = _glyph(back, "backward", "mirror", front)
    level.boxes[region] = []


def _glyph(id: str, side: str, kind: str, twin: str = "") -> Node:
    return Node(id, side, kind, [(0, "")], [], [(0, "future")], 0, twin=twin)


def _through(found: dict[str, Level], nodes: dict[str, Node], edge: Edge) -> list[Part]:
    """Lay an edge through the levels that it crosses."""
    backward = nodes[edge.source].side == "backward"
    upper, lower = (edge.target, edge.source) if backward or edge.kind == "view" else (edge.source, edge.target)
    up, down = _homes(nodes[upper].home), _homes(nodes[lower].home)
    shared = sum(a == b for a, b in zip(up, down, strict=False))
    called = nodes[upper].twin if backward and nodes[upper].twin in nodes else upper
    parts: list[Part] = []
    here = upper
    for region in reversed(up[shared:]):
        port = _port(found, region, "out", called, backward)
        parts.append(_link(found[region], edge, here, port, backward))
        here = port
    meet = up[shared - 1]
    for region in down[shared:]:
        port = _port(found, region, "in", called, backward)
        parts.append(_link(found[meet], edge, here, port, backward))
        here, meet = port, region
    parts.append(_link(found[meet], edge, here, lower, backward))
    return parts


def _homes(home: str) -> list[str]:
    """The regions around a glyph, outermost first; "" is the picture."""
    steps = home.split(".") if home else []
    return ["", *(".".join(steps[:end]) for end in range(1, len(steps) + 1))]


def _port(found: dict[str, Level], region: str, way: str, upper: str, backward: bool) -> str:
    id = port_of(region, way, upper, backward)
    inner, outer = found[region], found[_above(region)]
    if id not in inner.nodes:
        side = "backward" if backward else "forward"
        inner.nodes[id], outer.nodes[id] = _glyph(id, side, "tensor"), _glyph(id, side, "tensor")
        (inner.tops if way == "in" else inner.bottoms).add(id)
        outer.boxes[region].append(id)
    return id


def _link(level: Level, edge: Edge, upper: str, lower: str, backward: bool) -> Part:
    """The edge of a level between two of its glyphs; glyphs of the picture may have several between them."""
    whole = "|" not in upper and "|" not in lower
    id = edge.id if whole else f"{upper}>{lower}>{edge.kind == 'view'}"
    if id not in level.edges:
        turned = backward or edge.kind == "view"
        source, target = (lower, upper) if turned else (upper, lower)
        label = edge.label if "|out|" not in lower and "|in|" not in upper else []
        level.edges[id] = Edge(id, source, target, edge.kind, edge.states, label)
        level.carries[id] = []
    elif not whole:
        level.edges[id].label = []
    level.carries[id].append(edge.id)
    return level.id, id


def _pair(level: Level) -> None:
    """A port of the forward side faces that of the backward side."""
    for id, node in level.nodes.items():
        other = f"P{id[1:]}" if id.startswith("p|") else f"p{id[1:]}" if id.startswith("P|") else ""
        if other in level.nodes:
            node.twin = other
