"""Hooks of modules: registering them, for one module or for all, and calling them around ``forward``."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gradviz import probe
from gradviz.engine.autograd.hooks import RemovableHandle, function_name, return_site
from gradviz.engine.nn.modules.backward import Around, on_last_node
from gradviz.engine.tensor import Tensor

Hooks = OrderedDict[RemovableHandle, Callable[..., Any]]


class _Everywhere:
    """Hooks of all modules; ``full`` says of which kind the backward hooks are, None if there was none."""

    def __init__(self) -> None:
        self.backward_pre: Hooks = OrderedDict()
        self.backward: Hooks = OrderedDict()
        self.forward_pre: Hooks = OrderedDict()
        self.forward: Hooks = OrderedDict()
        self.with_kwargs: dict[RemovableHandle, bool] = {}
        self.always_called: dict[RemovableHandle, bool] = {}
        self.buffers: Hooks = OrderedDict()
        self.modules: Hooks = OrderedDict()
        self.parameters: Hooks = OrderedDict()
        self.full: bool | None = None


everywhere = _Everywhere()


def added(where: Any, hook: Callable[..., Any], kind: str = "", prepend: bool = False) -> RemovableHandle:
    """The handle of a hook that now is in ``where``. ``kind``: what a recorder is told that it is."""
    handle = RemovableHandle(where, hook)
    if prepend:
        where.move_to_end(handle, last=False)
    if kind and probe.sink is not None:
        probe.sink.hook_add(handle.number(), "module", 0, kind, *function_name(hook))
    return handle


# --- registering -----------------------------------------------------------------------------------------------------
def register_forward_pre_hook(self: Any, hook: Callable[..., Any], *, prepend: bool = False,
                              with_kwargs: bool = False) -> RemovableHandle:
    """Call ``hook(module, args)`` before ``forward``; a result replaces the arguments."""
    handle = added(self._forward_pre_hooks, hook, "forward_pre", prepend)
    if with_kwargs:
        self._forward_pre_hooks_with_kwargs[handle] = True
    return handle


def register_forward_hook(self: Any, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                          always_call: bool = False) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after ``forward``; a result replaces the output."""
    handle = added(self._forward_hooks, hook, "forward", prepend)
    if with_kwargs:
        self._forward_hooks_with_kwargs[handle] = True
    if always_call:
        self._forward_hooks_always_called[handle] = True
    return handle


def register_full_backward_pre_hook(self: Any, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the module's backward; a result replaces the gradients."""
    return added(self._backward_pre_hooks, hook, "backward_pre", prepend)


def register_backward_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """The old form, which sees the gradients of the module's last node alone."""
    if self._is_full_backward_hook is True:
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. Please "
                           "use only one of them.")
    self._is_full_backward_hook = False
    return added(self._backward_hooks, hook, "backward")


def register_full_backward_hook(self: Any, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known; a result replaces
    them."""
    if self._is_full_backward_hook is False:
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. Please "
                           "use only one of them.")
    self._is_full_backward_hook = True
    return added(self._backward_hooks, hook, "backward", prepend)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return added(everywhere.buffers, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return added(everywhere.modules, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return added(everywhere.parameters, hook)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return added(everywhere.forward_pre, hook, "forward_pre")


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    handle = added(everywhere.forward, hook, "forward")
    if with_kwargs:
        everywhere.with_kwargs[handle] = True
    if always_call:
        everywhere.always_called[handle] = True
    return handle


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return added(everywhere.backward_pre, hook, "backward_pre")


def _register_everywhere(hook: Callable[..., Any], full: bool) -> RemovableHandle:
    if everywhere.full is (not full):
        raise RuntimeError("Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
                           "Please use only one of them.")
    everywhere.full = full
    return added(everywhere.backward, hook, "backward")


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return _register_everywhere(hook, False)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    return _register_everywhere(hook, True)


# --- calling ---------------------------------------------------------------------------------------------------------
def hooked(module: Any) -> bool:
    """Whether anything has to be called beside ``forward``."""
    own = module.__dict__
    return bool(own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"]
                or own["_backward_pre_hooks"] or everywhere.forward or everywhere.forward_pre or everywhere.backward
                or everywhere.backward_pre)


def call(module: Any, args: Any, kwargs: Any) -> Any:
    """``forward`` between the hooks of the module and of all modules."""
    done: set[RemovableHandle] = set()
    result = None
    try:
        for handle, hook in (*everywhere.forward_pre.items(), *module._forward_pre_hooks.items()):
            args, kwargs = _before(module, handle, hook, args, kwargs)
        pre, full, plain = _backward_hooks(module)
        around = Around(module, full, pre) if full or pre else None
        if around is not None:
            args = around.enter(args)
        result = module.forward(*args, **kwargs)
        for handle, hook in (*everywhere.forward.items(), *module._forward_hooks.items()):
            if handle in module._forward_hooks_always_called or handle in everywhere.always_called:
                done.add(handle)
            result = _after(module, handle, hook, args, kwargs, result)
        if around is not None:
            if not isinstance(result, Tensor | tuple):
                warnings.warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                              f"but received {type(result)}", stacklevel=3)
            result = around.leave(result)
        if plain:
            on_last_node(module, plain, args, result)
        return result
    except Exception:
        for word, hooks, always in (("global module", everywhere.forward, everywhere.always_called),
                                    ("module", module._forward_hooks, module._forward_hooks_always_called)):
            for handle, hook in list(hooks.items()):
                if handle in always and handle not in done:
                    try:
                        result = _after(module, handle, hook, args, kwargs, result)
                    except Exception as error:
                        warnings.warn(f"{word} forward hook with ``always_call=True`` raised an exception that was "
                                      f"silenced as another error was raised in forward: {error}", stacklevel=3)
        raise


def _told(handle: RemovableHandle, hook: Callable[..., Any], *args: Any) -> Any:
    """Call a hook, and tell of it."""
    if probe.sink is None:
        return hook(*args)
    number, position = probe.new_id(), probe.position
    within, position.within = position.within, number
    try:
        return hook(*args)
    finally:
        position.within = within
        if probe.sink is not None:  # the hook may have ended the recording
            probe.sink.hook_call(number, handle.number(), 0, 0, 0, None, None, False, return_site(hook))


def _before(module: Any, handle: Any, hook: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    if handle in module._forward_pre_hooks_with_kwargs:
        both = _told(handle, hook, module, args, kwargs)
        if both is None:
            return args, kwargs
        if isinstance(both, tuple) and len(both) == 2:
            return both
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {both}.")
    changed = _told(handle, hook, module, args)
    if changed is None:
        return args, kwargs
    return changed if isinstance(changed, tuple) else (changed,), kwargs


def _after(module: Any, handle: Any, hook: Any, args: Any, kwargs: Any, result: Any) -> Any:
    if handle in module._forward_hooks_with_kwargs or handle in everywhere.with_kwargs:
        changed = _told(handle, hook, module, args, kwargs, result)
    else:
        changed = _told(handle, hook, module, args, result)
    return result if changed is None else changed


def _backward_hooks(module: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Those that run before, full ones, and those of the old form."""
    full: list[Any] = []
    plain: list[Any] = []
    own = module._is_full_backward_hook, module._backward_hooks
    for kind, hooks in ((everywhere.full, everywhere.backward), own):
        (full if kind else plain).extend(hooks.values())
    return [*everywhere.backward_pre.values(), *module._backward_pre_hooks.values()], full, plain


__all__ = ["added", "call", "everywhere", "hooked"]
