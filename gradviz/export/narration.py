"""A run in words, one line an event; and as a timeline that Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from gradviz.replay import Replay
from gradviz.replay.narrate import sentence


def text(replay: Replay, event: int) -> str:
    """The events that one steps on, up to ``event``: number, place and sentence."""
    lines = []
    for seq in (int(seq) for seq in replay.steppable if seq <= event):
        span = replay.span(seq)
        place = f"{PurePath(span.file).name}:{span.line}" if span.line else ""
        lines.append(f"{seq:>7}  {place:<24}  {sentence(replay, seq)}")
    return "\n".join([*lines, ""])


def perfetto(replay: Replay, event: int) -> str:
    """The trace event format, times in µs: backward calls and module calls as spans, steps with their length, the rest
    as instants. Source: the "Trace Event Format" of the Chromium project."""
    told: list[dict[str, Any]] = []
    for seq in range(event + 1):
        one = replay.event(seq)
        common = {"pid": int(replay.meta.get("pid", 0)), "tid": one.thread, "ts": one.t / 1e3, "cat": one.kind}
        if one.kind == "backward":
            told.append(common | {"ph": "B" if one.phase == "begin" else "E", "name": f"backward {one.call}"})
        elif one.kind == "scope":
            told.append(common | {"ph": "B" if one.entered else "E", "name": one.path or one.cls})
        elif one.kind == "step":
            told.append(common | {"ph": "X", "ts": one.begin / 1e3, "dur": (one.t - one.begin) / 1e3,
                                  "name": sentence(replay, seq)})
        elif seq in replay.steppable:
            told.append(common | {"ph": "i", "s": "t", "name": sentence(replay, seq)})
    return json.dumps({"traceEvents": told, "displayTimeUnit": "ns"})
