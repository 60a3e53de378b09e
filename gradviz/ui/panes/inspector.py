"""The inspector: what is selected, or what the event is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, html

if TYPE_CHECKING:
    from gradviz.ui.session import Session


def layout() -> html.Section:
    return html.Section(className="right", **{"aria-label": "Inspector"}, children=[
        html.Div([html.H2("Inspector"), html.Span(html.Button("follows the playhead", id="pin", type="button", className="tag",
                                                              title="Click a mark to hold the inspector on it"), className="r")], className="ph"),
        html.Div(id="inspector", className="ins", tabIndex=0),
    ])


def register(app: Dash, session: Session) -> None:
    @app.callback(Output("inspector", "children"), Input("settled", "data"), prevent_initial_call=True)
    def show(where: dict[str, Any] | None) -> Any:
        return str(where)
