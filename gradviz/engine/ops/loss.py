"""Losses that are one op with one node. ``reduction`` is PyTorch's number: 0 none, 1 mean, 2 sum."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, repeat
from operator import is_not
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.ops.build import Op, op, recording, run
from gradviz.engine.ops.promote import can_cast, cast_error, operand_error, together
from gradviz.engine.ops.second import piecewise
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp

NONE, MEAN, SUM = 0, 1, 2
Rows = dict[tuple[bool, ...], Op]


# --- rows ------------------------------------------------------------------------------------------------------------
def rows(name: str, forward: Callable[..., Any], node: str, rule: Callable[..., Any], inputs: str = "self target",
         optional: str = "", edges: int = 1, second: tuple[str, Any] | None = None) -> Rows:
    """The rows of a loss, one for every choice of its optional inputs; ``edges``: how many inputs take a gradient.

    All inputs are saved. ``forward`` and ``rule`` get the optional ones by name. ``second``: the node of a rule that
    is constant in what was saved, and its transpose.
    """
    made = {}
    fixed, extra = tuple(inputs.split()), tuple(optional.split())
    for present in product((False, True), repeat=len(extra)):
        given = tuple(n for n, there in zip(extra, present, strict=True) if there)
        names, key = " ".join((*fixed, *given)), ".".join((name, *given))
        backward = _rule_by_name(rule, (*fixed, *given)) if given else rule
        if second is not None:
            backward = piecewise(name + "_backward", second[0], backward, names, key + "_backward",
                                 _rule_by_name(second[1], (*fixed, *given)) if given else second[1])
        row = op(name, _by_name(forward, len(fixed), given), node, backward, names, names, key=key)
        row.differentiable = tuple(range(edges))
        made[present] = row
    return made


def _by_name(forward: Callable[..., Any], n: int, given: tuple[str, ...]) -> Callable[..., Any]:
    if not given:
        return forward
    return lambda *a: forward(*a[:n], *a[n + len(given):], **dict(zip(given, a[n:n + len(given)], strict=True)))


def _rule_by_name(rule: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    return lambda ns, ctx, g, *saved: rule(ns, ctx, g, **dict(zip(names, saved, strict=True)))


def call(table: Rows, inputs: tuple[Any, ...], optional: tuple[Any, ...], args: tuple[Any, ...], text: str = "") -> Any:
    """Run a loss with those of its optional inputs that are given."""
    row = table[tuple(map(is_not, optional, repeat(None)))]
    given = inputs if len(row.inputs) == len(inputs) else (*inputs, *[t for t in optional if t is not None])
    for i in range(len(row.differentiable or ()), len(given)):
        t = given[i]
        if isinstance(t, Tensor) and (t._requires or t._view is not None) and recording((t,)) and all(
                isinstance(other, Tensor) for other in given):
            raise RuntimeError(f"The function '{row.name}' is not differentiable with respect to argument "
                               f"'{row.inputs[i]}'. This input cannot have requires_grad True.")
    return run(row, given, args, text)


def reduced(losses: Any, reduction: int) -> Any:
    """The losses of all elements, or their mean or sum."""
    if reduction == MEAN:
        return losses.mean(dtype=losses.dtype)
    return losses.sum(dtype=losses.dtype) if reduction == SUM else losses


def spread(ns: Any, g: Any, reduction: int, like: Any) -> Any:
    """The gradient of each element's loss."""
    return g / ns.plain(like).size if reduction == MEAN else g


def floats(kernel: str, *arrays: ndarray) -> None:
    """Refuse what is not floating."""
    for x in arrays:
        if x.dtype.kind in "iubc":
            raise NotImplementedError(f"\"{kernel}\" not implemented for '{BY_NP[x.dtype].code}'")


# --- differences -----------------------------------------------------------------------------------------------------
def _difference(kernel: str, x: ndarray, target: ndarray) -> Any:
    a, b = together(x, target)
    floats(kernel, a)
    return a - b


def _mse_of(x: ndarray, target: ndarray, reduction: int) -> Any:
    d = _difference("mse_cpu", x, target)
    return reduced(d * d, reduction)


def _mse(ns: Any, ctx: Any, g: Any, self: Any, target: Any) -> Any:
    share = spread(ns, g, ctx.args[0], self) * 2 * (self - target)
    return share, -share if ctx.needs(1) else None


def _smooth_l1_of(x: ndarray, target: ndarray, reduction: int, beta: float) -> Any:
    z = xp.abs(_difference("smooth_l1_cpu", x, target))
    return reduced(xp.where(z < beta, z * z * 0.5 / beta, z - 0.5 * beta), reduction)


def _clipped(ns: Any, d: Any, limit: float) -> Any:
    """A difference as far as ``limit``, with no slope beyond it."""
    return ns.where(d <= -limit, -limit, ns.where(d >= limit, limit, d))


def _smooth_l1(ns: Any, ctx: Any, g: Any, self: Any, target: Any) -> Any:
    reduction, beta = ctx.args
    share = spread(ns, g, reduction, self) * (_clipped(ns, self - target, beta) / beta)
    return share, -share if ctx.needs(1) else None


def _huber_of(x: ndarray, target: ndarray, reduction: int, delta: float) -> Any:
    z = xp.abs(_difference("huber_cpu", x, target))
    if not can_cast(z.dtype, x.dtype):
        raise cast_error(z.dtype, x.dtype)
    losses = xp.where(z <= delta, z * z * 0.5, (z - 0.5 * delta) * delta)
    return reduced(losses.astype(x.dtype, copy=False), reduction)


def _huber(ns: Any, ctx: Any, g: Any, self: Any, target: Any) -> Any:
    reduction, delta = ctx.args
    x, y = ns.plain(self).dtype, ns.plain(target).dtype
    if x != y:
        raise RuntimeError(f"Found dtype {BY_NP[y].code} but expected {BY_NP[x].code}")
    share = spread(ns, g, reduction, self) * _clipped(ns, self - target, delta)
    return share, -share if ctx.needs(1) else None


def _soft_margin_of(x: ndarray, target: ndarray, reduction: int) -> Any:
    a, b = together(x, target)
    if b.dtype.kind == "b":
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                           "a mask, use the `~` or `logical_not()` operator instead.")
    if b.dtype.kind in "iu":
        raise cast_error(dtypes.default.dtype.np, b.dtype)
    return reduced(xp.log(xp.exp(-b * a) + 1), reduction)


def _soft_margin(ns: Any, ctx: Any, g: Any, self: Any, target: Any) -> Any:
    z = ns.exp(-target * self)
    return spread(ns, g, ctx.args[0], self) * (-target * z / (z + 1))


def _times(a: ndarray, b: ndarray) -> Any:
    """A product in the type of the first."""
    try:
        return (a * b).astype(a.dtype, copy=False)
    except ValueError as error:
        raise operand_error(error, a, b) from None


# --- probabilities ---------------------------------------------------------------------------------------------------
def _bce_of(x: ndarray, target: ndarray, reduction: int, weight: Any = None) -> Any:
    floats("binary_cross_entropy", x)
    if target.dtype != x.dtype:
        raise RuntimeError(f"Found dtype {BY_NP[target.dtype].code} but expected {BY_NP[x.dtype].code}")
    for name, a in (("input", x), ("target", target)):
        if not ((a >= 0) & (a <= 1)).all():
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")
    losses = (target - 1) * xp.maximum(xp.log1p(-x), -100) - target * xp.maximum(xp.log(x), -100)
    return reduced(losses if weight is None else _times(losses, weight), reduction)


def _bce(ns: Any, ctx: Any, g: Any, self: Any, target: Any, weight: Any = None) -> Any:
    share = spread(ns, g, ctx.args[0], self)
    if weight is not None:
        share = share * weight
    spread_out = self * (1 - self)
    first = share * ((self - target) / ns.where(spread_out < 1e-12, 1e-12, spread_out)) if ctx.needs(0) else None
    return first, share * (ns.log(1 - self) - ns.log(self)) if ctx.needs(1) else None


def _log_sigmoid(x: ndarray) -> Any:
    floats("log_sigmoid_cpu", x)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x)))


def _logits_of(x: ndarray, target: ndarray, reduction: int, weight: Any = None, pos_weight: Any = None) -> Any:
    scale = _log_sigmoid(x)
    kind = target.dtype.kind
    if kind == "b":
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                           "`logical_xor()` operator instead.")
    if kind in "iu":
        raise cast_error(x.dtype, target.dtype)
    if pos_weight is not None:
        scale = scale * (_times(pos_weight - 1, target) + 1)
    losses = (1 - target) * x - scale
    return reduced(losses if weight is None else _times(losses, weight), reduction)


def _logits(ns: Any, ctx: Any, g: Any, self: Any, target: Any, weight: Any = None, pos_weight: Any = None) -> Any:
    share = spread(ns, g, ctx.args[0], self)
    if weight is not None:
        share = share * weight
    first = second = None
    if ctx.needs(0):
        if pos_weight is None:
            first = share * (ns.sigmoid(self) - target)
        else:
            positive = pos_weight * target
            first = share * ((positive + 1 - target) * ns.sigmoid(self) - positive)
    if ctx.needs(1):
        second = share * -self if pos_weight is None else share * ((1 - pos_weight) * ns.log(ns.sigmoid(self)) - self)
    return first, second


MSE = rows("mse_loss", _mse_of, "MseLossBackward0", _mse, edges=2)
SMOOTH_L1 = rows("smooth_l1_loss", _smooth_l1_of, "SmoothL1LossBackward0", _smooth_l1, edges=2)
HUBER = rows("huber_loss", _huber_of, "HuberLossBackward0", _huber, edges=2)
SOFT_MARGIN = rows("soft_margin_loss", _soft_margin_of, "SoftMarginLossBackward0", _soft_margin)
BCE = rows("binary_cross_entropy", _bce_of, "BinaryCrossEntropyBackward0", _bce, optional="weight", edges=2)
LOGITS = rows("binary_cross_entropy_with_logits", _logits_of, "BinaryCrossEntropyWithLogitsBackward0", _logits,
              optional="weight pos_weight", edges=2)
