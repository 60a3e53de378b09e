"""Make the scene of one graph."""

from __future__ import annotations

from typing import TypeVar

from gradviz.findings.model import Finding
from gradviz.replay import Replay
from gradviz.scene.backward import draw_backward
from gradviz.scene.draft import Draft, begin
from gradviz.scene.forward import draw_forward
from gradviz.scene.model import Scene
from gradviz.scene.steps import light_steps, pin_badges
from gradviz.scene.story import tell_stories

Entry = TypeVar("Entry", bound=tuple[object, ...])


def build(replay: Replay, findings: list[Finding], graph: int) -> Scene:
    """What is on the picture of a graph, with the events that change it; IndexError for an unknown graph."""
    draft = begin(replay, replay.graphs[graph])
    draw_forward(draft)
    draw_backward(draft)
    pin_badges(draft)
    stops = tell_stories(draft, findings)
    _tidy(draft)
    shown = draft.graph
    return Scene(
        graph=graph, call=shown.call, first=shown.first, last=shown.last, heads=_heads(draft),
        nodes=list(draft.nodes.values()), edges=draft.edges, groups=draft.groups, stops=stops,
        steps=light_steps(draft))


def _tidy(draft: Draft) -> None:
    """Tracks in the order of events. Versions stand side by side only at the end of a storage's life: what is made of
    a version, another write too, goes on downwards."""
    used = {edge.source for edge in draft.edges if edge.kind == "data"}
    draft.groups = [group for group in draft.groups if group.members[-1] not in used]
    for node in draft.nodes.values():
        node.label, node.sub, node.states = _ordered(node.label), _ordered(node.sub), _ordered(node.states)
        node.grad = _ordered(node.grad)
    for edge in draft.edges:
        edge.states, edge.label = _ordered(edge.states), _ordered(edge.label)


def _ordered(track: list[Entry]) -> list[Entry]:
    """In the order of events; of two entries at one event the later one holds."""
    latest = {entry[0]: entry for entry in track}
    return sorted(latest.values(), key=lambda entry: entry[0])  # type: ignore[arg-type, return-value]


def _heads(draft: Draft) -> tuple[str, str]:
    graph, graphs = draft.graph, draft.replay.graphs
    calls = [other for other in graphs if other.call]
    if not graph.call:
        return "values flow down", "no backward call yet"
    text = f"call {calls.index(graph) + 1} of {len(calls)}"
    if graph.state == "failed":
        text += ", failed"
    else:
        text = f"gradients flow up · {text}"
    if draft.total > len(draft.members):
        text += f" · showing {len(draft.members):,} of {draft.total:,} nodes"
    return "values flow down", text
