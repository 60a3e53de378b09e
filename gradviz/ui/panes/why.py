"""Why a gradient is what it is, as a part of the inspector: a view of ``gradviz.replay.why``."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from gradviz.replay import causes
from gradviz.replay.absence import absence
from gradviz.replay.derivative import figure, in_words
from gradviz.replay.inspect import Content, NodeView
from gradviz.replay.origin import Origin, gradient_origin, place_origin, value_origin
from gradviz.replay.terms import Sum, Term, Why, change_line, check_line, equation
from gradviz.replay.why import place
from gradviz.replay.why import why as reasons
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import icon, section, to_event

_NAMED = 4
"""Nodes of a path that are named, the nearest."""
_WIDE = 38
"""Letters that a bar has room for at the least width of the inspector."""


def root_label(focus: Focus) -> str:
    """What the derivatives of this graph are of."""
    replay, graph = focus.replay, focus.replay.graphs[focus.scene.graph]
    if graph.begin < 0:
        return "out"
    roots = replay.event(graph.begin).roots
    return replay.label(roots[0].tid, focus.seq) if roots and roots[0].tid else "root"


def section_of(focus: Focus, nid: int, slot: int | None = None) -> list[Any]:
    """The section "Why" of the gradient that enters a node (at an output); empty where nothing has flowed there."""
    call = focus.replay.graphs[focus.scene.graph].call
    answer = place(focus.replay, call, nid, slot, focus.seq) if nid and call else None
    return _told(answer) if answer is not None else []


def of_tensor(focus: Focus, tid: int) -> list[Any]:
    """The same of what a tensor has in ``.grad``, or was handed in an earlier call than that of the picture."""
    answer = reasons(focus.replay, tid, focus.seq)
    return _told(answer) if isinstance(answer, Why) else []


def _told(answer: Why) -> list[Any]:
    if all(term.kind == "root" for term in answer.sums[0].terms):
        return []
    asked = answer.sums[0]
    met = next((one for one in answer.sums if _tells(one)), None)
    title = f"Why {figure(asked.value)}?" if asked.value.array is not None else "Why?"
    if met is None:
        return [section(title, "one path", *_path(answer, answer.sums))]
    passed = answer.sums[: answer.sums.index(met)]
    kind = "shares" if all(term.kind != "before" for term in met.terms) else "terms"
    aside = f"{len(met.terms)} {kind} add up" if len(met.terms) > 1 else "a hook changed it"
    if met.terms[0].kind == "set":
        return [section(title, met.terms[0].note, _row(met.terms[0]))]
    hooks = [to_event(change.seq, change_line(change), "link note") for change in met.changes]
    return [
        section(
            title,
            f"{aside} at {met.label}" if passed else aside,
            *_bars(met),
            *[_row(term) for term in met.terms],
            *hooks,
            _total(met),
            *_path(answer, passed),
        )
    ]


def absent(focus: Focus, tid: int) -> list[Any]:
    """Why there is no gradient: every reason, each leads to the event that proves it."""
    reasons = absence(focus.replay, tid, focus.seq).reasons
    rows = [to_event(reason.seq, html.Span(reason.text), "term reason") if reason.seq >= 0
            else html.Div(reason.text, className="term reason") for reason in reasons]
    return [section("Why None?", None if len(rows) < 2 else f"{len(rows)} reasons", *rows)] if rows else []


def began(focus: Focus, tid: int, grad: Content) -> list[Any]:
    """Where the NaN, Inf or zeros of a gradient began; empty where it holds none of them."""
    if causes.state(grad) not in ("NaN", "Inf", "zero"):
        return []
    return _origin(focus, gradient_origin(focus.replay, tid, focus.seq))


def made_bad(focus: Focus, tid: int, value: Content) -> list[Any]:
    """Where the NaN or Inf of a value began; empty where it holds none."""
    if causes.state(value) not in ("NaN", "Inf"):
        return []
    return _origin(focus, value_origin(focus.replay, tid, focus.seq))


def node_bad(focus: Focus, view: NodeView) -> list[Any]:
    """Where the NaN, Inf or zeros began that a node handed on; empty where it handed on none of them."""
    steps = focus.replay.index.steps
    row = steps.last("nid", view.nid, focus.seq)
    node = focus.replay.node(view.nid)
    for edge, flow in enumerate(view.grads_out):
        what = causes.state(flow.content) if row >= 0 and flow.nid else ""
        if what in ("NaN", "Inf", "zero") and node is not None:
            target, slot = node.edges[edge]
            call = int(steps.ints("call")[row])
            return _origin(focus, place_origin(focus.replay, call, target, slot, what, focus.seq))
    return []


def _origin(focus: Focus, origin: Origin | None) -> list[Any]:
    if origin is None:
        return []
    asked = f"Where did {'the zeros' if origin.what == 'zero' else origin.what} begin?"
    rows: list[Any] = []
    for words, began_ in zip(origin.beginnings(), origin.began, strict=True):
        rows.append(to_event(began_.seq, html.Span(words), "term reason") if began_.seq >= 0
                    else html.Div(words, className="term reason"))
        rows += [html.Div(cause, className="note") for cause in began_.causes]
    way = origin.path[1:-1]
    links = [part for seq in way[:_NAMED] for part in (", ", to_event(seq, _short(focus, seq), "link mono"))]
    path = [html.Div(["it came by ", *links[1:], f" and {len(way) - _NAMED:,} more" if len(way) > _NAMED else ""],
                     className="note")] if way else []
    between = f"{len(way)} {'event' if len(way) == 1 else 'events'} between" if way else None
    return [section(asked, between, *rows, *path)]


def _short(focus: Focus, seq: int) -> str:
    """What ran at an event, in a word."""
    event = focus.replay.event(seq)
    node = focus.replay.node(event.nid) if event.kind == "step" else None
    return node.name if node is not None else getattr(event, "name", "") or event.kind.replace("_", " ")


def _tells(one: Sum) -> bool:
    """Whether more happened at a place than that one share came."""
    return len(one.terms) > 1 or bool(one.changes) or any(term.kind == "set" for term in one.terms)


def _row(term: Term) -> html.Button:
    """One term; a click goes to its event."""
    words = {"root": "backward was called with", "before": "was there before", "set": "set"}.get(
        term.kind, f"via {term.via}" if term.via else term.node
    )
    aside = [term.node or term.note]
    aside += [f"operand {term.operand}"] if term.operand else []
    aside += [f"{term.copies} {'copy' if term.copies == 1 else 'copies'} skipped"] if term.copies else []
    head = [html.Span(words), html.Span(", ".join(filter(None, aside)), className="dim"), html.B(figure(term.value))]
    if term.upstream is not None and term.formula:
        factor = in_words(term.formula, dict(term.symbols))
        folded = f", summed over the copies ({term.folded})" if term.folded else ""
        head.append(html.Small(f"upstream {figure(term.upstream)}: {factor}{folded}"))
    return to_event(term.seq, head, "term")


def _path(answer: Why, sums: tuple[Sum, ...]) -> list[Any]:
    """Through which nodes the sum came here, the nearest last."""
    terms = [one.terms[0] for one in sums if one.terms and one.terms[0].kind == "share"]
    if not terms:
        return []
    words: list[Any] = []
    for term in reversed(terms[:_NAMED]):
        words += [" then " if words else "through ", to_event(term.seq, term.node, "link mono")]
    more = len(terms) - _NAMED
    return [
        html.Div(
            [
                *words,
                f", {more} more before" if more > 0 else "",
                " and on" if answer.end == "far" else "",
                f" = {made}" if (made := figure(answer.sums[0].value)) != "?" else "",
            ],
            className="note",
        )
    ]


def _total(met: Sum) -> html.Div:
    """The terms and their sum, and whether that is what was recorded."""
    if met.seq < 0:
        return html.Div([html.B(equation(met)), html.Span("so far", className="dim")], className="tot")
    if met.off is None:
        return html.Div(check_line(met), className="note")
    return html.Div([html.B(equation(met)), _agrees(met, met.off)], className="tot")


def _agrees(met: Sum, off: float) -> html.Span:
    if off == 0:
        return html.Span([icon("ok"), "exact"])
    array = met.value.array
    size = float(np.max(np.abs(array), initial=0.0)) if array is not None else 0.0
    if np.isfinite(off) and off <= 1e-5 * (size or 1.0):
        return html.Span([icon("ok"), f"rounding {off:.1g}"])
    return html.Span(f"apart by {off:.2g}", className="dim")


def _bars(met: Sum) -> list[Any]:
    sizes = [term.value.norm for term in met.terms]
    if len(sizes) < 2 or any(size is None or not np.isfinite(size) for size in sizes) or not any(sizes):
        return []
    known = [float(size) for size in sizes if size is not None]
    total = sum(known)
    return [
        html.Div(
            [
                html.I(words if size / total * _WIDE >= len(words) + 1 else "", title=words,
                       style={"flex": f"{100 * size / total:.4g}"})
                for words, size in zip([figure(term.value) for term in met.terms], known, strict=True)
            ],
            className="bar",
            **{"aria-hidden": "true"},
        )
    ]
