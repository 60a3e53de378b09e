"""Search over a whole run: what is looked through are the distinct texts of its columns, not a sentence an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gradviz.replay import Replay
from gradviz.replay.tables import Relation
from gradviz.trace.columns import Ints, Texts

_WORDS: Final = {
    "step": "step ran backward", "op": "op forward", "accumulate": "accumulate accumulategrad", "error": "error failed",
    "backward": "backward call", "hook_call": "hook", "hook_add": "hook registered", "write": "write",
    "retain_grad": "retain_grad keeps", "print": "print printed"}
"""Our words for a kind, besides its name."""


@dataclass(frozen=True)
class _Column:
    """Texts of some events: event ``seq[i]`` says ``texts[index[i]]``."""

    seq: Ints
    index: Ints
    texts: list[str]


class Search:
    """The texts of a run, ready to be looked through."""

    def __init__(self, replay: Replay) -> None:
        self.n = replay.n
        self._columns = [_Column(one.seq, one.index, [text.lower() for text in one.texts]) for one in _columns(replay)]

    def find(self, words: str, limit: int = 1000) -> tuple[list[int], int]:
        """The first events that hold every word, and how many there are."""
        wanted = words.lower().split()
        if not wanted:
            return [], 0
        found = np.ones(self.n, bool)
        for word in wanted:
            found &= self._holding(word)
        hits = np.flatnonzero(found)
        return hits[:limit].tolist(), len(hits)

    def _holding(self, word: str) -> NDArray[np.bool_]:
        found = np.zeros(self.n, bool)
        for column in self._columns:
            hits = np.array([word in text for text in column.texts], bool)
            if hits.any():
                found[column.seq[hits[column.index]]] = True
        return found


def _columns(replay: Replay) -> Iterable[_Column]:
    index, tables = replay.index, replay.tables
    from gradviz.events import BY_CODE

    names = [_WORDS.get(BY_CODE[code].name, BY_CODE[code].name) if code in BY_CODE else "" for code in range(256)]
    yield _Column(np.arange(replay.n), tables.kinds.astype(np.int64), names)
    places = [f"{span.file}:{span.line} {span.function} {replay.source_text(span)}" if span.id else ""
              for span in replay.spans]
    for name in {BY_CODE[int(code)].name for code in np.unique(tables.kinds)}:
        relation = tables.relation(name)
        yield _Column(relation.seq, relation.ints("span"), places)
    for name, fields in (("op", ("name", "args")), ("error", ("type", "message")), ("print", ("text",)),
                         ("mark", ("text",)), ("scope", ("path", "cls")), ("hook_add", ("function", "target")),
                         ("owner", ("path", "role")), ("optimizer", ("cls",)), ("mode", ("mode",)),
                         ("backward", ("phase",)), ("gap", ("reason",)), ("write", ("reason",))):
        relation = tables.relation(name)
        for field in fields if len(relation) else ():
            yield _texts(relation.seq, relation.texts(field))
    yield _texts(index.names.seq, index.names.texts("name"))
    yield _nodes(replay)
    for relation in (index.accumulates, index.hook_calls, index.retains, index.grad_sets):
        yield _tensors(replay, relation)
    stale = index.errors.ints("saved") >= 0 if len(index.errors) else np.zeros(0, bool)
    words = [f"needs version {saved} finds version {found}" for saved, found in zip(
        index.errors.ints("saved")[stale].tolist(), index.errors.ints("found")[stale].tolist(), strict=True)]
    yield _Column(index.errors.seq[stale], np.arange(len(words)), words)


def _texts(seq: Ints, texts: Texts) -> _Column:
    return _Column(seq, texts.index, texts.texts)


def _nodes(replay: Replay) -> _Column:
    """The name of the node of each step and error."""
    seqs, rows = node_rows(replay, (replay.index.steps, replay.index.errors))
    names = replay.index.nodes.texts("name")
    return _Column(seqs, names.index[rows], names.texts)


def node_rows(replay: Replay, relations: Sequence[Relation]) -> tuple[Ints, Ints]:
    """Events of some relations that are about a known node, and the row of that node."""
    nids = replay.index.nodes.ints("nid")
    order = np.argsort(nids, kind="stable")
    seq = np.concatenate([relation.seq for relation in relations])
    wanted = np.concatenate([relation.ints("nid") for relation in relations])
    if not len(order):
        return seq[:0], seq[:0]
    place = np.minimum(np.searchsorted(nids[order], wanted), len(order) - 1)
    known = nids[order[place]] == wanted
    return seq[known], order[place[known]]


def _tensors(replay: Replay, relation: Relation) -> _Column:
    """What the tensor of each row is called at the end."""
    tids, index = np.unique(relation.ints("tid"), return_inverse=True)
    return _Column(relation.seq, index, [labelled(replay, tid) for tid in tids.tolist()])


def labelled(replay: Replay, tid: Any) -> str:
    """A tensor's label and that of its gradient."""
    label = replay.label(tid) if tid else ""
    return f"{label} {label}.grad ∇{label}" if label else ""
