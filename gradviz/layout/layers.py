"""The layered graph: blocks of places and lanes in rows, every segment between neighbouring rows.

A link over several rows gets a slot of its own in each row that it crosses, a *lane*, so that no edge ever runs
behind a glyph. All long links that leave one place share its lane and branch off: fewer lines, and fewer rows filled.
Only a view's line to its base stays alone: nothing flows along it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.layout.places import Places
from gradviz.layout.ranks import Ranks

GAP = 22
"""Least room between two glyphs of a row."""
LANE = 8
LANE_GAP = 12
MEMBER_GAP = 28
"""Between members of a run: room for a short arrow."""
FRAME = 12
LONGEST = 24
"""A link over more rows than this runs down the margin: a lane for it would widen too many rows."""


@dataclass(frozen=True)
class Segment:
    """From vertex ``upper`` at ``upper_offset`` from its middle to vertex ``lower`` in the next row; ``main``: data
    flows along it, and not only a gradient or a view."""

    upper: int
    lower: int
    upper_offset: float
    lower_offset: float
    main: bool = True


@dataclass
class Layers:
    """Vertices are blocks (same numbers as in Ranks), then lanes. ``offset`` of a place from its block's middle;
    ``weight`` in a line: 0 a leaf, 1 a branch, 2 all else, a lane as where it comes from; ``under`` of a block as in
    Ranks; ``lane``: (place, rank, lower place of a view or -1) to vertex; ``margin``: links that run down the margin.
    Links within a row are in neither."""

    rows: list[list[int]]
    width: list[float]
    blocks: int
    weight: list[int]
    offset: list[float]
    segments: list[Segment]
    under: list[int]
    lane: dict[tuple[int, int, int], int] = field(default_factory=dict)
    margin: set[tuple[int, int]] = field(default_factory=set)
    row_of: list[int] = field(default_factory=list)

    def gap(self, left: int, right: int) -> float:
        """Room between two neighbours of a row."""
        return GAP if left < self.blocks and right < self.blocks else LANE_GAP

    def apart(self, left: int, right: int) -> float:
        """Least distance of the middles of two neighbours of a row."""
        return (self.width[left] + self.width[right]) / 2 + self.gap(left, right)


def layers(places: Places, ranks: Ranks) -> Layers:
    """Blocks and lanes in rows, in the order in which they came up."""
    height = max(ranks.rank, default=-1) + 1
    rows: list[list[int]] = [[] for _ in range(height)]
    width: list[float] = []
    offset = [0.0] * len(places.width)
    boxes = {next(iter(box)): box for box in places.boxes}
    for number, members in enumerate(ranks.blocks):
        rows[ranks.rank[members[0]]].append(number)
        if box := boxes.get(members[0]):
            for place, right in box.items():
                offset[place] = right
            width.append(places.width[members[0]])
            continue
        inner = sum(places.width[place] for place in members) + MEMBER_GAP * (len(members) - 1)
        left = -inner / 2
        for place in members:
            offset[place] = left + places.width[place] / 2
            left += places.width[place] + MEMBER_GAP
        width.append(inner + (2 * FRAME if len(members) > 1 else 0))
    weight = [0 if len(members) == 1 and places.light[members[0]] else 1 if ranks.branch[number] else 2
              for number, members in enumerate(ranks.blocks)]
    found = Layers(rows, width, len(width), weight, offset, [], ranks.under)
    seen: dict[tuple[int, int, float, float], bool] = {}
    for upper, lower in places.links:
        for part in _chain(found, ranks, upper, lower, (upper, lower) in places.views):
            seen[part] = seen.get(part, False) or (upper, lower) in places.main
    found.segments = [Segment(*part, main) for part, main in seen.items()]
    found.row_of = [0] * len(found.width)
    for rank, row in enumerate(found.rows):
        for vertex in row:
            found.row_of[vertex] = rank
    return found


def _chain(found: Layers, ranks: Ranks, upper: int, lower: int, view: bool) -> list[tuple[int, int, float, float]]:
    first, last = ranks.rank[upper], ranks.rank[lower]
    if last <= first or last - first > LONGEST:
        if last != first:
            found.margin.add((upper, lower))
        return []
    vertex, offset = ranks.block[upper], found.offset[upper]
    chain = []
    for rank in range(first + 1, last):
        key = upper, rank, lower if view else -1
        if key not in found.lane:
            found.lane[key] = len(found.width)
            found.width.append(LANE)
            found.weight.append(found.weight[ranks.block[upper]])
            found.rows[rank].append(found.lane[key])
        chain.append((vertex, found.lane[key], offset, 0.0))
        vertex, offset = found.lane[key], 0.0
    chain.append((vertex, ranks.block[lower], offset, found.offset[lower]))
    return chain


def slots(places: Places, ranks: Ranks) -> int:
    """How many lanes the graph needs: what its layout costs beyond its places."""
    ends: dict[tuple[int, int], int] = {}
    for upper, lower in places.links:
        if ranks.rank[lower] - ranks.rank[upper] <= LONGEST:
            trunk = upper, lower if (upper, lower) in places.views else -1
            ends[trunk] = max(ends.get(trunk, 0), ranks.rank[lower])
    return sum(max(0, end - ranks.rank[upper] - 1) for (upper, _), end in ends.items())
