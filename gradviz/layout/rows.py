"""How high the rows are and how much air is between them."""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.layout.layers import Layers
from gradviz.layout.places import Places, ends
from gradviz.layout.ranks import Ranks
from gradviz.scene.model import Scene
from gradviz.scene.style import style

MARGIN = 20
AIR = 32
BORDER = 18.0
"""Between the border of a region and what stands next to it."""
LABELLED = 46
"""1.45 of the air, where labels stand on the edges."""
STORY = 58
"""Where the lines of a story cross from side to side, with their words."""


@dataclass(frozen=True)
class Rows:
    """Top and bottom of each row in px; the air below the last and above the first counts as a gap too."""

    top: list[float]
    bottom: list[float]
    height: float

    def below(self, rank: int) -> float:
        """Middle of the air below a row; of that above the first for rank -1."""
        if rank < 0:
            return self.top[0] - MARGIN / 2
        if rank + 1 >= len(self.top):
            return self.bottom[-1] + MARGIN / 2
        return (self.bottom[rank] + self.top[rank + 1]) / 2


def rows(scene: Scene, places: Places, ranks: Ranks, graph: Layers, x: list[float]) -> Rows:
    """Rows from the top down."""
    count = len(graph.rows)
    tall = [0] * count
    for place, height in enumerate(places.height):
        tall[ranks.rank[place]] = max(tall[ranks.rank[place]], height)
    air = _air(scene, places, ranks, graph, x)
    top, bottom, y = [], [], float(MARGIN + air[0])
    for rank in range(count):
        top.append(y)
        bottom.append(y + tall[rank])
        y += tall[rank] + air[rank + 1]
    return Rows(top, bottom, y + MARGIN)


def _air(scene: Scene, places: Places, ranks: Ranks, graph: Layers, x: list[float]) -> list[float]:
    """Above the first row, between the rows, below the last."""
    count = len(graph.rows)
    air = [0.0] + [float(AIR)] * max(0, count - 1) + [0.0]
    if count > 1 and places.first:
        air[1] = BORDER
    if count > 1 and places.last:
        air[count - 1] = BORDER
    for edge in scene.edges:
        if edge.kind in ("needs", "finds"):
            _story(places, ranks, edge.source, edge.target, air)
            continue
        both = ends(edge, places)
        if both is not None and any(text for _, text in edge.label):
            gap = ranks.rank[both[1]]
            if ranks.rank[both[0]] < gap:
                air[gap] = max(air[gap], LABELLED)
    for segment in graph.segments:
        gap = graph.row_of[segment.lower]
        reach = abs(x[segment.upper] + segment.upper_offset - x[segment.lower] - segment.lower_offset)
        air[gap] = max(air[gap], min(AIR + 48, AIR + (reach - 240) / 8))
    _frames(scene, places, ranks, air)
    for upper, lower in graph.margin:
        for gap in (ranks.rank[upper] + 1, ranks.rank[lower]):
            air[gap] = max(air[gap], 16.0 if gap in (0, count) else LABELLED)
    return [float(round(gap)) for gap in air]


def _story(places: Places, ranks: Ranks, source: str, target: str, air: list[float]) -> None:
    """Lines of a story run below the version that they lead to and above the node that they come from."""
    for glyph, step in ((source, 0), (target, 1)):
        if glyph in places.of:
            gap = ranks.rank[places.of[glyph]] + step
            air[gap] = max(air[gap], STORY if 0 < gap < len(air) - 1 else 30)


def _frames(scene: Scene, places: Places, ranks: Ranks, air: list[float]) -> None:
    """Room for a frame and its words above the first row of its members, and below the last."""
    above: dict[int, float] = {}
    below: dict[int, float] = {}
    for group in scene.groups:
        members = [ranks.rank[places.of[member]] for member in group.members if member in places.of]
        if members:
            look = style().frames[group.kind]
            above[min(members)] = look["top"] - 2
            below[max(members) + 1] = look["pad"]
    for gap, extra in (*above.items(), *below.items()):
        air[gap] += extra
