"""``torch.utils.checkpoint``: a forward that keeps nothing inside and runs again when backward needs it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from weakref import ref

import gradviz.engine as torch
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.function import Function
from gradviz.engine.autograd.node import FREED, Node, add_hook, sequence
from gradviz.engine.autograd.packing import Packed
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.ops.random import default_generator
from gradviz.engine.tensor import Tensor

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]
UNSAID = ("the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is recommended, but if you "
          "need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more "
          "details on the differences between the two variants.")


class CheckpointError(RuntimeError):
    """The forward did something else when it ran again."""


def noop_context_fn() -> Contexts:
    return nullcontext(), nullcontext()


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               context_fn: Callable[[], Contexts] = noop_context_fn, determinism_check: str = "default",
               debug: bool = False, early_stop: bool = True, **kwargs: Any) -> Any:
    """``function(*args)``, which runs again in backward. Reentrant: its backward is a backward call of its own, inside
    one node; else its nodes are in the graph as ever, and what they saved is what runs out and comes back."""
    if use_reentrant is None:
        warnings.warn("torch.utils.checkpoint: " + UNSAID.format(
            "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError("determinism_check should be one of ['default', 'none'], but got " + determinism_check)
    first, again = context_fn()
    if not modes.enabled():
        return function(*args, **kwargs)
    start = sequence()
    kept = _Region(function, args, kwargs, _random(preserve), again, determinism_check == "default",
                   early_stop if stopping.early is None else stopping.early)
    with first, _unpacked():
        out = function(*args, **kwargs)
    kept.take(_nodes(out, start))
    return out


class _Stopping:
    """What ``set_checkpoint_early_stop`` says for all checkpoints; None: each for itself."""

    early: bool | None = None


stopping = _Stopping()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether a second forward may go on otherwise once all that was saved is there again."""
    before, stopping.early = stopping.early, enable
    try:
        yield
    finally:
        stopping.early = before


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          **kwargs: Any) -> Any:
    """Functions one after another, in segments; each but the last is a checkpoint."""
    if use_reentrant is None:
        warnings.warn("torch.utils.checkpoint.checkpoint_sequential: " + UNSAID.format(
            "In version 2.9 we will raise an exception if use_reentrant is not passed."), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if isinstance(functions, torch.nn.Sequential):
        functions = functions.children()
    functions = list(functions)
    size = len(functions) // segments

    def part(of: list[Any]) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for function in of:
                x = function(x)
            return x

        return forward

    last = size * (segments - 1)
    for i in range(0, last, size):
        input = checkpoint(part(functions[i:i + size]), input, use_reentrant=use_reentrant,
                           preserve_rng_state=preserve)
    return part(functions[last:])(input)


# --- random numbers --------------------------------------------------------------------------------------------------
def _random(preserve: bool) -> Any:
    return default_generator.get_state() if preserve else None


@contextmanager
def _randomly(state: Any) -> Iterator[None]:
    """The random numbers of the first time; afterwards they go on as if nothing had been drawn."""
    if state is None:
        yield
        return
    now = default_generator.get_state()
    default_generator.set_state(state)
    try:
        yield
    finally:
        default_generator.set_state(now)


# --- reentrant -------------------------------------------------------------------------------------------------------
def check_backward_validity(inputs: Iterable[Any]) -> None:
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs, cut off from the graph, with gradients of their own."""
    if not isinstance(inputs, tuple):
        raise RuntimeError("Only tuple of tensors is supported. Got Unsupported input type: "
                           + type(inputs).__name__)
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)


class CheckpointFunction(Function):
    """The reentrant checkpoint as an op."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function, ctx.random = run_function, _random(preserve_rng_state)
        ctx.inputs = [None if isinstance(x, Tensor) else x for x in args]
        ctx.places = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        inputs = list(ctx.inputs)
        for i, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            inputs[i] = tensor
        detached = detach_variable(tuple(inputs))
        with _randomly(ctx.random), torch.enable_grad():
            outputs = ctx.run_function(*detached)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [(out, g) for out, g in zip(outputs, grads, strict=False)
                 if isinstance(out, Tensor) and out.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        torch.autograd.backward([out for out, _ in pairs], [g for _, g in pairs])
        return (None, None, *(x.grad if isinstance(x, Tensor) else None for x in detached))


# --- not reentrant ---------------------------------------------------------------------------------------------------
@contextmanager
def _unpacked() -> Iterator[None]:
    """What is saved here is let go of: hooks of the regions around are none of it."""
    before, modes.thread.packs = modes.thread.packs, ()
    try:
        yield
    finally:
        modes.thread.packs = before


def _nodes(out: Any, start: int) -> list[Any]:
    """The nodes made since ``start`` that ``out`` comes from, in order of the forward."""
    found: dict[int, Any] = {}
    waiting = [tensor.grad_fn for tensor in _tensors(out)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and node.seq > start and node.seq not in found:
            found[node.seq] = node
            waiting += [after for after, _ in node.next]
    return [found[seq] for seq in sorted(found)]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


class _Region:
    """What a checkpoint takes to run again. Its nodes hold it, by a hook, so it must not hold them."""

    def __init__(self, function: Any, args: Any, kwargs: Any, random: Any, context: Any, strict: bool,
                 early: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.random, self.context, self.strict, self.early = random, context, strict, early
        self.nodes: list[Any] = []
        self.rows: list[Any] = []

    def take(self, nodes: list[Any]) -> None:
        """Let go of what the nodes have saved, until the first of them is to run."""
        nodes = [node for node in nodes if node.saved]
        self.nodes = [ref(node) for node in nodes]
        self.rows = [_row(node) for node in nodes]
        for node in nodes:
            node.saved = ()
            add_hook(node, "pre", self.recompute)

    def recompute(self, grads: Any) -> None:
        nodes = [watch() for watch in self.nodes]
        if not any(node is not None and node.saved == () for node in nodes):
            return
        start = sequence()
        with _randomly(self.random), torch.enable_grad(), self.context, _unpacked():
            out = self.function(*self.args, **self.kwargs)
        again = [node for node in _nodes(out, start) if node.saved]
        if len(again) > len(nodes):
            if not self.early:
                raise CheckpointError("torch.utils.checkpoint: trying to save more tensors during recomputation than "
                                      "during the original forward pass.\n")
            del again[len(nodes):]
        if self.strict or len(again) != len(nodes):
            self._compare([_row(node) for node in again])
        for node, twin in zip(nodes, again, strict=True):
            if node is not None and node.saved is not FREED:
                node.saved = twin.saved

    def _compare(self, rows: list[Any]) -> None:
        before, after = sum(map(len, self.rows)), sum(map(len, rows))
        if before != after:
            raise CheckpointError("torch.utils.checkpoint: A different number of tensors was saved during the original "
                                  f"forward and recomputation.\nNumber of tensors saved during forward: {before}\n"
                                  f"Number of tensors saved during recomputation: {after}.")
        pairs = zip((m for row in self.rows for m in row), (m for row in rows for m in row), strict=True)
        different = [f"tensor at position {i}:\nsaved metadata: {one}\nrecomputed metadata: {two}\n"
                     for i, (one, two) in enumerate(pairs) if one != two]
        if different:
            raise CheckpointError("torch.utils.checkpoint: Recomputed values for the following tensors have different "
                                  f"metadata than during the forward pass.\n{''.join(different)}.")


def _row(node: Any) -> list[dict[str, Any]]:
    """What is told of a node's saved tensors when they differ."""
    return [{"shape": torch.Size(holder._array.shape), "dtype": BY_NP[holder._array.dtype],
             "device": torch.device("cpu")}
            for holder in node.saved[::2] if holder is not None and holder.__class__ is not Packed]


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.utils.checkpoint", name)


__all__ = ["CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint", "checkpoint_sequential",
           "detach_variable", "noop_context_fn", "set_checkpoint_early_stop"]
