"""Which part of a run is recorded: some iterations, or all up to the first error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradviz.probe import position

Backward = Callable[..., None]


@dataclass(frozen=True)
class Steps:
    """The iterations to record, counted from 0: every so many, and those in half-open ranges (end None: to the last).

    An iteration ends with its outermost backward call; what follows that call belongs to the next.
    """

    every: int = 0
    ranges: tuple[tuple[int, int | None], ...] = ()

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        if self.every and number % self.every == 0:
            return True
        return any(first <= number and (end is None or number < end) for first, end in self.ranges)

    @classmethod
    def parse(cls, text: str, every: int = 0) -> Steps:
        """``0:3,900:`` as on the command line: ranges as slices have them, and single numbers. Raises ValueError."""
        ranges = []
        for part in text.split(",") if text else []:
            first, colon, end = part.strip().partition(":")
            if not (first.isdecimal() or (colon and not first)) or not (end.isdecimal() or not end):
                raise ValueError(f"{part.strip()!r} is no iteration and no range of them")
            low = int(first or 0)
            high = int(end) if end else None if colon else low + 1
            if high is not None and high <= low:
                raise ValueError(f"{part.strip()!r} holds no iteration")
            ranges.append((low, high))
        return cls(every, tuple(ranges))


def watched(backward: Backward, ended: Callable[[bool], None]) -> Backward:
    """A sink's ``backward`` that tells when an outermost call has ended, and whether it failed."""

    def emit(call: int, phase: str, *rest: object, **named: object) -> None:
        backward(call, phase, *rest, **named)
        if phase != "begin" and not position.within:
            ended(phase == "failed")

    return emit
