"""Backward hooks of modules: nodes before and behind a call, on which the hooks hang."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd import modes
from gradviz.engine.autograd.function import Function
from gradviz.engine.tensor import Tensor, fresh
from gradviz.engine.xp import xp


class BackwardHookFunction(Function):
    """Hands its inputs on: a node around a module, on which the module's hooks hang."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        ctx.mark_non_differentiable(*[a for a in args if not a.requires_grad])
        ctx.set_materialize_grads(False)
        return args

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if ctx.around is not None:
            ctx.around.arrived(grads)
        return tuple(g if g is not None else _zeros(t) for g, t in zip(grads, ctx.given, strict=True))


class _NodeHook:
    """A module's hook as a hook of a node. ``func``: the user's, by which a recorder names it."""

    def __init__(self, func: Callable[..., Any], run: Callable[..., Any], last: bool = False) -> None:
        self.func, self._run, self.last = func, run, last
        self.__qualname__ = getattr(func, "__qualname__", type(func).__qualname__)

    def __call__(self, passed: Any, came: Any) -> Any:
        return self._run(self, passed)


class Around:
    """One call of a module with backward hooks: a node before it and a node behind it."""

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.came: Any = None
        """Gradients of the outputs, while the backward is between the two nodes."""
        self.inputs: Any = None
        self.outputs: Any = None
        """Positions of the tensors; None if none takes a gradient."""
        self.n_inputs = self.n_outputs = 0
        self.given: Any = ()
        """Shapes and types of the tensors among the inputs."""

    def enter(self, args: Any) -> Any:
        """The arguments behind a node that calls the full hooks once their gradients are known."""
        self.n_inputs = len(args)
        args, self.inputs, node = _through(args, None)
        if node is not None:
            self.given = node.given
            self._hang(node, self.hooks, self._full)
        return args

    def leave(self, result: Any) -> Any:
        """The outputs behind a node that notes their gradients and calls the hooks that run before."""
        outputs = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(outputs)
        outputs, self.outputs, node = _through(outputs, self)
        if node is not None:
            self._hang(node, self.pre_hooks, self._pre)
            if self.inputs is None:
                self._hang(node, self.hooks, self._without_inputs)
        return outputs if isinstance(result, tuple) else outputs[0]

    @staticmethod
    def _hang(node: Any, hooks: list[Any], run: Callable[..., Any]) -> None:
        for i, hook in enumerate(hooks):
            node.register_hook(_NodeHook(hook, run, i == len(hooks) - 1))

    def arrived(self, grads: Any) -> None:
        self.came = _spread(self.outputs, grads, self.n_outputs)

    def _full(self, hook: _NodeHook, passed: Any) -> Any:
        if self.came is None:  # backward began inside the module
            return None
        passed = tuple(g if g is not None else _zeros(t) for g, t in zip(passed, self.given, strict=True))
        grads = _spread(self.inputs, passed, self.n_inputs)
        out = hook.func(self.module, grads, self.came)
        if hook.last:
            self.came = None
        if out is None:
            return None
        if len(out) != len(grads):
            raise RuntimeError(f"Backward hook returned an invalid number of grad_input, got {len(out)}, but expected "
                               f"{len(grads)}")
        return tuple(out[i] for i in self.inputs)

    def _pre(self, hook: _NodeHook, passed: Any) -> Any:
        out = hook.func(self.module, self.came)
        if out is None:
            return None
        if len(out) != len(self.came):
            raise RuntimeError(f"Backward pre hook returned an invalid number of grad_output, got {len(out)}, but "
                               f"expected {len(self.came)}")
        self.came = out
        return tuple(out[i] for i in self.outputs)

    def _without_inputs(self, hook: _NodeHook, passed: Any) -> None:
        if hook.func is self.hooks[0]:
            warnings.warn("Full backward hook is firing when gradients are computed with respect to module outputs "
                          "since no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/"
                          "torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more details.",
                          stacklevel=5)
        out = hook.func(self.module, (None,) * self.n_inputs, self.came)
        if hook.last:
            self.came = None
        if out is not None and not (isinstance(out, tuple) and all(g is None for g in out)):
            raise RuntimeError("Backward hook for Modules where no input requires gradient should always return None "
                               "or None for all gradients.")


def _spread(places: Any, values: Any, size: int) -> tuple[Any, ...]:
    out = [None] * size
    for i, value in zip(places, values, strict=True):
        out[i] = value
    return tuple(out)


def _zeros(given: tuple[Any, Any]) -> Any:
    """A gradient that nobody sent."""
    return fresh(xp.zeros(*given))


def _through(values: Any, around: Any) -> tuple[Any, Any, Any]:
    """``values`` with the tensors among them passed through one node, their places, and the node."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not modes.enabled() or not any(values[i].requires_grad for i in places):
        return values, None, None
    through = BackwardHookFunction.apply(*(values[i] for i in places))
    out = list(values)
    for i, value in zip(places, through, strict=True):
        out[i] = value
    node = next(t.grad_fn for t in through if t.grad_fn is not None)
    node.around = around
    node.given = [(t._array.shape, t._array.dtype) for t in through]
    return (tuple(out) if type(values) is tuple else type(values)(*out)), places, node


def on_last_node(module: Any, hooks: list[Any], args: Any, result: Any) -> None:
    """Hooks of the old form hang on the node of the first tensor that comes out."""
    first = result
    while not isinstance(first, Tensor):
        first = next(v for v in first.values() if isinstance(v, Tensor)) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(_Bound(hook, module))
    _warn_plain(args, result, node)


class _Bound:
    """A hook of the old form with its module."""

    def __init__(self, func: Callable[..., Any], module: Any) -> None:
        self.func, self.module = func, module
        self.__qualname__ = getattr(func, "__qualname__", type(func).__qualname__)

    def __call__(self, passed: Any, came: Any) -> Any:
        return self.func(self.module, passed, came)


def _warn_plain(args: Any, result: Any, node: Any) -> None:
    """Say that a hook of the old form does not see all gradients, where that is so."""
    outputs = (result,) if isinstance(result, Tensor) else result
    known = isinstance(outputs, tuple) and all(isinstance(r, Tensor) for r in outputs)
    plain = isinstance(args, tuple) and all(isinstance(a, Tensor) for a in args)
    nodes = {r.grad_fn for r in outputs if r.grad_fn is not None} if known else set()
    where, what = "when outputs are generated by different autograd Nodes", "grad_output. " + _FULL
    if not known:
        where, what = ("on a Module that does not return a single Tensor or a tuple of Tensors",
                       "the grad_output. " + _FULL)
    elif not plain:
        where, what = ("on a Module that does not take as input a single Tensor or a tuple of Tensors",
                       "the grad_input. " + _FULL)
    elif not nodes or (len(nodes) == 1 and node not in nodes):
        where, what = "when outputs are nested in python data structure", "grad_output."
    elif len(nodes) == 1:
        inputs = {a.grad_fn for a in args if a.grad_fn is not None}
        if inputs == {after for after, _ in node.next_functions}:
            return
        where, what = "when the forward contains multiple autograd Nodes", "grad_input. " + _FULL
    several = "non-full backward hooks" if "on a Module" in where else "a non-full backward hook"
    of = "of " if what.startswith("the ") else ""
    warnings.warn(f"Using {several} {where} is deprecated and will be removed in future versions. This hook will be "
                  f"missing some {of}{what}", FutureWarning, stacklevel=4)


_FULL = "Please use register_full_backward_hook to get the documented behavior."
