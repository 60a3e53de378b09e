"""The caption between picture and lanes: transport, the counter, and what happened in one sentence."""

from __future__ import annotations

from dash import html

from gradviz.ui.panes.parts import command, icon

_TRANSPORT = (
    ("first", "First event (Home)"), ("phase-back", "Previous phase (Shift+Left)"), ("back", "Back one event (Left)"),
    ("play", "Play or pause (Space)"), ("forward", "Forward one event (Right)"),
    ("phase-forward", "Next phase (Shift+Right)"), ("last", "Last event (End)"),
    ("finding", "Next stop of a finding (E)"))


def layout() -> html.Div:
    return html.Div(className="cap-row", children=[
        html.Div([command(name, label, icon(name), name, id=f"do-{name}") for name, label in _TRANSPORT],
                 className="tr", role="toolbar", **{"aria-label": "Stepping"}),
        html.Div(id="counter", className="evn"),
        html.Div(id="pace", className="evn pace", title="Speed of playing: < slower, > faster"),
        html.Div(className="sep"),
        html.Div(id="sentence", className="say", **{"aria-live": "polite"}),
        html.Button(id="location", type="button", className="btn mono", title="Show this place in the source"),
    ])
