"""In which order things stand in a row: few crossings first, then the order in which operands are written."""

from __future__ import annotations

from bisect import bisect_right, insort

from gradviz.layout.layers import Layers

SWEEPS = 12
PATIENCE = 4
"""Sweeps in a row that may fail to better the order."""
SWAP_LIMIT = 4_000
"""Segments up to which neighbours are also swapped one by one."""

Side = list[list[tuple[int, float]]]
"""Per vertex its neighbours in the next row of one direction, each with its offset as a part of its width."""


def order(graph: Layers) -> None:
    """Sort the rows of the graph in place."""
    up, down = _sides(graph)
    _first(graph, up, down)
    best, least, since = [list(row) for row in graph.rows], crossings(graph), 0
    for sweep in range(SWEEPS):
        if not least or since >= PATIENCE:
            break
        since += 1
        downwards = sweep % 2 == 0
        _sweep(graph, up if downwards else down, downwards)
        if len(graph.segments) <= SWAP_LIMIT:
            _swap(graph, up, down)
        count = crossings(graph)
        if count < least:
            best, least, since = [list(row) for row in graph.rows], count, 0
    graph.rows[:] = best


def crossings(graph: Layers) -> int:
    """How many pairs of segments cross."""
    place = _places(graph)
    pairs: list[list[tuple[float, float]]] = [[] for _ in graph.rows]
    for segment in graph.segments:
        upper, lower = segment.upper, segment.lower
        pairs[graph.row_of[upper]].append((place[upper] + segment.upper_offset / (graph.width[upper] + 1),
                                           place[lower] + segment.lower_offset / (graph.width[lower] + 1)))
    total = 0
    for row in pairs:
        row.sort()
        seen: list[float] = []
        for _, lower_place in row:
            total += len(seen) - bisect_right(seen, lower_place)
            insort(seen, lower_place)
    return total


def _sides(graph: Layers) -> tuple[Side, Side]:
    up: Side = [[] for _ in graph.width]
    down: Side = [[] for _ in graph.width]
    for segment in graph.segments:
        up[segment.lower].append((segment.upper, segment.upper_offset / (graph.width[segment.upper] + 1)))
        down[segment.upper].append((segment.lower, segment.lower_offset / (graph.width[segment.lower] + 1)))
    return up, down


def _places(graph: Layers) -> list[int]:
    place = [0] * len(graph.width)
    for row in graph.rows:
        for number, vertex in enumerate(row):
            place[vertex] = number
    return place


def _first(graph: Layers, up: Side, down: Side) -> None:
    """Operands from left to right as they are written: the order in which a walk from the results leaves things."""
    number: dict[int, int] = {}
    entered: set[int] = set()
    for sink in (vertex for vertex in range(len(graph.width)) if not down[vertex]):
        stack = [(sink, False)]
        while stack:
            vertex, leaving = stack.pop()
            if leaving:
                number[vertex] = len(number)
            elif vertex not in entered:
                entered.add(vertex)
                stack.append((vertex, True))
                stack.extend((upper, False) for upper, _ in reversed(up[vertex]))
    for row in graph.rows:
        row.sort(key=lambda vertex: number.get(vertex, 0))


def _sweep(graph: Layers, side: Side, downwards: bool) -> None:
    """Sort each row by the middle of its neighbours; what has none keeps its place."""
    place = _places(graph)
    for row in graph.rows if downwards else reversed(graph.rows):
        key = {v: sum(place[w] + part for w, part in side[v]) / len(side[v]) for v in row if side[v]}
        moving = iter(sorted((v for v in row if v in key), key=key.__getitem__))
        row[:] = [next(moving) if v in key else v for v in row]
        for number, vertex in enumerate(row):
            place[vertex] = number


def _swap(graph: Layers, up: Side, down: Side) -> None:
    """Swap neighbours while that takes crossings away."""
    place = _places(graph)
    for row in graph.rows:
        for _ in range(4):
            better = False
            for left in range(len(row) - 1):
                a, b = row[left], row[left + 1]
                gain = sum(_crossed(side[a], side[b], place) - _crossed(side[b], side[a], place) for side in (up, down))
                if gain > 0:
                    row[left], row[left + 1] = b, a
                    place[a], place[b] = left + 1, left
                    better = True
            if not better:
                break


def _crossed(left: list[tuple[int, float]], right: list[tuple[int, float]], place: list[int]) -> int:
    """Crossings between the segments of two neighbours when they stand in this order."""
    if not left or not right:
        return 0
    ends = sorted(place[w] + part for w, part in right)
    return sum(bisect_right(ends, place[w] + part - 1e-9) for w, part in left)
