"""What the inspector shows: a story, a tensor, an op or a node, found from where the cursor rests and what was clicked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gradviz.events import Span
from gradviz.findings.model import Finding
from gradviz.replay import Replay
from gradviz.scene.model import Node, Scene, Step

if TYPE_CHECKING:
    from gradviz.ui.session import Session


@dataclass(frozen=True)
class Focus:
    """A moment and an element of its picture ("" = what the event is about)."""

    session: Session
    seq: int
    element: str
    theme: str

    @property
    def replay(self) -> Replay:
        return self.session.replay

    @cached_property
    def scene(self) -> Scene:
        return self.session.scene(self.replay.graph_at(self.seq))

    @cached_property
    def nodes(self) -> dict[str, Node]:
        return {node.id: node for node in self.scene.nodes}

    @cached_property
    def step(self) -> Step | None:
        return next((step for step in self.scene.steps if step.seq == self.seq), None)

    @cached_property
    def node(self) -> Node | None:
        """The element itself, or the first that the event lights up."""
        if self.element:
            return self.nodes.get(self.element)
        return next((self.nodes[one] for one in (self.step.focus if self.step else ()) if one in self.nodes), None)

    @cached_property
    def story(self) -> Finding | None:
        """The finding that has a stop at this event, while nothing is pinned."""
        if self.element:
            return None
        return next((finding for finding in self.session.findings
                     if any(stop.place.seq == self.seq for stop in finding.stops)), None)

    def glyph_of(self, tid: int = 0, nid: int = 0) -> str:
        """The element that stands for a tensor or a node on this picture; of several the newest."""
        found = [node.id for node in self.scene.nodes if node.side != "backward" and tid and node.ref.get("tid") == tid
                 and node.event <= self.seq] if tid else [node.id for node in self.scene.nodes if node.ref.get("nid") == nid
                                                          and node.kind in ("node", "accumulate")]
        return found[-1] if found else ""

    def span(self, number: int) -> Span | None:
        return self.replay.spans[number] or None if number else None

    def line(self, seq: int) -> int:
        """The line of an event; 0 where it is not known."""
        span = self.replay.span(seq)
        return span.line if span else 0

    def text(self, seq: int) -> str:
        span = self.replay.span(seq)
        return self.replay.source_text(span) if span else ""
