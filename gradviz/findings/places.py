"""Where in the source an event happened, and whether its exception left the script."""

from __future__ import annotations

import os

from gradviz.findings.model import Place
from gradviz.replay import Event, Replay


def place_of(replay: Replay, seq: int) -> Place:
    """The exact expression of an event."""
    span = replay.span(seq)
    end = span.end_column if span.end_line == span.line else len(replay.line(span.file, span.line))
    return Place(span.file, span.line, span.column + 1, end + 1, replay.source_text(span), seq, span.id)


def line_of(replay: Replay, place: Place) -> str:
    """line 3, or line 3 of layers.py where that is not the script that was run."""
    script = str(replay.meta.get("script") or "")
    name = os.path.basename(place.file)
    return f"line {place.line}" if os.path.basename(script) == name else f"line {place.line} of {name}"


def severity_of(replay: Replay, error: Event) -> str:
    """error if the exception left the script, info if the script caught it."""
    errors = replay.index.errors
    same = errors.where("number", error.number)
    return "error" if errors.flags("uncaught")[same].any() else "info"


def errors_of(replay: Replay) -> list[Event]:
    """The error events, the first sight of each exception only."""
    seen: dict[int, Event] = {}
    for seq in replay.events("error"):
        event = replay.event(seq)
        seen.setdefault(event.number, event)
    return list(seen.values())


def call_begin(replay: Replay, seq: int) -> int:
    """The begin of the backward call that runs at an event: its statement is what failed in the script."""
    backwards = replay.index.backwards
    phases = backwards.texts("phase")
    open_calls: list[int] = []
    for row in range(len(backwards)):
        if backwards.seq[row] > seq:
            break
        if phases.texts[phases.index[row]] == "begin":
            open_calls.append(int(backwards.seq[row]))
        elif open_calls:
            open_calls.pop()
    return open_calls[0] if open_calls else -1
