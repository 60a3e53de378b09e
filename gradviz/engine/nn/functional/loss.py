"""Losses of ``torch.nn.functional``: what is asked of their arguments, and the older ways to say how to reduce."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.errors import UnsupportedError, warn
from gradviz.engine.nn.functional.linear import linear
from gradviz.engine.ops import classes, criterion, ctc, loss
from gradviz.engine.ops.activation import LOG_SIGMOID
from gradviz.engine.ops.args import words
from gradviz.engine.ops.binary import OPERATORS
from gradviz.engine.ops.build import run
from gradviz.engine.ops.distance import pairwise_distance
from gradviz.engine.ops.pointwise import FUNCTIONS as POINTWISE
from gradviz.engine.ops.promote import operand_error
from gradviz.engine.ops.reduce import FUNCTIONS as REDUCE
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import make
from gradviz.engine.xp import xp


# --- reduction -------------------------------------------------------------------------------------------------------
def get_enum(reduction: str) -> int:
    """PyTorch's number of a way to reduce."""
    if reduction == "elementwise_mean":
        warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.")
        return 1
    try:
        return ("none", "mean", "sum").index(reduction)
    except ValueError:
        raise ValueError(f"{reduction} is not a valid value for reduction") from None


def legacy(size_average: Any, reduce: Any, reduction: str, *, emit_warning: bool = True) -> str:
    """The way to reduce that two older arguments ask for, if one of them is given."""
    if size_average is None and reduce is None:
        return reduction
    found = "none" if reduce is not None and not reduce else "sum" if size_average is False else "mean"
    if emit_warning:
        warn("size_average and reduce args will be deprecated, please use "
             f"reduction='{found}' instead.")
    return found


def _enum(size_average: Any, reduce: Any, reduction: str) -> int:
    if reduction == "mean" and size_average is None and reduce is None:
        return 1
    return get_enum(legacy(size_average, reduce, reduction))


def _text(reduction: str, **more: Any) -> str:
    return words(reduction=None if reduction == "mean" else reduction, **more)


def _reduced(losses: Any, reduction: str) -> Any:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")
    return criterion.reduced(losses, get_enum(reduction))


# --- differences -----------------------------------------------------------------------------------------------------
def _same_size(input: Any, target: Any) -> tuple[Any, Any]:
    """Both in their common shape; that they differ is warned of."""
    if target.size() == input.size():
        return input, target
    warn(f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). This "
         "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.")
    try:
        size = xp.broadcast_shapes(input._array.shape, target._array.shape)
    except ValueError as error:
        raise operand_error(error, input._array, target._array) from None
    return tuple(t if t._array.shape == size else t.expand(size) for t in (input, target))


def _weighted(losses: Any, input: Any, weight: Any, reduction: str) -> Any:
    """Weighted losses; their mean is that of the weights."""
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else _reduced(losses, reduction)


def _check_weight(weight: Any, input: Any) -> None:
    if weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")


def mse_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
             weight: Any = None) -> Any:
    pair = _same_size(input, target)
    reduction = legacy(size_average, reduce, reduction)
    if weight is not None:
        _check_weight(weight, input)
        return _weighted((pair[0] - pair[1]) ** 2, input, weight, reduction)
    return loss.call(loss.MSE, pair, (), (get_enum(reduction),), _text(reduction))


def l1_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
            weight: Any = None) -> Any:
    pair = _same_size(input, target)
    reduction = legacy(size_average, reduce, reduction)
    if weight is not None:
        _check_weight(weight, input)
        return _weighted((pair[0] - pair[1]).abs(), input, weight, reduction)
    return criterion.l1_loss(*pair, get_enum(reduction))


def smooth_l1_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                   beta: float = 1.0) -> Any:
    pair = _same_size(input, target)
    reduction = legacy(size_average, reduce, reduction)
    if beta == 0:
        return criterion.l1_loss(*pair, get_enum(reduction))
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return loss.call(loss.SMOOTH_L1, pair, (), (get_enum(reduction), beta), _text(reduction, beta=beta))


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    pair = _same_size(input, target)
    if weight is not None:
        _check_weight(weight, input)
    kind = "none" if weight is not None else reduction
    enum = get_enum(kind)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    losses = loss.call(loss.HUBER, pair, (), (enum, delta), _text(kind, delta=delta))
    return losses if weight is None else _reduced(losses * weight, reduction)


# --- classes and probabilities ---------------------------------------------------------------------------------------
def nll_loss(input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
             reduce: Any = None, reduction: str = "mean") -> Any:
    return criterion.nll_loss(input, target, weight, _enum(size_average, reduce, reduction), ignore_index)


def cross_entropy(input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
                  reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
    return criterion.cross_entropy(input, target, weight, _enum(size_average, reduce, reduction), ignore_index,
                                   label_smoothing)


def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
                         reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
                         options: Any = None) -> Any:
    """A linear layer whose outputs are logits, and their cross entropy."""
    if options is not None:
        raise UnsupportedError("gradviz.engine has no options of linear_cross_entropy; run with --engine torch")
    _check_linear(input, linear_weight, linear_bias)
    size, features = linear_weight._array.shape, input._array.shape[-1]
    shape = (*input._array.shape[:-1], *size[:-1])
    if target._array.shape == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if len(size) > 2:
        linear_weight = linear_weight.reshape(-1, features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(logits, target, weight=weight, reduction=reduction, label_smoothing=label_smoothing,
                         ignore_index=-100 if ignore_index is None else ignore_index)


def _check_linear(input: Any, weight: Any, bias: Any) -> None:
    size, full = input._array.shape, weight._array.shape
    if len(size) not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {len(size)}")
    if len(full) < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {len(full)}")
    if size[-1] != full[-1]:
        raise RuntimeError("expected equal input and linear_weight last dimensions (in_features), got "
                           f"{size[-1]} and {full[-1]}, respectively")
    if bias is not None and bias._array.shape != full[:-1]:
        raise RuntimeError(f"expected linear_bias shape {full[:-1]}, got {bias._array.shape}")
    if len(full) > 2 and len(size) == 1:
        raise RuntimeError(f"K-dimensional loss defined by linear_weight shape {full} requires batched input, (N, "
                           f"{size[-1]}), got unbatched input with shape {size}")


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
                         reduction: str = "mean") -> Any:
    enum = _enum(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) "
                         "is deprecated. Please ensure they have the same size.")
    if weight is not None:
        weight = weight.expand(_with_target(target._array.shape, weight._array.shape))
    return loss.call(loss.BCE, (input, target), (weight,), (enum,), _text(reduction))


def _with_target(target: tuple[int, ...], weight: tuple[int, ...]) -> Any:
    """The shape of both, or PyTorch's complaint about the weight's."""
    try:
        return xp.broadcast_shapes(target, weight)
    except ValueError:
        i = next(i for i in range(1, len(target) + 1) if weight[-i] not in (1, target[-i]) and target[-i] != 1)
        raise RuntimeError(f"Attempting to broadcast a dimension of length {weight[-i]} at -{i}! Mismatching argument "
                           f"at index 1 had torch.Size({list(weight)}); but expected shape should be broadcastable to "
                           f"{list(target)}") from None


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                                     reduce: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Any:
    enum = _enum(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    return criterion.binary_cross_entropy_with_logits(input, target, weight, pos_weight, enum)


def kl_div(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
           log_target: bool = False) -> Any:
    if size_average is not None or reduce is not None:
        enum = _enum(size_average, reduce, reduction)
    else:
        if reduction == "mean":
            warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                 "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                 "'mean' will be changed to behave the same as 'batchmean' in the next major release.")
        enum = get_enum("sum" if reduction == "batchmean" else reduction)
    result = criterion.kl_div(input, target, enum, log_target=log_target)
    if reduction == "batchmean" and input.dim() != 0:
        result = result / input.size()[0]
    return result


def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: Any = None,
                     eps: float = 1e-8, reduce: Any = None, reduction: str = "mean") -> Any:
    enum = _enum(size_average, reduce, reduction)
    return criterion.poisson_nll_loss(input, target, log_input, full, eps, enum)


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Any:
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * make(xp.ones_like(input._array), Cell())
    elif REDUCE["any"](var < 0):
        raise ValueError("var has negative entry/entries")
    size, own = input._array.shape, var._array.shape
    if own != size:
        if size[:-1] == own:
            var = var.unsqueeze(-1)
        elif len(own) != len(size) or sum(b for a, b in zip(size, own, strict=True) if a != b) != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    losses = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        losses += 0.5 * math.log(2 * math.pi)
    return criterion.reduced(losses, get_enum(reduction))


def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Any:
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, get_enum(reduction), zero_infinity)


# --- margins ---------------------------------------------------------------------------------------------------------
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
                         reduction: str = "mean") -> Any:
    return criterion.hinge_embedding_loss(input, target, margin, _enum(size_average, reduce, reduction))


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
                        reduce: Any = None, reduction: str = "mean") -> Any:
    enum = _enum(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
                           f"{input1.size()}, input2: {input2.size()}, target: {target.size()} ")
    return criterion.margin_ranking_loss(input1, input2, target, margin, enum)


def soft_margin_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None,
                     reduction: str = "mean") -> Any:
    return loss.call(loss.SOFT_MARGIN, (input, target), (), (_enum(size_average, reduce, reduction),), _text(reduction))


def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:
    enum = _enum(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    return loss.call(classes.MULTI_MARGIN, (input, target), (weight,), (enum, p, margin),
                     _text(reduction, p=p, margin=margin))


def multilabel_margin_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None,
                           reduction: str = "mean") -> Any:
    return loss.call(classes.MULTILABEL_MARGIN, (input, target), (), (_enum(size_average, reduce, reduction),),
                     _text(reduction))


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: Any = None,
                                reduce: Any = None, reduction: str = "mean") -> Any:
    reduction = legacy(size_average, reduce, reduction)
    losses = -(target * run(LOG_SIGMOID, (input,)) + (1 - target) * run(LOG_SIGMOID, (-input,)))
    if weight is not None:
        losses = losses * weight
    dim = input.dim() - 1
    losses = losses.sum(dim=dim) / input.size(dim)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    return criterion.reduced(losses, get_enum(reduction))


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
                          reduce: Any = None, reduction: str = "mean") -> Any:
    return criterion.cosine_embedding_loss(input1, input2, target, margin, _enum(size_average, reduce, reduction))


def _check_margin(margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")


def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: Any = None, reduce: Any = None,
                        reduction: str = "mean") -> Any:
    enum = _enum(size_average, reduce, reduction)
    _check_margin(margin)
    return criterion.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, enum)


def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None,
                                      margin: float = 1.0, swap: bool = False, reduction: str = "mean") -> Any:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _check_margin(margin)
    criterion.check_triplet(anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = OPERATORS["minimum"](far, distance(positive, negative))
    return criterion.reduced(POINTWISE["clamp_min"](margin + near - far, 0), get_enum(reduction))


FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (
    mse_loss, l1_loss, smooth_l1_loss, huber_loss, nll_loss, cross_entropy, linear_cross_entropy, binary_cross_entropy,
    binary_cross_entropy_with_logits, kl_div, poisson_nll_loss, gaussian_nll_loss, ctc_loss, hinge_embedding_loss,
    margin_ranking_loss, soft_margin_loss, multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss,
    cosine_embedding_loss, triplet_margin_loss, triplet_margin_with_distance_loss)}
