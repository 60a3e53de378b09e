"""Where things stand in their rows: straight lines first (Brandes and Köpf, "Fast and simple horizontal coordinate
assignment", 2001), as blocks of different width with ends off their middle.

Four layouts, each as far to one side as its alignments allow, are averaged; what is still a little off its only
partner is put under it, and what hangs on the main line (weights, inputs, what is made of them alone) is drawn close
to it. It never bends the main line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from gradviz.layout.layers import Layers, Segment

Partner = tuple[int, float, float]
"""A vertex to stand under or over, the own offset, and that of the vertex."""


def align(graph: Layers) -> list[float]:
    """Middle of each vertex; rows keep their order and their least distances."""
    if not graph.rows:
        return []
    up, down = _partners(graph, _straight(graph))
    runs = [_run(graph, side, downwards, leftmost)
            for side, downwards in ((up, True), (down, False)) for leftmost in (True, False)]
    x = _average(graph, runs)
    for _ in range(2):
        _snap(graph, x, up, down)
    _gather(graph, x, down)
    _snap(graph, x, up, down)
    return tidy(graph, x)


def tidy(graph: Layers, x: list[float]) -> list[float]:
    """Whole pixels, least distances kept."""
    x = [float(int(value + 0.5)) if value >= 0 else -float(int(0.5 - value)) for value in x]
    for row in graph.rows:
        for left, right in pairwise(row):
            x[right] = max(x[right], float(-(-(x[left] + graph.apart(left, right)) // 1)))
    return x


def _straight(graph: Layers) -> list[Segment]:
    """The segments that may pull two vertices into line.

    Each vertex hands its line on to one below, or to several that are equal: to where the longest path leads. Where
    lines meet, the longest goes on, so that neither a short detour nor a side branch bends the main one.
    """
    under: dict[int, tuple[int, int]] = {}
    over: list[list[Segment]] = [[] for _ in graph.width]
    for segment in graph.segments:
        under[segment.upper] = max(under.get(segment.upper, (0, 0)), _from_below(graph, segment))
        over[segment.lower].append(segment)
    length = [1] * len(graph.width)
    straight: list[Segment] = []
    for row in graph.rows:
        for vertex in row:
            heirs = [segment for segment in over[vertex] if _from_below(graph, segment) == under[segment.upper]]
            if not heirs:
                continue
            weights = [(graph.weight[s.upper], s.main, length[s.upper]) for s in heirs]
            best = max(weights)
            length[vertex] = best[2] + 1 if best[0] else 1
            straight.extend(s for s, weight in zip(heirs, weights, strict=True) if weight == best)
    return straight


def _from_below(graph: Layers, segment: Segment) -> tuple[int, int]:
    """Weight of a segment among those that leave its upper end: glyph before lane (between lanes, lane before glyph),
    then the longest path from it."""
    lane = segment.lower >= graph.blocks
    kind = (3 if lane else 2) if segment.upper >= graph.blocks else 2 if lane else 3
    return 2 * kind + segment.main, 0 if lane else graph.under[segment.lower]


def _partners(graph: Layers, straight: list[Segment]) -> tuple[list[list[Partner]], list[list[Partner]]]:
    place = _places(graph)
    up: list[list[Partner]] = [[] for _ in graph.width]
    down: list[list[Partner]] = [[] for _ in graph.width]
    crossed = _crossed_by_lanes(graph, place)
    for segment in straight:
        if segment in crossed:
            continue
        up[segment.lower].append((segment.upper, segment.lower_offset, segment.upper_offset))
        down[segment.upper].append((segment.lower, segment.upper_offset, segment.lower_offset))
    for side in (up, down):
        for partners in side:
            partners.sort(key=lambda partner: (place[partner[0]], partner[2]))
    return up, down


def _places(graph: Layers) -> list[int]:
    place = [0] * len(graph.width)
    for row in graph.rows:
        for number, vertex in enumerate(row):
            place[vertex] = number
    return place


def _crossed_by_lanes(graph: Layers, place: list[int]) -> set[Segment]:
    """Segments that cross a lane: a lane stays straight at their cost."""
    between: list[list[Segment]] = [[] for _ in graph.rows]
    for segment in graph.segments:
        between[graph.row_of[segment.upper]].append(segment)
    crossed: set[Segment] = set()
    for row in between:
        lanes = [(place[s.upper], place[s.lower]) for s in row if s.upper >= graph.blocks and s.lower >= graph.blocks]
        if not lanes:
            continue
        for segment in row:
            if segment.upper >= graph.blocks and segment.lower >= graph.blocks:
                continue
            a, b = place[segment.upper], place[segment.lower]
            if any((a - upper) * (b - lower) < 0 for upper, lower in lanes):
                crossed.add(segment)
    return crossed


@dataclass
class _Chains:
    """Vertices in line: ``root`` of each, and how far each stands from its root's middle."""

    root: list[int]
    inner: list[float]


def _run(graph: Layers, side: list[list[Partner]], downwards: bool, leftmost: bool) -> list[float]:
    sign = 1 if leftmost else -1
    rows = [row[::sign] for row in (graph.rows if downwards else graph.rows[::-1])]
    chains = _chains(graph, rows, side, sign)
    return [sign * value for value in _compact(graph, rows, chains)]


def _chains(graph: Layers, rows: list[list[int]], side: list[list[Partner]], sign: int) -> _Chains:
    n = len(graph.width)
    place = [0] * n
    for row in rows:
        for number, vertex in enumerate(row):
            place[vertex] = number
    root, inner, taken = list(range(n)), [0.0] * n, [False] * n
    for row in rows[1:]:
        last = -1
        for vertex in row:
            partners = side[vertex][::sign]
            count = len(partners)
            for middle in dict.fromkeys(((count - 1) // 2, count // 2)) if count else ():
                partner, own, other = partners[middle]
                if not taken[partner] and place[partner] > last:
                    taken[partner] = True
                    root[vertex] = root[partner]
                    inner[vertex] = inner[partner] + sign * (other - own)
                    last = place[partner]
                    break
    return _Chains(root, inner)


def _compact(graph: Layers, rows: list[list[int]], chains: _Chains) -> list[float]:
    """Each chain as far left as its neighbours allow, then as far right as that keeps the width."""
    n = len(graph.width)
    after: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    waits = [0] * n
    for row in rows:
        for left, right in pairwise(row):
            a, b = chains.root[left], chains.root[right]
            after[a].append((b, chains.inner[left] - chains.inner[right] + graph.apart(left, right)))
            waits[b] += 1
    x = [0.0] * n
    ready = [v for v in range(n) if chains.root[v] == v and not waits[v]]
    sequence = []
    while ready:
        current = ready.pop()
        sequence.append(current)
        for other, distance in after[current]:
            x[other] = max(x[other], x[current] + distance)
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    for current in reversed(sequence):
        if after[current]:
            x[current] = max(x[current], min(x[other] - distance for other, distance in after[current]))
    return [x[chains.root[v]] + chains.inner[v] for v in range(n)]


def _average(graph: Layers, runs: list[list[float]]) -> list[float]:
    """The runs moved onto the narrowest one, and the mean of the middle two for each vertex."""
    bounds = [(min(x - w / 2 for x, w in zip(run, graph.width, strict=True)),
               max(x + w / 2 for x, w in zip(run, graph.width, strict=True))) for run in runs]
    low, high = min(bounds, key=lambda bound: bound[1] - bound[0])
    moved = []
    for number, run in enumerate(runs):
        shift = low - bounds[number][0] if number % 2 == 0 else high - bounds[number][1]
        moved.append([x + shift for x in run])
    return [sum(sorted(four)[1:3]) / 2 for four in zip(*moved, strict=True)]


def _snap(graph: Layers, x: list[float], up: list[list[Partner]], down: list[list[Partner]]) -> None:
    """Put a vertex in line with its only partner where its neighbours leave room; first down, then up the rows."""
    for rows, side, other in ((graph.rows, up, down), (graph.rows[::-1], down, up)):
        for row in rows:
            for number, vertex in enumerate(row):
                if len(side[vertex]) != 1:
                    continue
                partner, own, theirs = side[vertex][0]
                if len(other[partner]) != 1:
                    continue
                wish = x[partner] + theirs - own
                low = x[row[number - 1]] + graph.apart(row[number - 1], vertex) if number else wish
                high = x[row[number + 1]] - graph.apart(vertex, row[number + 1]) if number + 1 < len(row) else wish
                if low <= high:
                    x[vertex] = min(max(wish, low), high)


def _gather(graph: Layers, x: list[float], down: list[list[Partner]]) -> None:
    """Bring leaves and branches as near to their use as the rows allow, from the bottom up.

    What is in line with its use goes along with it; what is not comes to stand as close as there is room.
    """
    before = list(x)
    use: dict[int, Segment] = {}
    for segment in graph.segments:
        if segment.upper < graph.blocks and graph.weight[segment.upper] < 2:
            use.setdefault(segment.upper, segment)
    for row in reversed(graph.rows):
        wish = {}
        for vertex in row:
            if vertex in use:
                lower, offset = use[vertex].lower, use[vertex].lower_offset
                aligned = any(partner == lower for partner, _, _ in down[vertex])
                wish[vertex] = before[vertex] + x[lower] - before[lower] if aligned else x[lower] + offset
        for number in range(len(row) - 1, -1, -1):
            vertex = row[number]
            if wish.get(vertex, x[vertex]) > x[vertex]:
                right = row[number + 1] if number + 1 < len(row) else -1
                limit = x[right] - graph.apart(vertex, right) if right >= 0 else wish[vertex]
                x[vertex] = max(x[vertex], min(wish[vertex], limit))
        for number, vertex in enumerate(row):
            if wish.get(vertex, x[vertex]) < x[vertex]:
                limit = x[row[number - 1]] + graph.apart(row[number - 1], vertex) if number else wish[vertex]
                x[vertex] = min(x[vertex], max(wish[vertex], limit))
