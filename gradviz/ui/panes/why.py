"""Why a gradient is what it is: the recorded shares that were added up, from the nearest place where some met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from dash import html

from gradviz.replay import Replay, inspect
from gradviz.replay.inspect import Content
from gradviz.replay.values import short
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.parts import icon, section, to_event

_HOPS = 50


@dataclass(frozen=True)
class Share:
    """What node ``nid`` handed on at event ``seq``, into input ``slot`` of another; ``via``: the tensor it came by."""

    seq: int
    nid: int
    slot: int
    via: str
    content: Content


def root_label(focus: Focus) -> str:
    """What the derivatives of this graph are of."""
    replay, graph = focus.replay, focus.replay.graphs[focus.scene.graph]
    if graph.begin < 0:
        return "out"
    roots = replay.event(graph.begin).roots
    return replay.label(roots[0].tid, focus.seq) if roots and roots[0].tid else "root"


def section_of(focus: Focus, nid: int, slot: int | None = None) -> list[Any]:
    """The section "Why" of the gradient that enters a node (at an output); empty where nothing has flowed there."""
    replay, call = focus.replay, focus.replay.graphs[focus.scene.graph].call
    if not nid or not call:
        return []
    first = shares = shares_of(replay, call, nid, slot, focus.seq)
    passed: list[Share] = []
    place = nid
    while len(shares) == 1 and len(passed) < _HOPS:
        passed.append(shares[0])
        place = shares[0].nid
        shares = shares_of(replay, call, place, None, focus.seq)
    if not first:
        return []
    if len({share.slot for share in shares}) > 1:  # they meet a node with several outputs: nothing is added there
        shares = []
    total = _figure(first)
    title = f"Why {total}?" if total else "Why?"
    chain = _chain(replay, passed)
    if len(shares) < 2:
        return [section(title, "one path", *chain)] if chain else []
    terms = [
        to_event(
            share.seq,
            [
                html.Span(f"via {share.via}" if share.via else _name(replay, share.nid)),
                html.Span(_name(replay, share.nid), className="dim"),
                html.B(_of(share.content)),
            ],
            "term",
        )
        for share in shares
    ]
    aside = f"{len(shares)} shares add up" + (f" at {passed[-1].via}" if passed and passed[-1].via else "")
    return [
        section(
            title,
            aside,
            *_bars(shares),
            *terms,
            _total(shares, _arrived(replay, call, place, shares[0].slot, focus.seq)),
            *chain,
        )
    ]


def shares_of(replay: Replay, call: int, nid: int, slot: int | None, seq: int) -> list[Share]:
    """What had been handed to a node by an event of a call, in the order of time; slot None: to any of its inputs."""
    edges, nodes, found = replay.index.edges, replay.index.nodes, []
    firsts = np.searchsorted(edges.parent, edges.parent)
    for row in edges.where("nid", nid):
        into = int(edges.ints("slot")[row])
        source = int(nodes.ints("nid")[edges.parent[row]])
        step = _step(replay, source, call, seq)
        place = int(row - firsts[row])
        if (slot is not None and into != slot) or step is None or place >= len(step.grads_out):
            continue
        gradient = replay.gradient(step.grads_out[place])
        if gradient is not None:
            tid = replay.output_of(source, 0, seq)
            found.append(
                Share(
                    step.seq, source, into, replay.label(tid, seq) if tid else "", inspect.content_of(replay, gradient)
                )
            )
    return sorted(found, key=lambda share: share.seq)


def _chain(replay: Replay, passed: list[Share]) -> list[Any]:
    """Through which nodes the sum came here, the nearest last."""
    if not passed:
        return []
    names = [to_event(share.seq, _name(replay, share.nid), "link mono") for share in reversed(passed[:4])]
    words: list[Any] = [
        part for place, name in enumerate(names) for part in ((" then " if place else "through "), name)
    ]
    more = len(passed) - 4
    return [
        html.Div(
            [*words, f", {more} more before" if more > 0 else "", f" = {_of(passed[0].content)}"], className="note"
        )
    ]


def _step(replay: Replay, nid: int, call: int, seq: int) -> Any | None:
    steps = replay.index.steps
    for row in steps.where("nid", nid):
        if int(steps.ints("call")[row]) == call and steps.seq[row] <= seq:
            return replay.event(int(steps.seq[row]))
    return None


def _arrived(replay: Replay, call: int, nid: int, slot: int, seq: int) -> Any | None:
    """What a node took in once all its shares were there, as recorded; None where it has not run or was not kept."""
    step = _step(replay, nid, call, seq)
    if step is not None:
        row = step.grads_in[slot] if slot < len(step.grads_in) else None
    else:
        rows = replay.index.accumulates
        last = next(
            (row for row in rows.where("nid", nid) if int(rows.ints("call")[row]) == call and rows.seq[row] <= seq),
            None,
        )
        row = None if last is None else replay.event(int(rows.seq[last])).added
    gradient = None if row is None else replay.gradient(row)
    return None if gradient is None else inspect.content_of(replay, gradient).array


def _total(shares: list[Share], arrived: Any | None) -> html.Div:
    """The terms and their sum, and whether that is what was recorded."""
    arrays = [share.content.array for share in shares]
    if any(array is None for array in arrays):
        return html.Div("Only norms were kept: record with --values full to see the terms add up.", className="note")
    summed = sum(array.astype(np.float64) for array in arrays if array is not None)
    if all(_uniform(array) is not None for array in arrays):
        words = " + ".join(_of(share.content) for share in shares) + f" = {_of_array(summed)}"
    else:
        words = f"element by element: {_of_array(summed)}"
    return html.Div([html.B(words), _agrees(summed, arrived)], className="tot")


def _agrees(summed: Any, arrived: Any | None) -> html.Span:
    if arrived is None:
        return html.Span("so far", className="dim")
    with np.errstate(all="ignore"):
        off = float(np.max(np.abs(summed - arrived), initial=0.0))
    if off == 0:
        return html.Span([icon("ok"), "exact"])
    if not np.isfinite(off):
        return html.Span("not finite", className="dim")
    size = float(np.max(np.abs(arrived), initial=0.0)) or 1.0
    if off / size < 1e-5:
        return html.Span([icon("ok"), f"rounding {off:.1g}"])
    return html.Span("a hook changed the sum", className="dim")


def _bars(shares: list[Share]) -> list[Any]:
    sizes = [share.content.norm for share in shares]
    if any(size is None or not np.isfinite(size) for size in sizes) or not any(sizes):
        return []
    return [
        html.Div(
            [
                html.I(_of(share.content), style={"flex": f"{size:.6g}"})
                for share, size in zip(shares, sizes, strict=True)
            ],
            className="bar",
            **{"aria-hidden": "true"},
        )
    ]


def _uniform(array: Any) -> float | None:
    flat = array.reshape(-1)
    return float(flat[0]) if flat.size and (flat == flat[0]).all() else None


def _of_array(array: Any) -> str:
    same = _uniform(array)
    return short(same) if same is not None else f"‖{short(float(np.linalg.norm(array)))}‖"


def _of(content: Content) -> str:
    if content.array is not None and content.array.size:
        return _of_array(content.array)
    return f"‖{short(content.norm)}‖" if content.norm is not None else "?"


def _figure(shares: list[Share]) -> str:
    arrays = [share.content.array for share in shares]
    if any(array is None for array in arrays):
        return ""
    return _of_array(sum(array.astype(np.float64) for array in arrays if array is not None))


def _name(replay: Replay, nid: int) -> str:
    node = replay.node(nid)
    return node.name if node else "node"
