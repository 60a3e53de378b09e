"""Gradient flow: what every leaf's ``.grad`` was after each backward call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gradviz.events import Gradient
from gradviz.replay import values
from gradviz.replay.replay import Replay


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
    None where the call gave it nothing."""

    tid: int
    name: str
    module: str
    cells: list[Cell | None]


def flow(replay: Replay) -> list[Row]:
    """A row for each leaf that ever got a gradient, in the order in which they were met; the columns are the graphs of
    the replay that have a backward call."""
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
    owners = {int(tid): path for tid, path in _owners(replay)}
    return [Row(tid, replay.label(tid, replay.end), owners.get(tid, "").rpartition(".")[0], rows[tid])
            for tid in sorted(rows)]


def _owners(replay: Replay) -> list[tuple[int, str]]:
    relation = replay.tables.relation("owner")
    paths = relation.texts("path")
    return [(int(tid), paths.texts[paths.index[row]]) for row, tid in enumerate(relation.ints("tid"))]


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
