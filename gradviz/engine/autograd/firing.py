"""Calling hooks during backward. Gradients are wrapped in tensors only for nodes that have hooks."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.tensor import Tensor, fresh
from gradviz.engine.xp import is_array


def wrap(g: Any) -> Any:
    return fresh(g) if is_array(g) else g


def unwrap(call: Any, g: Any) -> Any:
    """A tensor that a hook gave back, in the form in which this backward carries gradients."""
    return g if g is None or call.create_graph else g._array


def guarded(call: Any, hook: Any, *args: Any) -> Any:
    """Call a hook in the grad mode of backward."""
    before = modes.switch("grad" if call.create_graph else "no_grad")
    try:
        return hook(*args)
    finally:
        modes.switch(before)


def tensor_hooks(call: Any, hooks: Any, g: Any, tid: int, nid: int) -> Any:
    """Run the hooks of one tensor on its gradient, each on what the one before gave."""
    for handle, hook in list(hooks.items()):
        grad = wrap(g)
        if probe.sink is None:
            result = guarded(call, hook, grad)
        else:
            result = observe.hook(call, handle, hook, grad, tid, nid, guarded)
        if result is not None:
            if not isinstance(result, Tensor):
                raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
            if result._array.shape != grad._array.shape:
                raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
            g = unwrap(call, result)
        elif not call.create_graph:
            g = grad._array  # a hook may have edited it in place
    return g


def _name(hook: Any) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


def leaf(call: Any, node: Any, g: Any) -> Any:
    """Hooks of a leaf on the gradient that arrives at it."""
    hooks = node.variable._hooks
    if hooks is not None and hooks.tensor:
        g = tensor_hooks(call, hooks.tensor, g, node.variable._tid, node.nid)
    if node.hooks is not None and node.hooks.pre:
        g = before(call, node, g)
    return g


def before(call: Any, node: Any, g: Any) -> Any:
    """Hooks of the tensors that the node made, those of the node, then ``retain_grad``."""
    hooks = node.hooks
    many = node.width != 1
    if many:
        g = list(g)
    for slot, those in hooks.tensor.items():
        if those:
            part = g[slot] if many else g
            if part is not None:
                part = tensor_hooks(call, those, part, observe.output_tid(node, slot), node.nid)
                if many:
                    g[slot] = part
                else:
                    g = part
    for handle, hook in list(hooks.pre.items()):
        grads = tuple(None if x is None else wrap(x) for x in (g if many else (g,)))
        if probe.sink is None:
            result = guarded(call, hook, grads)
        else:
            result = observe.hook(call, handle, hook, grads, 0, node.nid, guarded)
        if result is not None:
            given = result if isinstance(result, tuple) else (result,)
            g = [unwrap(call, x) for x in given] if many else unwrap(call, given[0])
    for slot, ref in list(hooks.retain.items()):
        part = g[slot] if many else g
        tensor = ref()
        if tensor is not None and part is not None:
            retain(call, tensor, part)
    return g


def retain(call: Any, tensor: Any, g: Any) -> None:
    """Keep the gradient of a tensor inside the graph."""
    grad = tensor._grad
    if grad is None:
        tensor._grad = fresh(g.copy()) if is_array(g) else g.clone()
    else:
        tensor._grad = grad + wrap(g) if call.create_graph else fresh(grad._array + wrap(g)._array)
    if probe.sink is not None:
        observe.retained(call, tensor, g)


def after(call: Any, node: Any, shares: tuple[Any, ...], g: Any) -> tuple[Any, ...]:
    """Post hooks of a node: they see, and may replace, what it passes on."""
    grads = tuple(None if x is None else wrap(x) for x in (g if node.width != 1 else (g,)))
    for handle, hook in list(node.hooks.post.items()):
        passed = tuple(None if x is None else wrap(_solid(x)) for x in shares)
        if probe.sink is None:
            result = guarded(call, hook, passed, grads)
        else:
            result = observe.hook(call, handle, hook, passed, 0, node.nid, guarded, grads)
        if result is not None:
            given = result if isinstance(result, tuple) else (result,)
            if len(given) != len(shares):
                raise RuntimeError(f"hook '{_name(hook)}' has returned an incorrect number of values "
                                   f"(got {len(given)}, but expected {len(shares)})")
            shares = tuple(unwrap(call, x) for x in given)
    return shares


def _solid(share: Any) -> Any:
    from gradviz.engine.xp import asarray

    return share if isinstance(share, Tensor) else asarray(share)


def accumulated(call: Any, node: Any) -> None:
    """Hooks that run once the leaf has its gradient."""
    variable = node.variable
    for handle, hook in list(variable._hooks.post_accumulate.items()):
        if probe.sink is None:
            result = guarded(call, hook, variable)
        else:
            result = observe.hook(call, handle, hook, variable, variable._tid, node.nid, guarded)
        if result is not None:
            raise RuntimeError("Tensor post accumulate grad hooks should return None.")


__all__ = ["accumulated", "after", "before", "leaf", "retain", "tensor_hooks"]
