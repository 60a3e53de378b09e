"""What the makers of a scene share while they build it: the run, the graph, and who stands for what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from gradviz.findings.model import Finding
from gradviz.replay import Replay
from gradviz.replay.graphs import Graph, reached
from gradviz.replay.iterations import Outline
from gradviz.replay.tables import among
from gradviz.scene.model import Edge, Group, Node
from gradviz.scene.units import FOLD, Units, units
from gradviz.trace.columns import Ints


@dataclass
class Draft:
    """A scene in the making. ``members`` are the backward nodes of the graph, ``units`` says which ops are drawn one by
    one. ``glyph_of`` is the glyph that stands for a tensor at this point of the forward: its own, or what made it where
    tensors fold into their edges. ``tensors``: all glyphs of a tensor itself, ``sharing`` the tensors on the picture by
    storage and version counter, ``made_by`` the tensor glyph whose gradient enters a backward node at (nid, output),
    ``home`` the open group in which a glyph stands, ``folded`` the leaves within each closed group, ``owner`` the
    number of the closed group in which a leaf or an input is drawn no more, ``kept`` the
    tensors that have a glyph of their own in any case, ``named`` those whose name stands at an edge."""

    replay: Replay
    graph: Graph
    members: Ints
    units: Units
    kept: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    glyph_of: dict[int, str] = field(default_factory=dict)
    tensors: dict[int, list[str]] = field(default_factory=dict)
    sharing: dict[tuple[int, int], dict[int, None]] = field(default_factory=dict)
    made_by: dict[tuple[int, int], str] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    folded: dict[str, list[int]] = field(default_factory=dict)
    owner: dict[int, int] = field(default_factory=dict)

    @property
    def folds(self) -> bool:
        """Whether tensors fold into the edges that they flow along: in a large graph, and where there are groups."""
        return len(self.units.outline.seqs) > FOLD or bool(self.units.open or self.units.closed)

    @cached_property
    def shown(self) -> set[int]:
        """The backward nodes that are in no closed group."""
        nids, closed = self.hidden
        return set(self.members[~among(self.members, nids[closed >= 0])].tolist())

    @cached_property
    def owned(self) -> set[int]:
        """Parameters and buffers of modules."""
        return set(self.replay.tables.relation("owner").ints("tid").tolist())

    @cached_property
    def leaves(self) -> set[int]:
        """Tensors that were leaves and wanted a gradient."""
        facts = self.replay.index.facts
        return set(np.unique(facts.ints("tid")[facts.flags("requires_grad") & facts.flags("is_leaf")]).tolist())

    @cached_property
    def hidden(self) -> tuple[Ints, Ints]:
        """The nodes that the graph's ops made, sorted, and the number of the closed group of each, or -1."""
        index, seqs = self.replay.index, self.units.outline.seqs
        mine = np.flatnonzero((index.nodes.ints("leaf") == 0) & among(index.nodes.ints("nid"), self.members))
        mine = mine[among(index.nodes.seq[mine], seqs)]
        nids = index.nodes.ints("nid")[mine]
        order = np.argsort(nids, kind="stable")
        return nids[order], self.units.closed_of[np.searchsorted(seqs, index.nodes.seq[mine][order])]

    @cached_property
    def ran(self) -> dict[int, int]:
        """The event of each node's step in this backward call."""
        steps = self.replay.index.steps
        rows = steps.where("call", self.graph.call) if self.graph.call else np.zeros(0, np.int64)
        return dict(zip(steps.ints("nid")[rows].tolist(), steps.seq[rows].tolist(), strict=True))

    def closed_nid(self, nid: int) -> int:
        """The number of the closed group that hides a node; -1 if none does."""
        nids, closed = self.hidden
        place = int(np.searchsorted(nids, nid))
        return int(closed[place]) if place < len(nids) and nids[place] == nid else -1

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

    def stand_in(self, glyph: str) -> str:
        """The glyph itself, or the closed group that hides an op or a node; empty if neither is on the picture."""
        if glyph in self.nodes:
            return glyph
        if glyph[:1] == "o":
            branch = self.units.closed_at(int(glyph[1:]))
            return f"m{branch.id}" if branch else ""
        number = self.closed_nid(int(glyph[1:])) if glyph[:1] == "n" else -1
        return f"k{self.units.closed[number].id}" if number >= 0 else ""


def begin(replay: Replay, graph: Graph, findings: Iterable[Finding] = (), open: Iterable[str] | None = None) -> Draft:
    """A draft that knows which nodes and ops belong to the graph, and which of them are shown."""
    members, outline = _ground(replay, graph, replay.n)
    index = replay.index
    stops = [stop for finding in findings for stop in finding.stops]
    marked = {kind: [ref for stop in stops for what, ref in stop.marks if what == kind]
              for kind in ("op", "node", "tensor")}
    told = among(outline.seqs, np.array(marked["op"] + [replay.node_born(nid) for nid in marked["node"]], np.int64))
    return Draft(replay, graph, members, units(outline, open, outline.seqs[told].tolist()),
                 _kept(replay, graph) | set(marked["tensor"]), set(index.writes.ints("cid").tolist()))


@lru_cache(maxsize=8)
def _ground(replay: Replay, graph: Graph, n: int) -> tuple[Ints, Outline]:
    """The nodes of a graph and the groups of its ops: the same whatever is open. ``n``: events that were read."""
    index = replay.index
    host = 0
    if graph.call:
        rows = index.roots.where("seq", graph.begin)
        roots = [int(nid) for nid in index.roots.ints("nid")[rows] if nid]
        host = replay.event(graph.begin).span
    else:
        seqs = index.nodes.seq
        made = (seqs >= graph.first) & (seqs <= graph.last) & (index.nodes.ints("leaf") == 0)
        roots = index.nodes.ints("nid")[made].tolist()[::-1]
    members = np.array(reached(index, roots), np.int64)
    mine = among(index.nodes.ints("nid"), members) & (index.nodes.ints("leaf") == 0)
    made_by = np.unique(index.nodes.seq[mine])
    return members, Outline(replay, made_by[among(made_by, index.ops.seq)], host)


def _kept(replay: Replay, graph: Graph) -> set[int]:
    """Tensors that are more than what flows along an edge: roots, and what keeps its gradient or shows it to a hook."""
    index = replay.index
    tids = set(index.roots.ints("tid")[index.roots.where("seq", graph.begin)].tolist())
    targets = index.hooks.texts("target")
    hooked = [int(index.hooks.ints("ref")[row]) for row in range(len(index.hooks))
              if targets.texts[targets.index[row]] == "tensor"]
    return tids | set(index.retains.ints("tid").tolist()) | set(hooked)
