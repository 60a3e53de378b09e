"""What happens at a leaf: ``.grad`` is set or added to."""

from __future__ import annotations

from sys import getrefcount
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import firing
from gradviz.engine.fingerprint import shared, writing
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import fresh, make
from gradviz.engine.xp import foreign, is_array, moved, ndarray, xp

NOTHING = observe.NOTHING
_OWN = 4
"""References to a gradient that nobody else holds: here, the caller, the argument of getrefcount and the stack."""
_LENT = 3
"""References to the array behind a gradient that is a view and nobody else holds: the view, and two here."""


def accumulate(call: Any, node: Any, g: Any) -> None:
    """Add ``g`` to the leaf's ``.grad``; the tensor stays the same object unless a graph is made."""
    leaf = node.variable
    grad = leaf._grad
    known = None
    if call.told:
        told, known = call.told.pop(node, NOTHING)
        if told is not g or leaf._hooks is not None or node.hooks is not None:
            known = None
        del told  # who it belongs to is counted
    was = "none" if grad is None else "added"
    if grad is None:
        if g.__class__ is ndarray or g.__class__ in foreign:
            like = leaf._array
            if like.__class__ is not g.__class__:  # a number's may lie elsewhere
                g = moved(g, like)
            flags, base = g.flags, g.base
            turned = not like.flags.c_contiguous and _dense(like)
            fits = g.strides == like.strides if turned else flags.c_contiguous
            own = fits and (g.__class__ is not ndarray or flags.writeable) and getrefcount(g) <= _OWN
            if base is not None:  # a weight's gradient is turned twice on its way
                own = own and base.__class__ is g.__class__ and base.size == g.size and getrefcount(base) <= _LENT
            if own:
                leaf._grad = fresh(g)
            else:  # PyTorch counts the copying as a write
                leaf._grad = make(_filled(xp.empty_like(like), g) if turned else g.copy(), Cell(1))
        else:
            leaf._grad = g.clone() if call.create_graph else g.detach()
    elif call.create_graph:
        leaf._grad = grad + (fresh(g) if is_array(g) else g)
    else:
        array = g if is_array(g) else g._array
        total = grad._array
        if shared:
            writing(grad)
        total += array
        grad._cell.version += 1
    if probe.sink is not None:
        observe.accumulated(call, node, g, was, known)
    if leaf._hooks is not None and leaf._hooks.post_accumulate:
        firing.accumulated(call, node)


def _dense(array: ndarray) -> bool:
    """Whether the elements lie in memory without gaps, in some order of the dimensions."""
    order = sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True)
    return array.transpose(order).flags.c_contiguous


def _filled(out: ndarray, g: ndarray) -> ndarray:
    out[...] = g
    return out


def keep_gradient(call: Any, tensor: Any, g: Any) -> None:
    """``backward(inputs=...)`` asked for the gradient of a tensor inside the graph."""
    firing.retain(call, tensor, g)
