"""Saved tensors: kept by a forward, checked when a backward unpacks them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gradviz.engine.autograd.node import FREED
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.errors import FREED as FREED_TEXT
from gradviz.engine.errors import HINT, size_text
from gradviz.engine.xp import foreign


class Output(Struct, eq=False, gc=False):
    """An op's own result, saved without the tensor: the tensor holds the node, so holding it here would be a cycle."""

    _array: Any
    _cell: Any
    slot: int = 0


def check(node: Any) -> None:
    """Raise for the first saved tensor of ``node`` that was written since, or if they were freed."""
    saved = node.saved
    if saved is FREED:
        raise RuntimeError(FREED_TEXT)
    for i in range(0, len(saved), 2):
        holder = saved[i]
        if holder is not None and holder._cell.version != saved[i + 1]:
            raise changed(node, i // 2)


def changed(node: Any, which: int) -> RuntimeError:
    """The error for a saved tensor that was modified in place."""
    holder, version = node.saved[2 * which], node.saved[2 * which + 1]
    array, cell = holder._array, holder._cell
    from gradviz.engine.dtypes import BY_NP

    if holder.__class__ is Output:
        maker, slot = node, holder.slot
    else:
        maker, slot = holder.grad_fn, 0
    kind = "cuda." * (array.__class__ in foreign) + BY_NP[array.dtype].legacy
    which_output = "" if maker is None else f", which is output {slot} of {short_name(maker)},"
    error = RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{kind}Tensor {size_text(array.shape)}]{which_output} is at version "
        f"{cell.version}; expected version {version} instead.{HINT}")
    names = node.saves
    error._gradviz_saved = (node, names[which] if which < len(names) else str(which), holder,  # type: ignore[attr-defined]
                            version)
    return error


def short_name(node: Any) -> str:
    """A node's name in a message: PyTorch leaves ``Backward`` out there, and the number if it is 0."""
    name: str = node.name()
    head, found, digits = name.rpartition("Backward")
    return head + digits.lstrip("0") if found and (digits.isdigit() or not digits) else name


def tensor_of(node: Any, holder: Any) -> Any:
    """A holder as a tensor that has a place in the graph."""
    if holder is None or holder.__class__ is not Output:
        return holder if holder is None or hasattr(holder, "_tid") else holder.tensor(node)
    from gradviz.engine.tensor import make

    array, cell = holder._array, holder._cell
    if array.dtype.char in INEXACT and holder.slot < node.width:  # a later one is kept for the backward alone
        return make(array, cell, True, (node, holder.slot))
    return make(array, cell)


def by_name(node: Any, name: str) -> Any:
    """``grad_fn._saved_self`` and its like."""
    if name not in node.saves:
        raise AttributeError(f"'{type(node).__name__}' object has no attribute '_saved_{name}'")
    check(node)
    return tensor_of(node, node.saved[2 * node.saves.index(name)])
