"""Hooks of a tensor or node in the inspector: where each was registered, and what it made of the gradient it got."""

from __future__ import annotations

from typing import Any

from dash import html

from gradviz.events import Gradient
from gradviz.replay import Event, inspect
from gradviz.replay.derivative import figure
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mono, section, to_event

_SHOWN = 4
"""Calls of one hook that are shown, the newest."""


def section_of(focus: Focus, target: str, ref: int) -> list[Any]:
    """The section "Hooks"; empty where none was registered by this event."""
    replay, adds = focus.replay, focus.replay.index.hooks
    found = [replay.event(int(adds.seq[row])) for row in adds.where("ref", ref) if adds.seq[row] <= focus.seq]
    rows = [row for add in found if add.target == target for row in _hook(focus, add)]
    many = sum(add.target == target for add in found)
    return [section("Hooks", f"{many} registered", *rows)] if rows else []


def _hook(focus: Focus, add: Event) -> list[Any]:
    replay, hook_calls = focus.replay, focus.replay.index.hook_calls
    site = replay.spans[add.site]
    place = focus.place(site.file, site.line) or focus.at_line(add.seq)
    head = html.Div([mono(add.function), html.Span(place, className="dim")], className="hook")
    rows = [int(row) for row in hook_calls.where("hook", add.hook) if hook_calls.seq[row] <= focus.seq]
    if not rows:
        return [head, html.Div("It has not run by this event.", className="note")]
    told = [_call(focus, replay.event(int(hook_calls.seq[row]))) for row in rows[-_SHOWN:]]
    more = [html.Div(f"{len(rows) - _SHOWN:,} calls before these", className="note")] if len(rows) > _SHOWN else []
    return [head, *more, *told]


def _call(focus: Focus, call: Event) -> Any:
    """One call: what came, and what went on."""
    came, gave = (focus.replay.gradient(row) for row in (call.grad_in, call.grad_out))
    if gave is None and not call.edited:
        words = [html.Span("left it as it was"), html.B(_figure(focus, came))]
    else:
        did = "edited in place" if call.edited else "returned another"
        words = [html.Span(did), html.B([_figure(focus, came), " → ", _figure(focus, gave)])]
    return to_event(call.seq, words, "term")


def _figure(focus: Focus, gradient: Gradient | None) -> str:
    return figure(inspect.content_of(focus.replay, gradient)) if gradient is not None else "None"
