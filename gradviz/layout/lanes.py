"""Where edges run: straight from row to row, or down a lane beside what stands between.

A lane is a stretch of one column that nothing stands in on its side, as near as can be to what it joins, rather at the
left. What leaves one glyph shares a lane. Lanes within a region are found before its frame is drawn around them; to
edges from outside the frame is then one thing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from gradviz.layout.grid import LANE, Grid
from gradviz.layout.places import Places, ends
from gradviz.scene.model import Edge, Region, Scene

CLEAR = 9.0
"""Between a lane and a glyph."""
BORDER = 9.0
"""Between the frame of a region and what is in it."""
RIGHT = 24.0
"""A lane at the right must be so much shorter than one at the left."""


@dataclass
class Way:
    """An edge on its way from its ``upper`` to its ``lower`` place; ``upward``: it flows up; ``mirrored``: backward
    side; ``number`` of ``alike``: of those between the same two. ``lane``: its column, where it passes rows."""

    edge: Edge
    upper: int
    lower: int
    upward: bool
    mirrored: bool
    number: int = 0
    alike: int = 1
    lane: float | None = None


@dataclass
class Plan:
    """Places in their rows: ``x`` the middle of each; ``wide``: left and right border of each region that is framed,
    on the forward side; ``least``: width that the title of a region needs."""

    places: Places
    grid: Grid
    x: list[float]
    least: dict[str, float]
    wide: dict[str, tuple[float, float]] = field(default_factory=dict)

    def row(self, place: int) -> int:
        return self.grid.row[self.grid.item[place]]

    def size(self, place: int, mirrored: bool) -> tuple[int, int]:
        return self.places.sizes[self.places.glyph(place, mirrored)]


def ways(scene: Scene, places: Places) -> list[Way]:
    """All edges whose ends are on one side."""
    found: list[Way] = []
    alike: dict[tuple[int, int, bool], list[Way]] = defaultdict(list)
    for edge in scene.edges:
        both = ends(edge, places)
        if both is None:
            continue
        mirrored = places.backward[both[0]] in (edge.source, edge.target)
        way = Way(edge, *both, upward=mirrored or edge.kind == "view", mirrored=mirrored)
        alike[way.upper, way.lower, mirrored].append(way)
        found.append(way)
    for same in alike.values():
        for number, way in enumerate(same):
            way.number, way.alike = number, len(same)
    return found


def around(home: str) -> list[str]:
    """The regions around something, outermost first."""
    steps = home.split(".") if home else []
    return [".".join(steps[:end]) for end in range(1, len(steps) + 1)]


def lanes(plan: Plan, found: list[Way], regions: list[Region]) -> None:
    """Give a lane to each way that passes rows, and a frame to each region."""
    places, work = plan.places, _Lanes(plan)
    trunks: dict[int, dict[tuple[bool, int, str, int], list[Way]]] = defaultdict(lambda: defaultdict(list))
    for way in found:
        upper, lower = plan.row(way.upper), plan.row(way.lower)
        if upper == lower or lower == upper + 1:
            continue
        up, down = around(places.home[way.upper]), around(places.home[way.lower])
        shared = sum(a == b for a, b in zip(up, down, strict=False))
        own = way.lower if way.edge.kind == "view" else -1 if lower > upper else -2
        trunks[shared][way.mirrored, way.upper, up[shared - 1] if shared else "", own].append(way)
    depths = {region.id: region.id.count(".") + 1 for region in regions}
    for depth in range(max([*trunks, *depths.values()], default=0), -1, -1):
        several = sorted(trunks[depth].values(), key=lambda some: _length(plan, some))
        for some in several:
            work.lane(some, depth)
        mine = [id for id, deep in depths.items() if deep == depth and id in plan.grid.inside]
        for above in dict.fromkeys(id.rpartition(".")[0] for id in mine):
            work.frame([id for id in mine if id.rpartition(".")[0] == above])


def _length(plan: Plan, trunk: list[Way]) -> tuple[int, int]:
    first = plan.row(trunk[0].upper)
    return max(abs(plan.row(way.lower) - first) for way in trunk), first


class _Lanes:
    """What stands in each row on each side, lanes too."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        grid, places = plan.grid, plan.places
        count = len(grid.rows)
        self.around = [around(home) for home in grid.homes]
        self.glyphs: dict[bool, list[list[tuple[float, float]]]] = {
            side: [[] for _ in range(count)] for side in (False, True)}
        self.taken: dict[bool, list[list[float]]] = {side: [[] for _ in range(count)] for side in (False, True)}
        for number, row in enumerate(grid.rows):
            for item in row:
                for place in grid.items[item]:
                    for side in (False, True):
                        if places.glyph(place, side):
                            half = plan.size(place, side)[0] / 2 + CLEAR
                            self.glyphs[side][number].append((plan.x[place] - half, plan.x[place] + half))

    def lane(self, trunk: list[Way], depth: int) -> None:
        plan = self.plan
        head = trunk[0]
        rows = [plan.row(way.lower) for way in trunk]
        first = plan.row(head.upper)
        last = max(rows)
        between = range(first + 1, last) if last > first else range(min(rows), first + 1)
        homes = {plan.places.home[head.upper], *(plan.places.home[way.lower] for way in trunk)}
        inside = {id for home in homes for id in around(home)}
        blocked = [span for row in between for span in self._blocked(row, depth, inside, head.mirrored)]
        blocked += [(x - LANE, x + LANE) for x in self.taken[head.mirrored][last]]
        ends = [plan.x[head.upper], plan.x[trunk[rows.index(last)].lower]]
        x = _free(blocked, ends)
        for way in trunk:
            way.lane = x
        for row in {*between, *rows}:  # it may go in at the side
            self.taken[head.mirrored][row].append(x)

    def _blocked(self, row: int, depth: int, inside: set[str], side: bool) -> list[tuple[float, float]]:
        for id in self.around[row][depth:]:
            if id not in inside:
                left, right = self.plan.wide[id]
                return [(left - LANE / 2, right + LANE / 2)]
        lanes = [(x - LANE, x + LANE) for x in self.taken[side][row]]
        return self.glyphs[side][row] + lanes

    def frame(self, siblings: list[str]) -> None:
        """Frames of the regions that stand directly in one: all of them as wide as the widest."""
        least, most = float("inf"), float("-inf")
        for id in siblings:
            first, last = self.plan.grid.inside[id]
            spans = [span for side in (False, True) for row in range(first, last + 1)
                     for span in (*((left + CLEAR, right - CLEAR) for left, right in self.glyphs[side][row]),
                                  *((x - 2, x + 2) for x in self.taken[side][row]))]
            spans += [self.plan.wide[inner] for inner in self.plan.wide if inner.startswith(f"{id}.")]
            low = min(span[0] for span in spans) - BORDER
            high = max(span[1] for span in spans) + BORDER
            missing = max(0.0, self.plan.least[id] - (high - low)) / 2
            least, most = min(least, low - missing), max(most, high + missing)
        for id in siblings:
            self.plan.wide[id] = float(round(least)), float(round(most))


def _free(blocked: list[tuple[float, float]], ends: list[float]) -> float:
    """The column outside of all spans that makes the shortest way between two."""
    best, least, free = ends[0], float("inf"), float("-inf")
    for left, right in [*sorted(blocked), (float("inf"), float("inf"))]:
        if left >= free:
            for end in ends:
                x = min(max(end, free), left)
                cost = sum(abs(x - other) for other in ends)
                cost += RIGHT if x > max(ends) else 0.0
                if cost < least:
                    best, least = x, cost
        free = max(free, right)
    return float(round(best))
