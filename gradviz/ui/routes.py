"""The plain JSON routes that the page reads. Big data never goes through Dash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, abort, request

from gradviz.ui.address import opened
from gradviz.ui.download import add_route

if TYPE_CHECKING:
    from gradviz.ui.session import Session


def add_routes(server: Flask, session: Session, style: bytes) -> None:
    server.add_url_rule("/api/trace", "trace", lambda: _json(session.trace()))
    server.add_url_rule("/api/style", "style", lambda: _json(style))

    def events() -> Response:
        return _json(session.events(_number("from", 0), _number("to", session.replay.n)))

    def scene(graph: int) -> Response:
        try:
            return _json(session.picture(graph, opened(request.args.get("open"))))
        except IndexError:
            abort(404, f"There is no graph {graph}.")

    server.add_url_rule("/api/flow", "flow", lambda: _json(session.flow()))
    server.add_url_rule("/api/norms", "norms", lambda: _json(session.norms()))
    server.add_url_rule("/api/iterations", "iterations", lambda: _json(session.iterations()))

    def search() -> Response:
        import msgspec

        limit = session.replay.n if request.args.get("all") else 1000
        return _json(msgspec.json.encode(session.search(request.args.get("q", "")[:200], limit)))

    def things() -> Response:
        return _json(session.things(request.args.get("q", "")[:200], _number("at", 0)))

    def stops() -> Response:
        import msgspec

        from gradviz.ui.breakpoints import BadCondition

        try:
            return _json(msgspec.json.encode({"stops": session.stops(request.args.get("when", "")), "fault": ""}))
        except BadCondition as error:
            return _json(msgspec.json.encode({"stops": [], "fault": str(error)}))

    server.add_url_rule("/api/things", "things", things)
    server.add_url_rule("/api/stops", "stops", stops)
    server.add_url_rule("/api/events", "events", events)
    server.add_url_rule("/api/scene/<int:graph>", "scene", scene)
    server.add_url_rule("/api/search", "search", search)
    add_route(server, session)


def _json(body: bytes) -> Response:
    return Response(body, mimetype="application/json")


def _number(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        abort(400, f"{name} must be a number")
