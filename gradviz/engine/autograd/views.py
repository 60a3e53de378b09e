"""Views under in-place writes: what may be written, and what the graph is afterwards.

A view remembers its base. Writing through a view gives the *base* a CopySlices node, whose rule runs the op's own node
on the slice; the view itself, and every other view of that base, gets a fresh AsStridedBackward0 into the base the
next time anybody asks (a view is out of date when its ``version`` is not its cell's).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from gradviz import probe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.node import NO_EDGE, Node, node_class, sequence
from gradviz.engine.autograd.saved import short_name
from gradviz.engine.errors import LEAF, MULTI_VIEW, NO_GRAD_VIEW, VIEW_OF_LEAF
from gradviz.engine.fingerprint import shared, writing
from gradviz.engine.xp import address


class View(Struct, eq=False):
    """That a tensor is a view: of which base, current up to which version, and how it came about: ``kind`` is
    default, no_grad, multi (one of several views that one op made), custom (of an autograd.Function)."""

    base: Any
    version: int
    kind: str = "default"


def view_of(tensor: Any, kind: str) -> View:
    """The mark of a new view of ``tensor``."""
    outer = tensor._view
    if outer is None:
        return View(tensor, tensor._cell.version, kind)
    return View(outer.base, tensor._cell.version, kind if outer.kind == "default" else outer.kind)


def _geometry(view: Any, base: Any) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of ``view`` in elements, from the first element of ``base``."""
    array = view._array
    size = array.itemsize
    offset = (address(array) - address(base._array)) // size if array.size else 0
    return array.shape, tuple(n // size for n in array.strides), offset


def _as_strided_rule(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.unstrided(g, ctx.input_shape(0), *ctx.args)


AsStridedBackward0 = node_class("AsStridedBackward0", _as_strided_rule)


def refresh(tensor: Any) -> None:
    """Bring ``_edge`` and ``_requires`` of a view up to date with what was written to its base."""
    view = tensor._view
    base = view.base
    if tensor._edge is None:
        if not base._requires:
            return
        tensor._requires = True
    version = tensor._cell.version
    if view.version == version:
        return
    if view.kind != "default":
        if not modes.enabled():  # nobody asks for its history, which is what nobody could tell
            return
        raise forbidden(tensor, indirect=True)
    _join(tensor)
    if probe.sink is not None and tensor._tid > 0:
        from gradviz.engine import observe

        observe.rebind(tensor, "history")


def _join(tensor: Any) -> None:
    """Give a view the history of its base, through an AsStridedBackward0."""
    from gradviz.engine.tensor import gradient_edge

    array, base = tensor._array, tensor._view.base
    shape, strides, offset = _geometry(tensor, base)
    args = strides, offset, tuple(n // array.itemsize for n in base._array.strides)
    tensor._edge = AsStridedBackward0((gradient_edge(base),), None, args, shape, array.dtype, sequence()), 0
    tensor._requires = True
    tensor._view.version = tensor._cell.version


def forbidden(tensor: Any, *, indirect: bool) -> RuntimeError:
    """Why a view made that way may not be written (or, ``indirect``, used after a write to its base)."""
    kind = tensor._view.kind
    edge = tensor._edge
    what = "its base or another view of its base has been" if indirect else "is being"
    if kind == "no_grad":
        text = NO_GRAD_VIEW.format(what=what)
        return RuntimeError(text if edge is None else text.replace(
            "A view was", f"Output {edge[1]} of {short_name(edge[0])} is a view of a view which was", 1))
    name = "Unknown" if edge is None else f"Output {edge[1]} of {short_name(edge[0])}"
    is_view = f"{name} is a view and {what} modified inplace."
    if kind == "custom":
        return RuntimeError(
            is_view + " This view was created inside a custom Function (or because an input was returned as-is) and the"
            " autograd logic to handle view+inplace would override the custom backward associated with the custom"
            " Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the"
            " output of the custom Function.")
    return RuntimeError(is_view + MULTI_VIEW)


def check_inplace(tensor: Any, requires: bool) -> None:
    """Refuse an in-place op that would break the graph. ``requires``: an operand of it requires grad."""
    if shared:
        writing(tensor)
    if tensor._cell.inference and modes.thread.mode != "inference":
        from gradviz.engine.autograd.inference import WRITTEN

        raise RuntimeError(WRITTEN)
    if not requires or not modes.enabled():
        return
    view = tensor._view
    if view is not None:
        if view.kind != "default":
            raise forbidden(tensor, indirect=False)
        if tensor.requires_grad and view.base._edge is None:
            raise RuntimeError(VIEW_OF_LEAF)
    if tensor._requires and tensor._edge is None:
        raise RuntimeError(LEAF)


def rebase(tensor: Any, node: Node) -> None:
    """``tensor`` was written in place by an op with ``node``: give it, or its base, the new history."""
    view = tensor._view
    if view is None:
        _move_retain(tensor, node)
        tensor._edge, tensor._requires = (node, 0), True
        return
    base = view.base
    from gradviz.engine.tensor import gradient_edge

    shape, strides, offset = _geometry(tensor, base)
    array = base._array
    args = node, shape, strides, offset, tuple(n // array.itemsize for n in array.strides)
    copy = CopySlices((gradient_edge(base), *node.next[1:]), (), args, array.shape, array.dtype, sequence())
    _move_retain(base, copy)
    base._edge, base._requires = (copy, 0), True
    _join(tensor)


def _move_retain(tensor: Any, node: Node) -> None:
    """retain_grad follows the tensor to its new node; its other hooks stay with the old one."""
    edge = tensor._edge
    if edge is None or edge[0].hooks is None:
        return
    kept = edge[0].hooks.retain.pop(edge[1], None)
    if kept is not None:
        from gradviz.engine.autograd.hooks import NodeHooks

        if node.hooks is None:
            node.hooks = NodeHooks()
        node.hooks.retain[0] = kept


def _copy_slices_rule(ns: Any, ctx: Any, g: Any) -> Any:
    """Split the base's gradient: outside the slice it goes on unchanged, inside the slice through the op's node."""
    node, shape, strides, offset, base_strides = ctx.args
    from gradviz.engine.autograd.backward import run_node

    whole, part = ns.split_slice(g, shape, strides, offset, base_strides)
    inner = run_node(ns, node, part)
    ns.put_slice(whole, inner[0], shape, strides, offset, base_strides)
    return (whole if ctx.needs(0) else None, *inner[1:])


CopySlices = node_class("CopySlices", _copy_slices_rule)
CopySlices.plain = False  # it runs another node's rule, which may be a user's

__all__ = ["NO_EDGE", "CopySlices", "View", "check_inplace", "rebase", "refresh", "view_of"]
