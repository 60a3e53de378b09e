"""The timeline: a strip of wall time over lanes in event order."""

from __future__ import annotations

from dash import html


def layout() -> html.Div:
    return html.Div(html.Canvas(id="timeline", role="slider", tabIndex=0,
                                **{"aria-label": "Event", "aria-valuemin": "0"}), id="lanes", className="lanes")
