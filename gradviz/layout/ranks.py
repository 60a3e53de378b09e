"""Which row each place stands in: the longest path from the top, with what must share a row taken as one block."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

from gradviz.layout.places import Places

SEARCH_LIMIT = 200_000
"""Places looked at in all while runs are checked for detours; beyond it the remaining runs are parted."""


@dataclass
class Ranks:
    """``rank`` of each place; ``blocks``: places that stand side by side, one or more; ``block`` of each place.

    Of each block: ``under``, links on the longest path from it; ``branch``: only sources are above it and it has one
    use.
    """

    rank: list[int]
    blocks: list[list[int]]
    block: list[int]
    under: list[int]
    branch: list[bool]


def ranks(places: Places) -> Ranks:
    """Rows from 0 down. A cycle, which only broken traces have, is cut where it is entered."""
    blocks, block = _blocks(places)
    links = sorted({(block[a], block[b]) for a, b in places.links if block[a] != block[b]})
    below: dict[int, list[int]] = defaultdict(list)
    waits = [0] * len(blocks)
    for upper, lower in links:
        below[upper].append(lower)
        waits[lower] += 1
    sources = [b for b in range(len(blocks)) if not waits[b]]
    rank, sequence = _longest(len(blocks), below, waits)
    under = [0] * len(blocks)
    for current in reversed(sequence):
        under[current] = max((under[lower] + 1 for lower in below[current]), default=0)
    branch = _settle(rank, sequence, below, waits, {block[place] for place in places.first})
    for source in sources:
        if below[source]:
            rank[source] = min(rank[lower] for lower in below[source]) - 1
    _beside(places, rank, block, sources)
    _border(places, rank, block)
    top = min(rank, default=0)
    return Ranks([rank[b] - top for b in block], blocks, block, under, branch)


def _beside(places: Places, rank: list[int], block: list[int], sources: list[int]) -> None:
    """What has nothing above it does not stand beside a box, which is high, but in a row of its own below it."""
    high = {rank[block[next(iter(box))]] for box in places.boxes}
    boxes = {block[next(iter(box))] for box in places.boxes}
    low = {rank[source] for source in sources if source not in boxes} & high
    moved = {source for source in sources if source not in boxes and rank[source] in low}
    lift = sorted(low)
    for number, at in enumerate(rank):
        rank[number] = at + bisect_left(lift, at) + (number in moved)


def _border(places: Places, rank: list[int], block: list[int]) -> None:
    """Ports stand right above and right below all else."""
    first, last = {block[place] for place in places.first}, {block[place] for place in places.last}
    others = [at for number, at in enumerate(rank) if number not in first | last]
    for ports, to in ((first, min(others, default=0) - 1), (last, max(others, default=0) + 1)):
        for port in ports:
            rank[port] = to


def _settle(rank: list[int], sequence: list[int], below: dict[int, list[int]], waits: list[int],
            ports: set[int]) -> list[bool]:
    """Bring down what is made long before it is used and hangs on nothing: it stands beside its use.

    A block comes down if that shortens more links than it makes longer. Links from sources do not count, as a source
    comes along; nor do those from a branch, which has only sources above it and one use. What comes in at a port
    has come a long way and is no source. Returns what is a branch.
    """
    branch = [False] * len(rank)
    held = [0] * len(rank)
    for current in sequence:
        branch[current] = not held[current] and len(below[current]) == 1 and current not in ports
        for lower in below[current]:
            held[lower] += (waits[current] > 0 or current in ports) and not branch[current]
    for current in reversed(sequence):
        if waits[current] and held[current] < len(below[current]):
            rank[current] = max(rank[current], min(rank[lower] for lower in below[current]) - 1)
    return branch


def _longest(n: int, below: dict[int, list[int]], waits: list[int]) -> tuple[list[int], list[int]]:
    """Rank of each block by the longest path to it, and the blocks from the top down."""
    sequence: list[int] = []
    rank, waits = [0] * n, list(waits)
    done = [False] * n
    ready = [b for b in range(n) if not waits[b]]
    stuck = iter(range(n))
    for _ in range(n):
        if not ready:
            ready.append(next(b for b in stuck if not done[b]))
        current = ready.pop()
        done[current] = True
        sequence.append(current)
        for lower in below[current]:
            if done[lower]:
                continue
            rank[lower] = max(rank[lower], rank[current] + 1)
            waits[lower] -= 1
            if not waits[lower]:
                ready.append(lower)
    return rank, sequence


def _blocks(places: Places) -> tuple[list[list[int]], list[int]]:
    """Join each run into blocks; where a path leaves a run and comes back, the run is parted: a row has no depth."""
    n = len(places.width)
    owner = list(range(n))
    members = {place: [place] for place in range(n)}
    below: dict[int, set[int]] = defaultdict(set)
    for upper, lower in places.links:
        below[upper].add(lower)
    for box in places.boxes:
        head = next(iter(box))
        for place in box:
            if place != head:
                owner[place] = head
                members[head] += members.pop(place)
                below[head] |= below[place]
    budget = SEARCH_LIMIT
    for run in places.runs:
        head = owner[run[0]]
        for place in run[1:]:
            other = owner[place]
            if other == head:
                continue
            detour, looked = _detour(below, owner, head, other, budget)
            budget -= looked
            if detour or len(members[other]) > 1:
                head = other
                continue
            for moved in members.pop(other):
                owner[moved] = head
                members[head].append(moved)
            below[head] |= below[other]
    order = sorted(members)
    number = {head: i for i, head in enumerate(order)}
    return [members[head] for head in order], [number[owner[place]] for place in range(n)]


def _detour(below: dict[int, set[int]], owner: list[int], one: int, other: int, budget: int) -> tuple[bool, int]:
    """Whether a path of two links or more leads from one block to the other, either way."""
    looked = 0
    for start, goal in ((one, other), (other, one)):
        seen: set[int] = set()
        ready = [owner[lower] for lower in sorted(below[start]) if owner[lower] not in (start, goal)]
        while ready:
            current = ready.pop()
            if current in seen:
                continue
            seen.add(current)
            looked += 1
            if looked > budget:
                return True, looked
            reached = {owner[lower] for lower in below[current]}
            if goal in reached or start in reached:
                return True, looked
            ready.extend(sorted(reached - seen))
    return False, looked
