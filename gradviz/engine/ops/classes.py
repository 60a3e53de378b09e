"""Losses of classes: the negative log likelihood, and margins between classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd.namespaces import counted
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text
from gradviz.engine.ops.loss import MEAN, NONE, SUM, floats, reduced, rows
from gradviz.engine.ops.second import underived
from gradviz.engine.xp import asarray, beside, foreign, ndarray, xp


def _chosen(x: ndarray, target: ndarray, ignore: int, weight: Any) -> tuple[Any, Any, Any]:
    """The index of each target's class in ``x``, which count (None: all), and what each weighs (None: one)."""
    axis = 0 if x.ndim == 1 else 1
    classes, shape = x.shape[axis], x.shape[:axis] + x.shape[axis + 1:]
    t = target.astype(xp.int64, copy=False)
    if t.shape != shape:
        t = t.reshape(shape)
    if t.__class__ in foreign:  # it is not asked what it holds, which would be waiting for it
        counts = t != ignore
        t = xp.where(counts, t, 0)
        return _places(t, axis), counts, counts.astype(x.dtype) if weight is None else xp.where(counts, weight[t], 0)
    if not 0 <= ignore < classes and t.size and t.view(xp.uint64).max() < classes:  # one look tells that all are fine
        return _places(t, axis), None, None if weight is None else asarray(weight[t])
    counts = t != ignore
    if counts.all():
        counts = None
    else:
        t = xp.where(counts, t, 0)
    if t.size and (t.min() < 0 or t.max() >= classes) and (counts is None or counts.any()):
        outside = (t < 0) | (t >= classes)
        raise IndexError(f"Target {int(t[outside][0])} is out of bounds.")
    w = None if weight is None else asarray(weight[t])
    if counts is not None:
        w = counts.astype(x.dtype) if w is None else xp.where(counts, w, 0)
    return _places(t, axis), counts, w


def _places(t: ndarray, axis: int) -> tuple[Any, ...]:
    """The full index of each target's class."""
    shape = t.shape
    grid: list[Any] = [xp.arange(shape[0])] if len(shape) == 1 and t.__class__ is ndarray else counted(shape, t)
    return (*grid[:axis], t, *grid[axis:])


def _nll_of(kernel: str) -> Callable[..., Any]:
    def forward(x: ndarray, target: ndarray, reduction: int, ignore: int, weight: Any = None) -> Any:
        if x.dtype.kind != "f":
            floats(kernel, x)
        if weight is not None and weight.dtype != x.dtype:
            raise RuntimeError(f"expected scalar type {BY_NP[x.dtype].code} but found {BY_NP[weight.dtype].code}")
        index, counts, w = _chosen(x, target, ignore, weight)
        losses = -x[index] if x.size else xp.zeros(target.shape, x.dtype, like=beside(x))
        if w is not None:
            losses = losses * w
        if counts is not None:
            losses = xp.where(counts, losses, 0)
        if reduction == NONE:
            return asarray(losses, x.dtype)
        total = xp.add.reduce(losses, None, x.dtype)
        return total if reduction == SUM else total / _count(target.size, w, x.dtype)

    return forward


def _count(n: int, w: Any, dtype: Any) -> Any:
    """What a mean divides by: how many there are, or what they weigh."""
    return dtype.type(n) if w is None else w.sum(dtype=dtype)


def _weights(ns: Any, ctx: Any, self: Any, target: Any, weight: Any) -> tuple[Any, Any]:
    """The index of what was picked, and by what it was multiplied."""
    reduction, ignore = ctx.args
    x = ns.plain(self)
    index, counts, w = _chosen(x, ns.plain(target), ignore, None if weight is None else ns.plain(weight))
    if w is None:
        return index, ns.const(asarray(-1 / ns.plain(target).size if reduction == MEAN else -1, x.dtype, x))
    if reduction == MEAN:
        w = w / _count(ns.plain(target).size, w, x.dtype)
    return index, ns.const(-asarray(w if counts is None else xp.where(counts, w, 0)))


def _nll(ns: Any, ctx: Any, g: Any, self: Any, target: Any, weight: Any = None) -> Any:
    shape = ns.plain(self).shape
    if not ns.plain(self).size:
        return ns.zeros(shape, g)
    index, w = _weights(ns, ctx, self, target, weight)
    return ns.put(g * w, shape, index)


def _nll_again(ns: Any, ctx: Any, g: Any, self: Any, target: Any, weight: Any = None) -> Any:
    if not ns.plain(self).size:
        return ns.zeros(ctx.input_shape(), g)
    index, w = _weights(ns, ctx, self, target, weight)
    losses = ns.take(g, index) * w
    return losses if ctx.args[0] == NONE else ns.sum(losses, None)


def _rows_of_classes(x: ndarray, target: ndarray) -> tuple[Any, Any]:
    """One row a sample: x as (N, C), and target as (N,)."""
    wide = x.reshape(1, -1) if x.ndim <= 1 else x
    if x.ndim > 2 or not (wide.shape[1] if x.ndim == 2 else x.size):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{size_text(x.shape)}")
    n = wide.shape[0]
    if target.ndim > 1 or target.size != n:
        raise RuntimeError("multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
                           f"samples (batch size). Expected target size [{n}], but got {size_text(target.shape)}. "
                           f"Input has shape {size_text(x.shape)}.")
    if target.dtype != xp.int64:
        raise RuntimeError(f"expected scalar type Long but found {BY_NP[target.dtype].code}")
    t = target.reshape(n)
    if ((t < 0) | (t >= wide.shape[1])).any():
        raise RuntimeError("target out of range")
    return wide, t


def _margins(x: ndarray, target: ndarray, margin: float, weight: Any) -> Any:
    """How far each class is above the target's less the margin, what each counts, and the targets."""
    wide, t = _rows_of_classes(x, target)
    if weight is not None and weight.size != wide.shape[1]:
        raise RuntimeError(f"inconsistent weight size, expected {wide.shape[1]} but got {size_text(weight.shape)}")
    own = xp.take_along_axis(wide, t[:, None], 1)
    z = xp.maximum(margin - own + wide, 0)
    z[xp.arange(len(t)), t] = 0
    return z, (xp.ones((len(t), 1), x.dtype) if weight is None else weight[t][:, None]) / wide.shape[1], t


def _multi_margin_of(x: ndarray, target: ndarray, reduction: int, p: int, margin: float, weight: Any = None) -> Any:
    z, w, _ = _margins(x, target, margin, weight)
    floats("multi_margin_loss", x)
    losses = ((z if p == 1 else z * z) * w).sum(axis=1, dtype=x.dtype)
    if reduction == NONE:
        return losses if x.ndim == 2 or target.ndim else losses.reshape(())
    return reduced(losses, reduction) if losses.size else asarray(0, x.dtype)


def _multi_margin(ns: Any, ctx: Any, g: Any, self: Any, target: Any, weight: Any = None) -> Any:
    reduction, p, margin = ctx.args
    x = ns.plain(self)
    z, w, t = _margins(x, ns.plain(target), margin, None if weight is None else ns.plain(weight))
    slope = ((z > 0) if p == 1 else 2 * z) * w
    slope[xp.arange(len(t)), t] = -slope.sum(axis=1)
    up = ns.plain(g).reshape(-1, 1) / (len(t) if reduction == MEAN else 1)
    return _no_second_margin(g, self, (slope * up).reshape(x.shape).astype(x.dtype))


_no_second_margin = underived("multi_margin_loss_backward",
                              "derivative for aten::multi_margin_loss_backward is not implemented")


def _labels(x: ndarray, target: ndarray) -> Any:
    """How often each row's target names a class before its first -1, and the rows."""
    if x.ndim > 2 or not (x.shape[1] if x.ndim == 2 else x.size):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{size_text(x.shape)}")
    if target.shape != x.shape and not (x.ndim <= 1 and target.ndim <= 1 and target.size == x.size):
        raise RuntimeError(f"inconsistent target size: {size_text(target.shape)} for input of size: "
                           f"{size_text(x.shape)}")
    if target.dtype != xp.int64:
        raise RuntimeError(f"expected scalar type Long but found {BY_NP[target.dtype].code}")
    wide = x.reshape(-1, x.shape[-1] if x.ndim else 1)
    t = target.reshape(wide.shape)
    if ((t < -1) | (t >= wide.shape[1])).any():
        raise RuntimeError("argument #2 'target' is out of range")
    named = xp.cumsum(t == -1, axis=1) == 0
    times = xp.zeros(wide.shape, xp.int64)
    row, column = xp.nonzero(named)
    xp.add.at(times, (row, t[row, column]), 1)
    return times, wide


def _short(times: ndarray, wide: ndarray) -> Any:
    """For every named class and every other: by how much the first is less than one above the second."""
    z = 1 - (wide[:, :, None] - wide[:, None, :])
    return xp.where((times[:, :, None] > 0) & (times[:, None, :] == 0), xp.maximum(z, 0), 0)


def _multilabel_of(x: ndarray, target: ndarray, reduction: int) -> Any:
    times, wide = _labels(x, target)
    floats("multilabel_margin_loss_forward_out_frame", x)
    losses = ((_short(times, wide).sum(axis=2) * times).sum(axis=1) / wide.shape[1]).astype(x.dtype)
    if reduction == NONE:
        return losses.reshape(x.shape[:-1])
    return reduced(losses, reduction)


def _multilabel(ns: Any, ctx: Any, g: Any, self: Any, target: Any) -> Any:
    x = ns.plain(self)
    times, wide = _labels(x, ns.plain(target))
    pairs = (_short(times, wide) > 0) * (times[:, :, None] / wide.shape[1])
    up = ns.plain(g).reshape(-1, 1) / (len(wide) if ctx.args[0] == MEAN else 1)
    share = (pairs.sum(axis=1) - pairs.sum(axis=2)) * up
    return _no_second_multilabel(g, self, share.reshape(x.shape).astype(x.dtype))


_no_second_multilabel = underived("multilabel_margin_loss_backward",
                                  "derivative for aten::multilabel_margin_loss_backward is not implemented")

NLL = rows("nll_loss", _nll_of("nll_loss_out_frame"), "NllLossBackward0", _nll, optional="weight",
           second=("NllLossBackwardBackward0", _nll_again))
NLL2D = rows("nll_loss2d", _nll_of("nll_loss2d_forward_out_frame"), "NllLoss2DBackward0", _nll, optional="weight",
             second=("NllLoss2DBackwardBackward0", _nll_again))
MULTI_MARGIN = rows("multi_margin_loss", _multi_margin_of, "MultiMarginLossBackward0", _multi_margin,
                    optional="weight")
MULTILABEL_MARGIN = rows("multilabel_margin_loss", _multilabel_of, "MultilabelMarginLossBackward0", _multilabel)
