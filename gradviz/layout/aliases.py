"""Long edges cut: a weight that is used at every step stands beside each use, under its own name.

An edge over many rows says little where it runs and costs a lane in each of them; with hundreds of them no layout is
quick or legible. What is far away is shown again as an *alias*, beside the op that uses it.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import Final

import msgspec

from gradviz.layout.grid import Grid, grid
from gradviz.layout.places import Places, bound, ends, places
from gradviz.scene.model import Edge, Node, Scene, Track

SPAN: Final = 30
"""Rows that an edge may span."""
NEAR: Final = 8
"""Rows from one use of a leaf or an input to the next, for both to hang on one edge."""


def cut(scene: Scene) -> Scene:
    """The scene with its long edges cut; the same scene where there is none. Edge ids stay, so that steps hold."""
    found = places(scene, bound(scene))
    leaders = _leaders(found, grid(found, scene.regions, bound(scene), scene.compact))
    if not leaders:
        return scene
    nodes = {node.id: node for node in scene.nodes}
    made: dict[str, Node] = {}
    edges = []
    for edge in scene.edges:
        both = ends(edge, found)
        if both in leaders:
            far = found.glyph(both[0], found.backward[both[0]] in (edge.source, edge.target))
            leader = leaders[both]
            name = f"{far}^{found.forward[leader] or found.backward[leader]}"
            if name not in made:
                made[name] = _alias(name, nodes[far], nodes[edge.target if far == edge.source else edge.source], edge)
            source, target = (name, edge.target) if far == edge.source else (edge.source, name)
            edge = msgspec.structs.replace(edge, source=source, target=target)
        edges.append(edge)
    for name, alias in made.items():
        twin = made.get(f"{nodes[alias.alias_of].twin}^{name[len(alias.alias_of) + 1:]}")
        if twin is not None and alias.side == "forward":
            alias.twin, twin.twin = twin.id, alias.id
    _letter(made, nodes)
    return msgspec.structs.replace(scene, nodes=[*scene.nodes, *made.values()], edges=edges)


def _leaders(places: Places, rows: Grid) -> dict[tuple[int, int], int]:
    """Per link that is cut the place beside which its alias stands: the first of several uses in a region that are
    near each other."""
    leaders: dict[tuple[int, int], int] = {}
    seen: dict[tuple[int, str], tuple[int, int]] = {}  # which place stands for a thing in a region, and its last use
    row = [rows.row[item] for item in rows.item]
    for far, near in sorted(places.links, key=lambda link: row[link[1]]):
        home = places.home[near]
        leader, used = seen.get((far, home), (far, row[far])) if places.light[far] else (far, row[far])
        if row[near] - used > (NEAR if places.light[far] else SPAN) or row[near] - row[leader] > SPAN:
            leader = near
        seen[far, home] = leader, row[near]
        if leader != far:
            leaders[far, near] = leader
    return leaders


def _alias(name: str, far: Node, near: Node, edge: Edge) -> Node:
    """The other place of ``far`` beside ``near``; it is there once the edge is."""
    seen = "quiet" if far.kind in ("input", "none") else "live" if far.kind in ("leaf", "accumulate") else "tensor"
    return Node(name, far.side, "alias", list(far.label), [], _seen(edge.states, seen), near.event, far.span,
                alias_of=far.id, home=near.home, ref=dict(far.ref))


def _seen(states: Track, seen: str) -> Track:
    since = next((seq for seq, state in states if state != "future"), None)
    return [(0, "future")] if since is None else [(0, seen)] if since == 0 else [(0, "future"), (since, seen)]


def _letter(made: dict[str, Node], nodes: dict[str, Node]) -> None:
    """The same letter at all places of one thing, and of what faces it; none where letters do not reach."""
    letters = iter(ascii_lowercase)
    for alias in made.values():
        far = nodes[alias.alias_of]
        if not far.letter:
            twin = nodes.get(far.twin)
            far.letter = (twin.letter if twin is not None else "") or next(letters, "")
        alias.letter = far.letter
