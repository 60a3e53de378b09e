"""Which closed group each event happens in: stepping through what is hidden moves a light from group to group."""

from __future__ import annotations

import numpy as np

from gradviz.replay.tables import Relation, among
from gradviz.scene.draft import Draft
from gradviz.scene.model import Inside
from gradviz.trace.columns import Ints


def inside(draft: Draft) -> Inside:
    """For every event that is shown with the graph: its closed group on the side where it happens."""
    units, graph, index = draft.units, draft.graph, draft.replay.index
    count = len(units.closed)
    if not count:
        return Inside([], [])
    column = np.zeros(max(0, graph.last - graph.first + 1), np.int64)
    seqs = units.outline.seqs
    hidden = (units.closed_of >= 0) & (seqs >= graph.first) & (seqs <= graph.last)
    column[seqs[hidden] - graph.first] = units.closed_of[hidden] + 1
    nids, number = draft.hidden
    for relation in (index.steps, index.hook_calls, index.errors):
        rows = _near(draft, relation)
        at = relation.ints("nid")[rows]
        spot = np.minimum(np.searchsorted(nids, at), len(nids) - 1)
        code = np.where((nids[spot] == at) & (number[spot] >= 0), number[spot] + 1 + count, 0)
        column[relation.seq[rows] - graph.first] = code
    tids, owners = np.array(list(draft.owner), np.int64), np.array(list(draft.owner.values()), np.int64)
    order = np.argsort(tids)
    for relation, shift in ((index.outputs, 1), (index.accumulates, 1 + count)):
        rows = _near(draft, relation)
        rows = rows[among(relation.ints("tid")[rows], tids)]
        at = owners[order[np.searchsorted(tids[order], relation.ints("tid")[rows])]] if len(rows) else rows
        column[relation.seq[rows] - graph.first] = at + shift
    stops = draft.replay.steppable
    stops = stops[(stops >= graph.first) & (stops <= graph.last)]
    codes = column[stops - graph.first]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return Inside([f"{side}{one.id}" for side in "mk" for one in units.closed],
                  list(zip(stops[starts].tolist(), codes[starts].tolist(), strict=True)))


def _near(draft: Draft, relation: Relation) -> Ints:
    return np.flatnonzero((relation.seq >= draft.graph.first) & (relation.seq <= draft.graph.last))
