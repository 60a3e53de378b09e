"""Methods of a tensor that concern its gradient."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import api
from gradviz.engine.autograd.hooks import LeafHooks, NodeHooks, RemovableHandle, function_name
from gradviz.engine.errors import c_name, size_text, warn
from gradviz.engine.tensor import Tensor, gradient_edge


def backward(self: Any, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
             inputs: Any = None) -> None:
    """Compute the gradients of this tensor with respect to the graph's leaves."""
    if gradient is not None and not isinstance(gradient, Tensor):
        raise TypeError("gradients can be either Tensors or None, but got " + type(gradient).__name__)
    api.backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def get_grad(self: Any) -> Any:
    """The gradient that backward has accumulated."""
    grad = self._grad
    if grad is None and self._requires and self._edge is not None and self.grad_fn is not None:
        _read_inner(self)
    return grad


def _read_inner(self: Any) -> None:
    hooks = self._edge[0].hooks
    if hooks is not None and self._edge[1] in hooks.retain:
        return
    if probe.sink is not None:
        probe.sink.grad_read(observe.tensor_id(self))
    warn(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
        "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
        "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
        "you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more informations.")


def set_grad(self: Any, value: Any) -> None:
    if value is not None:
        if not isinstance(value, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type "
                            f"{type(value).__name__}")
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if value._array.shape != self._array.shape:
            raise RuntimeError(f"attempting to assign a gradient of size '{size_text(value._array.shape)}' to a "
                               f"tensor of "
                               f"size '{size_text(self._array.shape)}'. Please ensure that the gradient and the tensor "
                               "are the same size")
        if value._array.dtype != self._array.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{c_name(value.dtype)}' to a tensor with grad_dtype "
                f"'{self.dtype.code}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's "
                f"dtype). "
                "You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set "
                "grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream "
                "systems "
                "that assume they match.")
    self._grad = value
    if probe.sink is not None:
        observe.grad_set(self, value)


def del_grad(self: Any) -> None:
    set_grad(self, None)


def register_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call ``hook(grad)`` when the gradient of this tensor is known; a result replaces it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    edge = self._edge
    if edge is None:
        if self._hooks is None:
            self._hooks = LeafHooks()
        where = self._hooks.tensor
    else:
        where = _node_hooks(edge[0]).tensor.setdefault(edge[1], {})
    return _told(RemovableHandle(where, hook), "tensor", self, "tensor", hook)


def _node_hooks(node: Any) -> NodeHooks:
    if node.hooks is None:
        node.hooks = NodeHooks()
    return node.hooks  # type: ignore[no-any-return]


def _told(handle: RemovableHandle, target: str, self: Any, kind: str, hook: Any) -> RemovableHandle:
    if probe.sink is not None:
        probe.sink.hook_add(handle.number(), target, observe.tensor_id(self), kind, *function_name(hook))
    return handle


def register_post_accumulate_grad_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call ``hook(tensor)`` once backward has added to ``.grad``."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._hooks is None:
        self._hooks = LeafHooks()
    return _told(RemovableHandle(self._hooks.post_accumulate, hook), "accumulate", self, "post_accumulate", hook)


def retain_grad(self: Any) -> None:
    """Have backward keep the gradient of a tensor inside the graph in ``.grad``."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    edge = gradient_edge(self)
    if self.is_leaf:
        return
    retained = _node_hooks(edge[0]).retain
    if edge[1] not in retained:
        retained[edge[1]] = weakref.ref(self)
        if probe.sink is not None:
            probe.sink.retain_grad(observe.tensor_id(self))


def retains_grad(self: Any) -> bool:
    edge = self._edge
    if edge is None:
        return False
    hooks = edge[0].hooks
    return hooks is not None and edge[1] in hooks.retain


METHODS: dict[str, Any] = {
    "backward": backward, "grad": property(get_grad, set_grad, del_grad), "register_hook": register_hook,
    "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook, "retain_grad": retain_grad,
    "retains_grad": property(retains_grad),
}
