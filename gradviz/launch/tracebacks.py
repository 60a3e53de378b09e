"""A traceback as the script's author expects it: without a frame of ours."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SAMPLES: Final = os.path.join(_PACKAGE, "samples") + os.sep


def clean(exception: BaseException) -> BaseException:
    """Take our frames out of it and of all that it was raised from, raised while handling, or groups."""
    waiting, seen = [exception], {id(exception)}
    while waiting:
        current = waiting.pop()
        current.__traceback__ = _without_ours(current.__traceback__)
        others = [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            others.extend(current.exceptions)
        for other in others:
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
    return exception


def _is_ours(trace: TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file.startswith(_PACKAGE) and not file.startswith(_SAMPLES)


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    current = trace
    while current is not None:
        following = current.tb_next
        while following is not None and _is_ours(following):
            following = following.tb_next
        current.tb_next = following
        current = following
    return trace
