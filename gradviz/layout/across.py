"""The lines of a story: from a node on the backward side to versions of a tensor on the forward side.

They run where nothing stands: in the air above the node, along the axis, in the air below the version. Both sides are
put side by side for that: x up to ``width`` is the forward side, x from ``width + GAP`` on is the backward side, and
what lies between is the axis. A renderer whose panes are apart moves the three stretches each on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.layout.sizes import pill_width
from gradviz.scene.model import Edge, Placed, Position, Scene

GAP = 32.0
"""Between the two sides."""


@dataclass(frozen=True)
class Crossing:
    """``points``: corners of the line, from the node to the version; ``label``: middle of its pill."""

    points: list[tuple[float, float]]
    label: tuple[float, float]


def across(scene: Scene, placed: Placed) -> dict[str, Crossing]:
    """The way of every edge between the sides, by edge id."""
    edges = [edge for edge in scene.edges if edge.kind in ("needs", "finds")
             and edge.source in placed.nodes and edge.target in placed.nodes]
    sources = list(dict.fromkeys(edge.source for edge in edges))
    return {edge.id: _crossing(scene, placed, edge, edges, sources.index(edge.source)) for edge in edges}


def _crossing(scene: Scene, placed: Placed, edge: Edge, edges: list[Edge], number: int) -> Crossing:
    source, target = placed.nodes[edge.source], placed.nodes[edge.target]
    shift = (number % 3) * 5.0
    axis = placed.width + GAP / 2 + shift
    start = placed.width + GAP + source.x - source.w / 2 + 14
    end = target.x if edge.kind == "finds" else target.x + target.w / 2 - 10
    low = _air(placed, source, above=True) - shift
    high = _air(placed, target, above=False) - shift
    if abs(low - high) < 12:
        low = high
    points = [(start, source.y - source.h / 2 - 2), (start, low)]
    if low != high:
        points += [(axis, low), (axis, high)]
    points += [(end, high), (end, target.y + target.h / 2 + 2)]
    return Crossing(points, (_label(placed, edge, edges, axis, end), high))


def _label(placed: Placed, edge: Edge, edges: list[Edge], axis: float, end: float) -> float:
    """``finds`` speaks at the axis, ``needs`` beyond the line that ``finds`` leaves, or half way."""
    if edge.kind == "finds":
        return axis
    sibling = next((placed.nodes[other.target] for other in edges
                    if other.kind == "finds" and other.source == edge.source), None)
    half = pill_width(edge) / 2 if edge.label else 0.0
    near = sibling.x - 8 if sibling is not None and sibling.x > end else axis - 70
    return max(min((end + near) / 2 + 4, near - half), end + 8 + half) if near - end > 2 * half else (end + near) / 2


def _air(placed: Placed, position: Position, *, above: bool) -> float:
    """Middle of the air next to a row, on whichever side it is narrower."""
    row = [p for p in placed.nodes.values() if abs(p.y - position.y) < 1]
    frames = [frame for frame in placed.frames.values() if frame[1] < position.y < frame[1] + frame[3]]
    if above:
        edge = min([p.y - p.h / 2 for p in row] + [y for _, y, _, _ in frames])
        bounds = [p.y + p.h / 2 for p in placed.nodes.values()] + [y + h for _, y, _, h in placed.frames.values()]
        other = max((y for y in bounds if y < edge), default=edge - 24)
    else:
        edge = max([p.y + p.h / 2 for p in row] + [y + h for _, y, _, h in frames])
        bounds = [p.y - p.h / 2 for p in placed.nodes.values()] + [y for _, y, _, _ in placed.frames.values()]
        other = min((y for y in bounds if y > edge), default=edge + 24)
    return round((edge + other) / 2)
