"""Hooks and their handles."""

from __future__ import annotations

from collections.abc import Callable
from opcode import opmap
from typing import Any

from gradviz import probe


class RemovableHandle:
    """What registering a hook gives; ``remove()`` takes it away."""

    __module__ = "torch.utils.hooks"
    __slots__ = ("__weakref__", "_hook", "_id", "_where")

    def __init__(self, where: dict[Any, Any], hook: Callable[..., Any]) -> None:
        self._where, self._hook, self._id = where, hook, 0
        where[self] = hook

    def number(self) -> int:
        if not self._id:
            self._id = probe.new_hook()
        return self._id

    id = property(number)

    def remove(self) -> None:
        if self._where.pop(self, None) is not None and probe.sink is not None:
            probe.sink.hook_remove(self.number())

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class NodeHooks:
    """Hooks of one node: ``pre`` and ``post`` of the node, and per output of it those of tensors and retain_grad."""

    __slots__ = ("post", "pre", "retain", "tensor")

    def __init__(self) -> None:
        self.pre: dict[RemovableHandle, Any] = {}
        self.post: dict[RemovableHandle, Any] = {}
        self.tensor: dict[int, dict[RemovableHandle, Any]] = {}
        self.retain: dict[int, Any] = {}
        """Weak references to the tensors whose gradient is kept."""


class LeafHooks:
    """Hooks of a leaf; they live with the tensor, since its AccumulateGrad comes and goes."""

    __slots__ = ("post_accumulate", "tensor")

    def __init__(self) -> None:
        self.tensor: dict[RemovableHandle, Any] = {}
        self.post_accumulate: dict[RemovableHandle, Any] = {}


_returns: dict[Any, tuple[Any, int]] = {}


def return_site(hook: Callable[..., Any]) -> object:
    """Where a hook's call returned, if it has one place to return from; else where it starts."""
    code = _code(hook)
    if code is None:
        return None
    site = _returns.get(code)
    if site is None:
        places = [i for i in range(0, len(code.co_code), 2) if code.co_code[i] == _RETURN]
        site = _returns[code] = (code, places[0] if len(places) == 1 else 0)
    return site


_RETURN = opmap["RETURN_VALUE"]


def _code(hook: Any) -> Any:
    while hasattr(hook, "func"):
        hook = hook.func
    return getattr(hook, "__code__", None) or getattr(type(hook).__call__, "__code__", None)


def function_name(hook: Callable[..., Any]) -> tuple[str, object]:
    """Name and source position of a hook, as an event wants them."""
    code = _code(hook)
    name = getattr(hook, "__qualname__", None) or type(hook).__qualname__
    return name, None if code is None else (code, 0)
