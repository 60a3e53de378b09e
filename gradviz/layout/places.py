"""The graph that is laid out: one place for a forward glyph and the backward glyph that faces it.

Both sides share rows and mirrored columns, so they are one graph: a link from place to place stands for a forward
edge, or for a backward edge read against its direction, or for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gradviz.layout.sizes import size
from gradviz.scene.model import Edge, Node, Scene

WIDE: Final = 400.0
"""How wide a picture may be to fit half of a stage at the least scale."""
NARROW: Final = 356.0
"""The same beside the rail, which compact pictures have."""
LIGHT = frozenset(("leaf", "input", "alias"))
"""Kinds that stand beside the main line of the graph: they never bend it."""


@dataclass
class Places:
    """``forward`` and ``backward``: the glyph at each place, "" for none. ``of``: node id to place; ``home`` the region
    of each and ``event`` when it was made. ``links``: upper and lower place; ``main``: those among them along which
    data flows. ``runs``: places that stand in one row, side by side, in this order."""

    forward: list[str] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    light: list[bool] = field(default_factory=list)
    home: list[str] = field(default_factory=list)
    event: list[int] = field(default_factory=list)
    of: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    links: list[tuple[int, int]] = field(default_factory=list)
    main: set[tuple[int, int]] = field(default_factory=set)
    runs: list[list[int]] = field(default_factory=list)

    def add(self, node: Node, twin: str, light: bool) -> None:
        place = len(self.width)
        glyphs = [glyph for glyph in (node.id, twin) if glyph]
        front = node.side == "forward"
        self.forward.append(node.id if front else "")
        self.backward.append(twin if front else node.id)
        self.light.append(light)
        self.home.append(node.home)
        self.event.append(node.event)
        self.of.update(dict.fromkeys(glyphs, place))
        self.width.append(max(self.sizes[glyph][0] for glyph in glyphs))
        self.height.append(max(self.sizes[glyph][1] for glyph in glyphs))

    def glyph(self, place: int, mirrored: bool) -> str:
        return (self.backward if mirrored else self.forward)[place]


def bound(scene: Scene) -> float:
    """How wide the rows of a scene may be."""
    return NARROW if scene.compact else WIDE


def places(scene: Scene, most: float = float("inf")) -> Places:
    """Pair twins, and map the edges of both sides to links between places. ``most``: no glyph is wider."""
    found = Places(sizes={node.id: size(node, scene.compact, most) for node in scene.nodes})
    twins = _twins(scene)
    for node in scene.nodes:
        if node.side == "forward":
            found.add(node, twins.get(node.id, ""), node.kind in LIGHT)
    for node in scene.nodes:
        if node.id not in found.of:
            found.add(node, "", node.kind in ("accumulate", "none", "alias"))
    links = [(edge.kind, ends(edge, found)) for edge in scene.edges]
    found.links = list(dict.fromkeys(link for _, link in links if link is not None))
    found.main = {link for kind, link in links if link is not None and kind == "data"}
    for group in scene.groups:
        if group.kind == "storage":
            members = dict.fromkeys(found.of[member] for member in group.members if member in found.of)
            if len(members) > 1:
                found.runs.append(list(members))
    return found


def _twins(scene: Scene) -> dict[str, str]:
    """Forward glyph to the one backward glyph that faces it; the glyph that names it as its twin goes first."""
    forward = {node.id: node for node in scene.nodes if node.side == "forward"}
    backward = {node.id: node for node in scene.nodes if node.side != "forward"}
    twins: dict[str, str] = {}
    taken: set[str] = set()
    wishes = [(node.id, node.twin) for node in forward.values() if node.twin in backward]
    wishes += [(node.twin, node.id) for node in backward.values() if node.twin in forward]
    for front, back in wishes:
        if front not in twins and back not in taken:
            twins[front] = back
            taken.add(back)
    return twins


def ends(edge: Edge, found: Places) -> tuple[int, int] | None:
    """Upper and lower place of an edge of one side; None for an edge between the sides or to itself."""
    if edge.source not in found.of or edge.target not in found.of or edge.kind in ("needs", "finds"):
        return None
    source, target = found.of[edge.source], found.of[edge.target]
    back = found.backward[source] == edge.source
    if source == target or back != (found.backward[target] == edge.target):
        return None
    return (target, source) if back or edge.kind == "view" else (source, target)
