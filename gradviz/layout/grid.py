"""Which row each place stands in, so that no row is wider than a pane.

Ops take the rows in the order in which they ran: each the first one below all that it takes, if there is room beside
what stands there, but not far above what ran just before it. What is made of nothing (leaves, inputs) or of such
things alone waits for its first use and comes to stand beside or right above it. A region has rows of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from gradviz.layout.places import Places
from gradviz.scene.model import Region

GAP = 22
"""Least room between two things of a row."""
SIDE = 16
"""Between an op and what stands at its side: room for a short arrow."""
MEMBER = 28
"""Between members of a run."""
FRAME = 12
LANE = 9
"""What an edge that passes a row takes of its width."""
INSET = 22
"""By how much a region is narrower than the one around it."""
RESERVE = 54
"""Room that things side by side leave for lanes, in a compact picture."""
WINDOW = 6
"""How many rows above the last one an op may still go."""
BRANCH = 2
"""How many ops above each other wait for their use."""


@dataclass
class Grid:
    """``items``: places side by side, one or more; ``item`` of each place and its ``offset`` from the item's middle;
    ``width`` of each item; ``rows``: items, from the top down; ``row`` of each item; ``homes``: region of each row.
    ``links`` between items; ``inside``: first and last row of each region; ``light``: items beside the main line."""

    items: list[list[int]]
    item: list[int]
    offset: list[float]
    width: list[float]
    light: list[bool]
    links: list[tuple[int, int]]
    row: list[int] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    homes: list[str] = field(default_factory=list)
    inside: dict[str, tuple[int, int]] = field(default_factory=dict)

    def apart(self, left: int, right: int) -> float:
        """Least distance of the middles of two neighbours of a row."""
        return (self.width[left] + self.width[right]) / 2 + GAP


def grid(places: Places, regions: list[Region], most: float, beside: bool) -> Grid:
    """``most``: width that rows keep to; ``beside``: leaves and inputs of one use may stand at the side of their op."""
    found = _items(places)
    work = _Work(places, found, most, beside, [region.id for region in regions])
    work.level(len(found.items))
    return _dense(found, work)


def _items(places: Places) -> Grid:
    """Runs become one item each, from where on no path leaves them and comes back: a row has no depth."""
    n = len(places.width)
    below: dict[int, list[int]] = defaultdict(list)
    for upper, lower in places.links:
        below[upper].append(lower)
    head = list(range(n))
    runs: dict[int, list[int]] = {}
    mates: dict[int, list[int]] = {}
    for run in places.runs:
        while len(run) > 1 and _leaves(below, set(run), mates):
            run = run[1:]
        if len(run) > 1 and mates.keys().isdisjoint(run) and len({places.home[place] for place in run}) == 1:
            runs[run[0]] = run
            mates.update(dict.fromkeys(run, run))
            for place in run[1:]:
                head[place] = run[0]
    items = [runs.get(place, [place]) for place in range(n) if head[place] == place]
    grid = Grid(items, [0] * n, [0.0] * n, [0.0] * len(items), [], [], [0] * len(items))
    for number, members in enumerate(items):
        for place in members:
            grid.item[place] = number
        if len(members) == 1:
            grid.width[number] = places.width[members[0]]
        else:
            side_by_side(grid, places, number, members, MEMBER, FRAME)
        grid.light.append(len(members) == 1 and places.light[members[0]])
    pairs = ((grid.item[a], grid.item[b]) for a, b in places.links)
    grid.links = list(dict.fromkeys((a, b) for a, b in pairs if a != b))
    return grid


def _leaves(below: dict[int, list[int]], run: set[int], mates: dict[int, list[int]]) -> bool:
    """Whether a path of more than one link leads from a run back into it, other runs being one thing each."""
    seen: set[int] = set()
    ready = [lower for place in run for lower in below[place] if lower not in run]
    while ready:
        place = ready.pop()
        if place in run:
            return True
        if place not in seen:
            seen.add(place)
            ready += [lower for mate in mates.get(place, [place]) for lower in below[mate]]
    return False


def side_by_side(grid: Grid, places: Places, item: int, members: list[int], gap: float, frame: float = 0.0) -> None:
    """Make an item of some places, from left to right."""
    whole = sum(places.width[place] for place in members) + gap * (len(members) - 1)
    left = -whole / 2
    for place in members:
        grid.item[place] = item
        grid.offset[place] = left + places.width[place] / 2
        left += places.width[place] + gap
    grid.items[item], grid.width[item] = members, whole + 2 * frame


class _Work:
    """Rows in the making. Things are items, and regions numbered after them; the last number is the picture."""

    def __init__(self, places: Places, grid: Grid, most: float, beside: bool, regions: list[str]) -> None:
        self.places, self.grid, self.most, self.beside = places, grid, most, beside
        n = len(grid.items)
        number = {"": n} | {id: n + 1 + place for place, id in enumerate(regions)}
        self.ids = ["", *regions]
        self.parent = [number.get(places.home[members[0]], n) for members in grid.items]
        self.parent += [-1] + [number.get(id.rpartition(".")[0], n) for id in regions]
        self.depth = [0] * (n + 1)
        for thing in range(n + 1, len(self.parent)):
            self.depth.append(self.depth[self.parent[thing]] + 1)
        for item in range(n):
            self.depth[item] = self.depth[self.parent[item]] + 1
        self.children: dict[int, list[int]] = defaultdict(list)
        for thing, around in enumerate(self.parent):
            if around >= 0:
                self.children[around].append(thing)
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        self.fed: set[int] = set()
        for upper, lower in dict.fromkeys(self._lifted(a, b) for a, b in grid.links):
            self.above[lower].append(upper)
            self.below[upper].append(lower)
        self.uses, self.sources = [0] * n, defaultdict[int, list[int]](list)
        for upper, lower in grid.links:
            self.uses[upper] += 1
            self.sources[lower].append(upper)
        self.key = [min(places.event[place] for place in members) for members in grid.items]
        self.key += [1 << 60] * (len(self.parent) - n)
        for item in range(n):
            if not grid.light[item]:
                around = self.parent[item]
                while around >= 0:
                    self.key[around] = min(self.key[around], self.key[item])
                    around = self.parent[around]
        self.wait: dict[int, int] = {}
        self.load: list[float] = []
        self.reach = [-1] * n
        self.placed = [False] * n

    def _lifted(self, upper: int, lower: int) -> tuple[int, int]:
        """The two things of one level that hold both ends of a link."""
        while self.parent[upper] != self.parent[lower]:
            if self.depth[upper] >= self.depth[lower]:
                upper = self.parent[upper]
            else:
                self.fed.add(lower)
                lower = self.parent[lower]
        return upper, lower

    def level(self, level: int) -> None:
        """Give rows to all that stands directly in a region."""
        start = len(self.grid.rows)
        order = self._order(self.children[level])
        self._waiting(order)
        base = start
        for thing in order:
            if thing >= len(self.grid.items):
                self._stack([item for item in self.above[thing] if self.wait.get(item, -1) >= 0], base, level)
                first = len(self.grid.rows)
                self.level(thing)
                base = len(self.grid.rows)
                self.grid.inside[self.ids[thing - len(self.grid.items)]] = first, base - 1
            elif thing not in self.wait and not self.placed[thing]:
                self._put(thing, base, level)
        self._stack([item for item in order if item in self.wait], base, level)

    def _order(self, things: list[int]) -> list[int]:
        """From the top down, in the order of events. A cycle is cut where it is entered."""
        waits = {thing: len(self.above[thing]) for thing in things}
        heap = [(self.key[thing], thing) for thing in things if not waits[thing]]
        heapify(heap)
        stuck = iter(sorted(things, key=self.key.__getitem__))
        done: dict[int, None] = {}
        while len(done) < len(things):
            if not heap:
                thing = next(one for one in stuck if one not in done)
                heappush(heap, (self.key[thing], thing))
            thing = heappop(heap)[1]
            if thing in done:
                continue
            done[thing] = None
            for lower in self.below[thing]:
                waits[lower] -= 1
                if not waits[lower] and lower not in done:
                    heappush(heap, (self.key[lower], lower))
        return list(done)

    def _waiting(self, order: list[int]) -> None:
        """What waits for its use, and how many waiting things are above it at most."""
        for thing in order:
            above, below = self.above[thing], self.below[thing]
            if thing >= len(self.grid.items) or thing in self.fed or not below:
                continue
            if not above:
                self.wait[thing] = 0
            elif len(below) == 1 and below[0] < len(self.grid.items) and all(item in self.wait for item in above):
                height = 1 + max(self.wait[item] for item in above)
                if height <= BRANCH:
                    self.wait[thing] = height

    def _tree(self, item: int) -> list[tuple[int, int]]:
        """What waits for an item, and how many rows above it that should stand."""
        found: dict[int, int] = {}
        ready = [(upper, 1) for upper in self.above[item] if upper in self.wait]
        while ready:
            current, height = ready.pop()
            if height > found.get(current, 0):
                found[current] = height
                ready += [(upper, height + 1) for upper in self.above[current] if upper in self.wait]
        for one in found:
            del self.wait[one]
        return list(found.items())

    def _put(self, item: int, base: int, level: int) -> None:
        """An item and what waits for it, in the first rows that have room."""
        tree = self._tree(item)
        if self.beside:
            tree = self._sides(item, tree)
        if tree and not self._fits([entry for entry in tree if entry[1]], len(self.grid.rows) + BRANCH + 1, level):
            for one, _ in sorted(tree, key=lambda entry: (-entry[1], self.key[entry[0]])):
                self._put(one, base, level)
            tree = []
        first = max(base, len(self.grid.rows) - WINDOW)
        for upper in self.sources[item]:
            if self.placed[upper]:
                first = max(first, self.grid.row[upper] + 1)
        row = max(first, base + max((height for _, height in tree), default=0))
        for one, height in tree:
            for upper in self.sources[one]:
                if self.placed[upper]:
                    row = max(row, self.grid.row[upper] + 1 + height)
        while not self._fits([(item, 0), *tree], row, level):
            row += 1
        for one, height in (*tree, (item, 0)):
            self._stand(one, row - height, level)

    def _sides(self, item: int, tree: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Leaves and inputs that have no other use go to the sides, if the item does not hang on them alone."""
        for one, height in list(tree):
            mine = [(upper, up) for upper, up in tree if up == height + 1 and upper in self.above[one]]
            if mine and len(self.grid.items[one]) == 1:
                aside = self._aside(one, mine, 2)
                tree = [entry for entry in tree if entry not in aside]
        mine = [entry for entry in tree if entry[1] == 1]
        alone = len(mine) == len(self.above[item]) and all(self.grid.light[one] for one, _ in mine)
        if len(self.grid.items[item]) > 1 or (alone and item not in self.fed and not self.grid.rows):
            return tree
        aside = self._aside(item, mine, 2)
        return [entry for entry in tree if entry not in aside]

    def _aside(self, item: int, waiting: list[tuple[int, int]], room: int) -> list[tuple[int, int]]:
        grid, places = self.grid, self.places
        most = self.most - INSET * (self.depth[item] - 1)
        chosen: list[tuple[int, int]] = []
        wide = grid.width[item]
        for one, height in waiting:
            more = grid.width[one] + SIDE
            if len(chosen) < room and grid.light[one] and self.uses[one] == 1 and wide + more <= most:
                chosen.append((one, height))
                wide += more
        if chosen:
            own = grid.items[item]
            sides = [grid.items[one][0] for one, _ in chosen]
            first = sides[0] < min((p for p in self._operands(item) if p not in sides), default=-1)
            left = sides[:1] if len(sides) == 2 or first else []
            side_by_side(grid, places, item, [*left, *own, *(one for one in sides if one not in left)], SIDE)
            for one, _ in chosen:
                self.placed[one] = True
                grid.items[one] = []
        return chosen

    def _operands(self, item: int) -> list[int]:
        return [place for upper in self.sources[item] for place in self.grid.items[upper]]

    def _fits(self, tree: list[tuple[int, int]], row: int, level: int) -> bool:
        most = self.most - INSET * self.depth[level]
        need: dict[int, float] = defaultdict(float)
        for one, height in tree:
            need[row - height] += self.grid.width[one] + GAP
        count = Counter(row - height for _, height in tree)
        for at, wide in need.items():
            there = at < len(self.load) and self.grid.rows[at]
            shared = there or count[at] > 1
            load = self.load[at] if at < len(self.load) else 0.0
            if shared and load + wide - GAP > most - (RESERVE if self.beside else 0.0):
                return False
        return True

    def _stand(self, item: int, row: int, level: int) -> None:
        grid = self.grid
        while len(grid.rows) <= row:
            grid.rows.append([])
            grid.homes.append(self.ids[level - len(grid.items)])
            self.load.append(0.0)
        grid.rows[row].append(item)
        grid.row[item] = row
        self.placed[item] = True
        self.load[row] += grid.width[item] + GAP
        for upper in self.sources[item]:
            if self.placed[upper] and grid.items[upper]:
                for at in range(max(self.reach[upper], grid.row[upper]) + 1, row):
                    self.load[at] += LANE
                self.reach[upper] = max(self.reach[upper], row - 1)

    def _stack(self, items: list[int], base: int, level: int) -> None:
        """What waits for a region, or for nothing: in rows below all that is there."""
        items = [item for item in items if item in self.wait]
        for item in items:
            tree = self._tree(item)
            del self.wait[item]
            row = max(base, len(self.grid.rows) - 1) + max((height for _, height in tree), default=0)
            while not self._fits([(item, 0), *tree], row, level) or any(
                    self.grid.row[upper] >= row for upper in self.sources[item] if self.placed[upper]):
                row += 1
            for one, height in (*tree, (item, 0)):
                self._stand(one, row - height, level)


def _dense(grid: Grid, work: _Work) -> Grid:
    """Without rows that stayed empty."""
    kept = [number for number, row in enumerate(grid.rows) if row]
    new = {old: number for number, old in enumerate(kept)}
    grid.rows = [grid.rows[old] for old in kept]
    grid.homes = [grid.homes[old] for old in kept]
    for number, row in enumerate(grid.rows):
        for item in row:
            grid.row[item] = number
    for id, (first, last) in list(grid.inside.items()):
        mine = [new[old] for old in range(first, last + 1) if old in new]
        if mine:
            grid.inside[id] = mine[0], mine[-1]
        else:
            del grid.inside[id]
    pairs = ((grid.item[a], grid.item[b]) for a, b in work.places.links)
    grid.links = list(dict.fromkeys((a, b) for a, b in pairs if a != b))
    return grid
