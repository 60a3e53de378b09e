"""How high the rows are and what is between them: air, the borders and titles of regions, and tracks.

A *track* is a height at which an edge runs sideways. In the air between two rows regions end, then others begin; a
track lies below the titles of those regions that hold where its edge goes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from gradviz.layout.lanes import Plan, around
from gradviz.scene.model import Scene
from gradviz.scene.style import style

MARGIN = 20
HEAD: Final = 26
"""The title of a region."""
FOOT = 9
"""Between what stands lowest in a region and its border."""
BETWEEN = 10
"""Above and below the frame of a region."""
STORY = 58
"""Where the lines of a story cross from side to side, with their words."""
TRACK = 7


@dataclass(frozen=True)
class Air:
    """How much there is between rows: ``rest``; ``labelled``, where words stand on edges; ``track``: to the first
    track from above."""

    rest: float
    labelled: float
    track: float


LOOSE = Air(32, 46, 12)
TIGHT = Air(18, 25, 9)


@dataclass
class Run:
    """A stretch sideways in the air below ``row``, in the zone after ``zone`` of the regions that begin there."""

    row: int
    zone: int
    low: float
    high: float
    key: tuple[bool, int]
    track: int = 0


@dataclass
class Rows:
    """Top and bottom of each row in px, of each region, and of the tracks below each row by zone."""

    top: list[float] = field(default_factory=list)
    bottom: list[float] = field(default_factory=list)
    begin: dict[str, float] = field(default_factory=dict)
    end: dict[str, float] = field(default_factory=dict)
    tracks: dict[tuple[int, int], float] = field(default_factory=dict)
    height: float = 0.0

    def of(self, run: Run) -> float:
        return self.tracks[run.row, run.zone] + TRACK * run.track


def begins(plan: Plan, row: int) -> list[str]:
    """Regions that begin between a row and the next, outermost first."""
    homes = plan.grid.homes
    before = set(around(homes[row])) if row >= 0 else set()
    return [id for id in around(homes[row + 1]) if id not in before] if row + 1 < len(homes) else []


def sort_runs(runs: list[Run]) -> dict[tuple[int, int], int]:
    """Tracks for runs, so that those of different edges do not lie on each other; how many each zone has."""
    count: dict[tuple[int, int], int] = defaultdict(int)
    zones: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in runs:
        zones[run.row, run.zone].append(run)
    for zone, several in zones.items():
        spans: dict[tuple[bool, int], tuple[float, float]] = {}
        for run in several:
            low, high = spans.get(run.key, (run.low, run.high))
            spans[run.key] = min(low, run.low), max(high, run.high)
        until: dict[bool, list[float]] = {False: [], True: []}
        track: dict[tuple[bool, int], int] = {}
        for key, (low, high) in sorted(spans.items(), key=lambda entry: (entry[1], entry[0])):
            free = until[key[0]]
            number = next((i for i, end in enumerate(free) if end + 4 < low), len(free))
            free[number:number + 1] = [high]
            track[key] = number
        for run in several:
            run.track = track[run.key]
        count[zone] = max(len(free) for free in until.values())
    return count


def rows(scene: Scene, plan: Plan, runs: list[Run], labelled: set[int]) -> Rows:
    """Rows from the top down. ``labelled``: rows below which words stand on edges."""
    grid, air = plan.grid, TIGHT if scene.compact else LOOSE
    found, tracks = Rows(), sort_runs(runs)
    tall = [max(plan.places.height[place] for item in row for place in grid.items[item]) for row in grid.rows]
    wished = _wished(scene, plan)
    y = float(MARGIN)
    open: list[str] = []
    for row in range(-1, len(tall)):
        first, last = row < 0, row + 1 == len(tall)
        if not first:
            found.top.append(y)
            y += tall[row]
            found.bottom.append(y)
        after = [] if last else around(grid.homes[row + 1])
        for id in [id for id in open[::-1] if id not in after]:
            y += FOOT
            found.end[id] = y
        closed = len(after) < len(open) or any(id not in after for id in open)
        new = [id for id in after if id not in open]
        open = after
        rest = air.labelled if row in labelled else air.rest
        if first or last:
            rest = BETWEEN if row in labelled or tracks.get((row, 0)) else 0.0
        elif closed or new:
            rest = air.rest if closed and not new else BETWEEN + 2
        rest = max(rest, wished.get(row, 0.0))
        many = tracks.get((row, 0), 0)
        found.tracks[row, 0] = y + min(air.track, rest / 2)
        y += rest + TRACK * max(0, many - (0 if first or last or new else 1))
        for zone, id in enumerate(new, 1):
            found.begin[id] = y
            found.tracks[row, zone] = y + HEAD + 1
            many = tracks.get((row, zone), 0)
            y += HEAD + TRACK * many + (9 if zone == len(new) else 3)
    found.height = y + MARGIN
    return found


def _wished(scene: Scene, plan: Plan) -> dict[int, float]:
    """Air that stories and frames of versions need, by the row above it."""
    of, wished = plan.places.of, defaultdict[int, float](float)
    for edge in scene.edges:
        if edge.kind in ("needs", "finds"):
            for glyph, step in ((edge.source, -1), (edge.target, 0)):
                if glyph in of:
                    row = plan.row(of[glyph]) + step
                    wished[row] = max(wished[row], STORY if 0 <= row < len(plan.grid.rows) - 1 else 30)
    for group in scene.groups:
        members = [plan.row(of[member]) for member in group.members if member in of]
        if members:
            look, air = style().frames[group.kind], TIGHT.rest if scene.compact else LOOSE.rest
            for row, extra in ((min(members) - 1, look["top"] - 2), (max(members), look["pad"])):
                wished[row] = max(wished[row], air if 0 <= row < len(plan.grid.rows) - 1 else 0.0) + extra
    return wished

