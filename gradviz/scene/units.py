"""What of a graph is drawn one by one, what as a closed group, and in which open group each of it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gradviz.replay.iterations import Branch, Outline
from gradviz.replay.tables import among
from gradviz.trace.columns import Ints

BUDGET: Final = 34
"""Ops, groups and titles that a picture shows by itself; more is shown when somebody opens a group."""
MOST: Final = 2_000
"""Ops and groups that a picture shows at all, whatever is asked for: more cannot be read, and takes seconds."""
FOLD: Final = 7
"""Ops of a graph in which each tensor has a glyph of its own; in a larger one it folds into its edge."""
FEW: Final = 12
"""Ops and groups that are too few for a picture: then rolls open too."""
NODES: Final = 2
"""Backward nodes of an op; one that made more is closed in a compact picture."""
LEAF: Final = 3
"""Ops of a module without modules in it: so small that it stays closed in a large graph."""


@dataclass
class Units:
    """``open``: groups from the outside in; ``closed``: groups that are one glyph. Per op of the outline:
    ``closed_of``, the number of its closed group or -1, and ``home_of``, that of the innermost open group or -1."""

    outline: Outline
    open: list[Branch] = field(default_factory=list)
    closed: list[Branch] = field(default_factory=list)
    closed_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    home_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def row(self, seq: int) -> int:
        """The place of an op in the outline; -1 if it is not of the graph."""
        seqs = self.outline.seqs
        place = int(np.searchsorted(seqs, seq))
        return place if place < len(seqs) and seqs[place] == seq else -1

    def home(self, seq: int) -> str:
        """The open group in which an op stands; "" for none."""
        row = self.row(seq)
        number = int(self.home_of[row]) if row >= 0 else -1
        return self.open[number].id if number >= 0 else ""

    def closed_at(self, seq: int) -> Branch | None:
        """The closed group in which an op is hidden."""
        row = self.row(seq)
        number = int(self.closed_of[row]) if row >= 0 else -1
        return self.closed[number] if number >= 0 else None


def units(outline: Outline, wanted: Iterable[str] | None, seqs: Iterable[int] = ()) -> Units:
    """What is shown where the groups ``wanted`` are open, and those around them; None: what a picture opens with, so
    that the ops ``seqs`` are among it."""
    ids = _opening(outline, seqs) if wanted is None else _around(outline, wanted)
    found = Units(outline, closed_of=np.full(len(outline.seqs), -1), home_of=np.full(len(outline.seqs), -1))
    _walk(found, outline.root, -1, ids, _made(outline) > NODES if len(outline.seqs) > FOLD else None)
    return found


@lru_cache(maxsize=8)
def _made(outline: Outline) -> Ints:
    """How many backward nodes each op made."""
    nodes, seqs = outline.replay.index.nodes, outline.seqs
    made = nodes.seq[(nodes.ints("leaf") == 0) & among(nodes.seq, seqs)]
    return np.bincount(np.searchsorted(seqs, made), minlength=len(seqs))


def _walk(found: Units, branch: Branch, home: int, ids: set[str], large: NDArray[np.bool_] | None) -> None:
    for child in found.outline.children(branch):
        if child.kind == "op" and (large is None or not large[child.first]):
            found.home_of[child.first] = home
        elif child.id in ids:
            found.open.append(child)
            if child.kind == "op":
                found.home_of[child.first] = len(found.open) - 1
            else:
                _walk(found, child, len(found.open) - 1, ids, large)
        else:
            found.closed_of[child.first:child.last] = len(found.closed)
            found.home_of[child.first:child.last] = home
            found.closed.append(child)


def _around(outline: Outline, wanted: Iterable[str]) -> set[str]:
    """Groups and all around them, as many as a picture holds."""
    ids: set[str] = set()
    shown = len(outline.children(outline.root))
    for id in sorted(wanted, key=lambda id: id.count(".")):
        steps = id.split(".")
        for end in range(1, len(steps) + 1):
            one = ".".join(steps[:end])
            branch = outline.branch(one)
            if branch is None or one in ids:
                continue
            inner = len(outline.children(branch)) if branch.kind != "op" else 1
            if shown + inner > MOST:
                break
            shown += inner
            ids.add(one)
    return ids


def _opening(outline: Outline, seqs: Iterable[int]) -> set[str]:
    """The groups that lead to ``seqs``, then those on top, while that fits; rolls stay rolled where there is much else,
    leaf modules always, and of what is alike all or none is open."""
    ids: set[str] = set()
    shown = len(outline.children(outline.root))
    for seq in seqs:
        branch = outline.root
        row = int(np.searchsorted(outline.seqs, seq))
        while row < len(outline.seqs):
            branch = next(child for child in outline.children(branch) if child.first <= row < child.last)
            if branch.kind == "op" or is_leaf(outline, branch):
                break
            if branch.id not in ids:
                shown += len(outline.children(branch))
                ids.add(branch.id)
    level = [list(outline.children(outline.root))]
    while level:
        below: list[list[Branch]] = []
        for members in level:
            groups = [one for one in members if one.kind != "op" and not is_leaf(outline, one)]
            alike = len({member.many for member in members}) == 1 and len(members) > 2
            room = sum(len(outline.children(one)) for one in groups) if alike else 0
            for branch in groups[::-1]:  # what ran last is where the backward begins
                inner = outline.children(branch)
                if branch.id not in ids:
                    rolled = branch.kind == "roll" and shown >= FEW
                    if rolled or shown + max(room, len(inner)) > BUDGET:
                        continue
                    shown += len(inner)
                    room = max(0, room - len(inner))
                    ids.add(branch.id)
                below.append(inner)
        level = below
    return ids


def is_leaf(outline: Outline, branch: Branch) -> bool:
    """A module that is hardly larger than its glyph and has no modules within: Linear, LayerNorm, an activation."""
    few = branch.kind == "module" and branch.many <= LEAF
    return few and all(child.kind == "op" for child in outline.children(branch))
