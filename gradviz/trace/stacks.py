"""Reading stacks: which of a trace's events have one, and its spans."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz.trace import columns, frames
from gradviz.trace.columns import Ints


class Stacks:
    """``of(seq)``: the ids of the spans above an event, innermost first; empty where none were recorded."""

    def __init__(self) -> None:
        self._stacks: list[tuple[int, ...]] = [()]
        self._first: list[int] = []
        self._parts: list[tuple[Ints, Ints]] = []

    def take(self, payload: bytes, first_seq: int, n: int, spans: int) -> None:
        """A frame, whose chunk has ``n`` events. Raises ValueError where it is not as it should be."""
        before, fresh, raw_places, raw_numbers = frames.unpacked(payload)
        places, numbers = columns.read_ints(raw_places), columns.read_ints(raw_numbers)
        self.know(before, fresh, spans)
        known = len(self._stacks)
        fits = 0 < len(places) == len(numbers) and places[0] >= 0 and places[-1] < n and (
            bool((np.diff(places) > 0).all()) and numbers.min() > 0 and numbers.max() < known)
        if not fits:
            raise ValueError("stacks of no events")
        self._first.append(first_seq)
        self._parts.append((places, numbers))

    def know(self, before: int, fresh: Iterable[Any], spans: int) -> None:
        """Stacks, of which ``before`` came earlier. Raises ValueError where they are none."""
        stacks = [tuple(stack) for stack in fresh]
        if not all(isinstance(span, int) and 0 < span < spans for stack in stacks for span in stack):
            raise ValueError("not a stack")
        if not 0 <= before < len(self._stacks):
            raise ValueError("stacks are missing")
        self._stacks[before + 1:] = stacks

    def of(self, seq: int) -> tuple[int, ...]:
        where = bisect_right(self._first, seq) - 1
        if where < 0:
            return ()
        places, numbers = self._parts[where]
        place = seq - self._first[where]
        at = int(np.searchsorted(places, place))
        return self._stacks[int(numbers[at])] if at < len(places) and places[at] == place else ()
