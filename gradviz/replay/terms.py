"""The terms of a gradient, and the sentences that tell them: the same words for every view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradviz.replay.derivative import figure, in_words
from gradviz.replay.inspect import Content

_SHOWN = 4
"""Places on a single path that are told one by one; of a longer one, the first ones and the last."""


@dataclass(frozen=True)
class Term:
    """What was added. ``kind``: share (handed on by node ``nid`` along ``edge`` at event ``seq``), root (the backward
    call began with it), before (it was in ``.grad`` already, since event ``seq``) or set (it was written there).

    ``via``: the tensor by whose gradient it came; ``upstream``: what had entered the node; ``formula``: LaTeX, for
    whose symbols ``symbols`` stand; ``copies``: how many nodes that only copy lie between; ``folded``: the shape that
    was summed over, where an operand was broadcast; ``operand``: which of several uses by one op this is.
    """

    kind: str
    seq: int
    value: Content
    nid: int = 0
    edge: int = 0
    node: str = ""
    via: str = ""
    tid: int = 0
    line: int = 0
    upstream: Content | None = None
    formula: str = ""
    symbols: tuple[tuple[str, str], ...] = ()
    copies: int = 0
    folded: str = ""
    operand: int = 0
    note: str = ""


@dataclass(frozen=True)
class Step:
    """A change that a hook made to a sum."""

    seq: int
    line: int
    function: str
    edited: bool
    came: Content
    gave: Content


@dataclass(frozen=True)
class Sum:
    """The terms that met at a place and what was recorded of their sum.

    ``label``: whose gradient; ``seq``: when it was whole (-1: not yet); ``changes``: hooks that changed it;
    ``off``: the largest difference between the terms (with changes) and what was recorded, 0 where they add up
    exactly, None where that cannot be said, for ``reason``.
    """

    label: str
    tid: int
    nid: int
    slot: int
    seq: int
    terms: tuple[Term, ...]
    changes: tuple[Step, ...]
    value: Content
    off: float | None
    reason: str = ""


@dataclass(frozen=True)
class Why:
    """A gradient in a backward call, explained. ``sums``: first the gradient asked for, then, while one node gave all
    of it, what had entered that node; the last is where terms met. ``end`` says why it goes no further: met, root,
    outputs (the node took in several gradients, which are not added), far or unknown."""

    label: str
    tid: int
    call: int
    seq: int
    sums: tuple[Sum, ...]
    end: str

    def lines(self) -> list[str]:
        """The answer as plain sentences: the gradient, the path behind it, and where terms met."""
        return _lines(self)


def _lines(answer: Why) -> list[str]:
    told: list[str] = []
    skipped = len(answer.sums) - _SHOWN
    for place, one in enumerate(answer.sums):
        if skipped > 0 and _SHOWN - 1 <= place < len(answer.sums) - 1:
            if place == _SHOWN - 1:
                told.append(f"… {skipped} more on the same path …")
            continue
        told += _sum_lines(one)
    last = answer.sums[-1]
    if answer.end == "outputs":
        told.append("The node took in several gradients, one for each of its outputs: nothing is added there.")
    elif answer.end == "far":
        told.append(f"It goes on on one path: ask again at {last.label}.")
    return told


def _sum_lines(one: Sum) -> list[str]:
    head = one.label if one.label.endswith(".grad") else f"the gradient of {one.label}"
    told = [f"{head} = {figure(one.value)}{'' if one.seq >= 0 else ' so far'}"]
    told += [f"  {term_line(term)}" for term in one.terms]
    told += [f"  {change_line(change)}" for change in one.changes]
    if (check := check_line(one)) and (len(one.terms) > 1 or one.changes or one.off != 0):
        told.append(f"  {check}")
    return told


def term_line(term: Term) -> str:
    """One term: how much, by which tensor and node, and how that node came to it."""
    at = f", line {term.line}" if term.line else ""
    if term.kind == "before":
        return f"{figure(term.value)} was there before: {term.note}{at}{_event(term.seq)}"
    if term.kind == "set":
        return f"{figure(term.value)} was {term.note}{at}{_event(term.seq)}"
    if term.kind == "root":
        return f"{figure(term.value)} is the gradient that backward was called with{at}{_event(term.seq)}"
    operand = f" (operand {term.operand})" if term.operand else ""
    text = f"{figure(term.value)} via {term.via or 'an unnamed tensor'}: {term.node}{operand}{at}{_event(term.seq)}"
    if term.copies:
        text += f", {term.copies} {'copy' if term.copies == 1 else 'copies'} skipped"
    if term.upstream is None:
        return f"{text}; {term.note}"
    text += f"; upstream {figure(term.upstream)}"
    if term.formula:
        text += f", {in_words(term.formula, dict(term.symbols))}"
    if term.folded:
        text += f", summed over the copies of a broadcast ({term.folded})"
    return text


def change_line(change: Step) -> str:
    """What a hook made of a gradient."""
    did = "edited it in place to" if change.edited else "returned"
    at = f" at line {change.line}" if change.line else ""
    return f"hook {change.function}{at} got {figure(change.came)} and {did} {figure(change.gave)}{_event(change.seq)}"


def check_line(one: Sum) -> str:
    """Whether the terms add up to what was recorded."""
    if one.off is None:
        return f"{one.reason[:1].upper()}{one.reason[1:]}." if one.reason else ""
    return f"{equation(one)}, {'exactly' if one.off == 0 else f'apart by at most {one.off:.2g}'}"


def equation(one: Sum) -> str:
    """The terms and what they make, in figures."""
    figures = [figure(term.value) for term in one.terms]
    if one.changes:
        shares = [figure(term.value) for term in one.terms if term.kind != "before"]
        gave = figure(one.changes[-1].gave)
        came = figure(one.changes[0].came)
        told = f"{f'{_plus(shares)} = ' if len(shares) > 1 else ''}{came} came to the hook and {gave} went on"
        kept = [text for text, term in zip(figures, one.terms, strict=True) if term.kind == "before"]
        return f"{told}{f'; {_plus([*kept, gave])} = {figure(one.value)}' if kept else ''}"
    if any(text.startswith("‖") for text in (*figures, figure(one.value))):
        return f"element by element the terms add up to {figure(one.value)}"
    return f"{_plus(figures)} = {figure(one.value)}"


def _plus(figures: Sequence[str]) -> str:
    return " + ".join(f"({text})" if text.startswith("-") else text for text in figures)


def _event(seq: int) -> str:
    return f" (event {seq})" if seq >= 0 else ""
