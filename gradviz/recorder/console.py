"""What the script prints becomes events too, while the streams stay the script's own objects."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

STREAMS: Final = ("stdout", "stderr")
_LONGEST: Final = 8192
"""Characters of one event; what is written without an end of line is cut here."""

Site = Any
Locate = Callable[[FrameType], Site]
Printed = Callable[[Site, str, str], None]


class Console:
    """Listens to ``write`` of the streams of the moment it is opened.

    ``locate`` says where a frame is, once a line; ``printed(that, text, stream)`` is told the line.
    """

    def __init__(self, locate: Locate, printed: Printed) -> None:
        self._locate = locate
        self._printed = printed
        self._open: list[_Stream] = []

    def open(self) -> None:
        for name in STREAMS:
            stream = getattr(sys, name)
            if stream is not None:
                with suppress(AttributeError, TypeError):  # a stream that cannot be listened to
                    self._open.append(_Stream(name, stream, self._locate, self._printed))

    def flush(self) -> None:
        for stream in self._open:
            stream.flush()

    def close(self) -> None:
        for stream in self._open:
            stream.close()
        self._open.clear()


class _Stream:
    """One stream. The pieces of one print() call make one event a line: they come from the same place in the code."""

    def __init__(self, name: str, stream: Any, locate: Locate, printed: Printed) -> None:
        self._name = name
        self._stream = stream
        self._locate = locate
        self._printed = printed
        self._pieces: list[str] = []
        self._length = 0
        self._site: Site = None
        self._from = (0, 0)  # the caller's frame by its id: a frame that is kept would keep the script's objects
        original = stream.write

        def write(text: str) -> int:
            count: int = original(text)
            with suppress(ValueError):  # the interpreter itself writes, with no frame below
                self._wrote(text, sys._getframe(1))
            return count

        self._listener = write
        self._stream.write = write

    def _wrote(self, text: str, frame: FrameType) -> None:
        if text.startswith("[gradviz] "):  # ours are no words of the script
            return
        where = id(frame), frame.f_lasti
        if self._pieces and where != self._from:
            self.flush()
        if not self._pieces:
            self._site, self._from = self._locate(frame), where
        self._pieces.append(text)
        self._length += len(text)
        if text.endswith("\n") or self._length > _LONGEST:
            self.flush()

    def flush(self) -> None:
        text, self._pieces, self._length = "".join(self._pieces), [], 0
        if len(text) > _LONGEST:
            text = text[:_LONGEST] + "…"
        if text:
            self._printed(self._site, text, self._name)

    def close(self) -> None:
        self.flush()
        if self._stream.__dict__.get("write") is self._listener:  # else the script put its own there
            del self._stream.write
