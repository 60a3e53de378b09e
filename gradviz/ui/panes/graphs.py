"""The two graphs on one canvas pair, mirrored at one axis; the legend below; a list of the same for readers."""

from __future__ import annotations

from dash import html

from gradviz.ui.panes.parts import command


def layout() -> html.Section:
    return html.Section(className="center", **{"aria-label": "Graphs"}, children=[
        html.Div(className="heads", children=[
            html.Div([html.H2("Forward"), html.Span(id="forward-head", className="r")], className="ph"),
            html.Div([html.H2("Backward"), html.Span(id="backward-head", className="r")], className="ph"),
        ]),
        html.Div(id="field", className="field", children=[html.Div(id="stage", className="stage", children=[
            html.Canvas(id="base", **{"aria-hidden": "true"}),
            html.Canvas(id="over", tabIndex=0, role="img",
                        **{"aria-label": "Forward graph and its backward mirror; the list after it says the same"}),
            *[html.P(id=f"{side}-note", className=f"note-{side}") for side in ("forward", "backward")],
            html.Div(id="tip", className="tip"),
            html.Ul(id="elements", className="sr", **{"aria-label": "Elements of the graphs"}),
        ]), html.Canvas(id="rail", className="rail", hidden=True, title="Everything; drag to move what is in sight",
                        **{"aria-hidden": "true"})]),
        html.Div(className="legend", children=[
            html.Div(id="legend", className="marks", role="group", **{"aria-label": "Marks; press to hide or show"}),
            command("marks", "Every mark and what it means", "All marks", "all"),
        ]),
    ])
