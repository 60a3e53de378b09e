"""The values that made a gradient or a value what it is: at the first bad place, or all over a saved tensor."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from gradviz.events import Node
from gradviz.replay import inspect, values
from gradviz.replay.derivative import formula_of
from gradviz.replay.inspect import Content
from gradviz.replay.replay import Event, Replay
from gradviz.replay.storages import content_at

OVERWRITTEN = frozenset({"FillBackward0", "FillBackward1", "FillBackward2", "FillBackward3", "ZeroBackward0",
                         "CopyBackwards"})
"""Nodes that hand on zero along their first edge because their op overwrote what was there."""
_COVERED = frozenset({"MaskedFillBackward0", "MaskedFillBackward1"})
"""Nodes that hand on zero where their mask is."""
_WEIGHING = frozenset({"softmax", "log_softmax", "logsumexp"})
"""Ops that divide by a sum over a row."""


@dataclass(frozen=True)
class Cause:
    """A value that did it, in words; ``tid``: the tensor that should be followed back further, 0 if none."""

    text: str
    tid: int = 0


def state(content: Content) -> str:
    """NaN, Inf or zero (everywhere); "fine" for the rest; empty where it is not known."""
    if content.array is not None:
        array = content.array
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return "NaN" if np.isnan(array).any() else "Inf"
        return "zero" if array.size and not array.any() else "fine"
    figures = content.statistics
    if figures.get("nonfinite"):
        return "NaN" if figures.get("nans") else "Inf"
    if "norm" in figures:
        return "zero" if figures["norm"] == 0 else "fine"
    return "fine" if figures.get("nonfinite") == 0.0 else ""


def value_at(replay: Replay, tid: int, seq: int) -> Content:
    """What was kept of a tensor's content at an event: all of it, or the figures of when it was last told."""
    facts = replay.facts_at(tid, max(seq, replay.born(tid)))
    if facts is None:
        return Content((), "")
    whole, _ = content_at(replay, facts, max(seq, replay.born(tid)))
    if whole is not None:
        return Content(tuple(facts.shape), facts.dtype, whole)
    writes, figures = replay.index.writes, values.statistics(facts.value)
    row = writes.last("sid", facts.sid, seq)
    if row >= 0 and writes.seq[row] > replay.index.facts.seq[replay.index.facts.last("tid", tid, seq)]:
        write = replay.with_value(writes.row(row))
        figures = values.statistics(write.value) if write.tid == tid else {}
    return Content(tuple(facts.shape), facts.dtype, None, figures)


def of_step(replay: Replay, node: Node, edge: int, upstream: Content | None, share: Content, what: str,
            seq: int) -> list[Cause]:
    """Why a node made a share along an edge NaN, Inf or zero from a gradient that was not."""
    if what == "zero" and node.name in OVERWRITTEN and edge == 0:
        return [Cause("what was there was overwritten, so nothing depends on it")]
    if what == "zero" and node.name in _COVERED:
        return [Cause("the mask covers every place where the upstream gradient is not 0")]
    formula = formula_of(node, edge)
    saved = [one for one in (inspect.node(replay, node.nid, seq).saved if node.saved else ())
             if (one.tid or one.content.array is not None) and (not formula or f"{{{one.field}}}" in formula)]
    if what == "zero":
        return [cause for one in saved if (cause := _all_over(one.field, one.label, one.content, upstream))]
    place, found = _first_bad(share), list[Cause]()
    if place is not None and upstream is not None and (came := _there(upstream, place, share)) is not None:
        found.append(Cause(f"upstream {values.short(came)}{_index(place, share)}"))
    for one in saved:
        number = _there(one.content, place, share) if place is not None else None
        if number is not None and place is not None:
            follow = one.tid if not np.isfinite(number) else 0
            where = _index(place, share) if one.content.shape else ""
            found.append(Cause(f"saved {one.field} ({one.label}) is {values.short(number)}{where}", follow))
        elif one.content.array is None:
            follow = one.tid if state(one.content) in ("NaN", "Inf") else 0
            found.append(Cause(f"saved {one.field} ({one.label}): {_figures(one.content)}", follow))
        elif (odd := _odd(one.content)) is not None:
            follow = one.tid if not np.isfinite(odd) else 0
            found.append(Cause(f"saved {one.field} ({one.label}) holds {values.short(odd)}", follow))
    return found


def of_op(replay: Replay, event: Event, tid: int) -> list[str]:
    """The finite values from which an op made one that is not."""
    made = value_at(replay, tid, event.seq)
    place, found = _first_bad(made), list[str]()
    written = {write.tid for write in event.writes}
    for one, _ in event.inputs:
        content = value_at(replay, one, event.seq - 1 if one in written else event.seq)
        label = replay.label(one, event.seq)
        number = _there(content, place, made) if place is not None else None
        if number is not None and place is not None:
            found.append(f"{label} is {values.short(number)}{_index(place, made) if content.shape else ''}")
        elif content.array is None:
            found.append(f"{label}: {_figures(content)}")
    return [*found, *([f"{event.name} was given {event.args}"] if event.args else [])]


def masked(replay: Replay, event: Event, tid: int, by: str, line: int) -> list[str]:
    """Why an op made NaN of a value that is infinite on purpose: a softmax, because nothing is left of a row."""
    at, label = f" at line {line}" if line else "", replay.label(tid, event.seq)
    if event.name not in _WEIGHING:
        return [f"{label} holds what {by}{at} put there"]
    content, rows = value_at(replay, tid, event.seq), "at least one row"
    if content.array is not None and content.array.ndim:
        dim = re.search(r"dim=(-?\d+)", event.args)
        gone = (content.array == -np.inf).all(axis=int(dim[1]) if dim else -1)
        if gone.any():
            rows = f"{np.count_nonzero(gone):,} of {gone.size:,} rows"
    are = "are" if rows[0].isdigit() else "is"
    return [f"{rows} of {label} {are} -inf throughout: {by}{at} masked every entry, so nothing is left to weigh"]


def _first_bad(content: Content) -> int | None:
    if content.array is not None and content.array.dtype.kind in "fc":
        flat = content.array.reshape(-1)
        bad = np.flatnonzero(np.isnan(flat))  # of NaN and Inf, what the answer is about
        bad = bad if len(bad) else np.flatnonzero(~np.isfinite(flat))
        return int(bad[0]) if len(bad) else None
    first = content.statistics.get("first_bad", -1.0)
    return int(first) if first >= 0 else None


def _there(content: Content, place: int | None, like: Content) -> float | None:
    """The number of a tensor at a flat place of another one; None where their shapes do not correspond."""
    array = content.array
    if array is None or place is None or array.dtype.kind not in "fiu":
        return None
    if array.size == 1:
        return float(array.reshape(-1)[0])
    if tuple(content.shape) == tuple(like.shape) and place < array.size:
        return float(array.reshape(-1)[place])
    return None


def _index(place: int, like: Content) -> str:
    return f" at [{', '.join(map(str, np.unravel_index(place, like.shape)))}]" if like.shape else ""


def _odd(content: Content) -> float | None:
    """The first number of a tensor that is not finite, else a zero; None if it holds neither."""
    if content.array is None or content.array.dtype.kind not in "fiu":
        return None
    flat = content.array.reshape(-1)
    odd = flat[~np.isfinite(flat)]
    if not len(odd):
        odd = flat[flat == 0]
    return float(odd[0]) if len(odd) else None


def _all_over(field: str, label: str, content: Content, upstream: Content | None) -> Cause | None:
    """What is true of a saved tensor all over that can make a gradient zero."""
    name, array = f"saved {field} ({label})", content.array
    if state(content) == "zero":
        return Cause(f"{name} is 0 everywhere")
    if array is None or array.dtype.kind not in "fiub" or not array.size:
        return Cause(f"{name}: {_figures(content)}") if array is None else None
    came = upstream.array if upstream is not None else None
    if came is not None and came.shape == array.shape and not (array.astype(bool) & came.astype(bool)).any():
        return Cause(f"{name} is 0 wherever the upstream gradient is not")
    if array.dtype.kind == "b":
        return None
    low, high = float(array.min()), float(array.max())
    if low == high:
        return Cause(f"{name} is {values.short(low)} everywhere")
    return Cause(f"{name} lies between {values.short(low)} and {values.short(high)}")


def _figures(content: Content) -> str:
    told = [f"{name} {values.short(content.statistics[name])}"
            for name in ("norm", "min", "max", "zeros", "nans", "infs") if content.statistics.get(name)]
    return ", ".join(told) if told else "its values were not kept (--values full)"
