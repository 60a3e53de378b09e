"""A group: a module call, a function or a loop. What is inside, its parameters, and their gradients."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from dash import html

from gradviz.events import Facts
from gradviz.replay import grads
from gradviz.replay.values import shape_text, short
from gradviz.scene.model import Node, Region
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.owner import owner
from gradviz.ui.panes.parts import mark, mono, section, tag, title, to_element, to_event

_SHOWN = 24
"""Parameters, and kinds of ops, that are listed."""


def closed(focus: Focus, node: Node) -> list[Any]:
    """A closed group, or the backward nodes of one."""
    front = node if node.kind == "group" else focus.nodes.get(node.twin, node)
    return _told(focus, front.label[-1][1], front.sub[-1][1] if front.sub else "", front.ref["seq"],
                 front.ref.get("last", front.ref["seq"]), mark("group", "done"))


def opened(focus: Focus, region: Region) -> list[Any]:
    """A group that is open."""
    return _told(focus, region.label, region.about, region.first, region.last, mark("group", "done"))


def _told(focus: Focus, label: str, about: str, first: int, last: int, sign: Any) -> list[Any]:
    replay = focus.replay
    ops = replay.index.ops
    rows = np.arange(np.searchsorted(ops.seq, first), np.searchsorted(ops.seq, last, "right"))
    names = ops.texts("name")
    counts = Counter(names.texts[one] for one in names.index[rows].tolist())
    where = ["from ", to_event(first, focus.at_line(first) or f"event {first}"), " to ",
             to_event(last, focus.at_line(last) or f"event {last}")]
    state = tag("done", "op") if focus.seq >= last else tag("running" if focus.seq >= first else "not yet")
    parts: list[Any] = [title(sign, label, [about, html.Br(), *where], [state])]
    listed = [f"{name} ×{many:,}" if many > 1 else name for name, many in counts.most_common(_SHOWN)]
    parts.append(section("Inside", None, html.Div([tag(one) for one in listed], className="tags")))
    return [*parts, *_parameters(focus, first, last)]


def _parameters(focus: Focus, first: int, last: int) -> list[Any]:
    """The leaves that are read inside and take a gradient, each with its gradient by this event."""
    replay, inputs = focus.replay, focus.replay.index.inputs
    rows = (inputs.seq >= first) & (inputs.seq <= last)
    found = [facts for tid in dict.fromkeys(inputs.ints("tid")[rows].tolist())
             if (facts := replay.facts_at(tid, max(focus.seq, replay.born(tid)))) is not None
             and facts.is_leaf and facts.requires_grad]
    if not found:
        return [section("Parameters", "none that takes a gradient")]
    norms = [_norm(focus, facts) for facts in found]
    cells: list[Any] = []
    for facts, norm in list(zip(found, norms, strict=True))[:_SHOWN]:
        label = owner(replay, facts.tid)[0] or replay.label(facts.tid, focus.seq)
        cells += [to_element(focus.glyph_of(tid=facts.tid), label), html.Span(shape_text(facts.shape), className="dim"),
                  html.Span("None" if norm is None else f"‖{short(norm)}‖", className="mono g")]
    size = sum(math.prod(facts.shape) for facts in found)
    known = [norm for norm in norms if norm is not None]
    whole = f", gradient ‖{short(math.hypot(*known))}‖" if known else ", no gradient yet"
    more = [html.Div(["and ", mono(f"{len(found) - _SHOWN:,}"), " more"], className="note")] * (len(found) > _SHOWN)
    return [section("Parameters", f"{size:,} in {len(found)}{whole}", html.Div(cells, className="kv"), *more)]


def _norm(focus: Focus, facts: Facts) -> float | None:
    moment = grads.at(focus.replay, facts.tid, focus.seq)
    return focus.replay.norm_of(moment.grad) if moment is not None and moment.grad is not None else None
