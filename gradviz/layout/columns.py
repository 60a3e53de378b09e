"""In which order things stand in their rows, and where: few crossings first, then straight lines.

From the top down each thing comes to stand under what it goes on from, where the longest way leads straight on; what
hangs on that line (weights, inputs) is then drawn close to it from the bottom up. A row keeps to its width.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from itertools import pairwise

from gradviz.layout.grid import INSET, Grid
from gradviz.layout.places import Places

SWEEPS = 8
PATIENCE = 3
"""Sweeps in a row that may fail to better the order."""
HEAVY = 1e6
"""How much more firmly the main line stands than what hangs on it."""

Room = tuple[float, float]
Ends = list[list[tuple[int, float]]]
"""Per item those that it is linked with in one direction, and how far from the middle of those."""


def columns(places: Places, grid: Grid, most: float) -> list[float]:
    """Middle of each item. Sorts the rows of the grid."""
    up, down = _ends(places, grid)
    _order(grid, up, down)
    return _stand(places, grid, up, down, most)


def _ends(places: Places, grid: Grid) -> tuple[Ends, Ends]:
    up: Ends = [[] for _ in grid.items]
    down: Ends = [[] for _ in grid.items]
    for a, b in places.links:
        upper, lower = grid.item[a], grid.item[b]
        if grid.row[upper] < grid.row[lower]:
            up[lower].append((upper, grid.offset[a]))
            down[upper].append((lower, grid.offset[b]))
    return up, down


# --- order -----------------------------------------------------------------------------------------------------------
def _order(grid: Grid, up: Ends, down: Ends) -> None:
    _first(grid, up, down)
    best, least, since = [list(row) for row in grid.rows], _crossings(grid, down), 0
    for sweep in range(SWEEPS):
        if not least or since >= PATIENCE:
            break
        since += 1
        _sweep(grid, down if sweep % 2 else up, sweep % 2 == 0)
        count = _crossings(grid, down)
        if count < least:
            best, least, since = [list(row) for row in grid.rows], count, 0
    grid.rows[:] = best


def _first(grid: Grid, up: Ends, down: Ends) -> None:
    """Operands from left to right as they are written: the order in which a walk from the results leaves things."""
    number: dict[int, int] = {}
    entered: set[int] = set()
    for sink in (item for item in range(len(grid.items)) if not down[item]):
        stack = [(sink, False)]
        while stack:
            item, leaving = stack.pop()
            if leaving:
                number[item] = len(number)
            elif item not in entered:
                entered.add(item)
                stack.append((item, True))
                stack.extend((upper, False) for upper, _ in reversed(up[item]))
    for row in grid.rows:
        row.sort(key=lambda item: number.get(item, 0))


def _spots(grid: Grid) -> list[float]:
    """Where items stand in their rows, as if all rows were equally wide."""
    spot = [0.0] * len(grid.items)
    for row in grid.rows:
        for place, item in enumerate(row):
            spot[item] = (place + 0.5) / len(row)
    return spot


def _crossings(grid: Grid, down: Ends) -> int:
    """How many pairs of links between neighbouring rows cross."""
    spot, total = _spots(grid), 0
    for number, row in enumerate(grid.rows):
        seen: list[tuple[float, float]] = []
        for item in row:
            ends = sorted((spot[lower], off) for lower, off in down[item] if grid.row[lower] == number + 1)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _sweep(grid: Grid, side: Ends, downwards: bool) -> None:
    """Sort each row by the middle of its neighbours; what has none keeps its place."""
    spot = _spots(grid)
    for row in grid.rows if downwards else reversed(grid.rows):
        key = {item: sum(spot[other] for other, _ in side[item]) / len(side[item]) for item in row if side[item]}
        moving = iter(sorted((item for item in row if item in key), key=key.__getitem__))
        row[:] = [next(moving) if item in key else item for item in row]
        for place, item in enumerate(row):
            spot[item] = (place + 0.5) / len(row)


# --- where -----------------------------------------------------------------------------------------------------------
def _stand(places: Places, grid: Grid, up: Ends, down: Ends, most: float) -> list[float]:
    x = [0.0] * len(grid.items)
    own = _own(places, grid)
    main = _main(grid, up, down)
    hangs = _hangs(grid, up, down)
    room = (float("-inf"), float("inf"))
    for _ in range(2):
        _down(grid, x, own, up, main, hangs, room)
        _up(grid, x, own, up, down, hangs, room)
        low, high = _extent(grid, x)
        if high - low <= most:
            break
        room = (low + high - most) / 2, (low + high + most) / 2
    return x


def _down(grid: Grid, x: list[float], own: list[float], up: Ends, main: Ends, hangs: list[bool], room: Room) -> None:
    """Under what each thing goes on from."""
    wish: dict[int, float] = {}
    for number, row in enumerate(grid.rows):
        for item in row:
            over = main[item] or [entry for entry in up[item] if not hangs[entry[0]]]
            wish[item] = _middle(x, over, own[item]) if over else 0.0
        weight = [0.01 if hangs[item] else HEAVY if main[item] else 1.0 for item in row]
        _set(grid, row, x, wish, weight, _within(grid, number, room))


def _up(grid: Grid, x: list[float], own: list[float], up: Ends, down: Ends, hangs: list[bool], room: Room) -> None:
    """What hangs on a line, and where lines begin, over what they go to."""
    wish: dict[int, float] = {}
    for number in range(len(grid.rows) - 1, -1, -1):
        row = grid.rows[number]
        for item in row:
            if hangs[item] or not up[item]:
                wish[item] = _middle(x, down[item][:1], own[item]) if down[item] else x[item]
            else:
                wish[item] = x[item]
        _set(grid, row, x, wish, [1.0 if hangs[item] else HEAVY for item in row], _within(grid, number, room))


def _inset(grid: Grid, row: int) -> float:
    home = grid.homes[row]
    return INSET / 2 * (home.count(".") + 1) if home else 0.0


def _within(grid: Grid, row: int, room: Room) -> Room:
    return room[0] + _inset(grid, row), room[1] - _inset(grid, row)


def _extent(grid: Grid, x: list[float]) -> Room:
    spans = [(x[row[0]] - grid.width[row[0]] / 2 - _inset(grid, number),
              x[row[-1]] + grid.width[row[-1]] / 2 + _inset(grid, number)) for number, row in enumerate(grid.rows)]
    return min((low for low, _ in spans), default=0.0), max((high for _, high in spans), default=0.0)


def _own(places: Places, grid: Grid) -> list[float]:
    """Which point of each item stands in line: the op between the things at its sides."""
    own = [0.0] * len(grid.items)
    for item, members in enumerate(grid.items):
        heavy = [place for place in members if not places.light[place]]
        if len(members) > 1 and len(heavy) == 1:
            own[item] = grid.offset[heavy[0]]
    return own


def _middle(x: list[float], ends: list[tuple[int, float]], own: float) -> float:
    return sum(x[item] + offset for item, offset in ends) / len(ends) - own


def _hangs(grid: Grid, up: Ends, down: Ends) -> list[bool]:
    """Leaves, inputs, and what is made of them alone for one use, if that goes on from something longer too."""
    over = [0] * len(grid.items)
    for row in grid.rows:
        for item in row:
            over[item] = max((over[upper] + 1 for upper, _ in up[item]), default=0)
    hangs = list(grid.light)
    for row in grid.rows:
        for item in row:
            if up[item] and len(down[item]) == 1:
                hangs[item] = all(hangs[upper] for upper, _ in up[item])
    bound = list(hangs)
    for row in reversed(grid.rows):
        for item in row:
            if hangs[item] and not grid.light[item]:
                use = down[item][0][0]
                bound[item] = bound[use] or over[item] + 1 < over[use]
    return bound


def _main(grid: Grid, up: Ends, down: Ends) -> Ends:
    """What each item stands under: of all that hand their line on to it, that with the longest way behind it."""
    under, over = [0] * len(grid.items), [0] * len(grid.items)
    for row in reversed(grid.rows):
        for item in row:
            under[item] = max((under[lower] + 1 for lower, _ in down[item]), default=0)
    heirs: dict[int, set[int]] = defaultdict(set)
    for row in grid.rows:
        for item in row:
            near = [lower for lower, _ in down[item]]
            most = max((under[lower] for lower in near), default=0)
            heirs[item] = {lower for lower in near if under[lower] == most}
    main: Ends = [[] for _ in grid.items]
    for row in grid.rows:
        for item in row:
            lines = [entry for entry in up[item] if item in heirs[entry[0]] and not grid.light[entry[0]]]
            longest = max((over[upper] for upper, _ in lines), default=-1)
            main[item] = [entry for entry in lines if over[entry[0]] == longest]
            over[item] = longest + 1
    return main


def _set(grid: Grid, row: list[int], x: list[float], wish: dict[int, float], weight: list[float], room: Room) -> None:
    """As near to where each item of a row wants to be as the others let it (pool adjacent violators)."""
    shift, shifts = 0.0, [0.0]
    for left, right in pairwise(row):
        shift += grid.apart(left, right)
        shifts.append(shift)
    pools: list[tuple[float, float, int]] = []
    for item, at, heavy in zip(row, shifts, weight, strict=True):
        middle, mass, count = wish[item] - at, heavy, 1
        while pools and pools[-1][0] >= middle:
            other, more, many = pools.pop()
            middle, mass, count = (middle * mass + other * more) / (mass + more), mass + more, count + many
        pools.append((middle, mass, count))
    low, high = room[0] + grid.width[row[0]] / 2, room[1] - shifts[-1] - grid.width[row[-1]] / 2
    starts = [max(min(middle, high), low) if low <= high else (low + high) / 2
              for middle, _, count in pools for _ in range(count)]
    for item, start, at in zip(row, starts, shifts, strict=True):
        x[item] = float(round(start + at))
    for left, right in pairwise(row):
        x[right] = max(x[right], float(-(-(x[left] + grid.apart(left, right)) // 1)))
