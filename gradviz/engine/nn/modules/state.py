"""``state_dict`` and ``load_state_dict``: a module's parameters and buffers by name."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from gradviz.engine.autograd.hooks import RemovableHandle
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn.modules.hooks import added
from gradviz.engine.nn.parameter import Parameter, is_lazy
from gradviz.engine.tensor import Tensor

EXTRA = "_extra_state"


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` did not find, and what it had no place for."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


IncompatibleKeys.__name__ = "_IncompatibleKeys"



# --- saving ----------------------------------------------------------------------------------------------------------
def state_dict(self: Any, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
    """Parameters and persistent buffers by their paths."""
    if args:
        warnings.warn("Positional args are being deprecated, use kwargs instead. Refer to "
                      "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for "
                      "details.", FutureWarning, stacklevel=2)
        given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
        destination = given["destination"] if destination is None else destination
        prefix = prefix or given.get("prefix", "")
        keep_vars = keep_vars or given.get("keep_vars", False)
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for hook in self._state_dict_pre_hooks.values():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, module in self._modules.items():
        if module is not None:
            module.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
    for hook in self._state_dict_hooks.values():
        out = hook(self, destination, prefix, metadata)
        if out is None:
            continue
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("state_dict post-hook must return None")
        destination = out
    return destination


def _save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    """What is the module's own."""
    from gradviz.engine.nn.modules.module import Module

    buffers = ((name, b) for name, b in self._buffers.items() if name not in self._non_persistent_buffers_set)
    for name, tensor in (*self._parameters.items(), *buffers):
        if tensor is not None:
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
    if type(self).get_extra_state is not Module.get_extra_state:
        destination[prefix + EXTRA] = self.get_extra_state()


# --- loading ---------------------------------------------------------------------------------------------------------
def load_state_dict(self: Any, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
    """Copy the values of a state_dict into the parameters and buffers; with ``assign`` the tensors themselves."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    keys = IncompatibleKeys([], [])
    errors: list[str] = []
    metadata = getattr(state_dict, "_metadata", None)
    state = OrderedDict(state_dict)
    if metadata is not None:
        state._metadata = metadata  # type: ignore[attr-defined]
    _load(self, state, "", metadata, assign, keys, errors)
    if strict:
        for word, found in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)):
            if found:
                names = ", ".join(f'"{key}"' for key in found)
                errors.insert(0, f"{word} key(s) in state_dict: {names}. ")
    if errors:
        text = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{text}")
    return keys


def _load(module: Any, state: Any, prefix: str, metadata: Any, assign: bool, keys: IncompatibleKeys,
          errors: list[str]) -> None:
    local = {} if metadata is None else metadata.get(prefix[:-1], {})
    if assign:
        local["assign_to_params_buffers"] = assign
    module._load_from_state_dict(state, prefix, local, True, keys.missing_keys, keys.unexpected_keys, errors)
    for name, child in module._modules.items():
        if child is not None:
            below = prefix + name + "."
            _load(child, {k: v for k, v in state.items() if k.startswith(below)}, below, metadata, assign, keys, errors)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, keys) is not None:
            raise AssertionError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                                 "return new values, if incompatible_keys need to be modified, it should be done "
                                 "inplace.")


def _load_from_state_dict(self: Any, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
                          missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
    """What is the module's own."""
    from gradviz.engine.nn.modules.module import Module

    for hook in self._load_state_dict_pre_hooks.values():
        hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    assign = local_metadata.get("assign_to_params_buffers", False)
    buffers = ((name, b) for name, b in self._buffers.items() if name not in self._non_persistent_buffers_set)
    own = {name: t for name, t in (*self._parameters.items(), *buffers) if t is not None}
    for name, tensor in own.items():
        key = prefix + name
        if key in state_dict:
            _take(self, name, tensor, key, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)
    extra = prefix + EXTRA
    if type(self).set_extra_state is not Module.set_extra_state:
        if extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif strict:
            missing_keys.append(extra)
    elif strict and extra in state_dict:
        unexpected_keys.append(extra)
    if strict:
        for key in state_dict:
            if key.startswith(prefix) and key != extra:
                first, dot, _ = key[len(prefix):].partition(".")
                if first not in (self._modules if dot else own):
                    unexpected_keys.append(key)


def _take(module: Any, name: str, tensor: Any, key: str, given: Any, assign: bool, errors: list[str]) -> None:
    """One value for one parameter or buffer."""
    if not isinstance(given, Tensor):
        errors.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                      f"checkpoint but received {type(given)}")
        return
    value: Any = given
    if not is_lazy(tensor):
        if not tensor.shape and tuple(value.shape) == (1,):
            value = value[0]
        if value.shape != tensor.shape:
            errors.append(f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the "
                          f"shape in current model is {tensor.shape}.")
            return
    try:
        with no_grad():
            if not assign:
                tensor.copy_(value)
                return
            if isinstance(tensor, Parameter):
                if isinstance(value, Parameter):
                    value.requires_grad_(tensor.requires_grad)
                else:
                    value = Parameter(value, requires_grad=tensor.requires_grad)
            setattr(module, name, value)
    except Exception as error:
        errors.append(f'While copying the parameter named "{key}", whose dimensions in the model are {tensor.size()} '
                      f"and whose dimensions in the checkpoint are {value.size()}, an exception occurred : "
                      f"{error.args}.")


# --- hooks -----------------------------------------------------------------------------------------------------------
def register_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, prefix, keep_vars)`` before ``state_dict``."""
    return added(self._state_dict_pre_hooks, hook)


def register_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict``."""
    hook._from_public_api = True  # type: ignore[attr-defined]
    return added(self._state_dict_hooks, hook)


def _register_state_dict_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    if getattr(hook, "_from_public_api", False):
        raise RuntimeError("Cannot register the same function as the state dict post hook that was previously "
                           "registered via register_state_dict_post_hook")
    return added(self._state_dict_hooks, hook)


class _WithModule:
    """A hook that is called with its module, which it does not keep alive."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook, self.module = hook, weakref.ref(module)

    def __call__(self, *args: Any) -> Any:
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args)

    def __getstate__(self) -> Any:
        return self.hook, self.module()

    def __setstate__(self, state: Any) -> None:
        self.hook, self.module = state[0], weakref.ref(state[1])


def _register_load_state_dict_pre_hook(self: Any, hook: Callable[..., Any], with_module: bool = False,
                                       ) -> RemovableHandle:
    return added(self._load_state_dict_pre_hooks, _WithModule(hook, self) if with_module else hook)


def register_load_state_dict_pre_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, state_dict, prefix, ...)`` before the module's own values are loaded."""
    return added(self._load_state_dict_pre_hooks, _WithModule(hook, self))


def register_load_state_dict_post_hook(self: Any, hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, incompatible_keys)`` after loading."""
    return added(self._load_state_dict_post_hooks, hook)
