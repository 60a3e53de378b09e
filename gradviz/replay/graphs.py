"""Which graph belongs to which backward call, and during which events it is shown."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from gradviz.replay.index import Index
from gradviz.replay.tables import among
from gradviz.trace.columns import Ints


class Graph(Struct, frozen=True):
    """The graph of one outermost backward call (``call`` 0: the forward after the last one).

    ``first`` and ``last``: the events during which it is shown; ``begin`` and ``end``: the call itself (-1: none).
    ``state``: done, failed, running or forward.
    """

    number: int
    call: int
    first: int
    last: int
    begin: int
    end: int
    state: str


def reached(index: Index, nids: list[int], budget: int = 10**9) -> list[int]:
    """The nodes that are reached from some, breadth first, these included; at most ``budget`` of them."""
    targets, offsets, row_of = index.edges.ints("nid"), index.edge_offsets, index.node_rows
    seen = dict.fromkeys(nid for nid in nids if nid in row_of)
    queue = list(seen)
    for nid in queue:
        if len(seen) >= budget:
            break
        row = row_of[nid]
        for target in targets[offsets[row]:offsets[row + 1]].tolist():
            if target and target not in seen and target in row_of:
                seen[target] = None
                queue.append(target)
    return list(seen)


def members_of(index: Index, call: int, budget: int = 10**9) -> list[int]:
    """The nodes that the roots of a backward call reach."""
    begin = _phase(index, call, "begin")
    rows = index.roots.where("seq", begin)
    return reached(index, [int(nid) for nid in index.roots.ints("nid")[rows] if nid], budget)


def _phase(index: Index, call: int, phase: str) -> int:
    rows = index.backwards.where("call", call)
    texts = index.backwards.texts("phase")
    for row in rows:
        if texts.texts[texts.index[row]] == phase:
            return int(index.backwards.seq[row])
    return -1


def graphs_of(index: Index, n: int) -> list[Graph]:
    """The graphs of a run. What follows a backward call (an update, a print) belongs to it until the next graph's
    first op; what no later backward reaches makes a graph of its own if ops that make nodes, or fail to, are in it."""
    backwards = index.backwards
    outer = [row for row in range(len(backwards)) if backwards.ints("within")[row] == 0]
    texts = backwards.texts("phase")
    calls: dict[int, dict[str, int]] = {}
    for row in outer:
        calls.setdefault(int(backwards.ints("call")[row]), {})[texts.texts[texts.index[row]]] = int(backwards.seq[row])
    graphs: list[Graph] = []
    first, node_seqs, nids = 0, index.nodes.seq, index.nodes.ints("nid")
    for call, phases in calls.items():
        begin, end = phases.get("begin", -1), phases.get("end", phases.get("failed", -1))
        if begin < 0:
            continue
        if graphs:
            first = _start(index, call, graphs[-1].end, begin, node_seqs, nids)
            graphs[-1] = _until(graphs[-1], first - 1)
        state = "done" if "end" in phases else "failed" if "failed" in phases else "running"
        graphs.append(Graph(len(graphs), call, first, n - 1, begin, end if end >= 0 else n - 1, state))
    last_end = graphs[-1].end if graphs else -1
    trailing = node_seqs[node_seqs > last_end]
    start = int(trailing[0]) if len(trailing) else _refused(index, last_end)
    if start >= 0 or not graphs:
        start = start if graphs else 0
        if graphs:
            graphs[-1] = _until(graphs[-1], start - 1)
        graphs.append(Graph(len(graphs), 0, start, max(n - 1, 0), -1, -1, "forward"))
    return graphs


def _start(index: Index, call: int, after: int, begin: int, node_seqs: Ints, nids: Ints) -> int:
    """The first event after the previous call that made something of this call's graph: a node, or an input of one."""
    members = np.array(members_of(index, call, budget=20_000), np.int64)
    low, high = np.searchsorted(node_seqs, (after + 1, begin))
    made = node_seqs[low:high][among(nids[low:high], members)]
    start = int(made[0]) if len(made) else begin
    ops, inputs, outputs = index.ops, index.inputs, index.outputs
    low, high = np.searchsorted(inputs.parent, np.searchsorted(ops.seq, (start, begin)))
    read = inputs.ints("tid")[low:high]
    low, high = np.searchsorted(outputs.seq, (after + 1, start))
    created = outputs.seq[low:high][among(outputs.ints("tid")[low:high], read)]
    return int(created[0]) if len(created) else start


def _refused(index: Index, after: int) -> int:
    """Where the graph began that an op would have made first of all, had it not failed; -1 where none did."""
    ops, inputs, outputs, facts = index.ops, index.inputs, index.outputs, index.facts
    for row in np.flatnonzero((ops.seq > after) & ~ops.flags("ok")).tolist():
        read = inputs.ints("tid")[inputs.parent == row]
        known = [facts.last("tid", int(tid), int(ops.seq[row])) for tid in read]
        if any(facts.flags("requires_grad")[at] for at in known if at >= 0):
            between = (outputs.seq > after) & (outputs.seq < ops.seq[row])
            created = outputs.seq[between & among(outputs.ints("tid"), read)]
            return int(created[0]) if len(created) else int(ops.seq[row])
    return -1


def _until(graph: Graph, last: int) -> Graph:
    return Graph(graph.number, graph.call, graph.first, last, graph.begin, graph.end, graph.state)
