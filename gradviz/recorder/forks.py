"""Keeps a recording out of forked children: its thread is stopped around the fork, and the child records nothing."""

from __future__ import annotations

import os
from typing import Protocol

from gradviz.recorder import children


class Watched(Protocol):
    def before_fork(self) -> None: ...
    def after_fork_in_parent(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


_watched: list[Watched] = []
_registered = False


def watch(recorder: Watched) -> None:
    global _registered  # the interpreter cannot be told to forget these functions, so it is told once
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
        _registered = True
    _watched.append(recorder)
    children.new_run()


def unwatch(recorder: Watched) -> None:
    if recorder in _watched:
        _watched.remove(recorder)


def _before() -> None:
    if _watched:
        children.before_fork()
    for recorder in _watched:
        recorder.before_fork()


def _in_parent() -> None:
    for recorder in _watched:
        recorder.after_fork_in_parent()


def _in_child() -> None:
    for recorder in _watched:
        recorder.after_fork_in_child()
    _watched.clear()
