"""What the inspector is about: a story, a tensor, an op or a node, found from the cursor and from what was clicked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gradviz.findings.model import Finding
from gradviz.replay import Replay
from gradviz.scene.model import Node, Region, Scene, Step

if TYPE_CHECKING:
    from gradviz.ui.session import Session


@dataclass(frozen=True)
class Focus:
    """A moment and an element of its picture ("" = what the event is about); ``open``: its open groups."""

    session: Session
    seq: int
    element: str
    open: tuple[str, ...] | None = None

    @property
    def replay(self) -> Replay:
        return self.session.replay

    @cached_property
    def scene(self) -> Scene:
        return self.session.scene(self.replay.graph_at(self.seq), self.open)

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

    @property
    def apart(self) -> tuple[str, int] | None:
        """The tensor ("t") or node ("n") that was asked for by its number though it is not on this picture."""
        named = re.fullmatch(r"([tn])(\d{1,15})(\.\d{1,15})?", self.element)
        if named is None or self.element in self.nodes:
            return None
        kind, number = named[1], int(named[2])
        known = self.replay.born(number) >= 0 if kind == "t" else self.replay.node(number) is not None
        return (kind, number) if known else None

    @property
    def region(self) -> Region | None:
        """The open group that is asked for, as "m2.0"; None where the element is none."""
        return next((one for one in self.scene.regions if self.element in (f"m{one.id}", f"k{one.id}")), None)

    def groups(self, seq: int) -> list[tuple[str, str]]:
        """The groups around an event, the outermost first: element and label."""
        found = [(f"m{one.id}", one.label) for one in self.scene.regions if one.first <= seq <= one.last]
        hidden = [(node.id, node.label[-1][1]) for node in self.scene.nodes
                  if node.kind == "group" and node.ref["seq"] <= seq <= node.ref.get("last", -1)]
        return found + hidden

    @cached_property
    def story(self) -> Finding | None:
        """The finding that was found at this event or has a stop here, while nothing is pinned."""
        if self.element:
            return None
        findings = self.session.findings
        if self.replay.kind(self.seq) == "backward" and self.replay.event(self.seq).phase == "failed":
            number = self.replay.graph_at(self.seq)  # what made it fail is the story
            earlier = (one for one in findings if one.seq < self.seq)
            return next((one for one in earlier if self.replay.graph_at(one.seq) == number), None)
        return next((finding for finding in findings if self._same_error(finding.seq)), None) or next(
            (finding for finding in findings if any(stop.place.seq == self.seq for stop in finding.stops)), None
        )

    def _same_error(self, seq: int) -> bool:
        """Whether an event is this one, or another sight of the same exception."""
        if seq == self.seq:
            return True
        kinds = {self.replay.kind(self.seq), self.replay.kind(seq) if 0 <= seq < self.replay.n else ""}
        return kinds == {"error"} and self.replay.event(seq).number == self.replay.event(self.seq).number

    def glyph_of(self, tid: int = 0, nid: int = 0) -> str:
        """The element that stands for a tensor or a node; of several on this picture the newest."""
        if tid:
            found = [
                node.id
                for node in self.scene.nodes
                if node.side == "forward" and node.ref.get("tid") == tid and node.event <= self.seq
            ]
        else:
            found = [
                node.id
                for node in self.scene.nodes
                if node.kind in ("node", "accumulate") and node.ref.get("nid") == nid
            ]
        return found[-1] if found else f"t{tid}" if tid else f"n{nid}"

    def at_line(self, seq: int) -> str:
        """The place of an event in words; "" where it is not known."""
        span = self.replay.span(seq)
        return self.place(span.file, span.line)

    def place(self, file: str, line: int) -> str:
        """``line 3``, or ``layers.py:3`` in a file that is not the script itself."""
        if not line:
            return ""
        name, script = (re.split(r"[\\/]", path)[-1] for path in (file, str(self.replay.meta.get("script", ""))))
        return f"line {line}" if not name or not script or name == script else f"{name}:{line}"

    def text(self, seq: int) -> str:
        """The expression of an event; empty where its source is not known."""
        return self.replay.source_text(self.replay.span(seq))
