"""What a scene shows at one event: the same questions that the page asks when it steps."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from gradviz.scene.model import Edge, Node, Scene, Step, Stop, at


@dataclass(frozen=True)
class Moment:
    """A scene at event ``seq``."""

    scene: Scene
    seq: int

    @cached_property
    def nodes(self) -> dict[str, Node]:
        return {node.id: node for node in self.scene.nodes}

    @cached_property
    def step(self) -> Step | None:
        """The last step that was taken."""
        place = bisect_right(self.scene.steps, self.seq, key=lambda step: step.seq)
        return self.scene.steps[place - 1] if place else None

    @cached_property
    def state(self) -> dict[str, str]:
        """State of each node."""
        return {node.id: at(node.states, self.seq, "future") for node in self.scene.nodes}

    @cached_property
    def flowing(self) -> frozenset[str]:
        """Edges of the current step; none when it failed: nothing flowed."""
        return frozenset(self.step.edges) if self.step is not None and self.step.phase != "error" else frozenset()

    @cached_property
    def stops(self) -> list[Stop]:
        """Stops of the story that are behind the playhead or under it."""
        return [stop for stop in self.scene.stops if stop.seq <= self.seq]

    @cached_property
    def current(self) -> int:
        """Number of the stop whose event this is, 0 for none."""
        return next((stop.number for stop in self.scene.stops if stop.seq == self.seq), 0)

    def label(self, node: Node) -> str:
        """A name that is still to come is shown too: a glyph is never nameless."""
        return at(node.label, self.seq) or (node.label[0][1] if node.label else "")

    def sub(self, node: Node) -> str:
        return at(node.sub, self.seq) or (node.sub[0][1] if node.sub and node.kind != "gradient" else "")

    def edge_state(self, edge: Edge) -> str:
        return at(edge.states, self.seq, "future")

    def variant(self, edge: Edge) -> str:
        """Which entry of ``edge_variants`` an edge takes."""
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        if edge.kind == "gradient":
            return "to_none" if target.kind == "none" else ""
        if edge.kind == "data":
            if any(end.kind == "write" and self.state[end.id] == "broken" for end in (source, target)):
                return "broken_write"
            return "from_input" if source.kind == "input" else ""
        return ""
