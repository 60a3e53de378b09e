"""The inspector: answers about what is selected, or about what the event is about. A server callback fills it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, html
from dash.exceptions import PreventUpdate
from flask import abort, request

from gradviz.ui.address import opened
from gradviz.ui.panes import about_call, about_group, about_line, about_node, about_op, about_tensor
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import command, icon, mark, section, tag, title, to_event

if TYPE_CHECKING:
    from gradviz.ui.session import Session


PLACE = "place-of-dash"
SETTLED, WHERE = "settled", "data-where"
"""The element, and its attribute, in which the page tells Dash where the cursor rests."""


def layout() -> html.Section:
    """The pane without its content; the element with the id :data:`PLACE` gives way to what Dash makes."""
    pin = html.Button("follows the playhead", id="pin", type="button", className="tag",
                      title="Click a mark to hold the inspector on it")
    tabs = html.Div(className="ptabs", role="tablist", **{"aria-label": "Inspector or findings"}, children=[
        _tab("inspector", "Inspector", "inspector"),
        _tab("findings", ["Findings", html.Span(className="num on", hidden=True)], "drawer")])
    following = command("finding", "Next stop of a finding (E)", [html.Kbd("E"), " next"], "tag next")
    return html.Section(className="right", **{"aria-label": "Inspector and findings"}, children=[
        html.Div([tabs, html.Span([pin, following], className="r")], className="ph"),
        html.Div(id=PLACE),
    ])


def _tab(name: str, words: Any, panel: str) -> html.Button:
    return html.Button(words, id=f"tab-{name}", type="button", role="tab",
                       **{"aria-controls": panel, "aria-selected": "false"})


def answers() -> html.Div:
    """Where the answers appear."""
    return html.Div(id="inspector", className="ins", tabIndex=0, role="tabpanel",
                    **{"aria-labelledby": "tab-inspector"})


def settled() -> html.Div:
    """What the page writes to; nothing of it is seen."""
    return html.Div(id=SETTLED, hidden=True)


def register(app: Dash, session: Session) -> None:
    def show(told: str | None) -> Any:
        where = _place(told)
        if where and not session.replay.n:
            return [html.P(session.condition.empty, className="empty")]
        if not where or not 0 <= where["seq"] < session.replay.n:
            raise PreventUpdate
        element, open = str(where.get("element", "")), opened(where.get("open"))
        return answer(Focus(session, where["seq"], element, open))

    app.callback(Output("inspector", "children"), Input(SETTLED, WHERE), prevent_initial_call=True)(show)
    app.server.before_request(_refuse_nonsense)


def _refuse_nonsense() -> None:
    """400 for a body that is no question to the inspector: Dash takes it apart without looking."""
    if request.path != "/_dash-update-component" or request.method != "POST":
        return
    match request.get_json(silent=True):
        case {"output": "inspector.children", "outputs": {"id": "inspector", "property": "children"},
              "inputs": [{"id": "settled", "property": "data-where", **more}], "changedPropIds": [*names]} if (
                  all(isinstance(name, str) for name in names)
                  and (more.get("value") is None or _place(more["value"]) is not None)):
            return
    abort(400, "This is not a question that the inspector knows.")


def _place(told: Any) -> dict[str, Any] | None:
    """Where the cursor rests, as the page writes it; None for anything else."""
    try:
        where = json.loads(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return where if isinstance(where, dict) and type(where.get("seq")) is int else None


def answer(focus: Focus) -> list[Any]:
    """What the inspector says of a focus."""
    begins = not focus.element and focus.replay.kind(focus.seq) == "backward"
    return [*_part_of(focus), *_answer(focus), *(about_call.order(focus) if begins else [])]


def _part_of(focus: Focus) -> list[Any]:
    """The finding that an event is a stop of; the drawer tells it."""
    if focus.story is None:
        return []
    number = next(i for i, finding in enumerate(focus.session.findings) if finding is focus.story)
    return [html.Button([icon("finding"), focus.story.title], type="button", className="part",
                        **{"data-finding": number})]


def _answer(focus: Focus) -> list[Any]:
    node = focus.node
    if (line := about_line.place(focus)) is not None:
        return about_line.answer(focus, *line)
    if (apart := focus.apart) is not None:
        kind, number = apart
        return about_tensor.answer(focus, number) if kind == "t" else about_node.answer(focus, number)
    if node is None:
        region = focus.region
        return about_group.opened(focus, region) if region is not None else _event(focus)
    if focus.element and node.kind in ("group", "mirror"):
        return about_group.closed(focus, node)
    if node.kind in ("op", "write"):
        return about_op.answer(focus, node.event)
    if node.kind == "node":
        return about_node.answer(focus, node.ref["nid"])
    if "tid" in node.ref:
        return about_tensor.answer(focus, node.ref["tid"])
    return _event(focus)


def _event(focus: Focus) -> list[Any]:
    """An event that is about no mark of the picture."""
    row = focus.replay.rows(focus.seq, focus.seq)[0]
    if row.kind == "op":
        return about_op.answer(focus, focus.seq)
    if row.kind == "accumulate":
        return about_tensor.answer(focus, focus.replay.event(focus.seq).tid)
    if row.kind == "step" and focus.replay.node(nid := focus.replay.event(focus.seq).nid) is not None:
        return about_node.answer(focus, nid)
    if row.kind == "error":
        return _error(focus)
    if row.kind == "backward" and focus.replay.event(focus.seq).phase == "end":
        return about_call.done(focus, "".join(text for text, _ in row.parts))
    words = "".join(text for text, _ in row.parts)
    line = focus.at_line(focus.seq)
    return [title(None, row.kind.replace("_", " ").capitalize(), [words, f", {line}" if line else ""], [],
                  words=True)]


def _error(focus: Focus) -> list[Any]:
    """An exception that no finding explains: its words, whole, and what raised it."""
    event, line = focus.replay.event(focus.seq), focus.at_line(focus.seq)
    fate = tag("left the script", "bad") if event.uncaught else tag("raised")
    below = ["at ", to_event(focus.seq, line)] if line else None
    raised = focus.replay.thing(event.op) if event.op else -1
    parts: list[Any] = [title(mark("node", "failed"), event.type, below, [fate], words=True),
                        section("What torch said", None, html.P(event.message, className="msg"))]
    if raised >= 0:
        words = "".join(text for text, _ in focus.replay.rows(raised, raised)[0].parts)
        parts.append(section("Raised by", None, to_event(raised, words)))
    return parts
