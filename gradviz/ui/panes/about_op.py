"""An op: its values put in and out, its backward twin, what it wrote."""

from __future__ import annotations

from typing import Any

from dash import html

from gradviz.replay import inspect
from gradviz.replay.values import shape_text, short
from gradviz.ui.panes import numbers
from gradviz.ui.panes.about_line import source_of
from gradviz.ui.panes.about_node import saved_section
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mark, mono, section, tag, title, to_element

_SIGNS = {"add": "+", "sub": "−", "mul": "⊙", "div": "÷", "matmul": "@", "mm": "@", "pow": "^"}


def answer(focus: Focus, seq: int) -> list[Any]:
    op, replay = inspect.op(focus.replay, seq), focus.replay
    line = focus.at_line(seq)
    writes = bool(op.writes)
    state = "failed" if not op.ok else "done"
    sign = mark("write" if writes else "op", "broken" if writes and not op.ok else state if not writes else "done")
    where = [mono(op.text or op.name), f" at {line}" if line else "", *within(focus, seq)]
    tags = [tag("in place" if writes else "forward", "op"), tag({"grad": "grad on"}.get(op.mode, op.mode))]
    if not op.ok:
        tags.append(tag("failed", "bad"))
    own = [node for node in op.nodes if not node.leaf]
    parts: list[Any] = [
        title(sign, op.name + (f" {op.args}" if op.args else ""), where, tags),
        section("Values", None, *_values(focus, op)),
    ]
    if writes:
        parts.append(
            section(
                "Writes",
                f"{len(op.writes)}" if len(op.writes) > 1 else None,
                html.Div(
                    [
                        part
                        for write in op.writes
                        for part in (
                            mono(write.via),
                            html.Span(f"version {write.version - 1} → {write.version}"),
                            html.Span(),
                        )
                    ],
                    className="kv",
                ),
            )
        )
    if not op.ok:
        number = replay.event(seq).id
        raised = [error for error in map(replay.event, replay.events("error")) if error.op == number]
        parts.extend(section("What torch said", error.type, html.P(error.message, className="msg"))
                     for error in raised[:1])
    for node in own:
        view = inspect.node(replay, node.nid, focus.seq)
        parts.append(
            section(
                "Backward twin",
                html.Kbd("]"),
                html.Div(
                    [
                        to_element(focus.glyph_of(nid=node.nid), node.name, "link mono"),
                        html.Span(f"  {view.state}", className="dim"),
                    ]
                ),
            )
        )
        parts += saved_section(focus, view)
    if not own and op.ok and op.outputs:
        parts.append(section("Backward", None, html.Div(_why_no_node(focus, op), className="note")))
    return parts + source_of(focus, seq)


def within(focus: Focus, seq: int) -> list[Any]:
    """The groups around an op; a click tells of one."""
    groups = focus.groups(seq)
    words = [part for element, label in groups for part in (" › ", to_element(element, label))]
    return [html.Div(["in ", *words[1:]])] if groups else []


def _values(focus: Focus, op: inspect.OpView) -> list[Any]:
    """``in sign in = out`` where all is small, else a list of what goes in and out."""
    ins = [
        (label, inspect.tensor(focus.replay, tid, op.seq - 1 if op.writes else op.seq)) for tid, label, _ in op.inputs
    ]
    tids = list(op.outputs) or [(write.tid, write.via) for write in op.writes]
    outs = [(label, inspect.tensor(focus.replay, tid, op.seq)) for tid, label in tids]
    pieces = [numbers.matrix(view.value) for _, view in ins + outs]
    if pieces and all(piece is not None for piece in pieces) and len(ins) <= 3 and len(outs) == 1:
        row: list[Any] = []
        for place, ((label, _), piece) in enumerate(zip(ins, pieces, strict=False)):
            if place:
                row.append(html.Span(_SIGNS.get(op.name, ",")))
            row.append(numbers.captioned(piece, label))
        if op.args and op.name in _SIGNS and len(ins) == 1:
            row += [html.Span(_SIGNS[op.name]), html.Span(op.args, className="big")]
        elif op.name not in _SIGNS and ins:
            row = [html.Span(op.name.rstrip("_"), className="mono"), *row]
        row += (
            [html.Span("→" if op.writes else "="), numbers.captioned(pieces[-1], outs[0][0])]
            if ins
            else [numbers.captioned(pieces[-1], outs[0][0])]
        )
        return [html.Div(row, className="fx")]
    return (
        [
            html.Div(
                [
                    part
                    for word, group in (("in", ins), ("out", outs))
                    for label, view in group
                    for part in (
                        html.Span(word, className="x"),
                        to_element(focus.glyph_of(tid=view.tid), label),
                        html.Span(_brief(view), className="dim"),
                    )
                ],
                className="kv",
            )
        ]
        if pieces
        else [html.Div("It makes no tensor.", className="note")]
    )


def _brief(view: inspect.TensorView) -> str:
    norm, shape = view.value.norm, shape_text(view.facts.shape)
    return f"{shape} · ‖{short(norm)}‖" if norm is not None else shape


def _why_no_node(focus: Focus, op: inspect.OpView) -> str:
    if op.mode != "grad":
        return f"None: it ran under {op.mode}."
    needs = any(
        (facts := focus.replay.facts_at(tid, op.seq)) is not None and facts.requires_grad for tid, _, _ in op.inputs
    )
    if not op.inputs:
        return "None: it made a tensor of nothing, so there is nothing to go back to."
    return "None: it cuts the graph here." if needs else "None: no operand requires grad."
