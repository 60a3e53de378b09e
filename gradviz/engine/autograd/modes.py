"""Grad modes: whether ops record, per thread; as contexts, decorators and functions."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from inspect import isgeneratorfunction
from typing import Any

from gradviz import probe


class _Thread(threading.local):
    mode: str = "grad"
    packs: tuple[Any, ...] = ()
    """Pairs of hooks on what is saved, the innermost last; autograd/packing.py."""
    packs_refused: str | None = None


thread = _Thread()


class _Regions:
    """``off`` counts the regions open in any thread that may not record, ``packs`` those with hooks on what is saved:
    while they are 0, nobody has to ask the (slower) thread-local."""

    __slots__ = ("off", "packs")

    def __init__(self) -> None:
        self.off = self.packs = 0


regions = _Regions()


inference: Any = None
"""The module of that name, which needs this one."""
watch: Callable[[], None] | None = None
"""Called where an op asks whether it records; anomaly mode remembers the place then."""


def enabled() -> bool:
    """Whether ops of this thread record."""
    if watch is not None:
        watch()
    return not regions.off or thread.mode == "grad"


is_grad_enabled = enabled


def is_inference_mode_enabled() -> bool:
    return thread.mode == "inference"


def switch(mode: str) -> str:
    """Set this thread's mode; the one before it."""
    before = thread.mode
    if before != mode:
        regions.off += (mode != "grad") - (before != "grad")
        thread.mode = mode
        if mode == "inference":
            inference.enter()
        elif before == "inference":
            inference.leave()
    return before


class _Mode:
    """A region with another mode: ``with`` statement and decorator."""

    mode = "grad"

    def __new__(cls, function: Any = None, *args: Any) -> Any:
        self = super().__new__(cls)
        if callable(function):  # used as a bare decorator
            self.__init__()  # type: ignore[misc]
            return self(function)
        return self

    def __init__(self, *args: Any) -> None:
        self._before: list[str] = []

    def __enter__(self) -> None:
        self._before.append(thread.mode)
        enter(self.mode)

    def __exit__(self, *exc: object) -> None:
        leave(self.mode, self._before.pop())

    def clone(self) -> _Mode:
        return self.__class__()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(function, type):
            function.__init__ = self(function.__init__)  # type: ignore[misc]
            return function
        if isgeneratorfunction(function):
            return _resuming(self, function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapped


def enter(mode: str) -> None:
    switch(mode)
    if probe.sink is not None:
        probe.sink.mode(mode, True)


def leave(mode: str, before: str) -> None:
    switch(before)
    if probe.sink is not None:
        probe.sink.mode(mode, False)


def _resuming(mode: _Mode, function: Callable[..., Any]) -> Callable[..., Any]:
    """A generator whose body runs in ``mode`` and whose caller does not."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        send, value = generator.send, None
        while True:
            try:
                with mode.clone():
                    result = send(value)
            except StopIteration as end:
                return end.value
            try:
                value = yield result
                send = generator.send
            except GeneratorExit:
                with mode.clone():
                    generator.close()
                raise
            except BaseException as error:
                send, value = generator.throw, error

    return wrapped


class no_grad(_Mode):
    """Nothing in it is recorded for backward."""

    mode = "no_grad"


class enable_grad(_Mode):
    """Recording goes on in it, inside ``no_grad`` too."""

    mode = "grad"


class inference_mode(_Mode):
    """``no_grad``, whose tensors can never take part in recording."""

    def __new__(cls, mode: Any = True) -> Any:
        if callable(mode):
            return super().__new__(cls, mode)
        return object.__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = "inference" if mode else "grad"

    def clone(self) -> inference_mode:
        return inference_mode(self.mode == "inference")


class set_grad_enabled(_Mode):
    """Takes effect at once; as a context it is undone at the end."""

    def __new__(cls, mode: bool) -> Any:
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = "grad" if mode else "no_grad"
        self._prior = thread.mode
        enter(self.mode)

    def __enter__(self) -> None:
        self._before.append(self._prior)
        if thread.mode != self.mode:
            enter(self.mode)

    def clone(self) -> set_grad_enabled:
        return set_grad_enabled(self.mode == "grad")

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        leave(self.mode, self._prior)
        return super().__call__(function)
