"""Who holds a leaf: its module, its optimizer; and what its gradient was after each backward call."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from gradviz.replay import Replay
from gradviz.replay.inspect import TensorView
from gradviz.replay.values import short
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mono, section, to_element, to_event

_BARS = 60
"""Backward calls in the little chart: the last of them by the event, or around it."""


def section_of(focus: Focus, view: TensorView) -> list[Any]:
    """Module, role and optimizer of a tensor; empty where nobody holds it."""
    rows: list[Any] = []
    path, role = owner(focus.replay, view.tid)
    if role == "state":
        leaf = int(path.rpartition(" ")[2])
        rows += [html.Span("state", className="x"), html.Span([
            "the optimizer keeps it of ", to_element(f"t{leaf}", focus.replay.label(leaf, focus.seq))])]
    elif path:
        inside = path.rpartition(".")[0]
        of = [" of ", mono(inside), html.Span(f" {cls}" if (cls := _class(focus.replay, inside)) else "")]
        rows += [html.Span(role or "held", className="x"), html.Span([mono(path), *(of if inside else [])])]
    for cls, group, lr in _optimizers(focus, view.tid):
        rows += [html.Span("optimizer", className="x"),
                 html.Span([mono(cls), f", group {group}, lr {lr:g}"])]
    return [section("Held by", None, html.Div(rows, className="kv two"))] if rows else []


def owner(replay: Replay, tid: int) -> tuple[str, str]:
    """The path and role of a parameter, a buffer or a state; two empty texts for what no module holds."""
    relation = replay.tables.relation("owner")
    rows = relation.where("tid", tid)
    if not len(rows):
        return "", ""
    event = replay.event(int(relation.seq[rows[-1]]))
    return event.path, event.role


def _class(replay: Replay, path: str) -> str:
    """The class of a module, as its calls say."""
    scopes = replay.tables.relation("scope")
    paths, classes = scopes.texts("path"), scopes.texts("cls")
    if path not in paths.texts:
        return ""
    row = int(np.argmax(paths.index == paths.texts.index(path)))
    return classes.texts[int(classes.index[row])]


def _optimizers(focus: Focus, tid: int) -> list[tuple[str, str, float]]:
    """Class, group and learning rate of every optimizer that had the tensor by this event; the newest facts of each."""
    found: dict[int, tuple[str, str, float]] = {}
    for seq in focus.replay.events("optimizer"):
        event = focus.replay.event(seq)
        for name, lr, tids in event.groups if seq <= focus.seq else ():
            if tid in tids:
                found[event.id] = (event.cls, name, lr)
    return list(found.values())


def gradients_of(focus: Focus, view: TensorView) -> list[Any]:
    """The norm of ``.grad`` after each backward call as bars, a click goes there; empty where fewer than two gave it
    any."""
    accumulates, gradients = focus.replay.index.accumulates, focus.replay.index.gradients
    rows = accumulates.where("tid", view.tid)
    if len(rows) < 2:
        return []
    here = int(np.searchsorted(accumulates.seq[rows], focus.seq, "right"))
    start = max(0, min(here - _BARS // 2, len(rows) - _BARS))
    shown = rows[start:start + _BARS]
    norms = [focus.replay.norm_of(focus.replay.gradient(gradients.row(int(row)))) for row in shown]
    known = [norm for norm in norms if norm is not None and np.isfinite(norm)]
    top = max(known, default=0.0)
    bars = [_bar(int(accumulates.seq[row]), norm, top, int(accumulates.seq[row]) <= focus.seq, start + place + 1)
            for place, (row, norm) in enumerate(zip(shown, norms, strict=True))]
    last = next((norm for norm in reversed(norms[:max(0, here - start)]) if norm is not None), None)
    aside = f"now ‖{short(last)}‖, at most ‖{short(top)}‖" if last is not None else f"at most ‖{short(top)}‖"
    many = f"{len(shown)} of {len(rows):,}" if len(rows) > len(shown) else f"{len(rows):,}"
    return [section(f"Gradient after {many} backward calls", aside, html.Div(bars, className="bars"))]


def _bar(seq: int, norm: float | None, top: float, past: bool, number: int) -> Any:
    bad = norm is not None and not np.isfinite(norm)
    share = 100 if bad else 0 if norm is None or not top else 100 * norm / top
    says = "not kept" if norm is None else short(norm)
    button = to_event(seq, html.I(style={"height": f"{max(4.0, share):.0f}%"}),
                      " ".join(filter(None, ("nan" if bad else "", "" if past else "ahead"))))
    button.title = f"{number}: ‖{says}‖"
    setattr(button, "aria-label", f"after backward call {number}: {says}")
    return button
