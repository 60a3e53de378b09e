"""The way of every edge: out of the bottom of a glyph, through the lanes of the rows it crosses, into the top.

All is computed as on the forward side, from the upper glyph down. A backward edge is the mirror of that, walked the
other way. Inside a row a route only goes straight down, in its lane or under its own glyph; it bends in the air
between rows, where nothing stands.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from gradviz.layout.layers import Layers
from gradviz.layout.places import Places, ends
from gradviz.layout.ranks import Ranks
from gradviz.layout.rows import Rows
from gradviz.scene.model import Edge, Scene

Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]

PORTS = 24
"""Between two edges at the same side of a glyph."""
PARALLEL = 18
"""Between two edges that join the same two glyphs."""
MARGIN_LANE = 10
CORNER = 6


@dataclass
class Route:
    """``curves`` in the direction of the edge, in the coordinates of its side; ``air``: which of them lie between
    rows, the one at the lower end first: where a label may stand."""

    curves: list[Curve]
    air: list[Curve] = field(default_factory=list)


@dataclass
class Way:
    """An edge on its way: ``upper`` and ``lower`` place, ``upward``: it flows up; ``mirrored``: backward side."""

    edge: Edge
    upper: int
    lower: int
    upward: bool
    mirrored: bool
    number: int = 0
    alike: int = 1
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Plan:
    """All that is known before the routes: ``x``: middle of each place, ``lanes``: of each lane vertex."""

    places: Places
    ranks: Ranks
    graph: Layers
    rows: Rows
    x: list[float]
    lanes: list[float]
    width: float


def routes(scene: Scene, plan: Plan) -> dict[str, Route]:
    """A route per edge id, for edges whose ends are on one side."""
    ways = _ways(scene, plan)
    _ports(plan, ways)
    margins = _margins(plan, ways)
    found: dict[str, Route] = {}
    for way in ways:
        upper, lower = plan.ranks.rank[way.upper], plan.ranks.rank[way.lower]
        if upper == lower:
            route = _level(plan, way)
        elif (way.upper, way.lower) in plan.graph.margin:
            route = _around(plan, way, margins[way.upper])
        else:
            route = _down(plan, way)
        found[way.edge.id] = _turned(route, way, plan.width)
    return found


def _ways(scene: Scene, plan: Plan) -> list[Way]:
    ways, alike = [], defaultdict(list)
    for edge in scene.edges:
        both = ends(edge, plan.places)
        if both is None:
            continue
        mirrored = plan.places.backward[both[0]] in (edge.source, edge.target)
        way = Way(edge, *both, upward=mirrored or edge.kind == "view", mirrored=mirrored)
        alike[way.upper, way.lower, mirrored].append(way)
        ways.append(way)
    for same in alike.values():
        for number, way in enumerate(same):
            way.number, way.alike = number, len(same)
    return ways


def _glyph(plan: Plan, place: int, mirrored: bool) -> tuple[int, int]:
    return plan.places.sizes[(plan.places.backward if mirrored else plan.places.forward)[place]]


def _via(plan: Plan, way: Way) -> list[tuple[int, float]]:
    """Ranks that a way crosses, and where its lanes are."""
    first, last = plan.ranks.rank[way.upper], plan.ranks.rank[way.lower]
    shift = (way.number - (way.alike - 1) / 2) * 6
    own = way.lower if (way.upper, way.lower) in plan.places.views else -1
    return [(rank, plan.lanes[plan.graph.lane[way.upper, rank, own]] + shift) for rank in range(first + 1, last)]


def _ports(plan: Plan, ways: list[Way]) -> None:
    """Where edges leave and enter: what runs straight in the middle, the rest to its left and right."""
    ports: dict[tuple[int, bool, bool], list[tuple[float, int, Way]]] = defaultdict(list)
    for order, way in enumerate(ways):
        if plan.ranks.rank[way.upper] >= plan.ranks.rank[way.lower] or (way.upper, way.lower) in plan.graph.margin:
            continue
        via = _via(plan, way)
        ports[way.upper, way.mirrored, True].append((via[0][1] if via else plan.x[way.lower], order, way))
        ports[way.lower, way.mirrored, False].append((via[-1][1] if via else plan.x[way.upper], order, way))
    for (place, mirrored, leaving), wishes in ports.items():
        middle, room = plan.x[place], 0.38 * _glyph(plan, place, mirrored)[0]
        wishes.sort(key=lambda wish: (wish[0], wish[2].number, wish[1]))
        groups: dict[tuple[float, int], list[Way]] = defaultdict(list)
        for wish, _, way in wishes:
            groups[round(wish, 1), way.number].append(way)
        for offset, group in zip(_offsets([key[0] - middle for key in groups], room), groups.values(), strict=True):
            for way in group:
                if leaving:
                    way.start = offset
                else:
                    way.end = offset


def _offsets(reach: list[float], room: float) -> list[float]:
    """Offsets from the middle for edges that come from there, left to right."""
    count = len(reach)
    straight = [i for i, dx in enumerate(reach) if abs(dx) < 1]
    step: float = PARALLEL if count > 1 and len(straight) == count else PORTS
    middle = sum(straight) / len(straight) if straight else (count - 1) / 2
    step = min(step, room / max(middle, count - 1 - middle, 1e-9))
    return [(i - middle) * step for i in range(count)]


def _drop(x: float, y1: float, y2: float) -> Curve:
    third = (y2 - y1) / 3
    return (x, y1), (x, y1 + third), (x, y2 - third), (x, y2)


def _bend(start: Point, end: Point) -> Curve:
    s = (end[1] - start[1]) * 0.55
    return start, (start[0], start[1] + s), (end[0], end[1] - s), end


def _down(plan: Plan, way: Way) -> Route:
    upper, lower = plan.ranks.rank[way.upper], plan.ranks.rank[way.lower]
    x1, x2 = plan.x[way.upper] + way.start, plan.x[way.lower] + way.end
    y1, y2 = _exit(plan, way), _entry(plan, way)
    curves: list[Curve] = []
    air: list[Curve] = []
    edge_of_row = plan.rows.bottom[upper]
    if edge_of_row - y1 > 1 and plan.rows.top[upper + 1] > edge_of_row:
        curves.append(_drop(x1, y1, edge_of_row))
        y1 = edge_of_row
    here = (x1, y1)
    for rank, lane in _via(plan, way):
        bend = _bend(here, (lane, plan.rows.top[rank]))
        curves += [bend, _drop(lane, plan.rows.top[rank], plan.rows.bottom[rank])]
        air.append(bend)
        here = (lane, plan.rows.bottom[rank])
    row_top = plan.rows.top[lower]
    last = _bend(here, (x2, row_top if y2 - row_top > 1 else y2))
    curves.append(last)
    air.append(last)
    if y2 - row_top > 1:
        curves.append(_drop(x2, row_top, y2))
    return Route(curves, air[::-1])


def _exit(plan: Plan, way: Way) -> float:
    """Bottom of the upper glyph; a hair off where the head points at it."""
    rank = plan.ranks.rank[way.upper]
    middle = (plan.rows.top[rank] + plan.rows.bottom[rank]) / 2
    return middle + _glyph(plan, way.upper, way.mirrored)[1] / 2 + (1 if way.upward else 0)


def _entry(plan: Plan, way: Way) -> float:
    rank = plan.ranks.rank[way.lower]
    middle = (plan.rows.top[rank] + plan.rows.bottom[rank]) / 2
    return middle - _glyph(plan, way.lower, way.mirrored)[1] / 2 - (0 if way.upward else 1)


def _level(plan: Plan, way: Way) -> Route:
    """Between two glyphs of a row: straight across, or under what stands between them."""
    rank = plan.ranks.rank[way.upper]
    a, b = plan.x[way.upper], plan.x[way.lower]
    y = (plan.rows.top[rank] + plan.rows.bottom[rank]) / 2
    side = plan.places.backward if way.mirrored else plan.places.forward
    between = any(min(a, b) < plan.x[place] < max(a, b) and side[place]
                  for vertex in plan.graph.rows[rank] if vertex < plan.graph.blocks
                  for place in plan.ranks.blocks[vertex])
    sign = 1 if b > a else -1
    if not between:
        x1 = a + sign * _glyph(plan, way.upper, way.mirrored)[0] / 2
        x2 = b - sign * (_glyph(plan, way.lower, way.mirrored)[0] / 2)
        shift = (way.number - (way.alike - 1) / 2) * 8
        tips = (1, 0) if way.upward else (0, 1)
        x1, x2 = x1 + sign * tips[0], x2 - sign * tips[1]
        third = (x2 - x1) / 3
        return Route([((x1, y + shift), (x1 + third, y + shift), (x2 - third, y + shift), (x2, y + shift))])
    y1 = y + _glyph(plan, way.upper, way.mirrored)[1] / 2 + 1
    y2 = y + _glyph(plan, way.lower, way.mirrored)[1] / 2 + 1
    low = min(plan.rows.below(rank), plan.rows.bottom[rank] + 14)
    x1, x2 = a + sign * 12, b - sign * 12
    return Route(_polyline([(x1, y1), (x1, low), (x2, low), (x2, y2)]))


def _margins(plan: Plan, ways: list[Way]) -> dict[int, float]:
    """A lane in the left margin for each place whose edges run there; lanes are used again further down."""
    reach: dict[int, tuple[int, int]] = {}
    for upper, lower in sorted(plan.graph.margin):
        a, b = sorted((plan.ranks.rank[upper], plan.ranks.rank[lower]))
        low, high = reach.get(upper, (a, b))
        reach[upper] = min(low, a), max(high, b)
    free: list[int] = []
    lanes: dict[int, float] = {}
    for place, (low, high) in sorted(reach.items(), key=lambda item: (item[1], item[0])):
        number = next((i for i, until in enumerate(free) if until < low), len(free))
        if number == len(free):
            free.append(high)
        free[number] = high
        lanes[place] = -MARGIN_LANE * (number + 1)
    left = margin_width(plan.graph)
    return {place: left + lane for place, lane in lanes.items()}


def margin_width(graph: Layers) -> float:
    """Room that the margin's lanes may need."""
    return float(MARGIN_LANE * (len({upper for upper, _ in graph.margin}) + 1)) if graph.margin else 0.0


def _around(plan: Plan, way: Way, margin: float) -> Route:
    """Down (or, in a cycle, up) the left margin."""
    upper, lower = plan.ranks.rank[way.upper], plan.ranks.rank[way.lower]
    first, last = plan.rows.below(upper), plan.rows.below(lower - 1)
    x1, x2 = plan.x[way.upper], plan.x[way.lower]
    return Route(_polyline([(x1, _exit(plan, way)), (x1, first), (margin, first), (margin, last), (x2, last),
                            (x2, _entry(plan, way))]))


def _polyline(points: list[Point]) -> list[Curve]:
    """Straight lines with rounded corners."""
    curves: list[Curve] = []
    here = points[0]
    for corner, after in pairwise(points[1:]):
        radius = min(CORNER, _length(here, corner) / 2, _length(corner, after) / 2)
        start, end = _toward(corner, here, radius), _toward(corner, after, radius)
        curves.append(_straight(here, start))
        curves.append((start, _toward(start, corner, radius * 0.55), _toward(end, corner, radius * 0.55), end))
        here = end
    curves.append(_straight(here, points[-1]))
    return curves


def _length(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _toward(a: Point, b: Point, distance: float) -> Point:
    length = _length(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * distance / length, a[1] + (b[1] - a[1]) * distance / length


def _straight(a: Point, b: Point) -> Curve:
    third = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b


def _turned(route: Route, way: Way, width: float) -> Route:
    """In the edge's own direction and the coordinates of its side."""
    def turn(curve: Curve) -> Curve:
        if way.mirrored:
            curve = ((width - curve[0][0], curve[0][1]), (width - curve[1][0], curve[1][1]),
                     (width - curve[2][0], curve[2][1]), (width - curve[3][0], curve[3][1]))
        return curve[::-1] if way.upward else curve

    curves = [turn(curve) for curve in route.curves]
    return Route(curves[::-1] if way.upward else curves, [turn(curve) for curve in route.air])
