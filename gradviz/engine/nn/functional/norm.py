"""Normalisation as ``torch.nn.functional`` spells it: parameters after the running statistics, sizes checked."""

from __future__ import annotations

from math import prod
from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import norm, pool, shape
from gradviz.engine.ops.args import words
from gradviz.engine.ops.layer import telling
from gradviz.engine.ops.pad import pad
from gradviz.engine.tensor import Size


def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    if training:
        verify_batch_size(Size(input._array.shape))
    if training and eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    return norm.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def verify_batch_size(size: Any) -> None:
    if size[0] * prod(size[2:]) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")


def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
                  use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    size = Size(input._array.shape)
    if use_input_stats and prod(size[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {size}")
    return norm.instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return norm.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    size = input._array.shape
    if len(size) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(size)}")
    verify_batch_size([size[0] * size[1] // num_groups, num_groups, *size[2:]])
    return norm.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Every element divided by a power of the mean square of its neighbours in other channels."""
    n, full = input._array.ndim, input._array.shape
    if n < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {n} dimensions)")
    if not input._array.size:
        return input
    before, after = size // 2, (size - 1) // 2
    with observe.composite("local_response_norm", (input,), words(size=size)) as event:
        square = input.mul(input)
        if n == 3:
            around = pad(shape.unsqueeze(square, 1), (0, 0, before, after))
            mean = shape.squeeze(pool.avg_pool(2, around, (size, 1), 1), 1)
        else:
            around = pad(shape.view(square, (full[0], 1, full[1], full[2], -1)), (0, 0, 0, 0, before, after))
            mean = shape.view(shape.squeeze(pool.avg_pool(3, around, (size, 1, 1), 1), 1), full)
        return event(input / mean.mul(alpha).add(k).pow(beta))


FUNCTIONS: dict[str, Any] = telling({
    "batch_norm": batch_norm, "instance_norm": instance_norm, "layer_norm": layer_norm, "group_norm": group_norm,
    "rms_norm": norm.rms_norm, "local_response_norm": local_response_norm,
})
