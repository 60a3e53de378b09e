"""What PyTorch's functions that are written in Python hand to those written in C++, which refuse what does not fit.

``input.size`` stands for the first attribute that is asked of an argument, ``elu(input, alpha)`` for a call.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from gradviz.engine.ops.refusal import refusal
from gradviz.engine.ops.signatures import type_name
from gradviz.engine.tensor import Tensor

_POOL = "(input, kernel_size, stride, padding, dilation, ceil_mode)"
STEPS: dict[str, str] = {
    **{f"max_pool{n}d": f"max_pool{n}d{_POOL}" for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": f"max_pool{n}d_with_indices{_POOL}" for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{n}d{end}": f"input.size; adaptive_{kind}_pool{n}d(input, output_size)"
       for n in (2, 3) for kind, end in (("avg", ""), ("max", ""), ("max", "_with_indices"))},
    "adaptive_max_pool1d": "adaptive_max_pool1d(input, output_size)",
    "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d(input, output_size)",
    "alpha_dropout": "alpha_dropout(input, p, training)",
    "batch_norm": "batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, True)",
    "binary_cross_entropy": "target.size; input.size; binary_cross_entropy(input, target, weight, reduction)",
    "binary_cross_entropy_with_logits": ("target.size; input.size; binary_cross_entropy_with_logits(input, target, "
                                         "weight, pos_weight, reduction)"),
    "celu": "celu(input, alpha)",
    "cosine_embedding_loss": "cosine_embedding_loss(input1, input2, target, margin, reduction)",
    "cross_entropy": "cross_entropy_loss(input, target, weight, reduction, ignore_index, label_smoothing)",
    "ctc_loss": "ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)",
    "dropout": "dropout(input, p, training)",
    **{f"dropout{n}d": "input.dim; feature_dropout(input, p, training)" for n in (1, 2, 3)},
    "elu": "elu(input, alpha)",
    "feature_alpha_dropout": "feature_alpha_dropout(input, p, training)",
    "glu": "input.dim; glu(input, dim)",
    "grid_sample": "grid_sampler(input, grid, 0, 0, True)",
    "group_norm": "input.dim; group_norm(input, num_groups, weight, bias, eps, True)",
    "hardsigmoid": "hardsigmoid(input)",
    "hardswish": "hardswish(input)",
    "hardtanh": "hardtanh(input, min_val, max_val)",
    "hinge_embedding_loss": "hinge_embedding_loss(input, target, margin, reduction)",
    "huber_loss": "target.size; input.size; huber_loss(input, target, reduction, delta)",
    "instance_norm": ("instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, "
                      "True)"),
    "kl_div": "kl_div(input, target, reduction)",
    "l1_loss": "target.size; input.size",
    "layer_norm": "layer_norm(input, normalized_shape, weight, bias, eps, True)",
    "leaky_relu": "leaky_relu(input, negative_slope)",
    "log_softmax": "input.log_softmax(dim, dtype)",
    "margin_ranking_loss": "input1.dim; input2.dim; target.dim; margin_ranking_loss(input1, input2, target, margin, "
                           "reduction)",
    "mish": "mish(input)",
    "mse_loss": "target.size; input.size",
    "multi_margin_loss": "multi_margin_loss(input, target, p, margin, weight, reduction)",
    "multilabel_margin_loss": "multilabel_margin_loss(input, target, reduction)",
    "nll_loss": "nll_loss_nd(input, target, weight, reduction, ignore_index)",
    "normalize": "input.norm",
    "pad": "pad(input, pad, mode, value)",
    "poisson_nll_loss": "poisson_nll_loss(input, target, log_input, full, eps, reduction)",
    "relu6": "relu6(input)",
    "rms_norm": "rms_norm(input, normalized_shape, weight, eps)",
    "rrelu": "rrelu(input, lower, upper, training)",
    "selu": "selu(input)",
    "sigmoid": "input.sigmoid",
    "silu": "silu(input)",
    "smooth_l1_loss": "target.size; input.size; smooth_l1_loss(input, target, reduction, beta)",
    "soft_margin_loss": "soft_margin_loss(input, target, reduction)",
    "softmax": "input.softmax(dim, dtype)",
    "softsign": "input.abs",
    "tanh": "input.tanh",
    "tanhshrink": "input.tanh",
    "threshold": "threshold(input, threshold, value)",
    "triplet_margin_loss": "triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction)",
    "triplet_margin_with_distance_loss": "anchor.ndim; positive.ndim; negative.ndim",
    "unfold": "im2col(input, kernel_size, dilation, padding, stride)",
    "fold": "col2im(input, output_size, kernel_size, dilation, padding, stride)",
}


def _given(name: str, values: dict[str, Any]) -> Any:
    """The value that goes to C++ for an argument."""
    if name == "reduction":
        return 1
    if name in ("kernel_size", "output_size", "dilation", "padding", "stride") and isinstance(values[name], int):
        return [values[name]]
    if name in values:
        return [] if name == "stride" and values[name] is None else values[name]
    return True if name == "True" else int(name)


def step_refusal(name: str, function: Callable[..., Any], args: Any, options: Any) -> Exception | None:
    """PyTorch's exception for a call of a function in ``STEPS``; None if its steps take the arguments."""
    try:
        bound = inspect.signature(function).bind(*args, **options)
    except TypeError:
        return None
    bound.apply_defaults()
    values = bound.arguments
    for owner, called, rest in re.findall(r"(?:(\w+)\.)?(\w+)(?:\((.*?)\))?(?:; |$)", STEPS[name]):
        if owner and not isinstance(values[owner], Tensor):
            return AttributeError(f"'{type_name(values[owner])}' object has no attribute '{called}'")
        handed = tuple([_given(part, values) for part in rest.split(", ")]) if rest else ()
        if rest or not owner:
            wrong = refusal(called, (values[owner], *handed) if owner else handed, {}, bool(owner))
            if wrong is not None:
                return wrong
    return None


def stepped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function in ``STEPS``, which refuses as PyTorch's does."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except (TypeError, AttributeError):
            wrong = step_refusal(name, function, args, options)
            if wrong is None:
                raise
            raise wrong from None

    return call
