"""The page of one trace, and the Dash app behind its inspector.

The panes are plain HTML and the page's own program draws them, so that one can step as soon as that has arrived; Dash
starts meanwhile, in the inspector's pane, whose answers come from the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Dash, html
from flask import Flask, Response, abort

from gradviz.ui import bundle
from gradviz.ui.markup import markup
from gradviz.ui.panes import caption, console, findings, graphs, inspector, sheets, source, timeline, topbar, views
from gradviz.ui.routes import add_routes

if TYPE_CHECKING:
    from gradviz.ui.session import Session

_FOR_EVER = "private, max-age=31536000, immutable"
_UNUSED = ("dash/deps/polyfill", "dash/dash_table/", "dash/dcc/")
"""Scripts of Dash that this page does without: what every browser of today has, tables, and the core components (which
need the first of these)."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">
PRELOADS{%scripts%}<style>TOKENS
STYLE</style>{%css%}</head>
<body>PANES<script type="module" async src="PROGRAM"></script><footer>{%config%}{%renderer%}</footer></body>
</html>"""


class _Dash(Dash):  # type: ignore[misc]  # Dash is not typed
    """Dash, whose scripts boot.mjs fetches and runs when the page can be used already: the server answers one thing at
    a time, and the first picture is what a person waits for."""

    filled: Callable[[], html.Div]
    """The layout with what takes a while to find; made when a page asks for it, not when the server starts."""

    def get_layout(self) -> html.Div:
        return self.filled()

    def interpolate_index(self, **kwargs: Any) -> str:
        sources = re.findall(r'<script src="([^"]+)"></script>', kwargs["scripts"])
        links = (f'<link data-src="{source}">' for source in sources
                 if not any(name in source for name in _UNUSED))
        kwargs["scripts"] = "".join(links)
        # boot.mjs says it in its time; Dash looks for the words
        kwargs["renderer"] = '<script id="_dash-renderer" type="text/plain">new DashRenderer()</script>'
        return str(super().interpolate_index(**kwargs))


def make_app(session: Session) -> Dash:
    """The app; :func:`gradviz.ui.guard.guard` must be put before it is served."""
    style = (Path(__file__).parents[1] / "scene" / "style.json").read_bytes()
    app = _Dash(
        "gradviz",
        assets_folder=str(bundle.ASSETS),
        assets_ignore=r".*\.(mjs|css)$",  # they are in the bundle and in the page
        title=f"{_name(session)} · gradviz",
        update_title=None,
        add_log_handler=False,
        index_string=_page(json.loads(style), markup(panes(session))),
    )
    app.layout = html.Div([inspector.answers(), inspector.settled()])
    app.filled = lambda: html.Div([inspector.answers(), findings.drawer(session), inspector.settled()])
    inspector.register(app, session)
    add_routes(app.server, session, style)
    _add_program(app.server)
    return app


def _add_program(server: Flask) -> None:
    def program(name: str) -> Response:
        if f"/page/{name}" != bundle.name():
            abort(404)
        return Response(bundle.script(), mimetype="text/javascript", headers={"Cache-Control": _FOR_EVER})

    server.add_url_rule("/page/<name>", "program", program)


def panes(session: Session) -> html.Div:
    """All panes; the place of the inspector is empty."""
    left = html.Section([source.layout(), console.layout()], className="left", **{"aria-label": "Source and console"})
    time = html.Section([caption.layout(), timeline.layout()], className="time", **{"aria-label": "Timeline"})
    every = [topbar.layout(session), left, graphs.layout(), inspector.layout(), *views.layout(), time,
             *sheets.layout()]
    return html.Div(every, id="app", className="app")


def _name(session: Session) -> str:
    return Path(str(session.replay.meta.get("script", "trace"))).name


def tokens(style: dict[str, dict[str, dict[str, str]]]) -> str:
    """The palette as custom properties, so that colours are written in style.json alone."""
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in style["themes"][theme].items()) for theme in ("light", "dark")
    )
    return (
        f":root{{color-scheme:light;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme]){{color-scheme:dark;{dark}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}"
    )


def _page(style: dict[str, dict[str, dict[str, str]]], panes: str) -> str:
    preloads = "".join(
        f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{path}">'
        for path in ("/api/trace", "/api/style")
    )
    preloads += f'<link rel="modulepreload" href="{bundle.name()}">'
    panes = panes.replace(f'<div id="{inspector.PLACE}"></div>', "{%app_entry%}")
    parts = {"TOKENS": tokens(style), "STYLE": bundle.style(), "PRELOADS": preloads, "PROGRAM": bundle.name(),
             "PANES": panes}
    return re.sub("|".join(parts), lambda match: parts[match[0]], _PAGE)
