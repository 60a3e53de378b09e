"""Gradient flow: what every leaf's ``.grad`` was after each backward call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gradviz.events import Gradient
from gradviz.replay import values
from gradviz.replay.absence import absence
from gradviz.replay.replay import Replay

_TOLD = 60
"""Parameters without any gradient of which the reason is looked for."""


class Cell(NamedTuple):
    """One leaf after one backward call: the event that wrote it last there, and its figures; None: not kept.

    ``bad`` counts elements that are NaN or infinite; ``zeros`` those that are exactly 0; ``size`` all.
    """

    seq: int
    norm: float | None
    largest: float | None
    zeros: int | None
    bad: int | None
    size: int


class Row(NamedTuple):
    """A leaf: its name at the end, the module that it belongs to ("" if to none), and a cell for each backward call;
    None where the call gave it nothing. ``why`` says of one that none gave anything why not."""

    tid: int
    name: str
    module: str
    cells: list[Cell | None]
    why: str


def flow(replay: Replay) -> list[Row]:
    """A row for each leaf that ever got a gradient, and for each parameter that should have: of a module or of an
    optimizer. In the order in which they were met; the columns are the graphs of the replay that have a backward call.
    """
    accumulates = replay.index.accumulates
    columns = {graph.call: place for place, graph in enumerate(graph for graph in replay.graphs if graph.call)}
    rows: dict[int, list[Cell | None]] = {}
    for row in np.flatnonzero(accumulates.ints("nid")):
        event = replay.event(int(accumulates.seq[row]))
        graph = replay.graphs[replay.graph_at(event.seq)]
        gradient = replay.gradient(event.grad)
        if gradient is not None and graph.call in columns:
            cells = rows.setdefault(event.tid, [None] * len(columns))
            cells[columns[graph.call]] = _cell(event.seq, gradient)
    owners, wanting = _parameters(replay)
    never = sorted(wanting - rows.keys()) if columns else []
    reasons = {tid: _reason(replay, tid) for tid in never[:_TOLD]}
    cells_of = rows | {tid: [None] * len(columns) for tid in never}
    return [Row(tid, replay.label(tid, replay.end), owners.get(tid, "").rpartition(".")[0], cells_of[tid],
                reasons.get(tid, "")) for tid in sorted(cells_of)]


def without_gradient(replay: Replay, call: int, seq: int) -> list[int]:
    """The parameters, known by an event, that a backward call gave no gradient."""
    accumulates = replay.index.accumulates
    rows = accumulates.where("call", call)
    got = set(accumulates.ints("tid")[rows[accumulates.seq[rows] <= seq]].tolist())
    _, wanting = _parameters(replay)
    return sorted(tid for tid in wanting - got if 0 <= replay.born(tid) <= seq)


def _parameters(replay: Replay) -> tuple[dict[int, str], set[int]]:
    """The path of each tensor that a module holds; and the parameters of modules and of optimizers."""
    relation = replay.tables.relation("owner")
    paths, roles = relation.texts("path"), relation.texts("role")
    owners, wanting = dict[int, str](), set[int]()
    for row, tid in enumerate(relation.ints("tid").tolist()):
        owners[tid] = paths.texts[paths.index[row]]
        if roles.texts[roles.index[row]] == "parameter":
            wanting.add(tid)
    for seq in replay.events("optimizer"):
        wanting.update(tid for _, _, tids in replay.event(seq).groups for tid in tids if replay.born(tid) >= 0)
    return owners, wanting


def _reason(replay: Replay, tid: int) -> str:
    reasons = absence(replay, tid, replay.end).reasons
    return reasons[0].text if reasons else ""


def _cell(seq: int, gradient: Gradient) -> Cell:
    size = math.prod(gradient.shape)
    content = values.array(gradient.value, gradient.shape, gradient.dtype)
    if content is not None:
        finite = np.isfinite(content)
        good = np.abs(content[finite])
        return Cell(seq, float(np.linalg.norm(good.astype(np.float64))), float(good.max()) if good.size else None,
                    int(size - np.count_nonzero(content)), int(size - np.count_nonzero(finite)), size)
    figures = values.statistics(gradient.value)
    bad = figures.get("nans", 0) + figures.get("infs", 0) if figures.get("nonfinite") else 0
    ends = [abs(figures[name]) for name in ("min", "max") if name in figures]
    zeros = figures.get("zeros")
    return Cell(seq, figures.get("norm") if not bad else None, max(ends) if ends else None,
                None if zeros is None else int(zeros), int(bad) if figures else None, size)
