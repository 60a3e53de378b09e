"""Normalisation: over the batch, over trailing dimensions, over groups of channels."""

from __future__ import annotations

from math import prod
from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.namespaces import graph
from gradviz.engine.dtypes import BY_NP, HALVES, INEXACT, finfo, float32
from gradviz.engine.errors import size_text
from gradviz.engine.ops import shape
from gradviz.engine.ops.args import integer, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.distance import ADD_NUMBER
from gradviz.engine.ops.layer import layer
from gradviz.engine.ops.reduce import FUNCTIONS as REDUCTIONS
from gradviz.engine.ops.unary import FUNCTIONS as UNARY
from gradviz.engine.xp import ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _moments(ns: Any, x: Any, dims: Any, eps: float) -> tuple[Any, Any]:
    """Mean and 1 / standard deviation as functions of ``x``; for a rule that is recorded, saved ones are no use."""
    mean = ns.mean(x, dims)
    return mean, (ns.mean((x - mean) ** 2, dims) + eps) ** -0.5


def _pulled(ns: Any, g: Any, normal: Any, rstd: Any, dims: Any, n: int) -> Any:
    """Backward of ``normal = (x - mean) * rstd`` over ``dims``, which have ``n`` elements."""
    return (g - (ns.sum(g, dims, True) + normal * ns.sum(g * normal, dims, True)) / n) * rstd


def _batch_rule(ns: Any, ctx: Any, g: Any, input: Any, weight: Any, running_mean: Any, running_var: Any, result1: Any,
                result2: Any) -> Any:
    training, eps = ctx.args
    size = ns.plain(input).shape
    dims, wide = (0, *range(2, len(size))), (1, -1, *(1,) * (len(size) - 2))
    if not training:
        mean, rstd = ns.reshape(running_mean, wide), (ns.reshape(running_var, wide) + eps) ** -0.5
    elif ns is graph:
        mean, rstd = _moments(ns, input, dims, eps)
    else:
        mean, rstd = result1.reshape(wide), result2.reshape(wide)
    normal = (input - mean) * rstd
    first = second = third = None
    if ctx.needs(0):
        scaled = g if weight is None else g * ns.reshape(weight, wide)
        n = prod(size) // max(1, size[1])
        first = _pulled(ns, scaled, normal, rstd, dims, n) if training else scaled * rstd
    if ctx.needs(1):
        second = ns.sum(g * normal, dims)
    if ctx.needs(2):
        third = ns.sum(g, dims)
    return first, second, third


def _layer_rule(ns: Any, ctx: Any, g: Any, input: Any, weight: Any, bias: Any, result1: Any, result2: Any) -> Any:
    size, eps = ctx.args
    ndim = ns.plain(input).ndim
    dims, rest = tuple(range(ndim - len(size), ndim)), tuple(range(ndim - len(size)))
    mean, rstd = _moments(ns, input, dims, eps) if ns is graph else (result1, result2)
    normal = (input - mean) * rstd
    first = second = third = None
    if ctx.needs(0):
        first = _pulled(ns, g if weight is None else g * weight, normal, rstd, dims, prod(size))
    if ctx.needs(1):
        second = ns.sum(g * normal, rest) if rest else g * normal
    if ctx.needs(2):
        third = ns.sum(g, rest) if rest else g
    return first, second, third


def _group_rule(ns: Any, ctx: Any, g: Any, input: Any, weight: Any, result1: Any, result2: Any) -> Any:
    groups, eps = ctx.args
    size = ns.plain(input).shape
    each, wide = (size[0], groups, prod(size) // max(1, size[0] * groups)), (1, -1, *(1,) * (len(size) - 2))
    x = ns.reshape(input, each)
    if ns is graph:
        mean, rstd = _moments(ns, x, (2,), eps)
    else:
        mean, rstd = result1[..., None], result2[..., None]
    normal = (x - mean) * rstd
    dims = (0, *range(2, len(size)))
    first = second = third = None
    if ctx.needs(0):
        scaled = g if weight is None else g * ns.reshape(weight, wide)
        first = ns.reshape(_pulled(ns, ns.reshape(scaled, each), normal, rstd, (2,), each[2]), size)
    if ctx.needs(1):
        second = ns.sum(g * ns.reshape(normal, size), dims)
    if ctx.needs(2):
        third = ns.sum(g, dims)
    return first, second, third


# --- forwards --------------------------------------------------------------------------------------------------------
def _statistics(x: ndarray, dims: tuple[int, ...], eps: float) -> tuple[ndarray, ndarray, ndarray]:
    """Mean, variance and 1 / standard deviation, with ones for ``dims``."""
    mean = x.mean(axis=dims, keepdims=True)
    centred = x - mean
    centred *= centred
    var = centred.mean(axis=dims, keepdims=True)
    return mean, var, 1 / xp.sqrt(var + eps)


def _affine(x: ndarray, mean: ndarray, rstd: ndarray, weight: Any, bias: Any) -> Any:
    """One multiplication and one addition per element, as PyTorch has it."""
    scale = rstd if weight is None else rstd * weight
    offset = -mean * scale
    out = x * scale
    out += offset if bias is None else offset + bias
    return out


def _wide(x: ndarray) -> ndarray:
    """Half precision is computed with single."""
    return x.astype(xp.float32) if x.dtype.char in HALVES else x


def _refuse_integers(x: ndarray, kernel: str) -> None:
    if x.dtype.char not in INEXACT:
        raise NotImplementedError(f'"{kernel}" not implemented for \'{BY_NP[x.dtype].code}\'')


def _batch_norm(x: ndarray, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool,
                momentum: float, eps: float) -> tuple[ndarray, ...]:
    channels = x.shape[1] if x.ndim > 1 else 0
    if not training:
        for name, t in (("running_mean", running_mean), ("running_var", running_var)):
            if t is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
    for name, t in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if t is not None and t.size != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {t.size}")
    _refuse_integers(x, "batch_norm")
    for t in (weight, bias, running_mean, running_var):
        if t is not None and t.dtype != x.dtype and x.dtype.char not in HALVES:
            raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")
    dims, wide = (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))
    full = _wide(x)
    if training:
        mean, var, rstd = _statistics(full, dims, eps)
        n = x.size // max(1, channels)
        if running_mean is not None and x.size:
            running_mean *= 1 - momentum
            running_mean += momentum * mean.reshape(-1)
            running_var *= 1 - momentum
            running_var += momentum * (var.reshape(-1) * (n / (n - 1) if n > 1 else xp.nan))
        kept = mean.reshape(-1), rstd.reshape(-1)
    else:
        mean, rstd = _wide(running_mean).reshape(wide), 1 / xp.sqrt(_wide(running_var).reshape(wide) + eps)
        kept = xp.empty(0, x.dtype), xp.empty(0, x.dtype)
    weight, bias = (None if t is None else t.reshape(wide) for t in (weight, bias))
    return (_affine(full, mean, rstd, weight, bias).astype(x.dtype, copy=False), *kept)


def _layer_norm(x: ndarray, weight: Any, bias: Any, size: tuple[int, ...], eps: float) -> tuple[ndarray, ...]:
    _trailing(x, size, "*, ")
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.shape != size:
            raise RuntimeError(f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                               f"{size_text(t.shape)} and normalized_shape = {size_text(size)}")
    _refuse_integers(x, "LayerNormKernelImpl")
    _same_types(x, weight, bias)
    full = _wide(x)
    mean, _, rstd = _statistics(full, tuple(range(x.ndim - len(size), x.ndim)), eps)
    normal = full - mean
    normal *= rstd
    if weight is not None:
        normal *= weight
    if bias is not None:
        normal += bias
    return normal.astype(x.dtype, copy=False), mean, rstd


def _same_types(x: ndarray, *parameters: Any) -> None:
    for t in parameters:
        if t is not None and t.dtype != x.dtype and x.dtype.char not in HALVES:
            raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")


def _trailing(x: ndarray, size: tuple[int, ...], lead: str) -> None:
    if not size:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
                           "element, but got normalized_shape = []")
    if x.shape[max(0, x.ndim - len(size)):] != size:
        raise RuntimeError(f"Given normalized_shape={size_text(size)}, expected input with shape [{lead}"
                           f"{size_text(size)[1:]}, but got input of size{size_text(x.shape)}")


def _group_norm(x: ndarray, weight: Any, bias: Any, groups: int, eps: float) -> tuple[ndarray, ...]:
    channels = x.shape[1]
    if groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {groups}")
    if channels % groups:
        raise RuntimeError("Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{size_text(x.shape)} and num_groups={groups}")
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.shape != (channels,):
            raise RuntimeError(f"Expected {name} to be a vector of size equal to the number of channels in input, but "
                               f"got {name} of shape {size_text((t if weight is None else weight).shape)} and input of "
                               f"shape {size_text(x.shape)}")
    _refuse_integers(x, "GroupNormKernelImpl")
    _same_types(x, weight, bias)
    rows = _wide(x).reshape(x.shape[0], groups, prod(x.shape[1:]) // groups)
    mean, _, rstd = _statistics(rows, (2,), eps)
    out = ((rows - mean) * rstd).reshape(x.shape)
    wide = (1, -1, *(1,) * (x.ndim - 2))
    if weight is not None:
        out *= weight.reshape(wide)
    if bias is not None:
        out += bias.reshape(wide)
    return out.astype(x.dtype, copy=False), mean[..., 0], rstd[..., 0]


BATCH_NORM = op("batch_norm", _batch_norm, "NativeBatchNormBackward0", _batch_rule,
                "input weight running_mean running_var result1 result2",
                "input weight bias running_mean running_var")
BATCH_NORM.differentiable = (0, 1, 2)
LAYER_NORM = op("layer_norm", _layer_norm, "NativeLayerNormBackward0", _layer_rule,
                "input weight bias result1 result2", "input weight bias")
GROUP_NORM = op("group_norm", _group_norm, "NativeGroupNormBackward0", _group_rule, "input weight result1 result2",
                "input weight bias")


# --- functions -------------------------------------------------------------------------------------------------------
def batch_norm(input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool,
               momentum: float, eps: float, cudnn_enabled: bool = True) -> Any:
    """Every channel with mean 0 and variance 1: of the batch, or of the running statistics."""
    if momentum is None:
        raise TypeError("batch_norm(): argument 'momentum' (position 7) must be float, not NoneType")
    if not input._array.size:
        return _of_nothing(input, weight, bias)
    if (running_mean is None) != (running_var is None) and training:
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    buffers = tuple([t for t in (running_mean, running_var) if t is not None])
    for name, t in zip(("running_mean", "running_var"), buffers, strict=False):
        if t.requires_grad:
            raise RuntimeError("The function 'native_batch_norm' is not differentiable with respect to argument "
                               f"'{name}'. This input cannot have requires_grad True.")
    text = words(training=training, momentum=None if momentum == 0.1 else momentum, eps=None if eps == 1e-5 else eps)
    return layer(BATCH_NORM, (input, weight, bias, running_mean, running_var), (training, momentum, eps), text,
                 (training, eps), buffers=buffers if training else ())


def _of_nothing(input: Any, weight: Any, bias: Any) -> Any:
    """What PyTorch makes of an empty batch, unchecked: gradients of zero for the parameters."""
    with observe.composite("batch_norm", tuple([t for t in (input, weight, bias) if t is not None]), "") as event:
        out = input.clone()
        out = out if weight is None else out * weight[0]
        return event(out if bias is None else out + bias[0])


def instance_norm(input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool,
                  momentum: float, eps: float, cudnn_enabled: bool = True) -> Any:
    """Every channel of every sample with mean 0 and variance 1: a batch norm in which samples are channels."""
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    n, channels = input._array.shape[:2]
    given = tuple([t for t in (input, weight, bias, running_mean, running_var) if t is not None])
    buffers = tuple([t for t in (running_mean, running_var) if t is not None])
    text = words(use_input_stats=None if use_input_stats else "False")
    with observe.composite("instance_norm", given, text, buffers) as event:
        many: list[Any] = [None if t is None else t.repeat(n) for t in (weight, bias, running_mean, running_var)]
        flat = shape.view(input.contiguous(), (1, n * channels, *input._array.shape[2:]))
        out = batch_norm(flat, many[0], many[1], many[2], many[3], use_input_stats, momentum, eps)
        for t, repeated in zip((running_mean, running_var), many[2:], strict=True):
            if t is not None and use_input_stats:
                t._array[...] = repeated._array.reshape(n, channels).mean(axis=0)
                t._cell.version += 1
        return event(shape.view(out, input._array.shape))


def _size(name: str, normalized_shape: Any) -> tuple[int, ...]:
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(f"{name}(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
                        f"{type(normalized_shape).__name__}")
    return tuple([integer(n) for n in normalized_shape])


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
               cudnn_enable: bool = True) -> Any:
    """The last dimensions with mean 0 and variance 1."""
    size = _size("layer_norm", normalized_shape)
    text = words(normalized_shape=size, eps=None if eps == 1e-5 else eps)
    return layer(LAYER_NORM, (input, weight, bias), (size, eps), text)


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5,
               cudnn_enabled: bool = True) -> Any:
    """Groups of channels of every sample with mean 0 and variance 1."""
    text = words(num_groups=num_groups, eps=None if eps == 1e-5 else eps)
    return layer(GROUP_NORM, (input, weight, bias), (num_groups, eps), text)


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """The last dimensions with a mean square of 1."""
    size, x = _size("rms_norm", normalized_shape), input._array
    _trailing(x, size, "*")
    if weight is not None and weight._array.shape != size:
        raise RuntimeError("Expected weight to be of same shape as normalized_shape, but got weight of shape "
                           f"{size_text(weight._array.shape)} and normalized_shape = {size_text(size)}")
    _refuse_integers(x, "rms_norm")
    little = finfo(float32 if x.dtype.char in HALVES else input.dtype).eps if eps is None else eps
    given = (input,) if weight is None else (input, weight)
    with observe.composite("rms_norm", given, words(normalized_shape=size, eps=eps)) as event:
        dims = tuple(range(x.ndim - len(size), x.ndim))
        full = input.float() if x.dtype.char in HALVES else input
        square = run(ADD_NUMBER, (REDUCTIONS["mean"](full.pow(2), dims, True),), (little,))
        out = full * UNARY["rsqrt"](square)
        return event((out if weight is None else out * weight).to(input.dtype))


FUNCTIONS: dict[str, Any] = {
    "batch_norm": batch_norm, "instance_norm": instance_norm, "layer_norm": layer_norm, "group_norm": group_norm,
    "rms_norm": rms_norm,
}
METHODS: dict[str, Any] = {}
