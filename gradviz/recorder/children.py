"""Forked children: each records into a file of its own, or says that it does not."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap
from typing import Any, ClassVar, Protocol

from gradviz import probe


class Waiting:
    """The sink of a child that has told nothing yet: most children never do, and leave no file."""

    def __init__(self, begin: Callable[[], Any]) -> None:
        self._begin = begin
        self._begun: Any = None

    def begin(self) -> Any:
        """The recorder, which is the sink from now on."""
        if self._begun is None:
            probe.sink = None
            try:
                self._begun = self._begin()
            except Exception as error:
                say(f"child process {os.getpid()} is not recorded: {error}")
                self._begun = probe.sink = Deaf()  # type: ignore[assignment]
        return self._begun

    def __getattr__(self, name: str) -> Any:
        return getattr(self.begin(), name)


class Deaf:
    """Hears everything and notes nothing."""

    values = "none"
    words: ClassVar[dict[Any, int]] = {}

    def clock(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *fields, **named: None


def path_of_child(path: str) -> str:
    """``run.gvt`` gives ``run.<pid>.gvt``."""
    stem, suffix = os.path.splitext(path)
    return f"{stem}.{os.getpid()}{suffix}"


_said: list[mmap] = []
"""A byte that all children share: whether one has said that it is left out."""


def new_run() -> None:
    _said.clear()


def before_fork() -> None:
    if not _said:
        with suppress(OSError):
            _said.append(mmap(-1, 1))


def says_it_is_left_out() -> Callable[[], None]:
    """What is to be called when a backward call of a child was not recorded. One child says it for all."""

    def unheard() -> None:
        probe.unheard = None
        if not any(byte[0] for byte in _said):
            for byte in _said:
                byte[0] = 1
            say(f"child process {os.getpid()} is not recorded: --follow-fork records children too")

    return unheard


def say_recorded(path: str) -> None:
    say(f"child process {os.getpid()} is recorded: gradviz view {shlex.quote(os.path.relpath(path))}")


def say(words: str) -> None:
    with suppress(Exception):
        sys.stderr.write(f"[gradviz] {words}\n")
        sys.stderr.flush()


class Stops(Protocol):
    def stop(self) -> None: ...


def at_end(recorder: Stops) -> None:
    """A child of multiprocessing ends without exit functions, but runs its own finalisers."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(recorder, lambda one: util.Finalize(None, one.stop, exitpriority=-1000))
