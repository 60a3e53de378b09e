"""The user's frames above an event: who called what called it."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from types import FrameType
from typing import Any, Final

from gradviz.recorder.sites import Above, Place, Roles

ALWAYS: Final = ("scope", "backward")
"""Kinds whose events have it without being asked: few, and what happens in them refers to them."""
_MOST: Final = 100
"""Frames of a stack: a recursion shows its inner end."""


class Stack(Above):
    """All of them, innermost first, in place of the few above a value that is returned at once."""

    __slots__ = ()


def stack(frame: FrameType, place: Place, roles: Roles) -> Place | Stack:
    """A place with the user's frames above the one that it is in."""
    found = [place]
    outer = frame.f_back
    while outer is not None and len(found) <= _MOST:
        code = roles.learn(outer.f_code)
        if code.user:
            found.append(code.place(outer.f_lasti))
        outer = outer.f_back
    return Stack(found) if len(found) > 1 else place


class Stacks:
    """Numbers the stacks of events of some kinds."""

    def __init__(self, span_of: Callable[[Place], int], kinds: Container[int]) -> None:
        self._span_of = span_of
        self._kinds = kinds
        self._known: dict[tuple[int, ...], int] = {}
        self._fresh: list[tuple[int, ...]] = []

    def of(self, kinds: bytes, rows: Mapping[int, list[Any]],
           ) -> tuple[list[tuple[int, ...]], list[int], list[int]] | None:
        """Of a chunk: the new stacks, the positions of events that have one, and which; None where none has."""
        stacked: dict[int, Iterator[Any]] = {code: iter(noted) for code, noted in rows.items() if code in self._kinds}
        if not stacked:
            return None
        places, numbers = [], []
        for found in re.finditer(b"[" + re.escape(bytes(stacked)) + b"]", kinds):
            one = next(stacked[found[0][0]])[1]
            if one.__class__ is Stack:
                places.append(found.start())
                numbers.append(self._number(one))
        fresh, self._fresh = self._fresh, []
        return (fresh, places, numbers) if places else None

    def _number(self, found: Stack) -> int:
        spans = tuple(place.span or self._span_of(place) for place in found[1:])
        number = self._known.get(spans)
        if number is None:
            number = self._known[spans] = len(self._known) + 1
            self._fresh.append(spans)
        return number
