"""A line of the source: all its executions, what each made and which step went back through it."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

import numpy as np
from dash import html

from gradviz.events import Span
from gradviz.replay import Event
from gradviz.replay.values import shape_text, short
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import icon, mark, mono, section, tag, title, to_element, to_event

_SHOWN = 60
"""Executions that are listed, around the playhead."""


def element(focus: Focus, span: Span) -> str:
    """What stands for a line as an element: L, the number of its file among the sources, and the line; "" for none."""
    files = list(focus.replay.sources)
    return f"L{files.index(span.file)}.{span.line}" if span.line and span.file in files else ""


def place(focus: Focus) -> tuple[str, int] | None:
    """File and line of the element that was asked for; None where it is no line."""
    named = re.fullmatch(r"L(\d+)\.(\d+)", focus.element)
    files = list(focus.replay.sources)
    return (files[int(named[1])], int(named[2])) if named and int(named[1]) < len(files) else None


def answer(focus: Focus, file: str, line: int) -> list[Any]:
    """The line, then a row for each op that ran there."""
    replay, ops = focus.replay, focus.replay.index.ops
    spans = [span.id for span in replay.spans if span.file == file and span.line == line]
    seqs = ops.seq[np.isin(ops.ints("span"), spans)]
    text = replay.line(file, line).strip()
    parts: list[Any] = [title(mark("op", "done"), focus.place(file, line), [mono(text)],
                              [tag(f"{len(seqs):,} ops" if len(seqs) != 1 else "1 op")], words=True)]
    here = int(np.searchsorted(seqs, focus.seq, "right"))
    start = max(0, min(here - _SHOWN // 2, len(seqs) - _SHOWN))
    cells = [cell for seq in seqs[start:start + _SHOWN].tolist() for cell in _row(focus, replay.event(seq))]
    aside = f"{start + 1:,} to {min(start + _SHOWN, len(seqs)):,} of {len(seqs):,}" if len(seqs) > _SHOWN else ""
    parts.append(section("Executions", aside, html.Div(cells, className="kv runs") if cells else
                         html.Div("No op ran on this line.", className="note")))
    return [*parts, links(file, line, 1, text)]


def _row(focus: Focus, op: Event) -> list[Any]:
    """Iteration and op, what came out, and the step that went back through it."""
    replay = focus.replay
    shown = "now" if op.seq == focus.seq else "" if op.seq < focus.seq else "ahead"
    out = replay.with_value(op.outputs[0]) if op.outputs else None
    norm = replay.norm_of(out) if out is not None else None
    steps = replay.index.steps
    nids = [node.nid for node in op.nodes if not node.leaf]
    ran = [int(steps.seq[row]) for nid in nids for row in steps.where("nid", nid)][:1]
    number = f"{replay.graph_at(op.seq) + 1:,} " if len(replay.graphs) > 1 else ""
    return [
        to_event(op.seq, [html.Span(number, className="dim"), op.name], f"link mono {shown}".strip()),
        html.Span(shape_text(out.shape) if out is not None else "", className="dim"),
        html.Span(f"‖{short(norm)}‖" if norm is not None else "", className="mono"),
        to_event(ran[0], "∇", "link mono g") if ran else html.Span("∅" if not nids else "", className="dim",
                                                                  title="takes no gradient"),
    ]


def source_of(focus: Focus, seq: int) -> list[Any]:
    """Where an event happened: its line, and the way to it in an editor."""
    span = focus.replay.span(seq) if seq >= 0 else Span(0, "", "", 0, 0, 0, 0, (), False)
    if not span.line:
        return []
    line = to_element(element(focus, span), "this line")
    return [links(span.file, span.line, span.column + 1, focus.text(seq), line)]


def links(file: str, line: int, column: int, text: str, *more: Any) -> html.Div:
    """Ways to a place in the source: open it in an editor, copy it."""
    where = f"{file}:{line}:{column}"
    href = f"vscode://file/{quote(file.lstrip('/'))}:{line}:{column}"
    edit = [html.A([icon("export"), "editor"], href=href, className="tag", title=f"Open {where}")] if os.path.isabs(
        file) else []
    copy = html.Button("copy", type="button", className="tag", title=f"Copy {where} and the text",
                       **{"data-copy": f"{where}  {text}"})
    return html.Div([html.H3(["Source", html.Span(re.split(r"[\\/]", where)[-1], className="mono")]),
                     html.Div([*more, *edit, copy], className="ways")], className="sec")
