"""The views beside the graphs: gradient flow and the table of events. The page fills them."""

from __future__ import annotations

from dash import dcc, html

from gradviz.ui.panes.parts import icon


def tabs() -> html.Div:
    """Which view is shown; the commands of keys.mjs."""
    names = (("graphs", "Graphs"), ("flow", "Gradient flow"), ("events", "Events"))
    return html.Div(className="tabs", role="tablist", **{"aria-label": "View"}, children=[
        html.Button([words, html.Kbd(str(number))], type="button", role="tab",
                    **{"data-command": f"view-{name}", "aria-selected": str(name == "graphs").lower()})
        for number, (name, words) in enumerate(names, 1)])


def layout() -> list[html.Section]:
    return [_flow(), _events()]


def _flow() -> html.Section:
    shades = [html.I(style={"background": f"var(--h{number})"}) for number in range(6)]
    return html.Section(id="flow-view", className="wide", hidden=True, **{"aria-label": "Gradient flow"}, children=[
        html.Div([html.H2("Gradient flow"), html.Span("the norm of every leaf's gradient after each backward call")],
                 className="ph"),
        html.Div(className="cells", children=[
            html.P("Reading the gradients …", className="note"),
            html.Canvas(**{"aria-hidden": "true"}), html.Div(className="card", hidden=True),
            html.Table([html.Caption("Gradients after the backward call of the playhead"), html.Tbody()],
                       className="sr")]),
        html.Div(className="keyline", children=[
            html.Span(["small", html.Span(shades, className="shades"), "large, log scale"]),
            html.Span([html.I("0", className="box zero"), "exactly zero"]),
            html.Span([html.I(className="box nan"), "NaN or infinite"]),
            html.Span([html.I(className="box none"), "no gradient"]),
            html.Span("a click goes to the event that wrote it", className="r")]),
    ])


def _events() -> html.Section:
    heads = (("event", "event", "n"), ("", "kind", ""), ("", "what happened", ""), ("norm", "norm", "n"),
             ("time", "until the next", "n"), ("", "where", ""))
    return html.Section(id="events-view", className="wide", hidden=True, **{"aria-label": "Events"}, children=[
        html.Div([html.H2("Events"), html.Span(className="count")], className="ph"),
        html.Div(className="filt", children=[
            html.Label([icon("search"), dcc.Input(type="search", autoComplete="off",
                                                  placeholder="Filter: softmax, or norm(out) > 1")], className="find"),
            html.Div(className="kinds", role="group", **{"aria-label": "Lanes"}),
            html.Span(className="unread", role="status")]),
        html.Div(className="grid-head", role="row", children=[
            html.Span(html.Button(words, type="button", **{"data-sort": by}) if by else words, className=name,
                      role="columnheader", **({"aria-sort": "ascending" if by == "event" else "none"} if by else {}))
            for by, words, name in heads]),
        html.Div(html.Div(), className="rows", role="table", tabIndex=0, **{"aria-label": "Events"}),
    ])
