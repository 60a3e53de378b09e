"""Activations: their rows, out of place and in place, and the functions that torch itself and Tensor have."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any, NamedTuple

from gradviz.engine.dtypes import BY_NP, FLOATING, finfo
from gradviz.engine.ops import shape, special
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import Op, not_a_tensor, op, run, write
from gradviz.engine.ops.random import default_generator
from gradviz.engine.ops.second import piecewise, underived
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, beside, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _hardtanh(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    low, high = ctx.args
    return ns.where((self > low) & (self < high), g, 0)


def _leaky(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    slope, = ctx.args
    return ns.where(self > 0, g, g * slope)


def _leaky_result(ns: Any, ctx: Any, g: Any, result: Any) -> Any:
    if ctx.args[0] < 0:
        raise RuntimeError(_sloped("leakyReLu", " File an issue at https://github.com/pytorch/pytorch if you do require"
                                                " supporting in-place leakRelu backward calculation with negative "
                                                "slope"))
    return _leaky_backward(ns, ctx, g, result)


def _sloped(name: str, more: str = "") -> str:
    return (f"In-place {name} backward calculation is triggered with a negative slope which is not supported. This is "
            "caused by calling in-place forward function with a negative slope, please call out-of-place version "
            f"instead.{more}")


def _elu(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    """Where it is zero the first derivative is that of the left, the second that of the right, as in PyTorch."""
    alpha, scale, input_scale = ctx.args
    left = ns.exp(ns.where(self < 0, self, 0) * input_scale) * (alpha * scale * input_scale)
    return ns.where(self <= 0, g * left, g * scale)


def _elu_result(ns: Any, ctx: Any, g: Any, result: Any) -> Any:
    alpha, scale, input_scale = ctx.args
    if alpha < 0:
        raise RuntimeError(_sloped("elu"))
    left = (ns.where(result < 0, result, 0) + alpha * scale) * input_scale
    return ns.where(result <= 0, g * left, g * scale)


def _prelu(ns: Any, ctx: Any, g: Any, self: Any, weight: Any) -> Any:
    """At zero the first derivative is that of the left, and constant, as in PyTorch."""
    slope = ns.where(self < 0, weight, ns.const(ns.plain(weight)))
    return ns.where(self > 0, g, g * slope), (g * ns.where(self < 0, self, 0) if ctx.needs(1) else None)


def _rrelu(ns: Any, ctx: Any, g: Any, self: Any, noise: Any) -> Any:
    lower, upper, training = ctx.args
    if training and upper - lower > 1e-6:
        return g * noise
    return ns.where(self > 0, g, g * ((lower + upper) / 2))


def _gelu(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    if ctx.args[0] == "none":
        inside = ns.erf(self * sqrt(0.5)) * 0.5 + 0.5
        return g * (inside + self * (ns.exp(self * self * -0.5) * (1 / sqrt(2 * pi))))
    bent = ns.tanh((self + self * self * self * 0.044715) * sqrt(2 / pi))
    slope = (self * self * (3 * 0.044715) + 1) * sqrt(2 / pi)
    return g * ((bent + 1) * 0.5 + self * 0.5 * (1 - bent * bent) * slope)


def _silu(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    s = ns.sigmoid(self)
    return g * (s * (self * (1 - s) + 1))


def _mish(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    bent = ns.tanh(ns.where(self > 20, self, ns.log1p(ns.exp(ns.where(self > 20, 0, self)))))
    return g * (bent + self * ns.sigmoid(self) * (1 - bent * bent))


def _softplus(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    beta, threshold = ctx.args
    z = self * beta
    return ns.where(z > threshold, g, g * ns.sigmoid(ns.where(z == threshold, threshold, z)))


def _hardshrink(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    lambd, = ctx.args
    return ns.where((self < -lambd) | (self > lambd), g, 0)


def _hardsigmoid(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    x = ns.plain(self)
    return _no_second_hardsigmoid(g, self, xp.where((x > -3) & (x < 3), ns.plain(g) / 6, 0))


_no_second_hardsigmoid = underived("hardsigmoid_backward",
                                   "derivative for aten::hardsigmoid_backward is not implemented")


def _hardswish(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    return ns.where(self <= -3, 0, ns.where(self < 3, g * (self / 3 + 0.5), g))


def _threshold(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    return ns.where(self <= ctx.args[0], 0, g)


def _log_sigmoid(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    return g * ns.sigmoid(-self)


def _glu(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    dim, = ctx.args
    value, gate = (ns.take(self, i) for i in _halves(ns.plain(self).shape, dim))
    s = ns.sigmoid(gate)
    return ns.cat([g * s, g * (value * s * (1 - s))], dim)


_hardtanh_backward = piecewise("hardtanh_backward", "HardtanhBackwardBackward0", _hardtanh)
_leaky_backward = piecewise("leaky_relu_backward", "LeakyReluBackwardBackward0", _leaky)
_hardshrink_backward = piecewise("hardshrink_backward", "HardshrinkBackwardBackward0", _hardshrink)
_softshrink_backward = piecewise("softshrink_backward", "SoftshrinkBackwardBackward0", _hardshrink)
_rrelu_backward = piecewise("rrelu_with_noise_backward", "RreluWithNoiseBackwardBackward0", _rrelu, "self noise")
_threshold_backward = piecewise("threshold_backward", "ThresholdBackwardBackward0", _threshold)


# --- forwards --------------------------------------------------------------------------------------------------------
def _halves(shape: tuple[int, ...], dim: int) -> tuple[Any, Any]:
    """Indices of the first and the second half along ``dim``."""
    half, lead = shape[dim] // 2, (slice(None),) * dim
    return (*lead, slice(0, half)), (*lead, slice(half, None))


def _floats(kernel: str, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that PyTorch has for floating types only; those of two bytes are computed in four."""

    def checked(x: ndarray, *more: Any) -> Any:
        if x.dtype.kind in "iubc":
            raise NotImplementedError(f"\"{kernel}\" not implemented for '{BY_NP[x.dtype].code}'")
        if x.dtype.itemsize > 2:
            return forward(x, *more)
        wide = [a.astype(xp.float32) if isinstance(a, ndarray) else a for a in more]
        return asarray(forward(x.astype(xp.float32), *wide)).astype(x.dtype)

    return checked


def _writing(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward in place."""

    def into(x: ndarray, *args: Any) -> ndarray:
        x[...] = forward(x, *args)
        return x

    return into


def _hardtanh_of(x: ndarray, low: Any, high: Any) -> Any:
    kind = x.dtype.kind
    if kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if kind == "u" and (low < 0 or high < 0):
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    if kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    return xp.minimum(xp.maximum(x, asarray(low, None, x).astype(x.dtype)), asarray(high, None, x).astype(x.dtype))


def _elu_of(x: ndarray, alpha: float, scale: float, input_scale: float) -> Any:
    return xp.where(x < 0, xp.expm1(xp.minimum(x, 0) * input_scale) * (alpha * scale), x * scale)


def _sigmoid_of(x: ndarray) -> Any:
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def _gelu_of(x: ndarray, approximate: str) -> Any:
    if approximate == "none":
        return x * 0.5 * (special.scipy("erf")(x * sqrt(0.5)).astype(x.dtype) + 1)
    return x * 0.5 * (xp.tanh((x + x * x * x * 0.044715) * sqrt(2 / pi)) + 1)


def _softplus_of(x: ndarray, beta: float, threshold: float) -> Any:
    z = x * beta
    return xp.where(z > threshold, x, xp.log1p(xp.exp(z)) / beta)


def _softshrink_of(x: ndarray, lambd: float) -> Any:
    return xp.where(x > lambd, x - lambd, xp.where(x < -lambd, x + lambd, x * 0))


def _threshold_of(x: ndarray, threshold: Any, value: Any) -> Any:
    if x.dtype.kind in "bc":
        raise NotImplementedError(f"\"threshold_cpu\" not implemented for '{BY_NP[x.dtype].code}'")
    return xp.where(x <= threshold, asarray(value, None, x).astype(x.dtype), x)


def _glu_of(x: ndarray, dim: int) -> Any:
    value, gate = (x[i] for i in _halves(x.shape, dim))
    return value * _sigmoid_of(gate)


class Pair(NamedTuple):
    """An activation, and the same in place."""

    plain: Op
    inplace: Op


def pair(name: str, forward: Callable[..., Any], node: str, rule: Any, saves: str = "self", inputs: str = "self",
         in_place: tuple[str, Any, str] | None = None) -> Pair:
    """Both rows; ``in_place``: node, rule and saved of the second where they differ."""
    after = in_place or (node, rule, saves)
    return Pair(op(name, forward, node, rule, saves, inputs), op(name + "_", _writing(forward), *after, inputs))


_elu_forward = _floats("elu_cpu", _elu_of)
_leaky_forward = _floats("leaky_relu_cpu", lambda x, slope: xp.where(x > 0, x, x * slope))
_rrelu_forward = _floats("leaky_relu_cpu", lambda x, noise, *_: xp.where(x > 0, x, x * noise))
_after_elu = "EluBackward1", _elu_result, "result"
HARDTANH = pair("hardtanh", _hardtanh_of, "HardtanhBackward0", _hardtanh_backward)
RELU6 = pair("relu6", _hardtanh_of, "HardtanhBackward0", _hardtanh_backward)
LEAKY_RELU = pair("leaky_relu", _leaky_forward, "LeakyReluBackward0", _leaky_backward,
                  in_place=("LeakyReluBackward1", _leaky_result, "result"))
ELU = pair("elu", _elu_forward, "EluBackward0", _elu, in_place=_after_elu)
SELU = pair("selu", _elu_forward, "EluBackward0", _elu, in_place=_after_elu)
CELU = pair("celu", _elu_forward, "CeluBackward0", _elu, in_place=("CeluBackward1", _elu_result, "result"))
RRELU = pair("rrelu", _rrelu_forward, "RreluWithNoiseBackward0", _rrelu_backward, "self noise", "self noise",
             ("RreluWithNoiseBackward1", _rrelu_backward, "result noise"))
SILU = pair("silu", _floats("silu_cpu", lambda x: x * _sigmoid_of(x)), "SiluBackward0", _silu)
MISH = pair("mish", _floats("mish_cpu", lambda x: x * xp.tanh(xp.log1p(xp.exp(xp.minimum(x, 20))) + xp.maximum(
    x - 20, 0))), "MishBackward0", _mish)
HARDSIGMOID = pair("hardsigmoid", _floats("hardsigmoid_cpu", lambda x: xp.minimum(xp.maximum(x + 3, 0), 6) / 6),
                   "HardsigmoidBackward0", _hardsigmoid)
HARDSWISH = pair("hardswish", _floats("hardswish_cpu", lambda x: x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6),
                 "HardswishBackward0", _hardswish)
THRESHOLD = pair("threshold", _threshold_of, "ThresholdBackward0", _threshold_backward,
                 in_place=("ThresholdBackward1", _threshold_backward, "self"))
PRELU = op("prelu", lambda x, w: xp.where(x > 0, x, x * w), "PreluKernelBackward0", _prelu, "self weight",
           "self weight")
GELU = op("gelu", _floats("GeluKernelImpl", _gelu_of), "GeluBackward0", _gelu, "self")
SOFTPLUS = op("softplus", _floats("softplus_cpu", _softplus_of), "SoftplusBackward0", _softplus, "self")
HARDSHRINK = op("hardshrink", _floats("hardshrink_cpu", lambda x, lambd: xp.where(
    (x >= -lambd) & (x <= lambd), 0, x)), "HardshrinkBackward0", _hardshrink_backward, "self")
SOFTSHRINK = op("softshrink", _floats("softshrink_check", _softshrink_of), "SoftshrinkBackward0",
                _softshrink_backward, "self")
LOG_SIGMOID = op("log_sigmoid", _floats("log_sigmoid_cpu", lambda x: xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x)))),
                 "LogSigmoidBackward0", _log_sigmoid, "self")
GLU = op("glu", _floats("glu_cpu", _glu_of), "GluBackward0", _glu, "self")
RRELU.plain.differentiable = RRELU.inplace.differentiable = (0,)


# --- functions -------------------------------------------------------------------------------------------------------
def either(rows: Pair, input: Any, args: tuple[Any, ...], text: str, inplace: bool) -> Any:
    """An activation, in place if asked."""
    if inplace:
        return write(rows.inplace, input, (), args, text)
    return run(rows.plain, (input,), args, text)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    return either(ELU, input, (alpha, 1.0, 1.0), words(alpha=alpha), inplace)


def selu(input: Any, inplace: bool = False) -> Any:
    return either(SELU, input, (SELU_ALPHA, SELU_SCALE, 1.0), "", inplace)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return either(CELU, input, (alpha, 1.0, 1 / alpha), words(alpha=alpha), inplace)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    return either(THRESHOLD, input, (threshold, value), words(threshold=threshold, value=value), inplace)


def rrelu(input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Any:
    """Leaky ReLU whose slope is drawn for every element while training."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not isinstance(input, Tensor):
        raise not_a_tensor("rrelu", "input", 0, input)
    x = input._array
    if training:
        if x.dtype.kind in "iubc":
            raise NotImplementedError(f"\"rrelu_with_noise_out_cpu\" not implemented for '{BY_NP[x.dtype].code}'")
        drawn = asarray(default_generator.np.uniform(lower, upper, x.shape), None, x)
        noise = asarray(xp.where(x <= 0, drawn, 1)).astype(x.dtype)
    else:
        noise = xp.full(x.shape, (lower + upper) / 2, x.dtype if x.dtype.char in FLOATING else xp.float32,
                        like=beside(x))
    args, text = (lower, upper, training), words(lower=lower, upper=upper, training=training)
    other = make(noise, Cell())
    if inplace:
        return write(RRELU.inplace, input, (other,), args, text)
    return run(RRELU.plain, (input, other), args, text)


def prelu(input: Any, weight: Any) -> Any:
    """Leaky ReLU whose slope is learned, one for all or one a channel."""
    for i, (name, t) in enumerate((("input", input), ("weight", weight))):
        if not isinstance(t, Tensor):
            raise not_a_tensor("prelu", name, i, t)
    x, w = input._array, weight._array
    if x.dtype != w.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {BY_NP[x.dtype].code} and {BY_NP[w.dtype].code}")
    if w.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}")
    if w.size != 1:
        if not x.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = x.shape[1] if x.ndim > 1 else 1
        if channels != w.size:
            raise RuntimeError("Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{w.size} and channel size = {channels}.")
    if x.ndim != w.ndim:
        sizes = [1] * x.ndim
        if x.ndim > 1:
            sizes[1] = w.size
        weight = shape.reshape(weight, sizes)
    return run(PRELU, (input, weight))


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    return run(HARDSHRINK, (input,), (lambd,), words(lambd=lambd))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    if isinstance(input, Tensor) and input._array.dtype.char in FLOATING and lambd < 0:
        raise RuntimeError(f"lambda must be in range [0, {finfo(input.dtype).max:g}] for input dtype "
                           f"{input.dtype.code}, but found {lambd:g}")
    return run(SOFTSHRINK, (input,), (lambd,), words(lambd=lambd))


def gelu(input: Any, *, approximate: str = "none") -> Any:
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return run(GELU, (input,), (approximate,), words(approximate=None if approximate == "none" else approximate))


def glu(input: Any, dim: int = -1) -> Any:
    """The first half along ``dim``, each element times the sigmoid of its partner in the second half."""
    if not input.dim():
        raise RuntimeError("glu does not support scalars because halving size must be even")
    sizes = input._array.shape
    d = dimension(dim, len(sizes))
    if sizes[d] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {d} is size {sizes[d]}")
    return run(GLU, (input,), (d,), words(dim=dim))


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """``f_(input, ...)`` of an ``f`` that takes ``inplace``."""

    def method(input: Any, *args: Any, **options: Any) -> Any:
        return function(input, *args, inplace=True, **options)

    method.__name__ = method.__qualname__ = function.__name__ + "_"
    return method


FUNCTIONS: dict[str, Any] = {"selu": selu, "celu": celu, "threshold": threshold, "rrelu": rrelu, "prelu": prelu,
                             "hardshrink": hardshrink}
FUNCTIONS |= {f.__name__ + "_": in_place(f) for f in (selu, celu, threshold, rrelu)}
METHODS: dict[str, Any] = {"prelu": prelu, "hardshrink": hardshrink}
