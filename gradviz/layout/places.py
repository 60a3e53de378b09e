"""The graph that is laid out: one place for a forward glyph and the backward glyph that faces it.

Both sides share rows and mirrored columns, so they are one graph: a link from place to place stands for a forward
edge, or for a backward edge read against its direction, or for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.layout.sizes import size
from gradviz.scene.model import Edge, Scene

LIGHT = frozenset(("leaf", "input", "alias"))
"""Kinds that stand beside the main line of the graph: they never bend it."""


@dataclass
class Places:
    """``forward`` and ``backward``: the glyph at each place, "" for none. ``of``: node id to place. ``links``: upper
    and lower place; ``main``: those among them along which data flows; ``views``: those that only say what is a view
    of what. ``runs``: places that stand in one row, side
    by side, in this order. ``boxes``: a place and others that are points of its edge, with how far right of its middle
    each of them is. ``first`` and ``last``: places of the top and of the bottom row."""

    forward: list[str] = field(default_factory=list)
    backward: list[str] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    light: list[bool] = field(default_factory=list)
    of: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    links: list[tuple[int, int]] = field(default_factory=list)
    main: set[tuple[int, int]] = field(default_factory=set)
    views: set[tuple[int, int]] = field(default_factory=set)
    runs: list[list[int]] = field(default_factory=list)
    boxes: list[dict[int, float]] = field(default_factory=list)
    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)

    def add(self, forward: str, backward: str, light: bool) -> int:
        place = len(self.width)
        self.forward.append(forward)
        self.backward.append(backward)
        self.light.append(light)
        glyphs = [glyph for glyph in (forward, backward) if glyph]
        for glyph in glyphs:
            self.of[glyph] = place
        self.width.append(max(self.sizes[glyph][0] for glyph in glyphs))
        self.height.append(max(self.sizes[glyph][1] for glyph in glyphs))
        return place


def places(scene: Scene, sizes: dict[str, tuple[int, int]] | None = None) -> Places:
    """Pair twins, and map the edges of both sides to links between places. ``sizes``: of glyphs that are none."""
    given = sizes or {}
    found = Places(sizes={node.id: given.get(node.id) or size(node) for node in scene.nodes})
    twins = _twins(scene)
    for node in scene.nodes:
        if node.side == "forward":
            found.add(node.id, twins.get(node.id, ""), node.kind in LIGHT)
    for node in scene.nodes:
        if node.id not in found.of:
            found.add("", node.id, node.kind in ("accumulate", "none", "alias"))
    links = [(edge.kind, ends(edge, found)) for edge in scene.edges]
    found.links = list(dict.fromkeys(link for _, link in links if link is not None))
    found.main = {link for kind, link in links if link is not None and kind == "data"}
    found.views = set(found.links) - {link for kind, link in links if link is not None and kind != "view"}
    for group in scene.groups:
        if group.kind == "storage":
            members = [found.of[member] for member in group.members if member in found.of]
            if len(members) > 1:
                found.runs.append(list(dict.fromkeys(members)))
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

