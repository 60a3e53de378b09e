"""Filling parameters: ``torch.nn.init``."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradviz.engine.autograd import modes
from gradviz.engine.ops.build import Op, write
from gradviz.engine.ops.random import default_generator
from gradviz.engine.xp import xp

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """By how much weights before a nonlinearity are larger, so that activations keep their size."""
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param ** 2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return gains[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    mode = mode.lower()
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def untracked(change: Any, *args: Any, **kwargs: Any) -> Any:
    """Call ``change`` under no_grad."""
    before = modes.switch("no_grad")
    try:
        return change(*args, **kwargs)
    finally:
        modes.switch(before)


# --- one distribution ------------------------------------------------------------------------------------------------
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Uniformly between ``a`` and ``b``."""
    return untracked(tensor.uniform_, a, b, generator=generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    return untracked(tensor.normal_, mean, std, generator=generator)


def constant_(tensor: Any, val: float) -> Any:
    return untracked(tensor.fill_, val)


def ones_(tensor: Any) -> Any:
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    return untracked(tensor.zero_)


def trunc_normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> Any:
    """Normally, with what falls outside of ``a`` to ``b`` drawn again."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
                      "incorrect.", stacklevel=2)

    def fill(array: Any) -> None:
        from scipy.special import ndtr, ndtri

        low, high = ndtr((a - mean) / std), ndtr((b - mean) / std)
        drawn = (generator or default_generator).np.random(array.shape) * (high - low) + low
        array[...] = xp.clip(ndtri(drawn) * std + mean, a, b)

    return _filled("trunc_normal_", tensor, fill)


def _filled(name: str, tensor: Any, fill: Any) -> Any:
    """``tensor`` after ``fill`` has written its array, as one op."""
    return untracked(write, Op(name, fill), tensor, ())


# --- by fan ----------------------------------------------------------------------------------------------------------
def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Uniformly, so that signals keep their size forward and backward."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Normally, so that signals keep their size forward and backward."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def kaiming_uniform_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> Any:
    """Uniformly, so that signals keep their size through a rectifier."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    bound = math.sqrt(3.0) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> Any:
    """Normally, so that signals keep their size through a rectifier."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    return normal_(tensor, 0, _kaiming(tensor, a, mode, nonlinearity), generator)


def _kaiming(tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


# --- by structure ----------------------------------------------------------------------------------------------------
def eye_(tensor: Any) -> Any:
    """Ones on the diagonal."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")

    def fill(array: Any) -> None:
        array[...] = xp.eye(*array.shape)

    return _filled("eye_", tensor, fill)


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Convolutions that hand their channels on."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels, in_channels, *kernel = tensor.shape
    if out_channels % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    each = out_channels // groups

    def fill(array: Any) -> None:
        array[...] = 0
        channel = xp.arange(min(each, in_channels))
        for group in range(groups):
            array[(group * each + channel, channel, *(n // 2 for n in kernel))] = 1

    return _filled("dirac_", tensor, fill)


def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """A matrix, or several dimensions taken as one, with orthogonal rows or columns."""
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return tensor

    def fill(array: Any) -> None:
        rows = array.shape[0]
        columns = array.size // rows
        drawn = (generator or default_generator).np.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = xp.linalg.qr(drawn)
        q = q * xp.sign(xp.diagonal(r))
        array[...] = gain * (q.T if rows < columns else q).reshape(array.shape)

    return _filled("orthogonal_", tensor, fill)


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Normally, with a share of each column set to zero."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")

    def fill(array: Any) -> None:
        source = (generator or default_generator).np
        rows, columns = array.shape
        array[...] = source.standard_normal(array.shape) * std
        for column in range(columns):
            array[source.permutation(rows)[:math.ceil(sparsity * rows)], column] = 0

    return _filled("sparse_", tensor, fill)


def _deprecated(function: Any) -> Any:
    new = function.__name__
    old = new[:-1]

    def initialise(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    initialise.__name__ = initialise.__qualname__ = old
    return initialise


uniform, normal, constant, eye, dirac, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, \
    sparse = (_deprecated(f) for f in (uniform_, normal_, constant_, eye_, dirac_, xavier_uniform_, xavier_normal_,
                                       kaiming_uniform_, kaiming_normal_, orthogonal_, sparse_))

