"""Exceptions that were told, to know them again when they leave the script."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from gradviz.recorder.sites import NOWHERE, OURS, Place, Roles


class _Told(NamedTuple):
    identity: int
    fields: tuple[Any, ...]


class Errors:
    """The last error events."""

    def __init__(self) -> None:
        self._told: list[_Told] = []

    def note(self, fields: tuple[Any, ...]) -> None:
        """An error event: mostly of the exception that is being handled."""
        exception = sys.exc_info()[1]
        same = exception is not None and (type(exception).__name__, text_of(exception)) == fields[1:3]
        self._told.append(_Told(id(exception) if same else 0, fields))
        del self._told[:-64]

    def known(self, exception: BaseException) -> tuple[Any, ...] | None:
        """The fields of its last event. An id may be used again: type and text must agree as well."""
        name, text = type(exception).__name__, text_of(exception)
        same = [told for told in reversed(self._told) if told.fields[1:3] == (name, text)]
        exact = next((told for told in same if told.identity == id(exception)), None)
        found = exact or next((told for told in same if not told.identity), None)
        return None if found is None else found.fields

    def fields_of(self, exception: BaseException) -> tuple[Any, ...]:
        """Those of the event that it has left the script: the known ones, or new ones."""
        number = max((told.fields[0] for told in self._told), default=0) + 1
        return self.known(exception) or (
            number, type(exception).__name__, text_of(exception), 0, 0, "", 0, -1, -1)


def raised_at(exception: BaseException, roles: Roles) -> Place:
    """The innermost place of the user's in its traceback, else the outermost that is not ours."""
    site = NOWHERE
    trace = exception.__traceback__
    while trace is not None:
        code = roles.learn(trace.tb_frame.f_code)
        if code.user or (code.role != OURS and site is NOWHERE):
            site = code.place(trace.tb_lasti)
        trace = trace.tb_next
    return site


def causes(exception: BaseException) -> list[BaseException]:
    """What it was raised from or while handling, first cause first."""
    found: list[BaseException] = []
    seen = {id(exception)}
    current: BaseException | None = exception
    while current is not None:
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current is None or id(current) in seen:
            break
        seen.add(id(current))
        found.append(current)
    return found[::-1]


def text_of(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:
        return "<its text cannot be made>"
