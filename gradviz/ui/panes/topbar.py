"""The top bar: which run this is, whether something is wrong with it, and what one can do with the page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dash import dcc, html

from gradviz.ui.download import CHOICES, Choice
from gradviz.ui.panes import views
from gradviz.ui.panes.parts import command, icon

if TYPE_CHECKING:
    from gradviz.ui.session import Session


def layout(session: Session) -> html.Header:
    meta = session.replay.meta
    script = str(meta.get("script", "trace"))
    return html.Header(
        className="top",
        children=[
            html.Div(
                [
                    html.I(className="i i-brand-down", **{"aria-hidden": "true"}),
                    html.I(className="i i-brand-up", **{"aria-hidden": "true"}),
                    "gradviz",
                ],
                className="brand",
            ),
            html.Div(className="sep"),
            html.H1(Path(script).name, className="script mono", title=script),
            views.tabs(),
            html.Div(_facts(session), className="meta"),
            command("finding", "Go to the next finding (E)", "", "pill", id="findings"),
            html.Div(className="grow"),
            html.Div(
                [
                    html.Label(
                        [
                            icon("search"),
                            dcc.Input(id="search", type="search", placeholder="Search", autoComplete="off"),
                            html.Span(id="hits", className="hits"),
                            html.Kbd("/"),
                        ],
                        className="find",
                    ),
                    html.Div(id="found", className="menu", role="listbox", hidden=True, **{"aria-label": "Found"}),
                ],
                className="seek",
            ),
            html.Div(
                [
                    html.Button(
                        [icon("export"), "Export"],
                        id="export",
                        type="button",
                        className="btn",
                        **{"aria-haspopup": "menu", "aria-expanded": "false"},
                    ),
                    html.Div(
                        [_export(choice) for choice in CHOICES],
                        id="export-menu",
                        className="menu",
                        role="menu",
                        hidden=True,
                    ),
                ],
                className="picker",
            ),
            command("theme", "Light or dark (T)", icon("theme"), "btn icon"),
            command("help", "Keys (?)", "?", "btn icon"),
        ],
    )


def _facts(session: Session) -> list[html.Span | str]:
    replay, meta, state = session.replay, session.replay.meta, session.condition
    try:
        started = datetime.fromisoformat(str(meta.get("started", "")))
        when = started.astimezone().strftime(
            "%H:%M:%S" if started.date() == datetime.now().date() else "%Y-%m-%d %H:%M"
        )
    except ValueError:
        when = ""
    facts = [
        ["recorded ", html.B(when)] if when else [],
        [html.B(str(meta.get("producer", "")))],
        [html.B(f"{replay.n:,}"), " events"],
        [html.B(state.state, title=state.about or None, className="warn" if state.about else None)],
    ]
    return [html.Span(fact) for fact in facts if fact]


def _export(choice: Choice) -> html.Button:
    return html.Button(
        [html.B(choice.label), html.Small(choice.about)],
        role="menuitem",
        type="button",
        **{"data-export": choice.format},
    )
