"""From a scene to positions: the order of the passes."""

from __future__ import annotations

from typing import Final, Literal

from gradviz.layout import dot
from gradviz.layout.align import align
from gradviz.layout.frames import frames
from gradviz.layout.labels import labels
from gradviz.layout.layers import Layers, layers, slots
from gradviz.layout.nested import nested
from gradviz.layout.order import crossings, order
from gradviz.layout.places import Places, places
from gradviz.layout.ranks import Ranks, ranks
from gradviz.layout.routes import Curve, Plan, Route, margin_width, routes
from gradviz.layout.rows import MARGIN, Rows, rows
from gradviz.scene.model import Placed, Position, Scene

ENGINES: Final = ("auto", "own", "dot")
LIMIT: Final = 2_000
"""Places and lanes up to which ``dot`` is asked: beyond it takes seconds."""


def place(scene: Scene, engine: Literal["auto", "own", "dot"] | str = "auto") -> Placed:
    """Positions of everything in a scene, in px.

    ``own`` is linear in the size of the scene. ``dot`` asks Graphviz for the order within the rows and keeps the own
    one when that fails or takes too long. ``auto`` asks only where the own order leaves crossings and the scene is
    small enough, and takes what crosses less; never where groups are open, as opening one must not wait for it.
    ``Placed.layout`` says whose order it was. Raises ValueError for another engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if scene.regions:
        return nested(scene, lambda level, found: _lay(level, found, "own"))
    return _lay(scene, places(scene), engine)


def _lay(scene: Scene, found: Places, engine: str) -> Placed:
    rank = ranks(found)
    graph = layers(found, rank)
    order(graph)
    small = len(found.width) + slots(found, rank) <= LIMIT
    used = engine != "own" and (engine == "dot" or small) and _ask(graph, always=engine == "dot")
    return _placed(scene, _plan(scene, found, rank, graph, align(graph)), "dot" if used else "own")


def _ask(graph: Layers, *, always: bool) -> bool:
    """Take the order of ``dot`` if it is asked for or crosses less; whether it was taken."""
    own, least = graph.rows, crossings(graph)
    if not always and not least:
        return False
    rows = dot.ordered(graph)
    if rows is None:
        return False
    graph.rows = rows
    if always or crossings(graph) < least:
        return True
    graph.rows = own
    return False


def _plan(scene: Scene, found: Places, rank: Ranks, graph: Layers, x: list[float]) -> Plan:
    left = min((middle - w / 2 for middle, w in zip(x, graph.width, strict=True)), default=0.0)
    right = max((middle + w / 2 for middle, w in zip(x, graph.width, strict=True)), default=0.0)
    shift = MARGIN + margin_width(graph) - left
    x = [middle + shift for middle in x]
    width = right + shift + MARGIN
    middles = [x[rank.block[p]] + graph.offset[p] for p in range(len(found.width))]
    height: Rows = rows(scene, found, rank, graph, x)
    return Plan(found, rank, graph, height, middles, x, float(width))


def _placed(scene: Scene, plan: Plan, engine: str) -> Placed:
    nodes: dict[str, Position] = {}
    for node in scene.nodes:
        p = plan.places.of[node.id]
        rank = plan.ranks.rank[p]
        w, h = plan.places.sizes[node.id]
        x = plan.x[p] if node.side == "forward" else plan.width - plan.x[p]
        nodes[node.id] = Position(x, (plan.rows.top[rank] + plan.rows.bottom[rank]) / 2, w, h)
    ways = routes(scene, plan)
    stands = labels(scene, plan, ways)
    return Placed(plan.width, plan.rows.height, nodes, {edge: _points(route) for edge, route in ways.items()},
                  stands, frames(scene, nodes, plan.width), engine)


def _points(route: Route) -> list[tuple[float, float]]:
    points = [route.curves[0][0]]
    for curve in _joined(route.curves):
        points.extend(curve[1:])
    return [(round(x, 2), round(y, 2)) for x, y in points]


def _joined(curves: list[Curve]) -> list[Curve]:
    """What runs straight down through several rows is one stretch."""
    made: list[Curve] = []
    for curve in curves:
        if made and _upright(made[-1]) and _upright(curve) and curve[0][0] == made[-1][0][0]:
            (x, y), end = made[-1][0], curve[3]
            third = (end[1] - y) / 3
            made[-1] = (x, y), (x, y + third), (x, end[1] - third), end
        else:
            made.append(curve)
    return made


def _upright(curve: Curve) -> bool:
    return curve[0][0] == curve[1][0] == curve[2][0] == curve[3][0]
