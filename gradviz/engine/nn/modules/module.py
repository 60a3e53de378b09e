"""``Module``: parameters, buffers and modules under names, and a ``forward``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gradviz import probe
from gradviz.engine.nn.modules import conversion, hooks, scopes, state, tree
from gradviz.engine.nn.modules.hooks import everywhere
from gradviz.engine.nn.parameter import Buffer, Parameter
from gradviz.engine.tensor import Tensor


def typename(value: Any) -> str:
    """The type's name as error texts have it."""
    if isinstance(value, Tensor):
        return value.type()  # type: ignore[no-any-return]
    named = value if hasattr(value, "__qualname__") else type(value)
    module = named.__module__ or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"


def indented(text: str) -> str:
    """All lines but the first two blanks further in."""
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line if line.strip() else "" for line in rest)])


def _missing(self: Any, *input: Any) -> None:
    raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')


def _never(name: str) -> RuntimeError:
    return RuntimeError(f"Reached a code path in Module.{name}() that should never be called. Please file an issue at "
                        "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug.")


class Module:
    """Base of all layers and models."""

    dump_patches = False
    _version = 1
    call_super_init = False
    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            name = f"{type(self).__name__}.__init__()"
            if kwargs:
                raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
            if args:
                raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _non_persistent_buffers_set=set(),
            _backward_pre_hooks=OrderedDict(), _backward_hooks=OrderedDict(), _is_full_backward_hook=None,
            _forward_hooks=OrderedDict(), _forward_hooks_with_kwargs=OrderedDict(),
            _forward_hooks_always_called=OrderedDict(), _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=OrderedDict(), _state_dict_hooks=OrderedDict(),
            _state_dict_pre_hooks=OrderedDict(), _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(), _modules={})
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # --- calling -----------------------------------------------------------------------------------------------------
    forward: Callable[..., Any] = _missing

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if probe.sink is not None:
            return scopes.call(self, args, kwargs)
        if hooks.hooked(self):
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs) if kwargs else self.forward(*args)

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return hooks.call(self, args, kwargs) if hooks.hooked(self) else self.forward(*args, **kwargs)

    register_forward_pre_hook = hooks.register_forward_pre_hook
    register_forward_hook = hooks.register_forward_hook
    register_full_backward_pre_hook = hooks.register_full_backward_pre_hook
    register_full_backward_hook = hooks.register_full_backward_hook
    register_backward_hook = hooks.register_backward_hook

    # --- registering -------------------------------------------------------------------------------------------------
    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a tensor that is no parameter; a persistent one is part of the ``state_dict``."""
        self._check_name("buffer", "_buffers", name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                            "required)")
        self._buffers[name] = _told(everywhere.buffers, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Any) -> None:
        """Add a parameter."""
        self._check_name("parameter", "_parameters", name)
        if param is None:
            self._parameters[name] = None
            return
        if not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or "
                            "None required)")
        if param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method.")
        self._parameters[name] = _told(everywhere.parameters, self, name, param)

    def _check_name(self, kind: str, where: str, name: Any) -> None:
        if where not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if not name:
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[where]:
            raise KeyError(f"attribute '{name}' already exists")

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module as a child."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'module name can\'t contain ".", got: {name}')
        if not name:
            raise KeyError('module name can\'t be empty string ""')
        self._modules[name] = _told(everywhere.modules, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        self.add_module(name, module)

    # --- attributes --------------------------------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for where in ("_parameters", "_buffers", "_modules"):
            found = own.get(where)
            if found is not None and name in found:
                return found[name]
        from gradviz.engine import missing

        if name in missing.names("torch.nn.Module"):
            raise missing.error("torch.nn.Module", name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters = own.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, own, self._buffers, self._modules)
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or None "
                                "expected)")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, own, self._parameters, self._buffers)
            own["_modules"][name] = _told(everywhere.modules, self, name, value)
        elif name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or None "
                                "expected)")
            own["_modules"][name] = _told(everywhere.modules, self, name, value)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"cannot assign '{typename(value)}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor "
                                "or None expected)")
            persistent = value.persistent if isinstance(value, Buffer) else name not in self._non_persistent_buffers_set
            self.register_buffer(name, value, persistent)
        else:
            super().__setattr__(name, value)

    def _forget(self, name: str, *places: dict[str, Any]) -> None:
        """Take a name out of where it is, because it becomes something else."""
        for place in places:
            place.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for place in (self._parameters, self._buffers, self._modules):
            if name in place:
                del place[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(name for name in names if not name[0].isdigit())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    # --- parts -------------------------------------------------------------------------------------------------------
    def get_submodule(self, target: str) -> Module:
        """The module at a path."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = module._part(name, Module, "is not an nn.Module")
        return module  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Any:
        """The parameter at a path."""
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._part(name, Parameter, "is not an nn.Parameter")

    def get_buffer(self, target: str) -> Any:
        """The buffer at a path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._part(name, object, "")
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return buffer

    def _part(self, name: str, kind: type, otherwise: str) -> Any:
        if not hasattr(self, name):
            raise AttributeError(f"{self._get_name()} has no attribute `{name}`")
        part = getattr(self, name)
        if not isinstance(part, kind):
            raise AttributeError(f"`{name}` {otherwise}")
        return part

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent._part(name, Module, "is not an nn.Module")
        setattr(parent, name, module)

    def get_extra_state(self) -> Any:
        raise _never("get_extra_state")

    def set_extra_state(self, state: Any) -> None:
        raise _never("set_extra_state")

    _named_members = tree._named_members
    parameters = tree.parameters
    named_parameters = tree.named_parameters
    buffers = tree.buffers
    named_buffers = tree.named_buffers
    children = tree.children
    named_children = tree.named_children
    modules = tree.modules
    named_modules = tree.named_modules

    # --- state -------------------------------------------------------------------------------------------------------
    state_dict = state.state_dict
    load_state_dict = state.load_state_dict
    _save_to_state_dict = state._save_to_state_dict
    _load_from_state_dict = state._load_from_state_dict
    register_state_dict_pre_hook = state.register_state_dict_pre_hook
    register_state_dict_post_hook = state.register_state_dict_post_hook
    register_load_state_dict_pre_hook = state.register_load_state_dict_pre_hook
    register_load_state_dict_post_hook = state.register_load_state_dict_post_hook
    _register_state_dict_hook = state._register_state_dict_hook
    _register_load_state_dict_pre_hook = state._register_load_state_dict_pre_hook

    # --- changing all tensors ----------------------------------------------------------------------------------------
    def apply(self, fn: Callable[[Module], Any]) -> Any:
        """Call ``fn`` on every module below, and on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    _apply = conversion._apply
    to = conversion.to
    type, float, double, half, bfloat16 = (conversion.type, conversion.float, conversion.double, conversion.half,
                                           conversion.bfloat16)
    cpu = conversion.cpu
    cuda = conversion.cuda
    to_empty = conversion.to_empty
    share_memory = conversion.share_memory

    def train(self, mode: bool = True) -> Any:
        """Training behaviour for this module and all below it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Evaluation behaviour."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Have backward compute the gradients of the parameters, or not."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the parameters, or fill them with zeros."""
        for parameter in self.parameters():
            grad = parameter.grad
            if grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    # --- text --------------------------------------------------------------------------------------------------------
    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands in the parentheses of ``repr``, before the children."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        return self._get_name() + "(" + "".join(f"\n  {line}" for line in lines + children) + (
            "\n)" if lines or children else ")")


def _told(all_hooks: Any, module: Module, name: str, value: Any) -> Any:
    """What is registered: ``value``, or what the hooks on registering make of it."""
    for hook in all_hooks.values():
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value


register_module_buffer_registration_hook = hooks.register_module_buffer_registration_hook
register_module_module_registration_hook = hooks.register_module_module_registration_hook
register_module_parameter_registration_hook = hooks.register_module_parameter_registration_hook
register_module_forward_pre_hook = hooks.register_module_forward_pre_hook
register_module_forward_hook = hooks.register_module_forward_hook
register_module_full_backward_pre_hook = hooks.register_module_full_backward_pre_hook
register_module_full_backward_hook = hooks.register_module_full_backward_hook
register_module_backward_hook = hooks.register_module_backward_hook
__all__ = ["Module"]
