"""Where the frames of a trace with a budget go: straight on through its first half, then round the second.

The second half holds two segments, written in turn. Each begins with what a reader needs that has lost all between the
first half and there: LATE (spans, sources, stacks, words since the first half) and KEEP (a chunk that tells of what was
alive; who has read all before passes over it). A segment's frames are checked against its number, so that what an
earlier turn left there is none of them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gradviz.trace import frames

LEAST: Final = 1 << 18
"""No budget is smaller."""
Part = tuple[bytes, bytes]


class Ring(NamedTuple):
    """Where the segments lie, and how many spans, stacks and words the first half has."""

    begin: int
    segment: int
    spans: int
    stacks: int
    words: int = 0


class Budget:
    """``limit`` of the part that is being written, and which segment that is; 0 is the first half."""

    def __init__(self, most: int) -> None:
        if most < LEAST:
            raise ValueError(f"a trace of at most {most:,} bytes is too small: {LEAST:,} is the least")
        self.half = most // 2
        self.segment = most // 4
        self.turn = 0
        self.begin = 0
        self.limit = self.half - 256  # room for the RING frame

    def next(self, offset: int) -> int:
        """Where the next segment begins, when the first half has ended at ``offset``, or some segment."""
        if not self.turn:
            self.begin = offset
        self.turn += 1
        start = self.begin + (self.turn - 1) % 2 * self.segment
        self.limit = start + self.segment
        return start


def heads(fd: int, ring: Ring, size: int) -> list[tuple[int, int, int]]:
    """Of each segment that is there, in order: its number, the events before it, where its frames begin."""
    found = []
    for start in (ring.begin, ring.begin + ring.segment):
        try:
            head = frames.read_frame(fd, start, size)
            turn, events = frames.unpacked(head.payload)
        except (frames.Torn, ValueError, TypeError):
            continue
        if head.tag == frames.SEGMENT and isinstance(turn, int) and isinstance(events, int):
            found.append((turn, events, head.end))
    return sorted(found)


def framed(parts: list[Part], turn: int) -> bytes:
    return b"".join(frames.frame(tag, payload, turn) for tag, payload in parts)
