"""Where the words on edges stand: on their own line, between the rows, clear of glyphs and of each other."""

from __future__ import annotations

from collections import defaultdict

from gradviz.layout.routes import Curve, Plan, Point, Route
from gradviz.layout.sizes import pill_of, pill_width
from gradviz.scene.model import Edge, Scene

ALONG = (0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72, 0.2, 0.8)
CLEAR = 2.0

Box = tuple[float, float, float, float]


def labels(scene: Scene, plan: Plan, found: dict[str, Route]) -> dict[str, Point]:
    """Middle of each pill. A label for which there is no room stands nowhere: it is read in the inspector."""
    side = {node.id: node.side for node in scene.nodes}
    taken: dict[str, dict[int, list[Box]]] = {"forward": defaultdict(list), "backward": defaultdict(list)}
    stands: dict[str, Point] = {}
    for edge in scene.edges:
        route = found.get(edge.id)
        if route is None or not any(text for _, text in edge.label):
            continue
        point = _room(edge, route, plan, taken[side[edge.source]])
        if point is not None:
            stands[edge.id] = point
    return stands


def _room(edge: Edge, route: Route, plan: Plan, taken: dict[int, list[Box]]) -> Point | None:
    w, h = pill_width(edge) / 2 + CLEAR, pill_of(edge).height / 2 + CLEAR
    for curve in route.air:
        top, bottom = sorted((curve[0][1], curve[3][1]))
        for t in ALONG:
            x, y = at(curve, t)
            box = (x - w, y - h, x + w, y + h)
            if x - w < 0 or x + w > plan.width or y - h < top - 1 or y + h > bottom + 1:
                continue
            near = [other for cell in range(int(box[1] // 64), int(box[3] // 64) + 1) for other in taken[cell]]
            if any(_meet(box, other) for other in near):
                continue
            for cell in range(int(box[1] // 64), int(box[3] // 64) + 1):
                taken[cell].append(box)
            return round(x, 1), round(y, 1)
    return None


def at(curve: Curve, t: float) -> Point:
    """The point of a cubic at ``t``."""
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    p, q, r, s = curve
    return a * p[0] + b * q[0] + c * r[0] + d * s[0], a * p[1] + b * q[1] + c * r[1] + d * s[1]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
