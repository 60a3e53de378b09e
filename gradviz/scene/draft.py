"""What the makers of a scene share while they build it: the run, the graph, and who stands for what."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.replay import Replay
from gradviz.replay.graphs import Graph, reached
from gradviz.scene.model import Edge, Group, Node

NODE_BUDGET = 1_000
"""How many backward nodes a picture holds; beyond it, those nearest to the roots are drawn and the head says so."""


@dataclass
class Draft:
    """A scene in the making. ``glyph_of`` is the glyph that stands for a tensor at this point of the forward,
    ``tensors`` all its glyphs, ``sharing`` the tensors on the picture by storage and version counter, ``made_by`` the
    tensor glyph whose gradient enters a backward node at (nid, output)."""

    replay: Replay
    graph: Graph
    members: set[int]
    total: int
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    glyph_of: dict[int, str] = field(default_factory=dict)
    tensors: dict[int, list[str]] = field(default_factory=dict)
    sharing: dict[tuple[int, int], dict[int, None]] = field(default_factory=dict)
    made_by: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def nids(self) -> list[int]:
        """The backward nodes that have a glyph."""
        return [node.ref["nid"] for node in self.nodes.values() if node.kind in ("node", "accumulate")]

    def link(self, source: str, target: str, kind: str, since: int, state: str = "rest") -> Edge:
        edge = Edge(f"e{len(self.edges)}", source, target, kind, [(0, "future"), (since, state)])
        self.edges.append(edge)
        return edge

    def glyph_at(self, tid: int, seq: int) -> str:
        """The glyph that stood for a tensor at an event; empty if it is not on the picture."""
        found = ""
        for glyph in self.tensors.get(tid, ()):
            if self.nodes[glyph].event <= seq or not found:
                found = glyph
        return found


def begin(replay: Replay, graph: Graph) -> Draft:
    """A draft that knows which backward nodes belong to the graph."""
    index = replay.index
    if graph.call:
        rows = index.roots.where("seq", graph.begin)
        roots = [int(nid) for nid in index.roots.ints("nid")[rows] if nid]
    else:
        seqs = index.nodes.seq
        made = (seqs >= graph.first) & (seqs <= graph.last) & (index.nodes.ints("leaf") == 0)
        roots = index.nodes.ints("nid")[made].tolist()[::-1]
    every = reached(index, roots)
    return Draft(replay, graph, set(every[:NODE_BUDGET]), len(every))
