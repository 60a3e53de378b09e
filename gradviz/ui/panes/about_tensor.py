"""A tensor: its value and gradient, why the gradient is that, its versions and who shares its storage."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from dash import html

from gradviz.replay import inspect, values, writers
from gradviz.replay.inspect import Content, TensorView
from gradviz.replay.storages import content_at
from gradviz.replay.values import shape_text
from gradviz.ui.panes import hooks, numbers, owner, why
from gradviz.ui.panes.about_line import source_of
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import mark, mono, section, tag, title, to_element, to_event

_TOLD = 6
"""Versions that are told of, the newest."""
_DRAWN = 12
"""Versions up to which the bar begins where the tensor was made; else it is that of the picture."""
_ALIASES = 10
"""Aliases of a storage that are drawn."""


def answer(focus: Focus, tid: int) -> list[Any]:
    view = inspect.tensor(focus.replay, tid, focus.seq)
    facts = view.facts
    kind = "input" if not facts.requires_grad else "leaf" if facts.is_leaf else "tensor"
    tone = {"input": "ng", "leaf": "leaf"}.get(kind, "op")
    parts: list[Any] = [title(mark(kind, "live"), view.label, _origin(focus, view), _tags(view))]
    grad, label = _gradient(focus, view)
    pair = "pair stacked" if numbers.wide(view.value) or numbers.wide(grad) else "pair"
    parts.append(
        html.Div(
            html.Div(
                [
                    html.Div([html.Div("value", className="lbl"), *numbers.shown(view.value, tone)]),
                    html.Div(
                        [
                            html.Div(label, className="lbl mono" if label.endswith(".grad") else "lbl"),
                            *numbers.shown(_unsaid(grad), "flow"),
                        ]
                    ),
                ],
                className=pair,
            ),
            className="sec",
        )
    )
    slot = view.facts.output if view.facts.grad_fn else None
    parts += why.section_of(focus, _port(focus, view), slot) or why.of_tensor(focus, tid)
    parts += why.absent(focus, tid) if grad.reason.startswith("None") else why.began(focus, tid, grad)
    parts += why.made_bad(focus, tid, view.value)
    parts += hooks.section_of(focus, "tensor", tid)
    parts += owner.gradients_of(focus, view)
    parts += owner.section_of(focus, view)
    if view.used_by:
        users = [
            part
            for seq, name in view.used_by[-8:]
            for part in (
                to_event(seq, name, "link mono"),
                html.Span(focus.text(seq), className="mono dim"),
                html.Span(focus.at_line(seq), className="x"),
            )
        ]
        parts.append(section("Used by", str(len(view.used_by)), html.Div(users, className="kv")))
    parts += _versions(focus, view)
    parts += _storage(focus, view)
    parts += source_of(focus, view.made_at)
    return parts


def _unsaid(grad: Content) -> Content:
    """A gradient that is None without its reason: the section below has all of them."""
    return replace(grad, reason="None") if grad.reason.startswith("None") else grad


def _origin(focus: Focus, view: TensorView) -> list[Any]:
    text, line = focus.text(view.made_at), focus.at_line(view.made_at)
    by: list[Any] = ["a view of ", mono(view.base), " by "] if view.facts.how == "view" and view.base else [
        "made by " if view.made_by else "first seen in "]
    return [
        *by,
        mono(text or view.made_by or "the script"),
        *([", ", to_event(view.made_at, line)] if line else []),
        *([": the gradient of ", mono(view.gradient_of)] if view.gradient_of else []),
    ]


def _tags(view: TensorView) -> list[Any]:
    facts = view.facts
    tags = [tag(shape_text(facts.shape)), tag(facts.dtype), tag(facts.device)]
    if facts.requires_grad and facts.is_leaf:
        tags.append(tag("leaf, takes grad", "leaf"))
    elif not facts.requires_grad:
        tags.append(tag("no grad"))
    else:
        tags.append(tag("not a leaf"))
    if view.retains_grad and not facts.is_leaf:
        tags.append(tag("retains grad", "flow"))
    if view.hooks:
        tags.append(tag("1 hook" if len(view.hooks) == 1 else f"{len(view.hooks)} hooks", "op"))
    return tags


def _port(focus: Focus, view: TensorView) -> int:
    """The node that takes this tensor's gradient in."""
    if view.facts.grad_fn:
        return view.facts.grad_fn
    return next(
        (
            node.ref["nid"]
            for node in focus.scene.nodes
            if node.kind == "accumulate" and node.ref.get("tid") == view.tid
        ),
        0,
    )


def _gradient(focus: Focus, view: TensorView) -> tuple[Content, str]:
    """``.grad``; else what passed through, where that is known."""
    if view.grad.reason.startswith("None") and view.facts.requires_grad and not view.facts.is_leaf:
        call = focus.replay.graphs[focus.scene.graph].call
        slot = view.facts.output
        steps = focus.replay.index.steps
        for row in steps.where("nid", view.facts.grad_fn):
            if steps.ints("call")[row] == call and steps.seq[row] <= focus.seq:
                came = focus.replay.event(int(steps.seq[row])).grads_in
                if slot < len(came) and (gradient := focus.replay.gradient(came[slot])) is not None:
                    return inspect.content_of(focus.replay, gradient), "gradient, not kept"
    return view.grad, f"{view.label}.grad"


def _versions(focus: Focus, view: TensorView) -> list[Any]:
    """Who wrote it when, and what it held then; with the writes that its counter did not see."""
    missed = writers.unnoticed(focus.replay, view.facts, focus.seq)
    if len(view.versions) < 2 and not missed:
        return []
    born = view.versions[0].seq if len(view.versions) <= _DRAWN else focus.scene.first
    first, last = min(born, focus.scene.first), max(focus.scene.last, focus.seq)
    bar = versions_bar(focus, view, first, last)
    every = sorted([*view.versions, *missed], key=lambda version: version.seq)
    rows = [
        part
        for version in every[-_TOLD:]
        for part in (
            mono(f"v{version.version}") if version.version >= 0 else html.Span(
                "–", className="badd", title="not counted: backward cannot notice this write"),
            html.Span([_written(focus, view, version), html.Div(_held(focus, view, version), className="mono dim")]),
            to_event(version.seq, focus.at_line(version.seq), "link x")
            if focus.at_line(version.seq)
            else html.Span(),
        )
    ]
    times = len(every) - 1
    told = "overwritten once" if times == 1 else f"overwritten {times:,} times"
    note = [html.Div(f"{len(missed)} not counted (–): backward cannot notice", className="note badd")] if missed else []
    more = [html.Div(f"and {len(every) - _TOLD:,} earlier", className="note")] if len(every) > _TOLD else []
    return [section("Versions", told, bar, *more, html.Div(rows, className="rowlist"), *note)]


def _held(focus: Focus, view: TensorView, version: inspect.Version) -> str:
    """What the tensor held from a version on, in a few characters."""
    content, _ = content_at(focus.replay, view.facts, version.seq)
    if content is not None:
        shape = tuple(view.facts.shape)
        kept = content.tobytes()
        dtype = str(content.dtype)
        return values.few(kept, shape, dtype) or values.summary(kept, shape, dtype)
    writes = focus.replay.index.writes
    for row in writes.where("seq", version.seq).tolist():
        write = focus.replay.with_value(writes.row(row))
        if write.tid == view.tid and (norm := values.statistics(write.value).get("norm")) is not None:
            return f"‖{values.short(norm)}‖"
    return ""


def _written(focus: Focus, view: TensorView, version: inspect.Version) -> html.Span:
    """Who made a version: the expression, and through which alias where that is another tensor."""
    if not version.via:
        return html.Span("as it was made")
    text = focus.text(version.seq)
    through = [" through ", mono(version.via)] if version.via != view.label else []
    return html.Span([mono(text or version.by), *through])


def versions_bar(focus: Focus, view: TensorView, first: int, last: int, broken: int = -1) -> html.Div:
    """The versions over some events; the one of event ``broken`` is hatched."""
    span = max(1, last - first)
    ends = [*(version.seq for version in view.versions[1:]), last]
    parts: list[Any] = []
    for version, end in zip(view.versions, ends, strict=True):
        begin, end = max(first, version.seq), min(last, end)
        if begin >= end:
            continue
        left, width = 100 * (begin - first) / span, 100 * (end - begin) / span
        parts.append(
            html.Div(
                f"v{version.version}",
                className="seg bad" if version.seq == broken else "seg",
                style={"left": f"{left:.1f}%", "width": f"calc({width:.1f}% - 2px)"},
            )
        )
    parts.append(html.Div(className="now", style={"left": f"{100 * (focus.seq - first) / span:.1f}%"}))
    return html.Div(parts, className="vers")


def _storage(focus: Focus, view: TensorView) -> list[Any]:
    alone = len(view.aliases) <= 1
    size = f"{view.storage_bytes:,} bytes"
    written = "never overwritten" if len(view.versions) < 2 else f"version {view.versions[-1].version}"
    if alone:
        return [section("Storage", f"{size}, no alias, {written}")]
    reach = max([alias.offset + max(1, _extent(alias)) for alias in view.aliases] + [1])
    bars = [_bar(focus, alias, reach, alias.tid == view.tid) for alias in view.aliases[:_ALIASES]]
    more = len(view.aliases) - _ALIASES
    rest = [html.Div(f"and {more:,} more", className="note")] if more > 0 else []
    return [section("Storage", f"{size}, {len(view.aliases)} aliases", html.Div(bars, className="sto"), *rest)]


def _bar(focus: Focus, alias: inspect.Alias, reach: int, me: bool) -> Any:
    """Where in the storage an alias lies; hatched where it leaves places out. A click selects it."""
    left, width = 100 * alias.offset / reach, 100 * max(1, _extent(alias)) / reach
    how = f" · {alias.how}" if alias.how in ("view", "detach", "data") else ""
    holes = math.prod(alias.shape) < _extent(alias)
    bar = html.I(className="holes" if holes else None, style={"left": f"{left:.1f}%", "width": f"{width:.1f}%"})
    words = html.Span(f"{alias.label}{how}", style={"left": f"min({left:.1f}%,60%)"})
    return to_element(focus.glyph_of(tid=alias.tid), [bar, words], "al me" if me else "al")


def _extent(alias: inspect.Alias) -> int:
    return sum((n - 1) * step for n, step in zip(alias.shape, alias.stride, strict=True)) + 1
