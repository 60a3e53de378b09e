"""The nodes of the backward graph.

Every op has its own class of node (``AddBackward0``), made from its row in the table of ops; what a node holds is
here. An edge is ``(node, slot)``: the slot numbers the outputs of the op that made the node.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from msgspec import Struct

from gradviz import probe
from gradviz.engine.autograd.hooks import NodeHooks, RemovableHandle, function_name

Edge = tuple[Any, int]
NO_EDGE: Edge = (None, 0)
FREED = (None, -1)
"""What ``saved`` is once backward has freed it."""

sequence = count().__next__
"""Numbers nodes in the order of the forward; backward takes the highest that is ready."""


class Node(Struct, eq=False, weakref=True, dict=True):
    """One step of backward. ``next`` are its edges, one per input of the op.

    ``saved`` is flat, holder and version in turn, under the names of the class's ``saves``; a holder is the input
    tensor itself, or a :class:`~gradviz.engine.autograd.saved.Output` for the op's own result. ``args`` are the op's
    parameters that the rule needs. ``shape`` and ``dtype`` are the output's (tuples of them when ``width`` > 1).
    """

    next: tuple[Edge, ...]
    saved: Any
    args: Any
    shape: Any
    dtype: Any
    seq: int
    hooks: Any = None
    nid: int = 0

    width = 1
    """How many outputs the op has. (Every field costs what all nodes cost: few have another width than their class.)"""
    order = 1
    site = None
    """Source position of a backward that a user wrote."""
    plain = False
    """Whether its rule is of a table of ops: it runs none of the user's code, and makes nothing complex of what is
    real. (One that does is told by its instance, not by its class.)"""

    def name(self) -> str:
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[Edge, ...]:
        return self.next

    def input_shape(self, i: int = 0) -> tuple[int, ...]:
        """Shape of the op's input ``i``, if that one takes a gradient."""
        node, slot = self.next[i]
        if node is None:
            return ()
        return node.shape if node.width == 1 else node.shape[slot]  # type: ignore[no-any-return]

    def needs(self, i: int) -> bool:
        """Whether input ``i`` takes a gradient."""
        return self.next[i][0] is not None

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grads_in, grads_out)`` after the node has run; a result replaces the first."""
        return add_hook(self, "post", hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grads_out)`` before the node runs; a result replaces them."""
        return add_hook(self, "pre", hook)

    @property
    def metadata(self) -> dict[Any, Any]:
        return self.__dict__.setdefault("_metadata", {})  # type: ignore[no-any-return]

    def __call__(self, *grads: Any) -> Any:
        from gradviz.engine.autograd.backward import call_node

        return call_node(self, grads)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class AccumulateGrad(Struct, eq=False, weakref=True, dict=True):
    """The end of the graph at a leaf: adds what arrives to ``.grad``. The leaf holds it weakly."""

    variable: Any
    shape: Any
    dtype: Any
    nid: int = 0
    hooks: Any = None

    # As a node among others. The sequence number is higher than any: it runs as soon as all its gradients are there.
    next = ()
    saved = None
    args = None
    width = 1
    order = 1
    seq = (1 << 64) - 1
    saves = ()
    rule = None
    site = None
    plain = False

    @property
    def next_functions(self) -> tuple[Edge, ...]:
        return ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    register_hook = Node.register_hook
    register_prehook = Node.register_prehook
    metadata = Node.metadata
    __repr__ = Node.__repr__


def add_hook(node: Any, kind: str, hook: Callable[..., Any]) -> RemovableHandle:
    hooks = node.hooks
    if hooks is None:
        hooks = node.hooks = NodeHooks()
    handle = RemovableHandle(getattr(hooks, kind), hook)
    if probe.sink is not None:
        from gradviz.engine import observe

        probe.sink.hook_add(handle.number(), "node", observe.node_id(node), "node_" + kind, *function_name(hook))
    return handle


def node_class(name: str, rule: Callable[..., Any], saves: tuple[str, ...] = ()) -> type[Node]:
    """The class of an op's nodes."""
    body = {"rule": staticmethod(rule), "saves": saves, "plain": True, "__module__": "builtins"}
    body |= {f"_saved_{field}": _saved(field) for field in saves}
    body |= {f"_raw_saved_{field}": _raw_saved(i) for i, field in enumerate(saves)}
    if name in ("CopyBackwards", "CopySlices"):  # not of PyTorch's table of derivatives
        body["name"] = lambda self: f"torch::autograd::{name}"
    return type(Node)(name, (Node,), body, dict=True)  # type: ignore[misc, no-any-return]


def _saved(field: str) -> property:
    """``grad_fn._saved_self`` and its like. A ``__getattr__`` would make every other attribute of a node slower."""

    def get(node: Any) -> Any:
        from gradviz.engine.autograd.saved import by_name

        return by_name(node, field)

    return property(get)


def _raw_saved(place: int) -> property:
    def get(node: Any) -> Any:
        from gradviz.engine.autograd.packing import SavedTensor

        return SavedTensor(node, place)

    return property(get)
