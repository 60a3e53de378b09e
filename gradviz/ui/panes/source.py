"""The source pane: the script, with the expression that is running lit."""

from __future__ import annotations

from dash import html


def layout() -> html.Div:
    return html.Div(className="source", children=[
        html.Div([html.H2("Source"), html.Div(id="files", className="files", role="tablist"),
                  html.Span(id="running", className="r")], className="ph"),
        html.Div(id="source", className="src", tabIndex=0, role="region", **{"aria-label": "Source"}),
    ])
