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
STEPPABLE, ALSO_WRITES = 16, 32


def overview(replay: Replay) -> dict[str, str]:
    """Little-endian columns in base64, 14 bytes an event, so that the page can step and draw lanes without rows.

    ``kind``: codes; ``lane``: its number + 1 (0: shown in none) + 16 if one steps on it + 32 if it stands also in
    the lane of writes; ``t``: ms; ``span``: its id; ``graph``: the number of the graph shown then.
    """
    kinds = np.asarray(replay.tables.kinds, np.uint8)
    lane, t, span = np.zeros(replay.n, np.uint8), np.zeros(replay.n, "<f4"), np.zeros(replay.n, "<u4")
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
    firsts = [graph.first for graph in replay.graphs]
    graph = np.maximum(np.searchsorted(firsts, np.arange(replay.n), side="right") - 1, 0).astype("<u4")
    columns: dict[str, NDArray[Any]] = {"kind": kinds, "lane": lane, "t": t, "span": span, "graph": graph}
    return {name: base64.b64encode(column.tobytes()).decode() for name, column in columns.items()}


def _lane_of(replay: Replay, seq: int) -> int:
    """The lane of a kind, asked of its first event."""
    lane = replay.rows(seq, seq)[0].lane
    return LANES.index(lane) + 1 if lane in LANES else 0
