"""From a scene to positions: the order of the passes."""

from __future__ import annotations

from collections import defaultdict

from gradviz.layout.columns import columns
from gradviz.layout.frames import frames
from gradviz.layout.grid import grid
from gradviz.layout.labels import Taken, labels
from gradviz.layout.lanes import Plan, Way, lanes, ways
from gradviz.layout.measure import width
from gradviz.layout.places import NARROW, bound, places
from gradviz.layout.routes import Bends, bends, routes, turned
from gradviz.layout.rows import HEAD, MARGIN, Rows, rows
from gradviz.scene.model import Placed, Position, Region, Scene
from gradviz.scene.style import Font, style


def place(scene: Scene) -> Placed:
    """Positions of everything in a scene, in px: linear in its size, but for the sorting of rows and lanes."""
    most = bound(scene)
    found = places(scene, most)
    found_grid = grid(found, scene.regions, most, scene.compact)
    slack = 1.3 if not scene.compact else 1.1 if scene.regions else 1.0  # a straight line is worth some width
    x = columns(found, found_grid, most * slack)
    middles = [x[found_grid.item[p]] + found_grid.offset[p] for p in range(len(found.width))]
    plan = Plan(found, found_grid, middles, {region.id: title(region) for region in scene.regions})
    every = ways(scene, found)
    lanes(plan, every, scene.regions)
    bent = bends(plan, every, scene.compact)
    runs = [run for bend in bent for run in (bend.out, bend.into) if run is not None]
    height = rows(scene, plan, runs, _labelled(plan, every, scene.compact))
    return _placed(scene, plan, every, bent, height)


def title(region: Region) -> float:
    """Least width of a region's frame: its name, its class and its counts in one line."""
    look = style().region
    name = width(region.label, Font(**look["name"]))
    rest = width(f"{region.about} {region.ops:,} of {region.nodes:,} ran", Font(**look["about"]))
    return min(float(name + rest + 60), NARROW)


def _labelled(plan: Plan, every: list[Way], compact: bool) -> set[int]:
    """Rows below which words stand on edges."""
    found = set()
    for way in every:
        upper, lower = plan.row(way.upper), plan.row(way.lower)
        if any(text for _, text in way.edge.label) and upper < lower and (way.lane is None or not compact):
            found.add(lower - 1)
    return found


def _placed(scene: Scene, plan: Plan, every: list[Way], bent: list[Bends], height: Rows) -> Placed:
    found = plan.places
    spans = [(x - w / 2, x + w / 2) for x, w in zip(plan.x, found.width, strict=True)]
    spans += [*plan.wide.values(), *((way.lane - 3, way.lane + 3) for way in every if way.lane is not None)]
    left = min((span[0] for span in spans), default=0.0)
    shift = MARGIN - left
    total = float(max((span[1] for span in spans), default=0.0) + shift + MARGIN)
    nodes: dict[str, Position] = {}
    taken: dict[str, Taken] = {"forward": Taken(), "backward": Taken()}
    for node in scene.nodes:
        p = found.of[node.id]
        row, (w, h) = plan.row(p), found.sizes[node.id]
        x = plan.x[p] + shift if node.side == "forward" else total - plan.x[p] - shift
        y = (height.top[row] + height.bottom[row]) / 2
        nodes[node.id] = Position(x, y, w, h)
        taken[node.side].add((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    regions = {id: (left + shift, height.begin[id], right - left, height.end[id] - height.begin[id])
               for id, (left, right) in plan.wide.items()}
    for left, top, wide, _ in regions.values():
        taken["forward"].add((left, top, left + wide, top + HEAD))
        taken["backward"].add((total - left - wide, top, total - left, top + HEAD))
    drawn = routes(plan, every, bent, height, scene.compact)
    there = {way.edge.id: turned(drawn[way.edge.id], way, total, shift) for way in every}
    side = {node.id: node.side for node in scene.nodes}
    points = {id: [(round(x, 2), round(y, 2)) for x, y in
                   (route.curves[0][0], *(point for curve in route.curves for point in curve[1:]))]
              for id, route in there.items()}
    return Placed(total, height.height, nodes, points, labels(scene.edges, there, taken, side, total),
                  frames(scene, nodes, total), regions, _joins(plan, every, bent, height, total, shift))


def _joins(plan: Plan, every: list[Way], bent: list[Bends], height: Rows, total: float,
           shift: float) -> dict[str, tuple[float, float]]:
    """Where the edges on which gradients come to one glyph meet below it."""
    meet: dict[int, list[Bends]] = defaultdict(list)
    for way, bend in zip(every, bent, strict=True):
        if way.mirrored and not bend.start and plan.row(way.upper) < plan.row(way.lower):
            meet[way.upper].append(bend)
    found: dict[str, tuple[float, float]] = {}
    for upper, several in meet.items():
        ys = [height.of(bend.out or bend.into) for bend in several  # type: ignore[arg-type]
              if bend.out is not None or (bend.into is not None and bend.into.key[1] == upper)]
        if len(several) > 1 and ys:
            found[plan.places.backward[upper]] = total - plan.x[upper] - shift, min(ys)
    return found
