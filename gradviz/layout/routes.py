"""The way of every edge as a curve: out of the bottom of a glyph, in at the top or at the side of another.

All is worked out as on the forward side, from the upper glyph down. A backward edge is the mirror of that, walked the
other way. Between neighbouring rows of a loose picture an edge is one bend; else it goes straight, with round corners.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from gradviz.layout.lanes import Plan, Way
from gradviz.layout.rows import Rows, Run, begins

Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]
Ports = dict[tuple[int, bool], list[tuple[float, int, int]]]
"""Per place and side where edges come from or go to, their number among those alike, and which they are."""

PORTS = 24
"""Between two edges at the same side of a glyph, in a loose picture."""
CLOSE = 12
"""The same in a compact one."""
PARALLEL = 18
"""Between two edges that join the same two glyphs."""
CORNER = 6


@dataclass
class Route:
    """``curves`` in the direction of the edge, in the coordinates of its side; ``air``: which of them words may stand
    on, the best first."""

    curves: list[Curve]
    air: list[Curve] = field(default_factory=list)


@dataclass
class Bends:
    """Of one way: where it leaves and where it arrives, from the middle of its glyph; ``side``: -1 or 1 where it
    arrives at that side of its glyph, at ``high`` above its middle; and its stretches sideways."""

    start: float = 0.0
    end: float = 0.0
    side: int = 0
    high: float = 0.0
    out: Run | None = None
    into: Run | None = None


def bends(plan: Plan, ways: list[Way], compact: bool) -> list[Bends]:
    """Ports and stretches sideways of all ways, in their order."""
    found = [Bends() for _ in ways]
    both = [(way, bend) for way, bend in zip(ways, found, strict=True) if plan.row(way.upper) != plan.row(way.lower)]
    if compact:
        _sides(plan, both)
    _ports(plan, both, compact)
    for way, bend in both:
        _runs(plan, way, bend, compact)
    return found


# --- ports -----------------------------------------------------------------------------------------------------------
def _sides(plan: Plan, both: list[tuple[Way, Bends]]) -> None:
    """What comes down a lane beside its glyph goes in at that side, if nothing stands between."""
    taken: dict[tuple[bool, int, int], int] = defaultdict(int)
    for way, bend in both:
        if way.lane is None or plan.row(way.lower) < plan.row(way.upper):
            continue
        x, (w, h) = plan.x[way.lower], plan.size(way.lower, way.mirrored)
        side = -1 if way.lane < x else 1
        if abs(way.lane - x) < w / 2 + 8:
            continue
        row = plan.grid.rows[plan.row(way.lower)]
        others = [place for item in row for place in plan.grid.items[item]
                  if place != way.lower and plan.places.glyph(place, way.mirrored)]
        near, far = min(way.lane, x) - 6, max(way.lane, x) + 6
        key = way.mirrored, way.lower, side
        if 6 * taken[key] > h / 2 - 7 or any(near < plan.x[other] + plan.size(other, way.mirrored)[0] / 2
                                             and plan.x[other] - plan.size(other, way.mirrored)[0] / 2 < far
                                             for other in others):
            continue
        bend.side, bend.high = side, (-1) ** taken[key] * 6.0 * ((taken[key] + 1) // 2)
        taken[key] += 1


def _ports(plan: Plan, both: list[tuple[Way, Bends]], compact: bool) -> None:
    """Where edges leave and enter: what runs straight in the middle, the rest to its left and right."""
    enters: Ports = defaultdict(list)
    leaves: Ports = defaultdict(list)
    for order, (way, bend) in enumerate(both):
        if not bend.side:
            origin = plan.x[way.upper] if way.lane is None else way.lane
            enters[way.lower, way.mirrored].append((origin, way.number, order))
    for order, offset in _at(plan, enters, compact):
        both[order][1].end = offset
    for order, (way, bend) in enumerate(both):
        goal = plan.x[way.lower] + (bend.end if compact else 0.0) if way.lane is None else way.lane
        leaves[way.upper, way.mirrored].append((goal, way.number, order))
    if not compact:
        for order, offset in _at(plan, leaves, compact):
            both[order][1].start = offset
        return
    for (place, mirrored), goals in leaves.items():  # all from the middle, but for what goes straight on beside it
        room = plan.size(place, mirrored)[0] / 2 - 12
        alone = len(goals) == 1 and abs(goals[0][0] - plan.x[place]) <= room
        for goal, number, order in goals:
            way, bend = both[order]
            bend.start = goal - plan.x[place] if alone else (number - (way.alike - 1) / 2) * CLOSE


def _at(plan: Plan, ports: Ports, compact: bool) -> Iterator[tuple[int, float]]:
    for (place, mirrored), wishes in ports.items():
        middle, wide = plan.x[place], plan.size(place, mirrored)[0]
        wishes.sort()
        keys = list(dict.fromkeys((round(x, 1), number) for x, number, _ in wishes))
        reach = [x - middle for x, _ in keys]
        at = dict(zip(keys, _offsets(reach, 0.38 * wide, CLOSE if compact else PORTS), strict=True))
        for x, number, order in wishes:
            yield order, at[round(x, 1), number]


def _offsets(reach: list[float], room: float, ports: float) -> list[float]:
    """Offsets from the middle for edges that come from there, left to right."""
    count = len(reach)
    straight = [i for i, dx in enumerate(reach) if abs(dx) < 1]
    if count == 1 and ports == CLOSE and abs(reach[0]) <= room:
        return reach
    step: float = min(PARALLEL, 1.5 * ports) if count > 1 and len(straight) == count else ports
    middle = sum(straight) / len(straight) if straight else (count - 1) / 2
    step = min(step, room / max(middle, count - 1 - middle, 1e-9))
    return [(i - middle) * step for i in range(count)]


# --- stretches sideways ----------------------------------------------------------------------------------------------
def _runs(plan: Plan, way: Way, bend: Bends, compact: bool) -> None:
    upper, lower = plan.row(way.upper), plan.row(way.lower)
    x1, x2 = plan.x[way.upper] + bend.start, plan.x[way.lower] + bend.end
    new = begins(plan, lower - 1)
    if way.lane is None:
        if compact and abs(x1 - x2) > 0.5:
            bend.into = _run(lower - 1, len(new), x1, x2, way)
        return
    if abs(way.lane - x1) > 0.5:
        home = plan.places.home[way.lower]
        zone = sum(home == id or home.startswith(f"{id}.") for id in begins(plan, upper))
        bend.out = _run(upper, zone, x1, way.lane, way)
    if not bend.side and abs(way.lane - x2) > 0.5:
        bend.into = _run(lower - 1, len(new), way.lane, x2, way, into=True)


def _run(row: int, zone: int, a: float, b: float, way: Way, *, into: bool = False) -> Run:
    key = way.mirrored, -1 - way.lower if into else way.upper
    return Run(row, zone, min(a, b), max(a, b), key)


# --- curves ----------------------------------------------------------------------------------------------------------
def routes(plan: Plan, ways: list[Way], found: list[Bends], rows: Rows, compact: bool) -> dict[str, Route]:
    """A route per edge id, on the forward side or as if it were there."""
    made: dict[str, Route] = {}
    for way, bend in zip(ways, found, strict=True):
        upper, lower = plan.row(way.upper), plan.row(way.lower)
        if upper == lower:
            made[way.edge.id] = _level(plan, way, rows)
        elif way.lane is None and not compact:
            made[way.edge.id] = _bent(plan, way, bend, rows)
        else:
            made[way.edge.id] = _straight_on(plan, way, bend, rows)
    return made


def _exit(plan: Plan, way: Way, rows: Rows) -> float:
    """Bottom of the upper glyph; a hair off where the head points at it."""
    row = plan.row(way.upper)
    return (rows.top[row] + rows.bottom[row]) / 2 + plan.size(way.upper, way.mirrored)[1] / 2 + (1 if way.upward else 0)


def _entry(plan: Plan, way: Way, rows: Rows) -> float:
    row = plan.row(way.lower)
    return (rows.top[row] + rows.bottom[row]) / 2 - plan.size(way.lower, way.mirrored)[1] / 2 - (0 if way.upward else 1)


def _straight_on(plan: Plan, way: Way, bend: Bends, rows: Rows) -> Route:
    """Down, sideways at its tracks, down its lane, and in."""
    x1, x2 = plan.x[way.upper] + bend.start, plan.x[way.lower] + bend.end
    points = [(x1, _exit(plan, way, rows))]
    if bend.out is not None and way.lane is not None:
        points += [(x1, rows.of(bend.out)), (way.lane, rows.of(bend.out))]
    here = points[-1][0]
    if bend.side:
        row, (w, _) = plan.row(way.lower), plan.size(way.lower, way.mirrored)
        y = (rows.top[row] + rows.bottom[row]) / 2 + bend.high
        points += [(here, y), (plan.x[way.lower] + bend.side * (w / 2 + (0 if way.upward else 1)), y)]
    else:
        if bend.into is not None:
            points += [(here, rows.of(bend.into)), (x2, rows.of(bend.into))]
        points.append((points[-1][0], _entry(plan, way, rows)))
    curves = polyline(points)
    air = [(a, a, b, b) for a, b in pairwise(points) if a[0] == b[0] and abs(b[1] - a[1]) > 8]
    return Route(curves, sorted(air, key=lambda one: -abs(one[3][1] - one[0][1])))


def _bent(plan: Plan, way: Way, bend: Bends, rows: Rows) -> Route:
    upper = plan.row(way.upper)
    x1, x2 = plan.x[way.upper] + bend.start, plan.x[way.lower] + bend.end
    y1, y2, low, high = _exit(plan, way, rows), _entry(plan, way, rows), rows.bottom[upper], rows.top[upper + 1]
    curves: list[Curve] = []
    if low - y1 > 1:
        curves.append(_line((x1, y1), (x1, low)))
        y1 = low
    last = _bend((x1, y1), (x2, high if y2 - high > 1 else y2))
    curves.append(last)
    if y2 - high > 1:
        curves.append(_line((x2, high), (x2, y2)))
    return Route(curves, [last])


def _bend(start: Point, end: Point) -> Curve:
    s = (end[1] - start[1]) * 0.55
    return start, (start[0], start[1] + s), (end[0], end[1] - s), end


def _level(plan: Plan, way: Way, rows: Rows) -> Route:
    """Between two glyphs of a row: straight across, or under what stands between them."""
    row = plan.row(way.upper)
    a, b = plan.x[way.upper], plan.x[way.lower]
    y = (rows.top[row] + rows.bottom[row]) / 2
    between = any(min(a, b) < plan.x[place] < max(a, b) and plan.places.glyph(place, way.mirrored)
                  for item in plan.grid.rows[row] for place in plan.grid.items[item])
    (w1, h1), (w2, h2) = plan.size(way.upper, way.mirrored), plan.size(way.lower, way.mirrored)
    sign = 1 if b > a else -1
    if not between:
        shift = (way.number - (way.alike - 1) / 2) * 8
        tips = (1, 0) if way.upward else (0, 1)
        start, end = (a + sign * (w1 / 2 + tips[0]), y + shift), (b - sign * (w2 / 2 + tips[1]), y + shift)
        return Route([_line(start, end)])
    low = rows.bottom[row] + 8
    x1, x2 = a + sign * 12, b - sign * 12
    return Route(polyline([(x1, y + h1 / 2 + 1), (x1, low), (x2, low), (x2, y + h2 / 2 + 1)]))


def polyline(points: list[Point]) -> list[Curve]:
    """Straight lines with round corners."""
    points = [points[0], *(b for a, b in pairwise(points) if abs(a[0] - b[0]) > 0.1 or abs(a[1] - b[1]) > 0.1)]
    curves: list[Curve] = []
    here = points[0]
    for corner, after in pairwise(points[1:]):
        radius = min(CORNER, _length(here, corner), _length(corner, after) / 2)
        start, end = _toward(corner, here, radius), _toward(corner, after, radius)
        curves.append(_line(here, start))
        curves.append((start, _toward(start, corner, radius * 0.55), _toward(end, corner, radius * 0.55), end))
        here = end
    curves.append(_line(here, points[-1]))
    return curves


def _length(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _toward(a: Point, b: Point, distance: float) -> Point:
    length = _length(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * distance / length, a[1] + (b[1] - a[1]) * distance / length


def _line(a: Point, b: Point) -> Curve:
    third = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b


def turned(route: Route, way: Way, width: float, shift: float) -> Route:
    """In the edge's own direction and the coordinates of its side. ``shift``: of all that is on the forward side."""
    def place(point: Point) -> Point:
        x = point[0] + shift
        return (width - x if way.mirrored else x, point[1])

    def turn(curve: Curve) -> Curve:
        curve = (place(curve[0]), place(curve[1]), place(curve[2]), place(curve[3]))
        return curve[::-1] if way.upward else curve

    curves = [turn(curve) for curve in route.curves]
    return Route(curves[::-1] if way.upward else curves, [turn(curve) for curve in route.air])
