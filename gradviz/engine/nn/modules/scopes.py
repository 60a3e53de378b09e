"""What a recorder is told of module calls: which call is inside which, and whose the parameters are."""

from __future__ import annotations

import threading
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.nn.parameter import is_lazy


class _Here(threading.local):
    """The outermost module that this thread is in, and the paths of its modules by their ids."""

    root: Any = None
    paths: dict[int, str] | None = None


_here = _Here()
_owned: set[int] = set()
"""Tensors whose owner the recording knows."""
probe.producers.append((_owned.clear, lambda: None))


def call(module: Any, args: Any, kwargs: Any) -> Any:
    """Call a module and tell where it begins and ends."""
    if observe.silent():
        return module._call_impl(*args, **kwargs)
    outer = _here.root, _here.paths
    path = _path(module)
    number, name, position = probe.new_id(), type(module).__name__, probe.position
    parent = position.scope
    probe.sink.scope(number, parent, path, name, True)  # type: ignore[union-attr]
    position.scope = number
    try:
        return module._call_impl(*args, **kwargs)
    finally:
        position.scope = parent
        _here.root, _here.paths = outer
        if probe.sink is not None:
            probe.sink.scope(number, parent, path, name, False)


def _path(module: Any) -> str:
    """The module's path from the root, which is "" for the root itself: one that is called in no other, or that is no
    part of the one it is called in."""
    paths = _here.paths
    if paths is not None:
        known = paths.get(id(module))
        if known is None and not _reaches(_here.root, module):
            paths = None
        elif known is None:  # put there since the root was called
            _enter(_here.root)
            return _here.paths[id(module)]  # type: ignore[index]
        else:
            return known
    _enter(module)
    return ""


def _reaches(root: Any, module: Any) -> bool:
    return any(part is module for part in root.modules())


def _enter(root: Any) -> None:
    """Make ``root`` the outermost module, and tell whose its parameters and buffers are."""
    _here.root, _here.paths = root, {}
    for path, part in root.named_modules():
        _here.paths[id(part)] = path
        before = path + "." if path else ""
        for role, tensors in (("parameter", part._parameters), ("buffer", part._buffers)):
            for name, tensor in tensors.items():
                if tensor is not None and tensor._tid not in _owned and not is_lazy(tensor):
                    tid = observe.tensor_id(tensor)
                    _owned.add(tid)
                    probe.sink.owner(tid, before + name, role, part.training)  # type: ignore[union-attr]


__all__ = ["call"]
