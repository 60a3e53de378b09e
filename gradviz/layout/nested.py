"""From a scene with open groups to positions: the levels from the inside out, then all of them put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gradviz.layout.levels import Level, Part, box_of, levels
from gradviz.layout.measure import width
from gradviz.layout.places import Places, places
from gradviz.scene.model import Placed, Position, Region, Scene
from gradviz.scene.style import Font, style

HEAD: Final = 26
"""The title of a region."""
PAD: Final = 12
"""Below what stands lowest in a region without ports there."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Flat:
    """A level as laid out: as Placed; ``ports``: middle of each of its own ports on the forward side."""

    placed: Placed
    ports: dict[str, float]
    top: float
    size: tuple[int, int]
    shift: float


def nested(scene: Scene, lay: Callable[[Scene, Places], Placed]) -> Placed:
    """Positions of a scene with regions. ``lay`` places one level."""
    inner: dict[str, Flat] = {}
    split, parts = levels(scene)
    regions = {region.id: region for region in scene.regions}
    for level in split:
        inner[level.id] = _lay(level, inner, regions.get(level.id), lay)
    return _joined(scene, split, parts, inner)


def prepared(level: Level, inner: dict[str, Flat]) -> Places:
    """The places of a level: boxes with their ports, its own ports at the top and at the bottom."""
    sizes = dict.fromkeys(level.tops | level.bottoms, (2, 2))
    for region, ports in level.boxes.items():
        size = inner[region].size if region in inner else (2, 2)
        sizes |= dict.fromkeys((box_of(region, False), box_of(region, True)), size)
        sizes |= dict.fromkeys(ports, (2, size[1]))
    found = places(level.scene, sizes)
    for region, ports in level.boxes.items():
        box = {found.of[box_of(region, False)]: 0.0}
        for port in ports:
            box[found.of[port]] = inner[region].ports[port] if region in inner else 0.0
        found.boxes.append(box)
    found.first = {found.of[id] for id in level.tops}
    found.last = {found.of[id] for id in level.bottoms}
    return found


def _lay(level: Level, inner: dict[str, Flat], region: Region | None, lay: Callable[[Scene, Places], Placed]) -> Flat:
    placed = lay(level.scene, prepared(level, inner))
    if region is None:
        return Flat(placed, {}, 0.0, (0, 0), 0.0)
    rows = [(p.y - p.h / 2, p.y + p.h / 2) for p in placed.nodes.values()]
    top, bottom = min(row[0] for row in rows), max(row[1] for row in rows)
    top -= HEAD if level.tops else HEAD + 6
    bottom += 0 if level.bottoms else PAD
    wide = int(max(placed.width, title(region)) + 1) // 2 * 2
    shift = (wide - placed.width) / 2
    ports = {}
    for port in level.tops | level.bottoms:
        x = placed.nodes[port].x
        ports[port] = (placed.width - x if port[0] == "P" else x) - placed.width / 2
    return Flat(placed, ports, top, (wide, int(bottom - top + 1) // 2 * 2), shift)


def title(region: Region) -> float:
    """Least width of a region's frame: its name, its class and its counts in one line."""
    look = style().region
    name = width(region.label, Font(**look["name"]))
    rest = width(f"{region.about} {region.ops:,} of {region.nodes:,} ran", Font(**look["about"]))
    return float(name + rest + 72)


def _joined(scene: Scene, split: list[Level], parts: dict[str, list[Part]], inner: dict[str, Flat]) -> Placed:
    nodes: dict[str, Position] = {}
    frames: dict[str, tuple[float, float, float, float]] = {}
    regions: dict[str, tuple[float, float, float, float]] = {}
    labels: dict[str, Point] = {}
    corner: dict[tuple[str, bool], Point] = {("", False): (0.0, 0.0), ("", True): (0.0, 0.0)}
    sides = {node.id: node.side == "backward" for node in scene.nodes}
    for level in reversed(split):
        flat = inner[level.id]
        for id, p in flat.placed.nodes.items():
            backward = level.nodes[id].side == "backward"
            dx, dy = corner[level.id, backward]
            if id in sides:
                nodes[id] = Position(p.x + dx, p.y + dy, p.w, p.h)
        for region in level.boxes:
            for backward in (False, True):
                p, (dx, dy) = flat.placed.nodes[box_of(region, backward)], corner[level.id, backward]
                left, top = p.x - p.w / 2 + dx, p.y - p.h / 2 + dy
                corner[region, backward] = left + inner[region].shift, top - inner[region].top
                if not backward:
                    regions[region] = left, top, float(p.w), float(p.h)
        for id, (x, y, w, h) in flat.placed.frames.items():
            dx, dy = corner[level.id, False]
            frames[id] = x + dx, y + dy, w, h
        for id, (x, y) in flat.placed.labels.items():
            edge = level.carries[id][0]
            dx, dy = corner[level.id, sides[_source(level, id)] if _source(level, id) in sides else
                            level.nodes[_source(level, id)].side == "backward"]
            labels[edge] = x + dx, y + dy
    routes = {edge.id: _route(parts[edge.id], inner, corner, sides[edge.source], edge.kind == "view")
              for edge in scene.edges if edge.id in parts}
    whole = inner[""].placed
    return Placed(whole.width, whole.height, nodes, {id: route for id, route in routes.items() if route}, labels,
                  frames, "own", regions)


def _source(level: Level, edge: str) -> str:
    return level.edges[edge].source


def _route(parts: list[Part], inner: dict[str, Flat], corner: dict[tuple[str, bool], Point], backward: bool,
           view: bool) -> list[Point]:
    """The stretches of an edge, one a level, in its own direction; over the title of a region it runs straight."""
    points: list[Point] = []
    for region, edge in reversed(parts) if backward or view else parts:
        dx, dy = corner[region, backward]
        part = [(round(x + dx, 2), round(y + dy, 2)) for x, y in inner[region].placed.routes.get(edge, ())]
        if points and part:
            points += _straight(points[-1], part[0])
            part = part[1:]
        points += part
    return points


def _straight(a: Point, b: Point) -> list[Point]:
    third = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return [(a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b]
