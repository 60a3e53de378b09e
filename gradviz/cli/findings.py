"""Findings in the terminal, as text or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from gradviz.findings import Finding, Place

_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
_PAGE_ONLY = ("stops", "seq", "fix_lines")


def failing(findings: Sequence[Finding]) -> bool:
    """Is there one that a build should fail for?"""
    return any(finding.severity in ("error", "warning") for finding in findings)


def as_json(finding: Finding) -> dict[str, Any]:
    """Its fields without what only the page needs; those that do not apply are left out."""
    fields: dict[str, Any] = msgspec.to_builtins(finding)
    told = {name: value for name, value in fields.items() if name not in _PAGE_ONLY}
    for place in (value for value in told.values() if isinstance(value, dict)):
        place.pop("span", None)
    return told


def as_text(finding: Finding, width: int) -> str:
    """What happened, where, why it matters and what to do, for a person."""
    head = click.style(f"{finding.severity}: ", fg=_COLOURS[finding.severity], bold=True)
    parts = [head + click.style(finding.title, bold=True)]
    if finding.root_cause is not None:
        parts.append(_place(finding.root_cause))
    steps = (("saved", finding.saved_at), ("overwritten", finding.overwritten_at), ("failed", finding.failed_at))
    parts += [f"  {name:<12} line {place.line}{_quoted(place)}" for name, place in steps if place is not None]
    parts.append(_wrapped(finding.explanation, width))
    if finding.fix:
        parts.append(_wrapped(f"fix: {finding.fix}", width))
    parts += [f"    {sign} {line}" for sign, line in finding.fix_lines]
    return "\n".join(parts)


def in_one_line(finding: Finding) -> str:
    """The gist, for the end of a run."""
    written, saved = finding.overwritten_at, finding.saved_at
    if written is not None and saved is not None and finding.tensors:
        return f"{finding.tensors[0]} overwritten at line {written.line} (saved at {saved.line})"
    where = f" (line {finding.root_cause.line})" if finding.root_cause is not None else ""
    return finding.title + where


def _place(place: Place) -> str:
    return f"  {place.file}:{place.line}:{place.column}{_quoted(place)}"


def _quoted(place: Place) -> str:
    return f"  {' '.join(place.text.split())}" if place.text else ""


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  ")
                     for line in text.splitlines())
