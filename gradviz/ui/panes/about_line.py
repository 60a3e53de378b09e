"""A line of the source: all its executions, what each made and which step went back through it."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from typing import Any
from urllib.parse import quote

from dash import html

from gradviz.events import Span
from gradviz.replay import Event
from gradviz.replay.values import shape_text, short
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import icon, mark, mono, section, tag, title, to_element, to_event

_SHOWN = 60
"""Executions that are listed, around the playhead."""
_OPS = 20
"""Ops that are listed of one, the last."""


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
    """The line, then a row for each time that it ran: what that made; of the one at the playhead all its ops."""
    replay = focus.replay
    runs = focus.session.executions.get((file, line), [])
    many = sum(map(len, runs))
    tags = [tag(times(len(runs))), tag(f"{many:,} ops" if many != 1 else "1 op")]
    text = replay.line(file, line).strip()
    parts: list[Any] = [title(mark("op", "done"), focus.place(file, line), [mono(text)],
                              tags if runs else tags[1:], words=True)]
    here = bisect_right(runs, focus.seq, key=lambda run: run[0]) - 1
    start = max(0, min(here - _SHOWN // 2, len(runs) - _SHOWN))
    cells = [cell for number, run in enumerate(runs[start:start + _SHOWN], start)
             for cell in _run(focus, run, number + 1 if len(runs) > 1 else 0, here == number or len(runs) == 1)]
    aside = f"{start + 1:,} to {min(start + _SHOWN, len(runs)):,} of {len(runs):,}" if len(runs) > _SHOWN else ""
    parts.append(section("Executions", aside, html.Div(cells, className="kv runs") if cells else
                         html.Div("No op ran on this line.", className="note")))
    return [*parts, links(file, line, 1, text)]


def times(many: int) -> str:
    """How often a line ran."""
    return {0: "did not run", 1: "ran once"}.get(many, f"ran {many:,} times")


def _run(focus: Focus, run: list[int], number: int, whole: bool) -> list[Any]:
    """The rows of one execution: what it made at last, and if wanted, what it made before."""
    made = [focus.replay.event(seq) for seq in run[-_OPS if whole else -1:]]
    return [cell for place, op in enumerate(made)
            for cell in _row(focus, op, f"{number:,} " if number and place == len(made) - 1 else "")]


def _row(focus: Focus, op: Event, number: str) -> list[Any]:
    """Which execution, the op and what it is called that came out, and the step that went back through it."""
    replay = focus.replay
    shown = "now" if op.seq == focus.seq else "" if op.seq < focus.seq else "ahead"
    out = replay.with_value(op.outputs[0]) if op.outputs else None
    norm = replay.norm_of(out) if out is not None else None
    name = replay.name(out.tid, op.seq) if out is not None else ""
    steps = replay.index.steps
    nids = [node.nid for node in op.nodes if not node.leaf]
    ran = [int(steps.seq[row]) for nid in nids for row in steps.where("nid", nid)][:1]
    words = [html.Span(number, className="dim"), op.name, html.B(f" {name}") if name else ""]
    return [
        to_event(op.seq, words, f"link mono {shown}".strip()),
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
    ran = times(len(focus.session.executions.get((span.file, span.line), [])))
    line = to_element(element(focus, span), f"this line {ran}", "link")
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
