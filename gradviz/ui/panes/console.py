"""The console: what the script had printed up to this event."""

from __future__ import annotations

from dash import html


def layout() -> html.Div:
    return html.Div(className="con", children=[
        html.Div([html.H2("Console"), html.Span(id="outputs", className="r")], className="ph"),
        html.Ol(id="console", tabIndex=0, **{"aria-label": "Output of the script"}),
    ])
