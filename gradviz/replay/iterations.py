"""What a person sees as one thing: iterations of training, and groups of ops: module calls, functions, turns of a loop.

Iteration k is the k-th backward call from the same place in the source with the same root op. Inside a graph, groups
nest: module calls as they were entered; consecutive ops of one function within the same module call; and three or more
equal stretches (same places, same ops) rolled into one. Groups are stretches of the graph's ops in the order in which
they ran, and are worked out only when somebody looks inside: a run of 20,000 ops costs no more than what is shown.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Final

import numpy as np

from gradviz.replay import labels, values
from gradviz.replay.replay import Replay
from gradviz.trace.columns import Ints

ROLL: Final = 3
"""Equal stretches from which on they are one roll."""
CROWD: Final = 24
"""Members of a roll that are shown side by side; more are parted by tens, hundreds and so on."""
PLAIN: Final = 60
"""The same for things that are not alike."""


def iterations(replay: Replay) -> list[list[int]]:
    """The graphs (their numbers) of each training loop, in the order of their first call: the k-th of a list is its
    iteration k. A backward call that stands alone is a list of one."""
    loops: dict[tuple[int, str], list[int]] = defaultdict(list)
    for graph in replay.graphs:
        if graph.call:
            begin = replay.event(graph.begin)
            node = replay.node(begin.roots[0].nid) if begin.roots else None
            loops[begin.span, node.name if node is not None else ""].append(graph.number)
    return list(loops.values())


def failed_in(replay: Replay) -> int:
    """In which iteration the exception that left the script was raised, counted from 1 as the page counts: an
    iteration that did not come to its backward call is one. 0 where none left it, or there are no iterations."""
    errors = replay.index.errors
    left = errors.seq[errors.flags("uncaught")]
    graphs = [graph.number for graph in replay.graphs if graph.call]
    if not len(left) or len(graphs) < 2:
        return 0
    last = replay.event(int(left[-1]))
    first = min(seq for seq in errors.seq.tolist() if replay.event(seq).number == last.number)
    number = replay.graph_at(first)
    return int(np.searchsorted(graphs, number)) + 1


def gradient_norms(replay: Replay) -> list[tuple[float | None, bool]]:
    """Of each outermost backward call, the norm of all gradients that it made for leaves, None where none was kept;
    and whether all that is known of them is finite."""
    rows = replay.index.accumulates
    was, calls, added = rows.texts("was"), rows.ints("call"), rows.part("added")
    squares: dict[int, float] = {}
    broken: set[int] = set()
    for row in range(len(rows)):
        if was.texts[was.index[row]] == "retained":
            continue
        gradient = replay.gradient(added.row(row)) or replay.gradient(rows.row(row)[-1])
        if gradient is None:
            continue
        call = int(calls[row])
        if values.finite(gradient.value, gradient.shape, gradient.dtype) is False:
            broken.add(call)
        length = replay.norm_of(gradient)
        if length is not None and math.isfinite(length):
            squares[call] = squares.get(call, 0.0) + length * length
    return [(math.sqrt(squares[graph.call]) if graph.call in squares else None, graph.call not in broken)
            for graph in replay.graphs if graph.call]


@dataclass
class Branch:
    """Ops ``first`` to ``last`` (exclusive) of an outline. ``kind``: module, function, roll, turn (of a loop), part (of
    what is too long), or op: a single one. ``id``: place in the tree, "2.0.7"; alike in every iteration of a loop.
    ``label`` the user's word, ``about`` its class or place, ``times`` members of a roll; ``raw`` what a turn is made
    of, before loops in it are rolled, ``inner`` what is in it, once known."""

    kind: str
    first: int
    last: int
    label: str = ""
    about: str = ""
    times: int = 1
    id: str = ""
    depth: int = 0
    code: int = -1
    raw: list[Branch] | None = field(default=None, repr=False)
    inner: list[Branch] | None = field(default=None, repr=False)

    @property
    def many(self) -> int:
        return self.last - self.first


class Outline:
    """The groups of a stretch of ops, given by their events."""

    def __init__(self, replay: Replay, seqs: Ints, host: int = 0) -> None:
        """``host``: a span in the function that calls all this; its ops are no group of their own."""
        self.replay = replay
        self.seqs = seqs
        ops = replay.index.ops
        rows = np.searchsorted(ops.seq, seqs)
        self._spans = ops.ints("span")[rows]
        names = ops.texts("name")
        self._sign = self._spans * max(1, len(names.texts)) + names.index[rows]
        self._scope = ops.ints("scope")[rows]
        self._paths = _Scopes(replay)
        codes: dict[tuple[str, str], int] = {}
        of_span = np.array([codes.setdefault((span.file, span.function), len(codes)) for span in replay.spans] or [0])
        self._code = of_span[self._spans]
        self._plain = {number for (_, function), number in codes.items()
                       if function.rpartition(".")[2] in ("<module>", "forward", "__call__", "")} | {int(of_span[host])}
        self._functions = [function.rpartition(".")[2] for _, function in codes]
        self.root = Branch("part", 0, len(seqs))
        self._known = {"": self.root}

    def branch(self, id: str) -> Branch | None:
        """The group with an id; None where there is none."""
        if id in self._known:
            return self._known[id]
        above = self.branch(id.rpartition(".")[0]) if id else None
        if above is None or above.kind == "op":
            return None
        self.children(above)
        return self._known.get(id)

    def children(self, branch: Branch) -> list[Branch]:
        """What is in a group, in order: groups and single ops."""
        if branch.inner is None:
            branch.inner = self._parted(branch, self._rolled(branch.raw or self._items(branch)))
        for number, child in enumerate(branch.inner):
            if not child.id:
                child.id = f"{branch.id}.{number}" if branch.id else str(number)
                self._known[child.id] = child
        return branch.inner

    def span(self, branch: Branch) -> int:
        """The place of its first op."""
        return int(self._spans[branch.first])

    # --- module calls and functions ----------------------------------------------------------------------------------
    def _items(self, branch: Branch) -> list[Branch]:
        a, b, depth = branch.first, branch.last, branch.depth
        if a == b:
            return []
        here = self._paths.at(self._scope[a:b], depth)
        code = np.where(here > 0, -1, self._code[a:b])
        cuts = np.flatnonzero((np.diff(here) != 0) | (np.diff(code) != 0)) + 1
        items: list[Branch] = []
        for first, last in pairwise([a, *(cuts + a).tolist(), b]):
            scope, function = int(here[first - a]), int(code[first - a])
            if scope:
                label, cls = self._paths.words(scope, depth)
                items.append(Branch("module", first, last, label, cls, depth=depth + 1))
            elif function in self._plain or function == branch.code or last - first < 2 or (first, last) == (a, b):
                items += [Branch("op", place, place + 1) for place in range(first, last)]
            else:
                items.append(self._called(Branch("function", first, last, self._functions[function],
                                                 self._line(first), depth=depth, code=function)))
        return items

    def _called(self, function: Branch) -> Branch:
        """A function group; one that was called again and again with nothing in between is a roll of its calls."""
        rolled = self._rolled(self._items(function), function.label)
        if len(rolled) == 1 and rolled[0].kind == "roll":
            return rolled[0]
        function.raw = rolled
        return function

    def _line(self, place: int) -> str:
        line = self.replay.spans[int(self._spans[place])].line
        return f"line {line}" if line else ""

    # --- turns of loops ----------------------------------------------------------------------------------------------
    def _rolled(self, items: list[Branch], name: str = "") -> list[Branch]:
        longest = 1  # short periods first: what is rolled within a turn is one thing when turns are compared
        while True:
            keys = [hash(self._sign[item.first:item.last].tobytes()) for item in items]
            if max(Counter(keys).values(), default=0) < ROLL:
                return items
            made: list[Branch] = []
            done = 0
            for start, period, times in repeats(keys, longest):
                made += items[done:start]
                done = start + period * times
                made.append(self._roll([items[place:place + period] for place in range(start, done, period)], name))
            items = made + items[done:]
            if not done and ROLL * longest >= len(items):
                return items
            longest = longest if done else longest * (2 if longest < 64 else 8)

    def _roll(self, turns: list[list[Branch]], name: str) -> Branch:
        first, last = turns[0][0], turns[-1][-1]
        alone = len(turns[0]) == 1
        line = self._line(next((item for item in turns[0] if item.kind == "op"), first).first)
        members = [turn[0] if alone else Branch("turn", turn[0].first, turn[-1].last, "", line, raw=turn)
                   for turn in turns]
        names = {member.label for member in members}
        told = name if not alone or first.kind == "op" else first.label
        label = f"{first.label} – {last.label}" if len(names) == len(members) > 1 else told or "loop"
        if len(names) < len(members):
            for number, member in enumerate(members, 1):
                if member.kind != "op":
                    member.label = f"{told or 'turn'} {number:,}"
        about = first.about if alone and first.kind == "module" else line
        roll = Branch("roll", first.first, last.last, label, about, len(members))
        roll.inner = self._parted(roll, members)
        return roll

    # --- what is too long to be shown side by side -------------------------------------------------------------------
    def _parted(self, branch: Branch, items: list[Branch]) -> list[Branch]:
        alike = branch.kind == "roll"
        if len(items) <= (CROWD if alike else PLAIN):
            return items
        size = _round(len(items))
        parts = []
        for start in range(0, len(items), size):
            some = items[start:start + size]
            words = f"{start + 1:,} – {start + len(some):,}"
            label = f"{branch.label if alike else 'ops' if some[0].many == 1 else 'parts'} {words}"
            part = Branch(branch.kind if alike else "part", some[0].first, some[-1].last, label,
                          branch.about if alike else self._line(some[0].first), len(some) if alike else 1)
            part.inner = some if len(some) <= CROWD else self._again(part, some, start)
            parts.append(part)
        return parts

    def _again(self, part: Branch, some: list[Branch], start: int) -> list[Branch]:
        """A part of a part, with the numbers that its members have in the whole."""
        size, name = _round(len(some)), part.label.rsplit(" ", 3)[0]
        made = []
        for place in range(0, len(some), size):
            few = some[place:place + size]
            first = start + place
            inner = Branch(part.kind, few[0].first, few[-1].last, f"{name} {first + 1:,} – {first + len(few):,}",
                           part.about, len(few) if part.kind == "roll" else 1)
            inner.inner = few if len(few) <= CROWD else self._again(inner, few, first)
            made.append(inner)
        return made


def _round(n: int) -> int:
    """A round size for parts of ``n`` things, so that there are about ten."""
    sizes: Iterator[int] = (digit * 10**power for power in count(1) for digit in (1, 2, 5))
    return next(size for size in sizes if 12 * size >= n)


def repeats(keys: list[int], longest: int) -> list[tuple[int, int, int]]:
    """Where a list repeats itself: (start, period, times) with at least :data:`ROLL` times and periods up to
    ``longest``, from left to right."""
    n, after, seen = len(keys), [0] * len(keys), dict[int, int]()
    for place in range(n - 1, -1, -1):
        after[place] = seen.get(keys[place], n)
        seen[keys[place]] = place
    found, place, heads = [], 0, set[int]()
    while place < n:
        other = after[place]
        for _ in range(8):  # periods that begin like this one; deeper nests show when their inner loops are rolled
            period = other - place
            if place + ROLL * period > n or period > longest:
                other = n
                break
            end = place
            while end + period < n and keys[end] == keys[end + period]:
                end += 1
            if (times := (end - place) // period + 1) >= ROLL:
                start = _aligned(keys, place, period, end, heads)
                times = (end + period - start) // period
                heads.add(keys[start])
                found.append((start, period, times))
                place = start + period * times
                break
            other = after[other]
        else:
            other = n
        if other == n:
            place += 1
    return found


def _aligned(keys: list[int], start: int, period: int, end: int, heads: set[int]) -> int:
    """A loop that goes on after an odd turn begins where it began before, not where the odd turn became even again."""
    if keys[start] in heads:
        return start
    return next((place for place in range(start + 1, start + period)
                 if keys[place] in heads and (end + period - place) // period >= ROLL), start)


class _Scopes:
    """Module calls by id: the ids above each, its path and class."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        scopes = replay.tables.relation("scope")
        entered = np.flatnonzero(scopes.flags("entered")) if len(scopes) else np.zeros(0, np.int64)
        paths, classes = scopes.texts("path"), scopes.texts("cls")
        self._of = {int(scopes.ints("id")[row]): (int(scopes.ints("parent")[row]), paths.texts[paths.index[row]],
                                                  classes.texts[classes.index[row]]) for row in entered.tolist()}
        self._chains: dict[int, list[int]] = {0: []}

    def chain(self, scope: int) -> list[int]:
        """The call and those around it, outermost first."""
        known = self._chains.get(scope)
        if known is None:
            parent = self._of.get(scope, (0, "", ""))[0]
            known = self._chains[scope] = [*(self.chain(parent) if parent < scope else []), scope]
        return known

    def at(self, scopes: Ints, depth: int) -> Ints:
        """Of each scope the module call that many levels down; 0 where it does not go so deep."""
        some, back = np.unique(scopes, return_inverse=True)
        chains = [self.chain(int(scope)) for scope in some]
        return np.array([chain[depth] if len(chain) > depth else 0 for chain in chains], np.int64)[back]

    def words(self, scope: int, depth: int) -> tuple[str, str]:
        """Its name within the call around it, or what the script calls it by, and its class."""
        chain = self.chain(scope)
        _, path, cls = self._of.get(scope, (0, "", ""))
        above = self._of.get(chain[depth - 1], (0, "", ""))[1] if depth else ""
        label = path[len(above) + 1:] if above and path.startswith(f"{above}.") else path
        label = label or labels.module(self._replay, scope)
        return (label, cls) if label and label != cls and "(" not in label else (cls or "module", "")
