"""NaN and Inf on the picture: which op made them, where they went on, which gradients hold them.

An infinity that the script wrote itself (a mask of -inf, a start value) is nothing broken, nor is what it is added to:
only a NaN that comes of it is.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gradviz.events import Facts
from gradviz.replay import Replay, values
from gradviz.replay.tables import Relation, among
from gradviz.scene.draft import Draft
from gradviz.scene.model import Node
from gradviz.trace.columns import Ints

FILLS = frozenset({"masked_fill", "where", "fill", "full", "full_like", "index_fill", "setitem", "pad",
                   "constant_pad_nd", "clamp", "nan_to_num"})
"""Ops that write a number which they are given."""


def mark_broken(draft: Draft) -> None:
    """States nan (made here) and nan_on (passed on) of ops, nodes and closed groups. NaN of a tensor is its own."""
    bad, made, rows, meant = _found(draft.replay, draft.units.outline.seqs.tobytes(), draft.graph.call)
    for node in draft.nodes.values():
        if (1, "nan") in enumerate(state for _, state in node.states) and _meant(
                draft.replay, node.ref.get("tid", 0), node.event, meant):
            node.states[1] = (node.states[1][0], "live")
    if len(bad):
        seqs = draft.units.outline.seqs
        for node in draft.nodes.values():
            if node.kind == "op" and node.event in bad:
                _mark(node, node.event, made=node.event in made)
        for one in draft.units.closed:
            inside = bad[(bad >= seqs[one.first]) & (bad <= seqs[one.last - 1])]
            if len(inside):
                _mark(draft.nodes[f"m{one.id}"], int(inside[0]), made=bool(among(made, inside).any()))
    if draft.graph.call and len(rows):
        _backward(draft, rows)


@lru_cache(maxsize=8)
def _found(replay: Replay, seqs: bytes, call: int) -> tuple[Ints, Ints, Ints, dict[int, bool]]:
    """Ops that gave out a NaN or an Inf, those of them that took none in, and gradients (rows of the steps' grads_in)
    that hold one, and which infinities are meant: the same whatever is open."""
    index, ops = replay.index, np.frombuffer(seqs, np.int64)
    outputs = np.flatnonzero(among(index.outputs.seq, ops))
    outputs = outputs[_broken(replay, index.outputs, outputs)]
    meant: dict[int, bool] = {}
    tids, at = index.outputs.ints("tid")[outputs].tolist(), index.outputs.seq[outputs].tolist()
    outputs = outputs[[not _meant(replay, tid, seq, meant) for tid, seq in zip(tids, at, strict=True)]]
    bad, tids = np.unique(index.outputs.seq[outputs]), np.unique(index.outputs.ints("tid")[outputs])
    fed = index.inputs.seq[among(index.inputs.seq, bad) & among(index.inputs.ints("tid"), tids)]
    taken = index.steps.flatten("grads_in")
    rows = np.flatnonzero(index.steps.ints("call")[taken.parent] == call)
    return bad, bad[~among(bad, fed)], rows[_broken(replay, taken, rows)], meant


def _meant(replay: Replay, tid: int, seq: int, known: dict[int, bool]) -> bool:
    """Whether a tensor holds only infinities which the script wrote: it was made so, an op filled in a number that it
    was given, or it was made of such a one. ``known``: the answers so far."""
    if tid in known:
        return known[tid]
    known[tid] = False
    facts, maker = replay.facts_at(tid, seq), replay.maker(tid)
    if facts is None or not _infinite(facts):
        return False
    if maker < 0:
        found = not facts.requires_grad
    else:
        op = replay.event(maker)
        filled = facts.how == "created" or (op.name.rstrip("_") in FILLS and "inf" in op.args)
        found = filled or any(_meant(replay, read, maker, known) for read, _ in op.inputs)
    known[tid] = found
    return found


def _infinite(facts: Facts) -> bool:
    """Whether a tensor holds an Inf and no NaN."""
    content = values.array(facts.value, facts.shape, facts.dtype)
    if content is not None:
        return content.dtype.kind in "fc" and bool(np.isinf(content).any() and not np.isnan(content).any())
    figures = values.statistics(facts.value)
    return figures.get("infs", 0.0) > 0 and figures.get("nans", 0.0) == 0


def _backward(draft: Draft, rows: Ints) -> None:
    steps = draft.replay.index.steps
    taken = steps.flatten("grads_in")
    nids, number = draft.hidden
    at = steps.ints("nid")[taken.parent[rows]]
    for nid, seq in zip(at.tolist(), taken.seq[rows].tolist(), strict=True):
        node = draft.nodes.get(f"n{nid}")
        if node is not None:
            _mark(node, seq, made=False)
    spot = np.minimum(np.searchsorted(nids, at), max(0, len(nids) - 1))
    groups = np.where(nids[spot] == at, number[spot], -1) if len(nids) else np.full(len(at), -1)
    for group in np.unique(groups[groups >= 0]).tolist():
        first = int(taken.seq[rows[groups == group]].min())
        _mark(draft.nodes[f"k{draft.units.closed[group].id}"], first, made=False)


def _mark(node: Node, seq: int, *, made: bool) -> None:
    """From an event on; what comes after it (ran, released) is said by the words."""
    state = "nan" if made else "nan_on"
    if not any(was == "failed" for _, was in node.states):
        node.states = [entry for entry in node.states if entry[0] < seq] + [(seq, state)]


def _broken(replay: Replay, relation: Relation, rows: Ints) -> NDArray[np.bool_]:
    """Which rows hold a NaN or an Inf, as far as that was kept."""
    found = np.zeros(len(rows), bool)
    dtypes = relation.texts("dtype")
    halves = [number for number, name in enumerate(dtypes.texts) if name in ("float16", "bfloat16")]
    maybe = np.flatnonzero(among(relation.ints("value")[rows], replay.suspects) | np.isin(dtypes.index[rows], halves))
    found[maybe] = _checked(replay, relation, rows[maybe])
    return found


def _checked(replay: Replay, relation: Relation, rows: Ints) -> NDArray[np.bool_]:
    found = np.zeros(len(rows), bool)
    dtypes = relation.texts("dtype")
    kinds = dtypes.index[rows]
    contents: dict[int, list[tuple[int, bytes]]] = {}
    for place, (number, kind) in enumerate(zip(relation.ints("value")[rows].tolist(), kinds.tolist(), strict=True)):
        value = replay.value(number)
        if isinstance(value, bytes):
            contents.setdefault(kind, []).append((place, value))
        elif value is not None:
            found[place] = value[1] == 1.0
    for kind, some in contents.items():
        name = dtypes.texts[kind]
        if name not in ("float16", "float32", "float64"):
            continue
        some = [(place, content) for place, content in some if content]
        lengths = np.array([len(content) for _, content in some]) // np.dtype(name).itemsize
        bad = ~np.isfinite(np.frombuffer(b"".join(content for _, content in some), name))
        if bad.any():
            places = np.array([place for place, _ in some])
            found[places] = np.logical_or.reduceat(bad, np.cumsum(lengths) - lengths)
    return found
