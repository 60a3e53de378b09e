"""A finding: a claim about a recorded run that a person can check."""

from __future__ import annotations

from msgspec import Struct


class Place(Struct, frozen=True, omit_defaults=True):
    """A place in the source, as people count: lines and columns from 1, end exclusive; ``seq`` is the event there."""

    file: str
    line: int
    column: int = 0
    end_column: int = 0
    text: str = ""
    seq: int = -1
    span: int = 0


class Stop(Struct, frozen=True):
    """One stop of the story, in the order in which it is told: its title, the sentence, where, and what to mark.

    ``marks``: (kind of mark, id) with kinds op (event seq), tensor (tid), node (nid).
    """

    title: str
    text: str
    place: Place
    marks: list[tuple[str, int]]


class Finding(Struct, kw_only=True, omit_defaults=True):
    """Fields as ``gradviz check --json`` prints them, those left out that do not apply. ``stops`` are for the UI."""

    kind: str
    severity: str
    title: str
    explanation: str
    fix: str
    op: str | None = None
    expected_version: int | None = None
    actual_version: int | None = None
    root_cause: Place | None = None
    saved_at: Place | None = None
    overwritten_at: Place | None = None
    failed_at: Place | None = None
    events: list[int] = []
    tensors: list[str] = []
    stops: list[Stop] = []
    seq: int = -1
    fix_lines: list[tuple[str, str]] = []
    """The fix as a diff at the root cause: ("+" or " ", line)."""
