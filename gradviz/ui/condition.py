"""What a trace is, in words: whole, still growing, broken off, damaged, or without anything to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gradviz.replay import Replay


class Condition(NamedTuple):
    """``state``: for the top bar; ``about``: what that means, "" for a whole trace; ``empty``: what the panes say
    instead of their content, "" where there are events."""

    state: str
    about: str
    empty: str


def condition(replay: Replay) -> Condition:
    """The condition of a trace as it was read."""
    state, damage, last = replay.state, replay.reader.damage, replay.n - 1
    if replay.n == 0:
        if damage:
            return Condition("damaged", damage, "The trace is damaged before its first event: nothing can be read.")
        if state == "recording":
            return Condition("still recording", _GROWING, "Nothing is recorded yet. Reload the page to see more.")
        if state == "incomplete":
            return Condition("incomplete", _BROKEN, "The recording broke off before its first event.")
        return Condition("complete, no events", "", "The trace holds no event: no tensor was touched.")
    if damage:
        return Condition(f"damaged after event {last:,}", "What follows cannot be read.", "")
    if state == "recording":
        return Condition(f"still recording, read to event {last:,}", _GROWING, "")
    if state == "incomplete":
        return Condition(f"incomplete, broke off after event {last:,}", _BROKEN, "")
    return Condition("complete", "", "")


_GROWING = "The script is still running. The page shows what was written when it was opened; reload it to see more."
_BROKEN = "The recording ended before the script did: it was killed, or the disk was full."
