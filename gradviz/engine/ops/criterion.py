"""Losses that PyTorch composes of other ops, composed here of the same ones.

``reduction`` is PyTorch's number; the functions of ``torch`` itself leave the losses as they are if it is not given.
"""

from __future__ import annotations

from math import pi
from typing import Any

from gradviz.engine.casting import raised
from gradviz.engine.dtypes import BY_NP, INEXACT
from gradviz.engine.errors import size_text
from gradviz.engine.ops import classes, loss
from gradviz.engine.ops.args import words
from gradviz.engine.ops.binary import OPERATORS
from gradviz.engine.ops.build import not_a_tensor
from gradviz.engine.ops.distance import (
    ADD_NUMBER,
    DIV_NUMBER,
    MUL_NUMBER,
    SUB_NUMBER,
    pairwise_distance,
    with_number,
)
from gradviz.engine.ops.loss import MEAN, NONE, SUM
from gradviz.engine.ops.pointwise import FUNCTIONS as POINTWISE
from gradviz.engine.ops.pointwise import where
from gradviz.engine.ops.scans import FUNCTIONS as SCANS
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


def reduced(losses: Any, reduction: int) -> Any:
    if reduction == MEAN:
        return losses.mean()
    return losses.sum() if reduction == SUM else losses


def _number(value: float, like: Any) -> Any:
    """A number as a tensor, for where it stands on the left."""
    return make(asarray(value, like._array.dtype if like._array.dtype.char in INEXACT else xp.float32), Cell())


def _zeros(like: Any) -> Any:
    return make(xp.zeros_like(like._array), Cell())


def _above_zero(t: Any) -> Any:
    return POINTWISE["clamp_min"](t, 0)


def _text(reduction: int, **more: Any) -> str:
    return words(reduction={NONE: "none", SUM: "sum"}.get(reduction), **more)


# --- classes ---------------------------------------------------------------------------------------------------------
def _check_type(t: ndarray) -> None:
    if t.dtype not in (xp.int64, xp.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {BY_NP[t.dtype].code}")


def _tensors(name: str, input: Any, target: Any, weight: Any) -> None:
    if isinstance(input, Tensor) and isinstance(target, Tensor) and (weight is None or isinstance(weight, Tensor)):
        return
    for i, (argument, t) in enumerate((("input", input), ("target", target), ("weight", weight))):
        if not isinstance(t, Tensor) and (t is not None or i < 2):
            raise not_a_tensor(name, argument, i, t)


def _check_classes(input: Any, target: Any, weight: Any) -> None:
    """What PyTorch asks of one row of classes a sample."""
    x, t = input._array, target._array
    if t.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if x.ndim == 1 and t.ndim == 1 and t.size != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {t.size}")
    if x.ndim == 2 and (not t.ndim or t.shape[0] != x.shape[0]):
        raise RuntimeError(f"size mismatch (got input: {size_text(x.shape)}, target: {size_text(t.shape)})")
    if weight is not None and weight._array.size != x.shape[-1]:
        raise RuntimeError(f"weight tensor should be defined either for all {x.shape[-1]} classes or no classes but "
                           f"got weight tensor of shape: {size_text(weight._array.shape)}")
    if t.dtype != xp.int64:
        _check_type(t)


def _check_places(input: Any, target: Any, weight: Any) -> None:
    """What PyTorch asks of classes at every place of a picture."""
    x, t = input._array, target._array
    if t.ndim != 3:
        raise RuntimeError("only batches of spatial targets supported (3D tensors) but got targets of dimension: "
                           f"{t.ndim}")
    if weight is not None and weight._array.size != x.shape[1]:
        raise RuntimeError("weight tensor should be defined either for all or no classes")
    if (x.shape[0], *x.shape[2:]) != t.shape:
        raise RuntimeError(f"size mismatch (got input: {size_text(x.shape)} , target: {size_text(t.shape)}")
    _check_type(t)


def nll_loss(input: Any, target: Any, weight: Any = None, reduction: int = MEAN, ignore_index: int = -100) -> Any:
    """The negative of what ``input`` has for each target's class; any number of dimensions after the classes'."""
    _tensors("nll_loss_nd", input, target, weight)
    return _nll(input, target, weight, reduction, ignore_index)


def _nll(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    size, want = input._array.shape, target._array.shape
    if not size:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if len(size) > 1 and want and size[0] != want[0]:
        raise ValueError(f"Expected input batch_size ({size[0]}) to match target batch_size ({want[0]}).")
    args, text = (reduction, ignore_index), _text(reduction, ignore_index=None if ignore_index < 0 else ignore_index)
    if len(size) <= 2:
        _check_classes(input, target, weight)
        return loss.call(classes.NLL, (input, target), (weight,), args, text)
    if len(size) == 4:
        _check_places(input, target, weight)
        return loss.call(classes.NLL2D, (input, target), (weight,), args, text)
    out_size = (size[0], *size[2:])
    if want[1:] != size[2:]:
        raise RuntimeError(f"Expected target size {size_text(out_size)}, got {size_text(want)}")
    flat = input.contiguous().view(size[0], size[1], *((1, -1) if input._array.size else (0, 0)))
    labels = target.contiguous().view(size[0], *((1, -1) if target._array.size else (0, 0)))
    losses = loss.call(classes.NLL2D, (flat, labels), (weight,), args, text)
    return losses.view(out_size) if reduction == NONE else losses


@raised
def cross_entropy(input: Any, target: Any, weight: Any = None, reduction: int = MEAN, ignore_index: int = -100,
                  label_smoothing: float = 0.0) -> Any:
    """log_softmax, then the loss of the targets: classes, or probabilities in the shape of ``input``."""
    _tensors("cross_entropy_loss", input, target, weight)
    if input._array.shape == target._array.shape:
        if target._array.dtype.char not in INEXACT:
            raise RuntimeError("Expected floating point type for target with class probabilities, got "
                               f"{target.dtype.code}")
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _probabilities(input, target, weight, reduction, label_smoothing)
    dim = 0 if input._array.ndim == 1 else 1
    if label_smoothing <= 0:
        return _nll(SCANS["log_softmax"](input, dim), target, weight, reduction, ignore_index)
    _check_smoothing(label_smoothing)
    logs = input.log_softmax(dim)
    sharp = nll_loss(logs, target, weight, reduction, ignore_index)
    smooth = -(logs if weight is None else logs * _along(weight, logs)).sum(dim)
    ignored = target == ignore_index
    smooth.masked_fill_(ignored, 0.0)
    if reduction == MEAN:
        if weight is None:
            count = (~ignored).sum()
        else:
            count = weight.gather(0, target.masked_fill(ignored, 0).flatten())
            count = count.masked_fill(ignored.flatten(), 0).sum()
        smooth = smooth.sum() / count
    elif reduction == SUM:
        smooth = smooth.sum()
    share = label_smoothing / input._array.shape[dim]
    return with_number(MUL_NUMBER, sharp, 1 - label_smoothing) + with_number(MUL_NUMBER, smooth, share)


def _check_smoothing(amount: float) -> None:
    if amount > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {amount:g}")


def _along(weight: Any, input: Any) -> Any:
    """The classes' weights in a shape that broadcasts to ``input``."""
    n = input._array.ndim
    return weight if n == 1 else weight.view([-1 if d == 1 else 1 for d in range(n)])


def _probabilities(input: Any, target: Any, weight: Any, reduction: int, label_smoothing: float) -> Any:
    if not input._array.ndim:
        raise IndexError("Dimension specified as 1 but tensor has no dimensions")
    dim = 0 if input._array.ndim == 1 else 1
    n = input._array.shape[dim]
    if weight is not None and weight._array.shape != (n,):
        raise RuntimeError(f"cross_entropy: weight tensor should be defined either for all {n} classes or no "
                           f"classes but got weight tensor of shape: {size_text(weight._array.shape)}")
    logs = input.log_softmax(dim)
    if label_smoothing > 0:
        _check_smoothing(label_smoothing)
        target = with_number(MUL_NUMBER, target, 1 - label_smoothing)
        target = with_number(ADD_NUMBER, target, label_smoothing / n)
    terms = logs * target if weight is None else logs * target * _along(weight, logs)
    if reduction == NONE:
        return -terms.sum(dim)
    if reduction == SUM:
        return -terms.sum()
    if not logs._array.size:
        return -terms.sum().fill_(float("nan"))
    return with_number(DIV_NUMBER, -terms.sum(), logs._array.size / n)


# --- distributions ---------------------------------------------------------------------------------------------------
@raised
def l1_loss(input: Any, target: Any, reduction: int = NONE) -> Any:
    return reduced((input - target).abs(), reduction)


@raised
def kl_div(input: Any, target: Any, reduction: int = NONE, *, log_target: bool = False) -> Any:
    """target (ln target - input), where ``input`` is logarithms, and ``target`` too if so told."""
    for kinds, word in (("c", "Complex"), ("iub", "Integral")):
        if input._array.dtype.kind in kinds or target._array.dtype.kind in kinds:
            raise RuntimeError(f"kl_div: {word} inputs not supported.")
    if log_target:
        return reduced(target.exp() * (target - input), reduction)
    return reduced(OPERATORS["xlogy"](target, target) - target * input, reduction)


@raised
def poisson_nll_loss(input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int) -> Any:
    if log_input:
        losses = input.exp() - target * input
    else:
        losses = input - target * with_number(ADD_NUMBER, input, eps).log()
    if full:
        stirling = target * target.log() - target + with_number(
            MUL_NUMBER, with_number(MUL_NUMBER, target, 2 * pi).log(), 0.5)
        losses = losses + stirling.masked_fill(target <= 1, 0)
    return reduced(losses, reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, pos_weight: Any = None,
                                     reduction: int = NONE) -> Any:
    return loss.call(loss.LOGITS, (input, target), (weight, pos_weight), (reduction,), _text(reduction))


# --- margins ---------------------------------------------------------------------------------------------------------
@raised
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: int = NONE) -> Any:
    zeros = _zeros(input)
    short = _above_zero(_number(margin, input) - input)
    return reduced(where(target != 1, short, zeros) + where(target != -1, input, zeros), reduction)


@raised
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = NONE) -> Any:
    return reduced(_above_zero(with_number(ADD_NUMBER, -target * (input1 - input2), margin)), reduction)


@raised
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = NONE) -> Any:
    """One less the cosine where ``target`` is 1; the cosine above ``margin`` where it is -1."""
    dim = target._array.ndim
    if dim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if {input1._array.ndim, input2._array.ndim} != {dim + 1}:
        raise RuntimeError(f"{dim}D target tensor expects {dim + 1}D input tensors, but found inputs with sizes "
                           f"{size_text(input1._array.shape)} and {size_text(input2._array.shape)}.")
    product = (input1 * input2).sum(dim)
    squares = [with_number(ADD_NUMBER, (t * t).sum(dim), 1e-12) for t in (input1, input2)]
    cosine = product / (squares[0] * squares[1]).sqrt()
    zeros = _zeros(cosine)
    alike = where(target == 1, _number(1, cosine) - cosine, zeros)
    return reduced(alike + where(target == -1, _above_zero(with_number(SUB_NUMBER, cosine, margin)), zeros), reduction)


def check_triplet(*tensors: Any) -> None:
    dims = [t._array.ndim for t in tensors]
    if len(set(dims)) > 1:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: anchor {dims[0]}D, positive {dims[1]}D, and negative {dims[2]}D "
                           "inputs")


@raised
def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0,
                        eps: float = 1e-6, swap: bool = False, reduction: int = NONE) -> Any:
    """How far ``positive`` is from ``anchor``, less how far ``negative`` is, above ``-margin``."""
    check_triplet(anchor, positive, negative)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = OPERATORS["minimum"](far, pairwise_distance(positive, negative, p, eps))
    return reduced(_above_zero(with_number(ADD_NUMBER, near, margin) - far), reduction)


FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (
    kl_div, poisson_nll_loss, binary_cross_entropy_with_logits, hinge_embedding_loss, margin_ranking_loss,
    cosine_embedding_loss, triplet_margin_loss)}
METHODS: dict[str, Any] = {}
