"""Where the words on edges stand: on their own line or right beside it, clear of glyphs, titles and each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gradviz.layout.routes import Curve, Point, Route
from gradviz.layout.sizes import pill_of, pill_width
from gradviz.scene.model import Edge

ALONG = (0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72, 0.2, 0.8)
CLEAR = 2.0
CELL = 64
EDGE = 16.0
"""Nothing but air is so near to the border of the picture."""

Box = tuple[float, float, float, float]


class Taken:
    """What stands on a side, by cells of a grid."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[Box]] = defaultdict(list)

    def add(self, box: Box) -> None:
        for cell in _cells(box):
            self.cells[cell].append(box)

    def meets(self, box: Box) -> bool:
        return any(_meet(box, other) for cell in _cells(box) for other in self.cells.get(cell, ()))


def labels(edges: Iterable[Edge], routes: dict[str, Route], taken: dict[str, Taken], side: dict[str, str],
           width: float) -> dict[str, Point]:
    """Middle of each label. One for which there is no room stands nowhere: it is read in the inspector."""
    stands: dict[str, Point] = {}
    for edge in edges:
        route = routes.get(edge.id)
        if route is None or not any(text for _, text in edge.label):
            continue
        point = _room(edge, route, taken[side[edge.source]], width)
        if point is not None:
            stands[edge.id] = point
    return stands


def _room(edge: Edge, route: Route, taken: Taken, width: float) -> Point | None:
    w, h = pill_width(edge) / 2 + CLEAR, pill_of(edge).height / 2 + CLEAR
    shifts = (w + 3, -w - 3, 0.0) if edge.kind == "data" else (0.0,)
    for curve in route.air:
        top, bottom = sorted((curve[0][1], curve[3][1]))
        for t in ALONG:
            x, y = at(curve, t)
            if y - h < top - 1 or y + h > bottom + 1:
                continue
            for shift in shifts:
                box = (x + shift - w, y - h, x + shift + w, y + h)
                if box[0] >= EDGE and box[2] <= width - EDGE and not taken.meets(box):
                    taken.add(box)
                    return round(x + shift, 1), round(y, 1)
    return None


def at(curve: Curve, t: float) -> Point:
    """The point of a cubic at ``t``."""
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    p, q, r, s = curve
    return a * p[0] + b * q[0] + c * r[0] + d * s[0], a * p[1] + b * q[1] + c * r[1] + d * s[1]


def _cells(box: Box) -> list[tuple[int, int]]:
    return [(x, y) for x in range(int(box[0] // CELL), int(box[2] // CELL) + 1)
            for y in range(int(box[1] // CELL), int(box[3] // CELL) + 1)]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
