"""What a name may stand for: tensors, nodes, ops, modules, hooks and lines, the likeliest first.

Search over events (``search``) answers "where is it spoken of?"; this answers "what is it?". Of many things of one name
(``h`` in every turn of a loop) the one is meant that is nearest to the playhead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec import Struct

from gradviz.replay import Replay
from gradviz.replay.tables import Relation
from gradviz.replay.values import shape_text
from gradviz.trace.columns import Ints

MOST: Final = 9
"""Things that are offered."""
_LINES: Final = 4
"""Of these, lines of the source."""
_KINDS: Final = ("tensor", "node", "op", "hook", "module", "line")
_SUFFIX: Final = ".grad"
_SHORT: Final = 3
"""Letters from which on words may stand anywhere in a name."""


class Thing(Struct, frozen=True):
    """``element``: what the inspector shows, "" for what happens at the event; ``seq``: where to go, -1 to stay;
    ``many``: things of this name; ``about``: what it is, in a few words."""

    kind: str
    name: str
    about: str
    element: str
    seq: int
    many: int


@dataclass(frozen=True)
class _Names:
    """Names of one kind of thing: thing ``ids[i]`` is called ``texts[index[i]]`` from event ``seq[i]`` on."""

    kind: str
    seq: Ints
    ids: Ints
    index: Ints
    texts: list[str]


class Things:
    """The names of a run, ready to be looked through."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self._names = list(_names(replay))

    def find(self, words: str, at: int) -> list[Thing]:
        """What the words may stand for, seen from event ``at``."""
        wanted = words.strip().lower().removeprefix("∇")
        wanted = wanted.removesuffix(_SUFFIX) or wanted
        if not wanted:
            return []
        found: list[tuple[int, int, int, _Names, int]] = []
        for names in self._names:
            ranked = [(rank, number) for number, text in enumerate(names.texts)
                      if (rank := _rank(wanted, text.lower())) >= 0]
            found += [(rank, _KINDS.index(names.kind), len(names.texts[number]), names, number)
                      for rank, number in ranked]
        found.sort(key=lambda one: one[:3])
        things = [self._thing(names, number, at) for *_, names, number in found[:MOST]]
        lines = list(self._lines(words.strip().lower())) if len(things) < MOST else []
        return [*things, *lines[:min(_LINES, MOST - len(things))]]

    def _thing(self, names: _Names, number: int, at: int) -> Thing:
        rows = np.flatnonzero(names.index == number)
        seqs, ids, text = names.seq[rows], names.ids[rows], names.texts[number]
        before = int(np.searchsorted(seqs, at, "right")) - 1
        here = max(0, before)
        if names.kind != "tensor" and before >= 0 and before + 1 < len(rows):  # those of this graph count as near
            graphs = [self.replay.graph_at(int(seqs[place])) for place in (before, before + 1)]
            here += graphs[0] != self.replay.graph_at(at) == graphs[1]
        seq, thing, many = int(seqs[here]), int(ids[here]), len(np.unique(ids))
        line = self.replay.line_of(seq)
        if names.kind == "tensor":
            return Thing("tensor", text, self._about(thing, max(at, seq)), f"t{thing}", self._place(thing, at), many)
        where = f"line {line}" if line else ""
        if names.kind == "node":
            step = self.replay.index.steps.last("nid", thing, self.replay.n)
            ran = int(self.replay.index.steps.seq[step]) if step >= 0 else seq
            return Thing("node", text, where, f"n{thing}", ran, many)
        return Thing(names.kind, text, where, "", seq, many)

    def _about(self, tid: int, seq: int) -> str:
        facts = self.replay.facts_at(tid, max(seq, self.replay.born(tid)))
        if facts is None:
            return ""
        role = "leaf" if facts.is_leaf and facts.requires_grad else "no grad" if not facts.requires_grad else ""
        line = self.replay.line_of(self.replay.born(tid))
        return " · ".join(filter(None, (shape_text(facts.shape), role, f"line {line}" if line else "")))

    def _place(self, tid: int, at: int) -> int:
        """Where a tensor is best looked at from an event: here, if it is there and lasts; else where it was made, if
        that comes later; else where the graph that it belongs to is done."""
        replay, born = self.replay, self.replay.born(tid)
        facts = replay.facts_at(tid, max(at, born))
        if born > at:
            return born
        own = replay.graph_at(born)
        if own == replay.graph_at(at) or (facts is not None and facts.is_leaf):
            return -1
        return replay.graphs[own].last

    def _lines(self, wanted: str) -> Iterator[Thing]:
        for place, (file, text) in enumerate(self.replay.sources.items()):
            for number, line in enumerate(text.splitlines(), 1):
                if _rank(wanted, line.strip().lower()) >= 0 and not line.lstrip().startswith("#"):
                    name = file.replace("\\", "/").rpartition("/")[2]
                    yield Thing("line", line.strip(), f"{name}:{number}", f"L{place}.{number}", -1, 1)


def _rank(wanted: str, text: str) -> int:
    """How well a text fits: 0 it is that, 1 a part of it is, 2 a part begins so, 3 it holds it; -1 it does not."""
    if wanted not in text:
        return -1
    if text == wanted:
        return 0
    begins = rf"(?<![a-z0-9]){re.escape(wanted)}"
    if re.search(rf"{begins}(?![a-z0-9])", text):
        return 1
    return 2 if re.search(begins, text) else 3 if len(wanted) >= _SHORT else -1


def _names(replay: Replay) -> Iterator[_Names]:
    index = replay.index
    yield _of("tensor", index.names, "tid", "name")
    yield _of("node", index.nodes, "nid", "name")
    yield _of("op", index.ops, "id", "name")
    adds = replay.tables.relation("hook_add")
    calls = index.hook_calls
    if len(adds) and len(calls):
        functions, hooks = adds.texts("function"), adds.ints("hook")
        at = {int(hook): int(functions.index[row]) for row, hook in enumerate(hooks)}
        known = np.array([at.get(int(hook), -1) for hook in calls.ints("hook")])
        rows = np.flatnonzero(known >= 0)
        yield _Names("hook", calls.seq[rows], calls.ints("hook")[rows], known[rows], functions.texts)
    scopes = replay.tables.relation("scope")
    if len(scopes):
        paths, entered = scopes.texts("path"), np.flatnonzero(scopes.flags("entered"))
        first = np.searchsorted(index.ops.seq, scopes.seq[entered])  # one goes to the first op of the call
        kept = np.flatnonzero(first < len(index.ops))
        yield _Names("module", index.ops.seq[first[kept]], scopes.ints("id")[entered][kept],
                     paths.index[entered][kept], paths.texts)


def _of(kind: str, relation: Relation, ids: str, name: str) -> _Names:
    texts = relation.texts(name)
    return _Names(kind, relation.seq, relation.ints(ids), texts.index, texts.texts)
