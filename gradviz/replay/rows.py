"""Events as rows: what the timeline, the caption, the console and the events table show of each."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from gradviz.replay import narrate
from gradviz.replay.replay import Event, Replay


class Row(Struct, frozen=True):
    """One event. ``lane`` and ``also``: where its block lies (an in-place op is in forward, also in writes);
    ``phase``: the tone; ``step``: its ordinal among steppable events, -1 if one does not stop there; ``label``: a word
    for its block; ``graph``: the graph shown then; ``text``: what was printed; ``parts``: the sentence, with roles;
    ``origin``: of a backward step, the span of the op that it is the backward of."""

    seq: int
    t: int
    kind: str
    lane: str
    also: str
    phase: str
    step: int
    label: str
    span: int
    graph: int
    text: str
    parts: list[tuple[str, str]]
    origin: int = 0


_LANES = {"op": "forward", "backward": "backward", "step": "backward", "accumulate": "backward", "hook_call": "hooks",
          "hook_add": "hooks", "hook_remove": "hooks", "retain_grad": "hooks", "write": "writes", "error": "errors",
          "mark": "marks", "print": "marks"}


def rows(replay: Replay, first: int, last: int) -> list[Row]:
    """The events ``first`` to ``last``, both included."""
    steppable, made = replay.steppable, []
    for seq in range(max(0, first), min(last, replay.n - 1) + 1):
        event = replay.event(seq)
        place = int(np.searchsorted(steppable, seq))
        step = place if place < len(steppable) and steppable[place] == seq else -1
        again = event.kind == "error" and step < 0
        made.append(Row(
            seq=seq, t=event.t, kind=event.kind, lane="" if again else _LANES.get(event.kind, ""), also=_also(event),
            phase=phase(event), step=step, label=_label(replay, event), span=event.span, graph=replay.graph_at(seq),
            text=event.text if event.kind == "print" else "", parts=narrate.parts(replay, seq),
            origin=_origin(replay, event)))
    return made


def _origin(replay: Replay, event: Event) -> int:
    born = replay.node_born(event.nid) if event.kind == "step" else -1
    return int(replay.event(born).span) if born >= 0 else 0


def phase(event: Event) -> str:
    """The tone of an event: forward, backward, hook, write, error or mark."""
    if event.kind == "op":
        return "error" if not event.ok else "write" if event.writes else "forward"
    if event.kind == "step" and not event.ok:
        return "error"
    return {"backward": "backward", "step": "backward", "accumulate": "backward", "hook_call": "hook",
            "hook_add": "hook", "retain_grad": "hook", "write": "write", "error": "error"}.get(event.kind, "mark")


def _also(event: Event) -> str:
    return "writes" if event.kind == "op" and event.writes else ""


def _label(replay: Replay, event: Event) -> str:
    if event.kind == "op":
        if event.writes:
            return replay.label(event.writes[0].tid, event.seq)
        name = replay.name(event.outputs[0].tid, event.seq) if event.outputs else ""
        return name or str(event.name)
    if event.kind == "step":
        node = replay.node(event.nid)
        return node.name.removesuffix("0").removesuffix("Backward") if node else "step"
    if event.kind == "accumulate":
        return f"∇{replay.label(event.tid, event.seq)}"
    if event.kind == "backward":
        return {"begin": "begin", "end": "end", "failed": "failed"}[event.phase]
    return {"hook_call": "hook", "hook_add": "hook +", "hook_remove": "hook -", "retain_grad": "retain",
            "error": "error", "write": "write", "mark": event.kind}.get(event.kind, "")
