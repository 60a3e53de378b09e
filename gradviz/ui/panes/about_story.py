"""A finding told in numbered stops, then the fix, then what torch said."""

from __future__ import annotations

from typing import Any

from dash import html

from gradviz.findings.model import Finding
from gradviz.replay import inspect
from gradviz.ui.panes.about_tensor import versions_bar
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mark, section, tag, title


def answer(focus: Focus, finding: Finding) -> list[Any]:
    tone = "bad" if finding.severity == "error" else ""
    sign = mark("mark", "nan") if finding.kind.startswith("nan") else mark("node", "failed")
    parts: list[Any] = [
        title(
            sign,
            finding.title,
            None,
            [tag(finding.severity, tone), html.Span(finding.kind, className="tag mono")],
            words=True,
        )
    ]
    parts.append(
        html.Ol(
            [_stop(focus, number, stop, number == len(finding.stops)) for number, stop in enumerate(finding.stops, 1)],
            className="story",
        )
    )
    parts += _storage(focus, finding)
    if finding.explanation and not finding.stops:
        parts.append(section("Why", None, html.Div(finding.explanation, className="note")))
    if finding.fix or finding.fix_lines:
        line = focus.place(finding.root_cause.file, finding.root_cause.line) if finding.root_cause else None
        signs = {"+": "a", "-": "d"}
        diff = [html.Div(f"{sign} {text}", className=signs.get(sign, "m")) for sign, text in finding.fix_lines]
        parts.append(
            section(
                "Fix",
                line,
                *([html.Div(diff, className="diff")] if diff else []),
                html.Div(finding.fix[:1].upper() + finding.fix[1:], className="note"),
            )
        )
    said = _said(focus, finding)
    if said:
        kind, message = said
        parts.append(
            html.Details(
                [html.Summary(html.H3(["What torch said", html.Span(kind)])), html.P(message, className="msg")],
                className="sec",
            )
        )
    return parts


def _stop(focus: Focus, number: int, stop: Any, last: bool) -> html.Li:
    now = stop.place.seq == focus.seq or (last and focus.seq > stop.place.seq)
    head = [
        stop.title,
        html.Code(stop.place.text) if stop.place.text else None,
        html.Span(focus.place(stop.place.file, stop.place.line)) if stop.place.line else None,
    ]
    return html.Li(
        [
            html.I(str(number), className="num on" if now else "num"),
            html.Button(
                [html.Div([part for part in head if part is not None], className="h"), html.P(stop.text)],
                type="button",
                **{"data-seq": stop.place.seq, "aria-current": "step" if now else "false"},
            ),
        ]
    )


def _storage(focus: Focus, finding: Finding) -> list[Any]:
    """The versions of the tensor that was overwritten, with the stops under them."""
    if finding.overwritten_at is None or not finding.tensors:
        return []
    tids = [ref for stop in finding.stops for kind, ref in stop.marks if kind == "tensor"]
    if not tids:
        return []
    view = inspect.tensor(focus.replay, tids[0], focus.scene.last)
    bar = versions_bar(focus, view, finding.overwritten_at.seq)
    first, last = min(view.versions[0].seq, focus.scene.first), max(focus.scene.last, focus.seq)
    span, words = max(1, last - first), {"Saved": "saved", "Overwritten": "written", "Failed": "needed"}
    places = [
        html.Div(
            f"{number} {words.get(stop.title, stop.title.lower())}",
            className="pt",
            style={"left": f"{min(86.0, 100 * (stop.place.seq - first) / span):.1f}%"},
        )
        for number, stop in enumerate(finding.stops, 1)
    ]
    return [
        section(
            f"Storage of {finding.tensors[0]}",
            f"{view.storage_bytes:,} bytes",
            html.Div([*bar.children, *places], className="vers"),
        )
    ]


def _said(focus: Focus, finding: Finding) -> tuple[str, str] | None:
    for seq in [finding.seq, *finding.events]:
        if 0 <= seq < focus.replay.n and focus.replay.kind(seq) == "error":
            event = focus.replay.event(seq)
            return event.type, f"{event.type}: {event.message}"
    return None
