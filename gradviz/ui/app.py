"""The Dash app of one trace: the panes, their routes, and the page around them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dash import Dash, dcc, html

from gradviz.ui.panes import caption, console, graphs, inspector, sheets, source, timeline, topbar
from gradviz.ui.routes import add_routes

if TYPE_CHECKING:
    from gradviz.ui.session import Session

_ASSETS = Path(__file__).parent / "assets"
_ONLY_BOOT = r"^(?!boot\.mjs$).*\.mjs$"
"""Dash would load every module as a script; boot.mjs imports the others itself."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">
<style>TOKENS</style>{%css%}PRELOADS</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def make_app(session: Session) -> Dash:
    """The app; :func:`gradviz.ui.guard.guard` must be put before it is served."""
    style = (Path(__file__).parents[1] / "scene" / "style.json").read_bytes()
    app = Dash(
        "gradviz",
        assets_folder=str(_ASSETS),
        assets_ignore=_ONLY_BOOT,
        title=f"{_name(session)} · gradviz",
        update_title=None,
        add_log_handler=False,
        index_string=_page(json.loads(style)),
    )
    app.layout = _layout(session)
    inspector.register(app, session)
    add_routes(app.server, session, style)
    return app


def _layout(session: Session) -> html.Div:
    return html.Div(
        id="app",
        className="app",
        children=[
            topbar.layout(session),
            html.Section([source.layout(), console.layout()], className="left", **{"aria-label": "Source and console"}),
            graphs.layout(),
            inspector.layout(),
            html.Section([caption.layout(), timeline.layout()], className="time", **{"aria-label": "Timeline"}),
            *sheets.layout(),
            dcc.Store(id="settled"),
        ],
    )


def _name(session: Session) -> str:
    return Path(str(session.replay.meta.get("script", "trace"))).name


def _page(style: dict[str, dict[str, dict[str, str]]]) -> str:
    """The page with the palette as custom properties, so that colours are written in style.json alone."""
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in style["themes"][theme].items()) for theme in ("light", "dark")
    )
    tokens = (
        f":root{{color-scheme:light;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme]){{color-scheme:dark;{dark}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}"
    )
    modules = sorted(path.name for path in _ASSETS.glob("*.mjs") if path.name != "boot.mjs")
    preloads = "".join(
        f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{path}">'
        for path in ("/api/trace", "/api/style")
    )
    preloads += "".join(f'<link rel="modulepreload" href="/assets/{name}">' for name in modules)
    return _PAGE.replace("TOKENS", tokens).replace("PRELOADS", preloads)
