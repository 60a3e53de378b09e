"""Hooks on what is saved for backward: one packs each saved tensor, the other makes a tensor of that again.

While nobody packs, an op asks ``regions.packs`` and nothing else.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from gradviz.engine.autograd.modes import regions, switch, thread
from gradviz.engine.autograd.node import FREED
from gradviz.engine.autograd.saved import Output, tensor_of
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, gradient_edge, make

Hook = Callable[[Any], Any]
WROTE = ("A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
         "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you "
         "need to perform in-place operations on the input to a pack hook.")


class Packed(Struct, eq=False):
    """What a hook made of a saved tensor, in the tensor's place. No version is compared: the hook may have copied.

    ``slot``: which output of its node it was, -1 for an input; ``of`` is the tensor, weakly. ``lazy``: a user's
    backward unpacks it, and the rule that calls that backward must not.
    """

    value: Any
    unpack: Hook
    slot: int
    requires: bool
    edge: Any
    of: Any
    lazy: bool

    _cell = Cell()

    @property
    def _array(self) -> Any:
        return None if self.lazy else self._unpacked()._array

    def tensor(self, node: Any) -> Any:
        """The tensor again, with the place in the graph that it had."""
        data = self._unpacked()
        if self.slot >= 0:
            return make(data._array, data._cell, True, (node, self.slot)) if self.requires else data
        if not (self.requires or data.requires_grad):
            return data
        after = self.edge[0]
        if after is None or after.__class__.__name__ != "AccumulateGrad":
            return make(data._array, data._cell, self.requires, self.edge if after is not None else None)
        leaf = make(data._array, data._cell, True)
        leaf._accumulate = weakref.ref(after)
        return leaf

    def _unpacked(self) -> Any:
        value = self.unpack(self.value)
        if not isinstance(value, Tensor):
            raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                            f"{type(value).__name__}")
        return value


def pack(node: Any, outputs: tuple[Any, ...], number: Any = None) -> None:
    """Put what this thread's innermost hook makes of them in the place of the tensors that ``node`` has saved.
    ``number`` is one that stands for a number: those are not packed."""
    if thread.packs and node.saved:
        hooks = thread.packs[-1]
        saved = list(node.saved)
        for i in range(0, len(saved), 2):
            holder = saved[i]
            if holder is not None and holder is not number:
                tensor = outputs[holder.slot] if holder.__class__ is Output else holder
                saved[i:i + 2] = _packed(node, holder, tensor, tensor, *hooks), 0
        node.saved = tuple(saved)


def _packed(node: Any, holder: Any, tensor: Any, shown: Any, hook: Hook, unpack: Hook) -> Packed:
    version = shown._cell.version
    before = switch("no_grad")
    try:
        value = hook(shown)
    finally:
        switch(before)
    if shown._cell.version != version:
        raise RuntimeError(WROTE)
    slot, requires = -1, tensor.requires_grad
    if holder.__class__ is Output:
        slot, requires = holder.slot, holder.slot < node.width and holder._array.dtype.char in INEXACT
    edge = gradient_edge(tensor) if slot < 0 else None
    return Packed(value, unpack, slot, requires, edge, weakref.ref(tensor), hasattr(node, "owner"))


class SavedTensor:
    """``grad_fn._raw_saved_self``: the place of a saved tensor, which may get hooks of its own."""

    def __init__(self, node: Any, place: int) -> None:
        self._node, self._place = node, place

    def register_hooks(self, pack_hook: Any, unpack_hook: Any) -> None:
        """Pack the tensor now; unpack it when it is needed."""
        if not callable(pack_hook) or not callable(unpack_hook):
            raise TypeError(
                "register_hooks(): incompatible function arguments. The following argument types are supported:\n"
                "    1. (self: torch._C._autograd.SavedTensor, arg0: collections.abc.Callable, arg1: "
                f"collections.abc.Callable) -> None\n\nInvoked with: {self!r}, {pack_hook!r}, {unpack_hook!r}")
        node, i = self._node, 2 * self._place
        if node.saved is FREED:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
                "to backward through the graph a second time or if you need to access saved variables after calling "
                "backward.")
        holder = None if node.saved is None else node.saved[i]
        if holder is None:
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden")
        if holder.__class__ is Packed:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
                               "one pair of hooks is allowed at a time.")
        tensor = tensor_of(node, holder)
        packed = _packed(node, holder, tensor, tensor.detach(), pack_hook, unpack_hook)
        node.saved = (*node.saved[:i], packed, 0, *node.saved[i + 2:])

    def __repr__(self) -> str:
        return f"<torch._C._autograd.SavedTensor object at {id(self):#x}>"


class saved_tensors_hooks:
    """A region in which ``pack_hook`` gets every tensor that is saved, and ``unpack_hook`` what that has made of it
    when backward needs the tensor. Of nested regions the innermost packs."""

    def __init__(self, pack_hook: Hook, unpack_hook: Hook) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if thread.packs_refused is not None:
            raise RuntimeError(thread.packs_refused)
        thread.packs = (*thread.packs, (self.pack_hook, self.unpack_hook))
        regions.packs += 1

    def __exit__(self, *exc: object) -> None:
        thread.packs = thread.packs[:-1]
        regions.packs -= 1


class save_on_cpu(saved_tensors_hooks):
    """A region that keeps what is saved in the main memory."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


class disable_saved_tensors_hooks:
    """A region in which :class:`saved_tensors_hooks` raises an error with the given message."""

    def __init__(self, error_message: str) -> None:
        self.message = error_message

    def __enter__(self) -> None:
        if thread.packs:
            raise RuntimeError(self.message)
        self.before, thread.packs_refused = thread.packs_refused, self.message

    def __exit__(self, *exc: object) -> None:
        thread.packs_refused = self.before


SavedTensor.__module__ = "torch._C._autograd"
for _class in (saved_tensors_hooks, save_on_cpu):
    _class.__module__ = "torch.autograd.graph"
