"""``torch.autograd.graph``: edges of the graph, hooks on several gradients, hooks on what is saved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gradviz.engine.autograd.api import running
from gradviz.engine.autograd.backward import count_edges
from gradviz.engine.autograd.node import AccumulateGrad
from gradviz.engine.autograd.node import Node as _Node
from gradviz.engine.autograd.packing import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from gradviz.engine.errors import UnsupportedError
from gradviz.engine.tensor import gradient_edge


class _NodeType(type):
    def __instancecheck__(cls, value: object) -> bool:
        from gradviz.engine.autograd.function import BackwardCFunction

        return isinstance(value, _Node | AccumulateGrad | BackwardCFunction)


class Node(metaclass=_NodeType):
    """What every step of backward is an instance of."""


Node.__module__ = "torch.autograd.graph"


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: an output of a node."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The edge of a tensor's gradient."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*gradient_edge(tensor))


def increment_version(tensor: Any) -> None:
    """Count a write that autograd has not seen."""
    for t in [tensor] if hasattr(tensor, "_cell") else list(tensor):
        t._cell.version += 1


class _MultiHandle:
    def __init__(self, handles: tuple[Any, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[..., Any], *, mode: str = "all") -> _MultiHandle:
    """Call ``fn`` once a backward has computed the gradients of all ``tensors`` (of ``any`` of them)."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    state: dict[str, Any] = {"call": None}
    lock = threading.Lock()

    def received(i: int) -> Callable[[Any], None]:
        def hook(g: Any) -> None:
            call = running.call
            with lock:
                if state["call"] is not call:
                    state.update(call=call, grads=[None] * len(tensors), left=_expected(tensors), done=False)
                state["grads"][i] = g
                state["left"] -= 1
                if state["done"] or (mode == "all" and state["left"]):
                    return
                state["done"] = True
            fn(g if mode == "any" else state["grads"])

        return hook

    return _MultiHandle(tuple(t.register_hook(received(i)) for i, t in enumerate(tensors)))


def _expected(tensors: Sequence[Any]) -> int:
    """How many of ``tensors`` the backward that runs reaches."""
    reached = count_edges(running.roots)
    return sum(gradient_edge(t)[0] in reached for t in tensors)


_ABSENT = ("allow_mutation_on_saved_tensors",)


def __getattr__(name: str) -> Any:
    if name in _ABSENT:
        raise UnsupportedError(f"gradviz.engine has no torch.autograd.graph.{name}; run with --engine torch")
    raise AttributeError(f"module 'torch.autograd.graph' has no attribute '{name}'")


__all__ = ["GradientEdge", "Node", "disable_saved_tensors_hooks", "get_gradient_edge", "increment_version",
           "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]
