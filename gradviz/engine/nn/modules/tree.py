"""What is in a module and in all below it: parameters, buffers and modules, each once, with their paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def _named_members(self: Any, get_members_fn: Callable[..., Any], prefix: str = "", recurse: bool = True,
                   remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
    seen = set()
    modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
    for path, module in modules:
        for name, value in get_members_fn(module):
            if value is None or value in seen:
                continue
            if remove_duplicate:
                seen.add(value)
            yield (f"{path}.{name}" if path else name), value


def parameters(self: Any, recurse: bool = True) -> Iterator[Any]:
    """The parameters, each once."""
    for _, parameter in self.named_parameters(recurse=recurse):
        yield parameter


def named_parameters(self: Any, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True,
                     ) -> Iterator[tuple[str, Any]]:
    """The parameters and their paths."""
    yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)


def buffers(self: Any, recurse: bool = True) -> Iterator[Any]:
    """The buffers, each once."""
    for _, buffer in self.named_buffers(recurse=recurse):
        yield buffer


def named_buffers(self: Any, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True,
                  ) -> Iterator[tuple[str, Any]]:
    """The buffers and their paths."""
    yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)


def children(self: Any) -> Iterator[Any]:
    """The modules right below, each once."""
    for _, module in self.named_children():
        yield module


def named_children(self: Any) -> Iterator[tuple[str, Any]]:
    """The modules right below and their names."""
    seen = set()
    for name, module in self._modules.items():
        if module is not None and module not in seen:
            seen.add(module)
            yield name, module


def modules(self: Any, remove_duplicate: bool = True) -> Iterator[Any]:
    """This module and all below it."""
    for _, module in self.named_modules(remove_duplicate=remove_duplicate):
        yield module


def named_modules(self: Any, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True) -> Any:
    """This module and all below it with their paths."""
    memo = set() if memo is None else memo
    if self in memo:
        return
    if remove_duplicate:
        memo.add(self)
    yield prefix, self
    for name, module in self._modules.items():
        if module is not None:
            yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)
