"""The findings: a drawer in the inspector's place. Each told in numbered stops, then the values that did it, the fix,
and what torch said; the worst first, one of them open. It is the same at every event: the page marks where one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from dash import html

from gradviz.findings import FAMILIES
from gradviz.findings.model import Finding, Stop
from gradviz.replay import inspect
from gradviz.replay.values import Array
from gradviz.ui.panes import numbers
from gradviz.ui.panes.about_tensor import versions_bar
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mark, mono, section, tag, to_event

if TYPE_CHECKING:
    from gradviz.ui.session import Session

MOST = 100
"""Findings that are told of."""
_KEPT = numbers.SMALL_COLUMNS
"""Elements of a row that are shown around the one that went wrong."""


def drawer(session: Session) -> html.Div:
    """All findings as cards; what was looked for where there are none."""
    found = session.findings
    cards: list[Any] = [_card(session, number, finding) for number, finding in enumerate(found[:MOST])]
    if len(found) > MOST:
        cards.append(html.P(f"{len(found) - MOST:,} more are not shown: gradviz check --json tells all.",
                            className="note more"))
    return html.Div(cards or _nothing(session), id="drawer", className="ins", tabIndex=0, role="tabpanel",
                    **{"aria-labelledby": "tab-findings"})


def _nothing(session: Session) -> list[Any]:
    """What was checked, in the words of those who check it."""
    looked = [(family.__doc__ or "").split("\n")[0].rstrip(".") for family in FAMILIES]
    if not session.replay.n:
        return [html.P(session.condition.empty, className="empty")]
    so_far = f" {session.condition.about}" if session.condition.about else ""
    return [
        html.Header([html.Div("No findings", className="ttl words"),
                     html.Div(f"All {session.replay.n:,} events were looked through.{so_far}", className="sub")]),
        section("What was looked for", f"{len(looked)} kinds",
                html.Ul([html.Li(words) for words in looked if words], className="looked"))]


def _card(session: Session, number: int, finding: Finding) -> html.Section:
    focus = Focus(session, max(0, finding.seq), "")
    sign = mark("mark", "nan") if finding.kind.startswith("nan") else mark("node", "failed")
    place = finding.stops[0].place.seq if finding.stops else finding.seq
    head = html.Button(
        [sign, html.Span(finding.title)], type="button", className="ttl words",
        **{"data-finding": number, "data-seq": max(0, place), "aria-expanded": "false",
           "aria-controls": f"finding-{number}"})
    tags = [tag(finding.severity, "bad" if finding.severity == "error" else ""),
            html.Span(finding.kind, className="tag mono")]
    if len(session.replay.graphs) > 1:
        tags.append(tag(f"iteration {session.replay.graph_at(focus.seq) + 1:,}"))
    told = [html.Ol([_stop(focus, place, stop) for place, stop in enumerate(finding.stops, 1)], className="story"),
            *([section("Why", None, html.P(finding.explanation, className="note"))] if not finding.stops else []),
            *_values(focus, finding), *_storage(focus, finding), *_fix(focus, finding), *_said(focus, finding)]
    return html.Section(
        [html.Header([html.H3(head), html.Div(tags, className="tags")]), html.Div(told, id=f"finding-{number}")],
        className="finding", **{"aria-label": finding.title})


def _stop(focus: Focus, number: int, stop: Stop) -> html.Li:
    head = [
        html.Span(stop.title),
        html.Code(stop.place.text) if stop.place.text else None,
        html.Small(focus.place(stop.place.file, stop.place.line)) if stop.place.line else None,
    ]
    words = [html.Div([part for part in head if part is not None], className="h"), html.P(stop.text)]
    return html.Li([html.I(str(number), className="num", **{"aria-hidden": "true"}),
                    to_event(max(0, stop.place.seq), words, "stop")])


# --- the values that did it ------------------------------------------------------------------------------------------
def _values(focus: Focus, finding: Finding) -> list[Any]:
    """What backward needed and what it found; or the operands of the op that made the first NaN, where it made it."""
    if finding.overwritten_at is not None and finding.saved_at is not None:
        return _needed(focus, finding)
    made = next((seq for stop in finding.stops for kind, seq in stop.marks if kind == "op"), -1)
    if not finding.kind.startswith("nan") or made < 0 or focus.replay.kind(made) != "op":
        return []
    return _bad_row(focus, made)


def _needed(focus: Focus, finding: Finding) -> list[Any]:
    assert finding.saved_at is not None
    tid = next((ref for stop in finding.stops for kind, ref in stop.marks if kind == "tensor"), 0)
    if not tid:
        return []
    then, now = (inspect.tensor(focus.replay, tid, seq).value for seq in (finding.saved_at.seq, focus.seq))
    if then.array is None or now.array is None:
        return [section("The values", None, html.P(then.reason or now.reason, className="note"))]
    changed = then.array != now.array
    first = int(np.argmax(changed.reshape(-1)))
    pairs = [html.Div([html.Div(words, className="lbl"), html.Div(_few(array, first, tone), className="wide")])
             for words, array, tone in (("needed", then.array, "op"), ("found", now.array, "err"))]
    stacked = then.array.size > 2
    return [section("The values", f"{int(np.count_nonzero(changed)):,} of {changed.size:,} changed",
                    html.Div(pairs, className="pair stacked" if stacked else "pair"))]


def _few(array: Array, first: int, tone: str) -> Any:
    """Number by number, all of it or some elements from the ``first`` that matters on."""
    if array.size <= 2 * numbers.SMALL_ROWS and (cells := numbers.grid(array, tone)) is not None:
        return cells
    start = max(0, min(first - 1, array.size - _KEPT))
    return numbers.grid(array.reshape(-1)[start:start + _KEPT], tone)


def _bad_row(focus: Focus, seq: int) -> list[Any]:
    """The row in which an op made its first NaN or Inf, of what came out and of what went in with the same shape."""
    op = inspect.op(focus.replay, seq)
    outs = [(label, inspect.tensor(focus.replay, tid, seq).value) for tid, label in op.outputs]
    bad = next(((label, out.array) for label, out in outs if out.array is not None and out.array.dtype.kind in "fc"
                and not np.isfinite(out.array).all()), None)
    if bad is None:
        return []
    label, array = bad
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(np.atleast_1d(array)))[0])
    ins = [(name, inspect.tensor(focus.replay, tid, seq - 1 if op.writes else seq).value) for tid, name, _ in op.inputs]
    rows: list[Any] = []
    for name, found in [*((name, value.array) for name, value in ins), (label, array)]:
        if found is None or np.shape(found) != array.shape:
            continue
        row = np.atleast_1d(found)[at[:-1]]
        rows += [html.Div(mono(name), className="lbl"), html.Div(_few(row, at[-1], "op"), className="wide")]
    where = ", ".join(map(str, at[:-1]))
    count = int(np.count_nonzero(~np.isfinite(array)))
    aside = f"{count:,} of {array.size:,} are not finite"
    return [section(f"The row [{where}]" if where else "The values", aside, *rows)] if rows else []


def _storage(focus: Focus, finding: Finding) -> list[Any]:
    """The versions of the tensor that was overwritten, with the stops under them."""
    if finding.overwritten_at is None or not finding.tensors:
        return []
    tids = [ref for stop in finding.stops for kind, ref in stop.marks if kind == "tensor"]
    if not tids:
        return []
    graph = focus.replay.graphs[focus.replay.graph_at(focus.seq)]
    view = inspect.tensor(focus.replay, tids[0], graph.last)
    seqs = [stop.place.seq for stop in finding.stops]
    room = max(1, (max(seqs) - min(seqs)) // 6)
    first, last = max(0, min(seqs) - room), max(seqs) + room
    bar = versions_bar(focus, view, first, last, finding.overwritten_at.seq)
    places = [
        html.I(str(number), className="num pt", title=stop.title,
               style={"left": f"{100 * (stop.place.seq - first) / (last - first):.1f}%"})
        for number, stop in enumerate(finding.stops, 1)
    ]
    return [section(f"Storage of {finding.tensors[0]}", f"{view.storage_bytes:,} bytes",
                    html.Div([*bar.children, *places], className="vers"))]


def _fix(focus: Focus, finding: Finding) -> list[Any]:
    if not finding.fix and not finding.fix_lines:
        return []
    line = focus.place(finding.root_cause.file, finding.root_cause.line) if finding.root_cause else None
    signs = {"+": "a", "-": "d"}
    diff = [html.Div(f"{sign} {text}", className=signs.get(sign, "m")) for sign, text in finding.fix_lines]
    return [section("Fix", line, *([html.Div(diff, className="diff")] if diff else []),
                    html.P(finding.fix[:1].upper() + finding.fix[1:], className="note"))]


def _said(focus: Focus, finding: Finding) -> list[Any]:
    """The words of the exception, folded."""
    for seq in [finding.seq, *finding.events]:
        if 0 <= seq < focus.replay.n and focus.replay.kind(seq) == "error":
            event = focus.replay.event(seq)
            words = html.P(f"{event.type}: {event.message}", className="msg")
            return [html.Details([html.Summary(html.H3(["What torch said", html.Span(event.type)])), words],
                                 className="sec")]
    return []
