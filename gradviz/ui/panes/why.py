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
from gradviz.ui.panes.parts import section, to_event

_HOPS = 50


@dataclass(frozen=True)
class Share:
    """What one node handed to a place: at event ``seq``, on behalf of the tensor ``via``."""

    seq: int
    nid: int
    via: str
    content: Content


def root_label(focus: Focus) -> str:
    """What the derivatives of this graph are of."""
    replay, graph = focus.replay, focus.replay.graphs[focus.scene.graph]
    if graph.begin < 0:
        return "out"
    roots = replay.event(graph.begin).roots
    return replay.label(roots[0].tid, focus.seq) if roots and roots[0].tid else "root"


def shares_of(replay: Replay, call: int, nid: int, slot: int | None, seq: int) -> list[Share]:
    """What had been handed to a node's input by an event of a call, in the order of time; slot None: to any."""
    index, found = replay.index, []
    edges, nodes = index.edges, index.nodes
    firsts = np.searchsorted(edges.parent, edges.parent)
    for row in edges.where("nid", nid):
        if slot is not None and int(edges.ints("slot")[row]) != slot:
            continue
        source = int(nodes.ints("nid")[edges.parent[row]])
        step = _step(replay, source, call, seq)
        place = int(row - firsts[row])
        if step is None or place >= len(step.grads_out):
            continue
        gradient = replay.gradient(step.grads_out[place])
        if gradient is None:
            continue
        tid = replay.output_of(source, 0, seq)
        found.append(Share(step.seq, source, replay.label(tid, seq) if tid else "", inspect.content_of(replay, gradient)))
    return sorted(found, key=lambda share: share.seq)


def _step(replay: Replay, nid: int, call: int, seq: int) -> Any | None:
    steps = replay.index.steps
    for row in steps.where("nid", nid):
        if int(steps.ints("call")[row]) == call and steps.seq[row] <= seq:
            return replay.event(int(steps.seq[row]))
    return None


def section_of(focus: Focus, nid: int) -> list[Any]:
    """The section "Why" of the gradient that enters a node; empty where nothing has flowed there yet."""
    replay, call = focus.replay, focus.replay.graphs[focus.scene.graph].call
    if not nid or not call:
        return []
    passed: list[Share] = []
    shares = shares_of(replay, call, nid, None, focus.seq)
    first = shares
    while len(shares) == 1 and len(passed) < _HOPS:
        passed.append(shares[0])
        shares = shares_of(replay, call, shares[0].nid, None, focus.seq)
    if not first:
        return []
    total = _figure(first)
    chain = [html.Div(["made of ", html.Span(f"∇{share.via}" if share.via else "what came in", className="mono"), " by ",
                       to_event(share.seq, _name(replay, share.nid), "link mono")], className="note") for share in passed[:3]]
    if len(shares) < 2:
        return [section(f"Why {total}?" if total else "Why?", "one path", *chain)] if chain else []
    values = [share.content.array for share in shares]
    bars = _bars(shares)
    terms = [to_event(share.seq, [html.Span(f"via {share.via}" if share.via else _name(replay, share.nid)),
                                  html.Span(_name(replay, share.nid), className="dim"), html.B(_of(share.content))], "term")
             for share in shares]
    met = passed[-1].via if passed else ""
    aside = f"{len(shares)} shares add up" + (f" at {met}" if met else "")
    return [section(f"Why {total}?" if total else "Why?", aside, *bars, *terms, *_total(shares, values), *reversed(chain))]


def _total(shares: list[Share], values: list[Any]) -> list[Any]:
    if any(value is None for value in values):
        return [html.Div("Only norms were kept; record with --values full to see the terms add up.", className="note")]
    summed = sum(value.astype(np.float64) for value in values)
    words = " + ".join(_of(share.content) for share in shares)
    return [html.Div([html.Span(f"{words} = {_of_array(summed)}", className="mono"), html.Span("exact")], className="tot")] if len(
        {_uniform(value) is not None for value in values}) == 1 else []


def _bars(shares: list[Share]) -> list[Any]:
    sizes = [share.content.norm for share in shares]
    if any(size is None or not np.isfinite(size) for size in sizes) or not any(sizes):
        return []
    return [html.Div([html.I(_of(share.content), style={"flex": f"{size:.6g}"}) for share, size in zip(shares, sizes, strict=True)],
                     className="bar", **{"aria-hidden": "true"})]


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
    return _of_array(sum(array.astype(np.float64) for array in arrays))


def _name(replay: Replay, nid: int) -> str:
    node = replay.node(nid)
    return node.name if node else "node"


