"""A recorded graph for networkx, and events as plain dictionaries: the run as data for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gradviz.replay.graphs import members_of

if TYPE_CHECKING:
    import networkx

    from gradviz.replay.replay import Replay


def graph_nx(replay: Replay, number: int) -> networkx.MultiDiGraph[int]:
    """The backward nodes of a graph, by nid, with edges in the direction in which gradients flow.

    A node has ``name``, ``label`` (the tensor that it made, or for an AccumulateGrad its leaf), ``leaf`` (its tid, or
    0), ``event`` (that made it), ``file`` and ``line``; an edge has ``output`` (which of the edges of its node it is)
    and ``slot`` (which output of the next node's op it leads to). Raises ImportError without networkx.
    """
    try:
        import networkx as nx
    except ImportError:
        raise ImportError("graph_nx needs networkx: pip install 'gradviz[networkx]'", name="networkx") from None
    graph = replay.graphs[number]
    made: networkx.MultiDiGraph[int] = nx.MultiDiGraph(call=graph.call, state=graph.state)
    if graph.call:
        members = members_of(replay.index, graph.call)
    else:
        nodes = replay.index.nodes
        members = nodes.ints("nid")[(nodes.seq >= graph.first) & (nodes.seq <= graph.last)].tolist()
    for nid in members:
        node, born = replay.node(nid), replay.node_born(nid)
        if node is None:
            continue
        tid = node.leaf or replay.output_of(nid, 0)
        span = replay.span(born)
        made.add_node(nid, name=node.name, label=replay.label(tid) if tid else "", leaf=node.leaf, event=born,
                      file=span.file, line=span.line)
    for nid in list(made):
        node = replay.node(nid)
        for output, (target, slot) in enumerate(node.edges if node is not None else ()):
            if target in made:
                made.add_edge(nid, target, output=output, slot=slot)
    return made


def records(replay: Replay, kind: str = "") -> Iterator[dict[str, Any]]:
    """Every event (of one kind) as a dictionary: ``seq``, ``kind``, ``file``, ``line`` and the fields of events.py.
    What is a structure there (facts, nodes) is one here, with values as they are numbered in the trace."""
    for seq in replay.events(kind) if kind else range(replay.n):
        event, span = replay.event(seq), replay.span(seq)
        yield {"seq": seq, "kind": event.kind, "file": span.file, "line": span.line, **_plain(event.fields)}


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
