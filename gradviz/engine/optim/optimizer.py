"""The base of all optimizers: groups of parameters, their options, the state kept for each parameter, and hooks."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import gradviz.engine as torch
from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd.hooks import RemovableHandle
from gradviz.engine.ops.create import tensor
from gradviz.engine.optim import telling
from gradviz.engine.tensor import Tensor

Group = dict[str, Any]


class _RequiredParameter:
    """Default of an option that every group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()
_global_pre: OrderedDict[Any, Any] = OrderedDict()
_global_post: OrderedDict[Any, Any] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before any optimizer's step."""
    return RemovableHandle(_global_pre, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after any optimizer's step."""
    return RemovableHandle(_global_post, hook)


LATER_OPTIONS = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": None,
                 "capturable": False, "amsgrad": False, "decoupled_weight_decay": False, "centered": False,
                 "momentum": 0}
"""Options that PyTorch added over time, with what a state saved before means."""


class Optimizer:
    """Changes parameters along their gradients, one ``step()`` at a time."""

    __module__ = "torch.optim.optimizer"

    def __init__(self, params: Any, defaults: Group) -> None:
        self.defaults = defaults
        self.__setstate__({})
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            + _typename(params))
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_state_dict_pre",
                     "load_state_dict_post"):
            self.__dict__.setdefault(f"_optimizer_{name}_hooks", OrderedDict())
        step = type(self).step
        if not hasattr(step, "hooked"):
            type(self).step = _hooked(step)  # type: ignore[method-assign]
        for group in state.get("param_groups", ()):
            for name, value in LATER_OPTIONS.items():
                if name in self.defaults:
                    group.setdefault(name, value)
        for kept in state.get("state", {}).values():
            for name in {"step", "mu_product"} & set(kept):
                if not isinstance(kept[name], Tensor):
                    kept[name] = scalar(float(kept[name]))

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # --- hooks ----------------------------------------------------------------------------------------------------
    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before a step; it may give other (args, kwargs)."""
        return self._hook("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after a step."""
        return self._hook("step_post", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict()``."""
        return self._hook("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict()``; it may give another one."""
        return self._hook("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before it is loaded; it may give another one."""
        return self._hook("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state has been loaded."""
        return self._hook("load_state_dict_post", hook, prepend)

    def _hook(self, when: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        where = self.__dict__[f"_optimizer_{when}_hooks"]
        handle = RemovableHandle(where, hook)
        if prepend:
            where.move_to_end(handle, last=False)
        return handle

    # --- state ----------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """State and options, with parameters by their number."""
        for pre in self._optimizer_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            pre(self)
        numbers: dict[int, int] = {}
        groups, start = [], 0
        for group in self.param_groups:
            params = group["params"]
            numbers.update({id(p): i for i, p in enumerate(params, start) if id(p) not in numbers})
            packed = {key: value for key, value in group.items() if key != "params"}
            groups.append(packed | {"params": [numbers[id(p)] for p in params]})
            start += len(params)
        result = {"state": {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()},
                  "param_groups": groups}
        for post in self._optimizer_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            result = post(self, result) or result
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what another's ``state_dict()`` gave."""
        state_dict = state_dict.copy()
        for pre in self._optimizer_load_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            state_dict = pre(self, state_dict) or state_dict
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        numbers: dict[int, Any] = {}
        for group, new in zip(self.param_groups, saved, strict=True):
            if len(group["params"]) != len(new["params"]):
                raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                                 "optimizer's group")
            numbers.update(zip(new["params"], group["params"], strict=True))
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        narrow = {i for group in state_dict["param_groups"] if group.get("fused") or group.get("capturable")
                  for i in group["params"]}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in numbers:
                state[numbers[key]] = _fit(numbers[key], value, key in narrow)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved})
        for post in self._optimizer_load_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            post(self)

    # --- use ------------------------------------------------------------------------------------------------------
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take the parameters' gradients away, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                if set_to_none:
                    p.grad = None
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def step(self, closure: Any = None) -> Any:
        """Change the parameters once; ``closure`` computes the loss anew."""
        raise NotImplementedError

    def add_param_group(self, param_group: Group) -> None:
        """Have more parameters changed, with options of their own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [p[0] for p in params if isinstance(p, tuple)]
        params = param_group["params"] = [p[1] if isinstance(p, tuple) else p for p in params]
        if names:
            if len(names) != len(params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = names
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {_typename(p)}")
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError("parameter group didn't specify a value of required optimization parameter " + name)
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                          "an error; see github.com/pytorch/pytorch/issues/40967 for more information", stacklevel=3)
        named = "param_names" in param_group
        for group in self.param_groups:
            if named != ("param_names" in group):
                raise ValueError("all optimizer param groups should be with/without names. cannot add param group "
                                 f"{'with' if named else 'without'} names to the optimizer")
        if not {p for group in self.param_groups for p in group["params"]}.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A class's ``step`` with its hooks around it; a recording sees it as a scope."""

    @functools.wraps(step)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        for pre in chain(_global_pre.values(), self._optimizer_step_pre_hooks.values()):
            result = pre(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                                       f"{result}.")
                args, kwargs = result
        if probe.sink is None or observe.silent():
            out = step(*args, **kwargs)
        else:
            with telling.step(self):
                out = step(*args, **kwargs)
        for post in chain(self._optimizer_step_post_hooks.values(), _global_post.values()):
            post(self, args, kwargs)
        return out

    wrapper.hooked = True  # type: ignore[attr-defined]
    return wrapper


def _fit(param: Tensor, value: Any, narrow: bool, key: Hashable = None) -> Any:
    """A loaded state's value with its tensors in the parameter's type; ``narrow``: its step counts in float32."""
    if isinstance(value, Tensor):
        if key == "step":
            return value.to(dtype=torch.float32) if narrow else value
        return value.to(dtype=param.dtype) if param.is_floating_point() else value
    if isinstance(value, dict):
        return {k: _fit(param, v, narrow, k) for k, v in value.items()}
    if isinstance(value, Iterable):
        return type(value)(_fit(param, v, narrow) for v in value)  # type: ignore[call-arg]
    return value


def scalar(value: float, narrow: Any = False) -> Tensor:
    """A number that is kept as state: float32 unless the default type is double."""
    double = torch.get_default_dtype() is torch.float64 and not narrow
    return tensor(value, dtype=torch.float64 if double else torch.float32)


def _typename(value: object) -> str:
    from gradviz.engine.nn.modules.module import typename

    return typename(value)
