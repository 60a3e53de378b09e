"""A backward node: its formula, the numbers put into it, what it holds and whether that is still valid."""

from __future__ import annotations

import math
import re
from typing import Any

from dash import html

from gradviz.replay import inspect
from gradviz.replay.inspect import Flow, NodeView
from gradviz.replay.values import shape_text, short
from gradviz.ui.panes import hooks, numbers, why
from gradviz.ui.panes.about_line import source_of
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import brief, mark, mono, section, tag, title, to_element
from gradviz.ui.panes.simplify import simplified
from gradviz.ui.panes.tex import render

_NODE = re.compile(r"\w+Backward\d+")
"""What a tensor is called that nothing is known of but its node."""
_LOOK = {"waiting": "waiting", "ran": "ran", "released": "released", "failed": "failed"}


def answer(focus: Focus, nid: int) -> list[Any]:
    view = inspect.node(focus.replay, nid, focus.seq)
    text, line = focus.text(view.made_at), focus.at_line(view.made_at)
    below = ["backward of ", mono(text or view.made_by), f", {line}" if line else ""]
    now = focus.step is not None and f"n{nid}" in focus.step.focus and focus.step.phase in ("backward", "hook")
    state = (
        tag("running now", "flow")
        if now and view.state == "ran"
        else {"failed": tag("failed", "bad"), "ran": tag("ran", "flow")}.get(view.state, tag(view.state))
    )
    parts: list[Any] = [
        title(mark("node", _LOOK[view.state]), view.name, below, [state, tag(f"twin of {view.made_by}")])
    ]
    parts.append(section("Gradient", None, *_formulas(focus, view)))
    wanted = {flow.nid for flow in view.grads_out if flow.nid}
    if len(wanted) == 1:
        parts += why.section_of(focus, wanted.pop())
    parts += why.node_bad(focus, view)
    parts += saved_section(focus, view)
    parts += hooks.section_of(focus, "node", nid)
    parts += source_of(focus, view.made_at)
    return parts


def _formulas(focus: Focus, view: NodeView) -> list[Any]:
    """For each edge that carries something: in symbols, then with the recorded numbers."""
    parts: list[Any] = []
    root, ran = why.root_label(focus), view.state == "ran"
    incoming = view.grads_in[0] if view.grads_in else None
    owner = focus.nodes[f"n{view.nid}"].twin if f"n{view.nid}" in focus.nodes else ""
    result = incoming.label if incoming and incoming.label else _made(focus, owner)
    wanted = [(place, flow) for place, flow in enumerate(view.grads_out) if flow.nid]
    again = any(flow.label == result for _, flow in wanted)  # x = x + 1: one name, two tensors
    older, result = result, f"{result}′" if again else result
    for place, flow in wanted:
        name = flow.label if flow.label and not _NODE.fullmatch(flow.label) else "input"
        formula = _edge(focus, view, place)
        scalars = _scalars(focus, view, flow)
        symbols = {
            **scalars,
            "g": _derivative(root, result),
            **{saved.field: _name(saved.label) for saved in view.saved if saved.tid},
        }
        left = _derivative(root, name)
        if formula is None:
            parts.append(
                html.Div([left, html.Span("no formula is known for this node", className="to")], className="fx")
            )
        else:
            folded = _folded(view, incoming, flow, formula)
            right = [*([_sum(folded)] if folded else []), *render(formula, symbols)]
            parts.append(html.Div([left, html.Span("="), *right], className="fx"))
            if ran and incoming is not None:
                parts += _with_numbers(view, formula, incoming, flow, name, folded, scalars)
    if again:
        parts.append(html.Div([mono(result), " is the tensor that the op made and bound to the name ", mono(older)],
                              className="note"))
    if not wanted:
        parts.append(html.Div("No operand wants a gradient.", className="note"))
    summed = not ran or any(_folded(view, incoming, flow, _edge(focus, view, place) or "") for place, flow in wanted)
    if view.formula is not None and view.formula.note and (summed or "broadcast" not in view.formula.note):
        parts.append(html.Div(view.formula.note, className="note"))
    if not ran:
        words = {"failed": "It failed before it could hand anything on."}.get(
            view.state, "It has not run yet at this event."
        )
        parts.append(html.Div(words, className="note"))
    return parts


def _edge(focus: Focus, view: NodeView, place: int) -> str | None:
    """The formula of an edge, with the numbers that the op was called with."""
    if view.formula is None:
        return None
    formula = view.formula.edges[min(place, len(view.formula.edges) - 1)]
    name, named, other = _arguments(focus, view)
    exponent = "2" if name == "square" else named.get("exponent", other)
    return simplified(formula, named.get("alpha", ""), exponent if view.name == "PowBackward0" else "")


def _arguments(focus: Focus, view: NodeView) -> tuple[str, dict[str, str], str]:
    """The op that made a node: its name, its named arguments, and the number that is its other operand, or ""."""
    if not view.made_by or focus.replay.kind(view.made_at) != "op":
        return "", {}, ""
    op = inspect.op(focus.replay, view.made_at)
    words = [word.strip() for word in op.args.split(",") if word.strip()]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    other = words[0] if words and "=" not in words[0] and len(op.inputs) == 1 else ""
    return op.name, named, other


def _scalars(focus: Focus, view: NodeView, flow: Flow) -> dict[str, Any]:
    """Numbers of the op that its formula names: the other operand, how many were averaged."""
    _, _, other = _arguments(focus, view)
    found: dict[str, Any] = {"other": html.Span(other), "n": html.Span(other)} if other else {}
    if view.name == "MeanBackward0" and not flow.content.reason:
        found["n"] = html.Span(f"{math.prod(flow.content.shape):,}")
    return found


def _with_numbers(
    view: NodeView, formula: str, incoming: Flow, flow: Flow, name: str, folded: str, scalars: dict[str, Any]
) -> list[Any]:
    """The second line: the same formula with matrices for its symbols, and what came out; if all of it is small."""
    out = numbers.matrix(flow.content, "g")
    atoms = {
        "g": numbers.matrix(incoming.content, "g"),
        **{saved.field: numbers.matrix(saved.content) for saved in view.saved if saved.tid},
    }
    used = {key: piece for key, piece in atoms.items() if key == "g" or f"\\mathrm{{{key}}}" in formula}
    if out is None or any(piece is None for piece in used.values()):
        return _in_words(incoming, flow, name)
    labels = {"g": "incoming", **{saved.field: f"saved {brief(saved.label)}" for saved in view.saved}}
    result = numbers.captioned(out, f"to {brief(name)}")
    inner = render(formula, {**scalars, **{key: numbers.captioned(piece, labels[key]) for key, piece in used.items()}})
    return [
        html.Div(
            [html.Span("="), *([_sum(folded)] if folded else []), *inner, html.Span("="), result],
            className="fx in",
        )
    ]


def _in_words(incoming: Flow, flow: Flow, name: str) -> list[Any]:
    brief = [(word, flow_.content) for word, flow_ in (("incoming", incoming), (f"to {name}", flow))]
    rows = [
        part
        for word, content in brief
        for part in (
            html.Span(word, className="x", title=word),
            html.Span(shape_text(content.shape), className="dim"),
            html.Span(f"‖{short(content.norm)}‖" if content.norm is not None else content.reason, className="mono g"),
        )
    ]
    return [html.Div(rows, className="kv flows")]


def _folded(view: NodeView, incoming: Flow | None, flow: Flow, formula: str) -> str:
    """The shape that is summed over where an operand was broadcast; empty where none was. A matrix product has its own
    shape."""
    if incoming is None or view.formula is None or "broadcast" not in view.formula.note or r"\top" in formula:
        return ""
    before, after = incoming.content.shape, flow.content.shape
    return (
        shape_text(before)
        if before and before != after and len(after) <= len(before) and not flow.content.reason.startswith("None")
        else ""
    )


def _sum(shape: str) -> html.Span:
    return html.Span(["∑", html.Small(shape)], className="sum")


def _derivative(root: str, of: str) -> html.Span:
    return html.Span([html.Span(f"∂{_whole(name)}", title=name) for name in (root, of)], className="fr g")


def _name(label: str) -> html.Em:
    return html.Em(brief(label), title=label)


def _whole(label: str) -> str:
    """A name as it is, an expression in parentheses; both cut short."""
    return brief(label) if re.fullmatch(r"[\w.\[\]]+′?", label) else f"({brief(label)})"


def _made(focus: Focus, owner: str) -> str:
    """The tensor that an op makes, for a node that has not run."""
    for edge in focus.scene.edges:
        if owner and edge.source == owner and edge.target in focus.nodes:
            return focus.nodes[edge.target].label[-1][1]
    return "output"


def saved_section(focus: Focus, view: NodeView) -> list[Any]:
    """What the node holds for its backward, at which version, and whether that is still there."""
    if not view.saved:
        return []
    rows: list[Any] = []
    for saved in view.saved:
        if not saved.valid:
            fate = html.Span(f"v{saved.version}, found v{saved.now}", className="badd")
        elif saved.freed:
            fate = html.Span("released", className="dim")
        else:
            fate = html.Span("valid" if saved.version < 0 else f"v{saved.version}, valid", className="ok")
        rows += [
            html.Span(saved.field, className="mono x"),
            to_element(focus.glyph_of(tid=saved.tid) if saved.tid else "", saved.label),
            fate,
        ]
    return [section("Saved for backward", None, html.Div(rows, className="kv"))]
