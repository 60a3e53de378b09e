"""Make the scene of one graph, with some of its groups open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from gradviz.findings.model import Finding
from gradviz.replay import Replay
from gradviz.replay.tables import among
from gradviz.scene.backward import draw_backward
from gradviz.scene.broken import mark_broken
from gradviz.scene.draft import Draft, begin
from gradviz.scene.forward import draw_forward
from gradviz.scene.inside import inside
from gradviz.scene.model import Region, Scene
from gradviz.scene.steps import light_steps, pin_badges
from gradviz.scene.story import tell_stories

Entry = TypeVar("Entry", bound=tuple[object, ...])
COUNTED = frozenset(("op", "write", "node", "accumulate", "group", "mirror"))
"""Kinds that count where a head says how much is shown: tensors and gradients only lie between them."""


def build(replay: Replay, findings: list[Finding], graph: int, open: Iterable[str] | None = None) -> Scene:
    """What is on the picture of a graph, with the events that change it; IndexError for an unknown graph.

    ``open``: ids of the groups that are open; those around them are open too. None: what a person sees first.
    """
    shown = replay.graphs[graph]
    near = [finding for finding in findings if shown.first <= finding.seq <= shown.last]
    draft = begin(replay, shown, near, open)
    draw_forward(draft)
    draw_backward(draft)
    mark_broken(draft)
    pin_badges(draft)
    stops = tell_stories(draft, findings)
    _tidy(draft)
    _settle(draft)
    return Scene(
        graph=graph, call=shown.call, first=shown.first, last=shown.last, heads=_heads(draft),
        nodes=list(draft.nodes.values()), edges=draft.edges, groups=draft.groups, stops=stops,
        steps=light_steps(draft), regions=_regions(draft), inside=inside(draft),
        shown=sum(node.kind in COUNTED for node in draft.nodes.values()),
        total=len(draft.units.outline.seqs) + len(draft.members), compact=draft.folds)


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
    return "values flow down", text


def _settle(draft: Draft) -> None:
    """In which open group each glyph stands: with its op; a leaf or an input in the innermost around all its uses;
    what is on the backward side where its twin is."""
    used: dict[str, list[str]] = defaultdict(list)
    for edge in draft.edges:
        far, near = (edge.target, edge.source) if edge.kind == "view" else (edge.source, edge.target)
        used[far].append(near)
    for glyph in reversed(list(draft.nodes)):
        if glyph not in draft.home and draft.nodes[glyph].side == "forward":
            homes = [draft.home[near] for near in used[glyph] if near in draft.home]
            draft.home[glyph] = common(homes)
    for glyph, node in draft.nodes.items():
        if node.side == "backward":
            twin = draft.home.get(node.twin, "")
            draft.home[glyph] = twin if node.twin else draft.units.home(node.ref.get("seq", -1))
        node.home = draft.home.get(glyph, "")


def common(homes: list[str]) -> str:
    """The innermost region around some regions."""
    if not homes:
        return ""
    first, last = (one.split(".") for one in (min(homes), max(homes)))
    alike = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
                 min(len(first), len(last)))
    return ".".join(first[:alike])


def _regions(draft: Draft) -> list[Region]:
    nodes, units = draft.replay.index.nodes, draft.units
    seqs = units.outline.seqs
    made = np.searchsorted(seqs, nodes.seq[among(nodes.ints("nid"), draft.hidden[0])])
    return [Region(one.id, one.kind, one.label, one.about, one.times, one.many,
                   int(((made >= one.first) & (made < one.last)).sum()), int(seqs[one.first]), int(seqs[one.last - 1]))
            for one in units.open]
