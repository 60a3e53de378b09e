"""The Export menu: what can be saved, and the route that makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, Response, abort, request

from gradviz.ui.address import opened

if TYPE_CHECKING:
    from gradviz.ui.session import Session


class Choice(NamedTuple):
    format: str
    label: str
    about: str
    type: str


CHOICES = (
    Choice("svg", "SVG", "this moment, both graphs", "image/svg+xml"),
    Choice("png", "PNG", "this moment, two pixels a point", "image/png"),
    Choice("pdf", "PDF", "this moment, one page", "application/pdf"),
    Choice("dot", "DOT", "the graph for Graphviz", "text/vnd.graphviz"),
    Choice("json", "JSON", "the graph with its states", "application/json"),
    Choice("html", "HTML", "the whole replay, one file", "text/html"),
)
_BY_FORMAT = {choice.format: choice for choice in CHOICES}


def add_route(server: Flask, session: Session) -> None:
    def export() -> Response:
        choice = _BY_FORMAT.get(request.args.get("format", ""))
        theme = request.args.get("theme", "light")
        try:
            seq = int(request.args.get("event", ""))
        except ValueError:
            seq = -1
        if choice is None or theme not in ("light", "dark") or not 0 <= seq < session.replay.n:
            abort(400, "Say format, theme and an event that exists.")
        body = session.export(choice.format, seq, theme, opened(request.args.get("open")))
        name = f"{Path(session.replay.path).stem}-{seq}.{choice.format}"
        return Response(body, mimetype=choice.type, headers={"Content-Disposition": _attachment(name)})

    server.add_url_rule("/api/export", "export", export)


def _attachment(name: str) -> str:
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in name)
    return f'attachment; filename="{plain}"'


