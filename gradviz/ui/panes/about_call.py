"""A backward call as a whole: the order in which its nodes run, which gradients it left behind, and who got none."""

from __future__ import annotations

from typing import Any, Final

from dash import html

from gradviz.replay.absence import absence
from gradviz.replay.flow import without_gradient
from gradviz.replay.values import shape_text, short
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import section, tag, title, to_element, to_event

_ORDERED: Final = 60
"""Nodes of a call that are listed."""
_TOLD: Final = 12
"""Parameters without a gradient that are told of."""


def done(focus: Focus, words: str) -> list[Any]:
    """The end of a call: which gradients it left behind, and which parameters it gave none."""
    replay, line = focus.replay, focus.at_line(focus.seq)
    graph = replay.graphs[replay.graph_at(focus.seq)]
    kept = [replay.event(seq) for seq in replay.events("accumulate") if graph.begin <= seq <= focus.seq]
    rows: list[Any] = []
    for event in kept:
        norm = replay.norm_of(replay.gradient(event.grad))
        rows += [to_event(event.seq, f"{replay.label(event.tid, focus.seq)}.grad", "link mono"),
                 html.Span(shape_text(event.grad.shape), className="dim"),
                 html.Span(f"‖{short(norm)}‖" if norm is not None else "not kept", className="mono g")]
    below = [words, f", {line}" if line else ""]
    return [title(None, "Backward is done", below, [tag("done", "flow")], words=True), *_missing(focus, graph.call),
            section("Gradients now", f"{len(kept)} written", html.Div(rows, className="kv"))]


def _missing(focus: Focus, call: int) -> list[Any]:
    """The parameters that the call gave nothing, each with the reason why."""
    missing = without_gradient(focus.replay, call, focus.seq)
    rows: list[Any] = []
    for tid in missing[:_TOLD]:
        reasons = absence(focus.replay, tid, focus.seq).reasons
        rows.append(html.Div([to_element(f"t{tid}", focus.replay.label(tid, focus.seq)),
                              html.Div(reasons[0].text if reasons else "nothing came this time", className="note")]))
    more = [html.Div(f"and {len(missing) - _TOLD:,} more", className="note")] if len(missing) > _TOLD else []
    what = "1 parameter" if len(missing) == 1 else f"{len(missing):,} parameters"
    return [section("Without a gradient", what, *rows, *more)] if missing else []


def order(focus: Focus) -> list[Any]:
    """The nodes of a call in the order in which they run; a click goes there."""
    replay, steps = focus.replay, focus.replay.index.steps
    rows = steps.where("call", replay.event(focus.seq).call)
    cells: list[Any] = []
    for number, row in enumerate(rows[:_ORDERED].tolist(), 1):
        node, seq = replay.node(int(steps.ints("nid")[row])), int(steps.seq[row])
        born = replay.node_born(node.nid) if node is not None else -1
        ahead = " ahead" if seq > focus.seq else ""
        cells += [html.Span(str(number), className="dim"),
                  to_event(seq, node.name if node is not None else "a node", f"link mono{ahead}"),
                  html.Span(focus.at_line(born) if born >= 0 else "", className="x")]
    more = [html.Div(f"and {len(rows) - _ORDERED:,} more", className="note")] if len(rows) > _ORDERED else []
    many = f"{len(rows):,} {'node' if len(rows) == 1 else 'nodes'}"
    return [section("Order of backward", many, html.Div(cells, className="kv order"), *more)] if cells else []
