"""Columns over all events: what the page must know of each before it has fetched any."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradviz.events import BY_CODE

if TYPE_CHECKING:
    from gradviz.replay import Replay

LANES = ("forward", "backward", "hooks", "writes", "errors", "marks")
STEPPABLE, ALSO_WRITES, LEAF, QUIET = 16, 32, 64, 128


def overview(replay: Replay) -> dict[str, str]:
    """Little-endian columns in base64, 14 bytes an event, so that the page can step and draw lanes without rows.

    ``kind``: codes; ``lane``: its number + 1 (0: shown in none) + 16 if one steps on it + 32 if it stands also in
    the lane of writes + 64 for an op that made a leaf + 128 for one that made a tensor without gradient out of
    nothing; ``t``: ms since the first event; ``span``: its id; ``graph``: the number of the graph shown then.
    """
    kinds = np.asarray(replay.tables.kinds, np.uint8)
    lane, t, span = np.zeros(replay.n, np.uint8), np.zeros(replay.n), np.zeros(replay.n, "<u4")
    for code in np.unique(kinds):
        rows = replay.tables.relation(BY_CODE[int(code)].name)
        lane[rows.seq] = _lane_of(replay, int(rows.seq[0]))
        t[rows.seq] = rows.ints("t") / 1e6
        span[rows.seq] = rows.ints("span")
    steppable = np.asarray(replay.steppable, np.int64)
    again = np.setdiff1d(replay.index.errors.seq, steppable)  # the same exception, seen again further out
    lane[again] = 0
    lane[steppable] += STEPPABLE
    lane[np.unique(replay.index.ops.flatten("writes").seq)] += ALSO_WRITES
    leaves, inputs = _created(replay)
    lane[leaves] += LEAF
    lane[inputs] += QUIET
    since = (t - t[0] if replay.n else t).astype("<f4")
    firsts = [graph.first for graph in replay.graphs]
    graph = np.maximum(np.searchsorted(firsts, np.arange(replay.n), side="right") - 1, 0).astype("<u4")
    columns: dict[str, NDArray[Any]] = {"kind": kinds, "lane": lane, "t": since, "span": span, "graph": graph}
    return {name: base64.b64encode(column.tobytes()).decode() for name, column in columns.items()}


def _created(replay: Replay) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ops that made something out of nothing: leaves that take a gradient, and tensors that take none."""
    ops, outputs = replay.index.ops, replay.index.outputs
    fed = np.zeros(len(ops), bool)
    fed[replay.index.inputs.parent] = True
    first = np.flatnonzero(np.diff(outputs.parent, prepend=-1))
    first = first[~fed[outputs.parent[first]]]
    grad, made = outputs.flags("requires_grad")[first], outputs.ints("grad_fn")[first] > 0
    return outputs.seq[first[grad & ~made]], outputs.seq[first[~grad]]


def _lane_of(replay: Replay, seq: int) -> int:
    """The lane of a kind, asked of its first event."""
    lane = replay.rows(seq, seq)[0].lane
    return LANES.index(lane) + 1 if lane in LANES else 0
