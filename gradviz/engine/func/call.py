"""A module called with other parameters than its own, and the parameters of several modules as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradviz.engine.nn.modules.module import Module
from gradviz.engine.ops.join import stack
from gradviz.engine.tensor import Tensor


def functional_call(module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Any = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """Call a module with the tensors of a dictionary, or of several, in place of its own."""
    given = parameter_and_buffer_dicts
    if isinstance(given, Sequence):
        if not all(isinstance(part, dict) for part in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        keys = [key for part in given for key in part]
        repeated = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {key: value for part in given for key, value in part.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    own = _own(module)
    values = _tied(own, given) if tie_weights else given
    if strict:
        _check(module, own, values)
    with _swapped(module, given, values):
        return module(*args, **(kwargs or {}))


def _own(module: Any) -> dict[str, Any]:
    """All parameters and buffers by all their names."""
    return {**dict(module.named_parameters(remove_duplicate=False)),
            **dict(module.named_buffers(remove_duplicate=False))}


def _tied(own: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A value for one name of a tensor is one for its other names, too."""
    values = dict(given)
    for name, value in given.items():
        names = [other for other, tensor in own.items() if name in own and tensor is own[name]]
        if any(other in given and given[other] is not value for other in names):
            raise ValueError(f"functional_call got multiple values for keys {sorted(names)}, which are tied. Consider "
                             "using tie_weights=False")
        values.update(dict.fromkeys(names, value))
    return values


def _check(module: Module, own: dict[str, Any], values: dict[str, Any]) -> None:
    lines = [f"{word} key(s): {', '.join(map(repr, keys))}." for word, keys in (
        ("Unexpected", sorted(values.keys() - own.keys())), ("Missing", sorted(own.keys() - values.keys()))) if keys]
    if lines:
        text = "\n\t".join(lines)
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t{text}")


@contextmanager
def _swapped(module: Module, given: dict[str, Any], values: dict[str, Any]) -> Iterator[None]:
    """The values are in their places; what the module made of them is in ``given`` afterwards."""
    places = {}
    for path, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
        where, _, name = path.rpartition(".")
        parent = module.get_submodule(where)
        for place in (parent._parameters, parent._buffers):
            if name in place:
                places[path] = place, name, place[name]
    for path, (place, name, _) in places.items():
        place[name] = values[path]
    try:
        yield
    finally:
        for path, (place, name, before) in places.items():
            if path in given:
                given[path] = place[name]
            place[name] = before


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of modules that are alike, stacked by name."""
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    return (_stacked([dict(m.named_parameters()) for m in models]), _stacked([dict(m.named_buffers()) for m in models]))


def _stacked(states: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in states[0]:
        tensors = [state[name] for state in states]
        wanted = {t.requires_grad for t in tensors}
        if len(wanted) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        found[name] = stack(tensors).detach().requires_grad_(wanted.pop())
    return found
