"""Pointwise ops beyond one tensor or two: powers, clamp, where, rounding, and fused multiply-adds."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

from gradviz.engine.dtypes import HALVES, INEXACT, finfo, scalar_type
from gradviz.engine.errors import c_name
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, not_a_tensor, op, run, write
from gradviz.engine.ops.promote import number, operand_error, scalar_operand, together
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _pow_number(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    p = ctx.args[0] if ctx.args.__class__ is tuple else ctx.args
    if p == 2:
        return g * (self * 2)
    if p == 0:
        return g * 0
    return g * (self ** (p - 1) * p)


def _pow(ns: Any, ctx: Any, g: Any, self: Any, exponent: Any, result: Any) -> Any:
    first = second = None
    if ctx.needs(0):
        first = ns.where(exponent == 0, 0, g * (exponent * self ** (exponent - 1)))
    if ctx.needs(1):
        base = ns.where(self == 0, 1, self)
        safe = ns.where(self == 0, 0, ns.log(base)) if (ns.plain(exponent) >= 0).any() else ns.log(self)
        second = g * (result * ns.where((self == 0) & (exponent >= 0), 0, safe))
    return first, second


def _number_pow(ns: Any, ctx: Any, g: Any, result: Any) -> Any:
    base, = ctx.args
    if base == 0:
        return ns.const(xp.where(ns.plain(result) == 0, 0, ns.plain(result) * 0)) * g
    return g * (result * log(base)) if base > 0 else g * result * float("nan")


def _clamp(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    low, high = ctx.args
    inside = self == self
    if low is not None:
        inside = inside & (self >= low)
    if high is not None:
        inside = inside & (self <= high)
    return ns.where(inside, g, 0)


def _clamp_tensors(ns: Any, ctx: Any, g: Any, self: Any, low: Any, high: Any) -> Any:
    below, above = self < low, self > high
    return (ns.where(below | above, 0, g), ns.where(below & (low < high), g, 0),
            ns.where(above | (high < low), g, 0))


def _bounded(outside: Callable[..., Any]) -> Callable[..., Any]:
    """Rule of clamp_min and clamp_max by a tensor."""
    return lambda ns, ctx, g, self, bound: (ns.where(outside(self, bound), 0, g), ns.where(outside(self, bound), g, 0))


def _where(ns: Any, ctx: Any, g: Any, condition: Any) -> Any:
    return (ns.where(condition, g, 0) if ctx.needs(0) else None), (
        ns.where(condition, 0, g) if ctx.needs(1) else None)


def _lerp(ns: Any, ctx: Any, g: Any) -> Any:
    w, = ctx.args
    return g * (1 - w), g * w


def _lerp_tensor(ns: Any, ctx: Any, g: Any, weight: Any, end: Any, self: Any) -> Any:
    return g * (1 - weight), g * weight, (g * (end - self) if ctx.needs(2) else None)


def _flat(ns: Any, ctx: Any, g: Any) -> Any:
    return g * 0


def _addcmul(ns: Any, ctx: Any, g: Any, tensor2: Any, tensor1: Any) -> Any:
    value, = ctx.args
    return (g, g * (tensor2 * value) if ctx.needs(1) else None, g * (tensor1 * value) if ctx.needs(2) else None)


def _addcdiv(ns: Any, ctx: Any, g: Any, tensor2: Any, tensor1: Any) -> Any:
    value, = ctx.args
    return g, g * (value / tensor2), -g * (tensor1 / (tensor2 * tensor2)) * value


def _nan_to_num(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    return ns.where(ns.const(xp.isfinite(ns.plain(self))), g, 0)


# --- forwards --------------------------------------------------------------------------------------------------------
def _power(x: ndarray, y: ndarray, out: Any = None) -> Any:
    if x.dtype.kind in "iu" and y.dtype.kind == "i" and y.__class__ is ndarray and (y < 0).any():
        below = xp.where(xp.abs(x) == 1, xp.where(y % 2 == 1, x, 1), 0)
        result = xp.where(y < 0, below, xp.power(x, xp.maximum(y, 0))).astype(x.dtype)
        if out is None:
            return result
        out[...] = result
        return out
    return xp.power(x, y, out=out, casting="unsafe")


def _power_number(x: ndarray, p: Any, out: Any = None) -> Any:
    if p == 2:
        if x.dtype.char in INEXACT or (x.dtype.kind != "b" and p.__class__ is int):
            return xp.multiply(x, x, out=out)
    elif p == 0.5 and x.dtype.kind == "f":
        return xp.sqrt(x, out=out)
    if x.dtype.kind in "iu" and isinstance(p, int) and p < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    a, b = scalar_operand(x, p)
    return xp.power(a, b, out=out, casting="unsafe")


def _clip(x: ndarray, low: Any, high: Any, out: Any = None) -> Any:
    for bound in (low, high):
        if bound is not None:
            x = x.astype(scalar_operand(x[:0] if x.ndim else x.reshape(1)[:0], bound)[0].dtype, copy=False)
    if low is not None:
        x = xp.maximum(x, asarray(low, None, x).astype(x.dtype))
    if high is not None:
        x = xp.minimum(x, asarray(high, None, x).astype(x.dtype))
    if out is not None:
        out[...] = x
        return out
    return x


def _choose(c: ndarray, x: ndarray, y: ndarray) -> Any:
    if c.dtype.kind != "b":
        if c.dtype != xp.uint8:
            raise RuntimeError("where expected condition to be a boolean tensor, but got a tensor with dtype "
                               f"{_name(c.dtype)}")
        c = c.astype(bool)
    if x.dtype != y.dtype:
        x, y = together(x, y)
    try:
        return xp.where(c, x, y)
    except ValueError as error:
        raise operand_error(operand_error(error, c, x), x if x.ndim else c, y if y.ndim else c) from None


def _weighed(product: Any, by: Any) -> Any:
    """An intermediate result times a number, in its own memory if it can be there."""
    if product.dtype.kind == "f" and by.__class__ is not complex:
        product *= by
        return product
    return product * by


def _name(np_type: Any) -> str:
    from gradviz.engine.dtypes import BY_NP

    return BY_NP[np_type].code


def _round(x: ndarray, decimals: int, out: Any = None) -> Any:
    if x.dtype.kind == "b":
        raise NotImplementedError("\"round_vml_cpu\" not implemented for 'Bool'")
    return xp.round(x, decimals, out=out)


POW_NUMBER = op("pow", _power_number, "PowBackward0", _pow_number, "self", key="pow.number")
SQUARE = op("square", _power_number, "PowBackward0", _pow_number, "self", key="square")
POW = op("pow", lambda x, y: _power(*together(x, y)), "PowBackward1", _pow, "self exponent result", "self exponent")
NUMBER_POW = op("pow", lambda y, b: _power(*reversed(scalar_operand(y, b))), "PowBackward2", _number_pow, "result",
                "exponent", key="pow.base")
POW_NUMBER_ = op("pow_", lambda x, p: _power_number(x, p, x), "PowBackward0", _pow_number, "self", key="pow_.number")
POW_ = op("pow_", lambda x, y: _power(x, y, x), "PowBackward1", _pow, "self exponent result", "self exponent")
SQUARE_ = op("square_", lambda x, p: _power_number(x, p, x), "PowBackward0", _pow_number, "self")
CLAMP = op("clamp", _clip, "ClampBackward1", _clamp, "self")
CLAMP_MIN = op("clamp_min", _clip, "ClampMinBackward0", _clamp, "self")
CLAMP_MAX = op("clamp_max", _clip, "ClampMaxBackward0", _clamp, "self")
CLAMP_ = op("clamp_", lambda x, a, b: _clip(x, a, b, x), "ClampBackward1", _clamp, "self")
CLAMP_MIN_ = op("clamp_min_", CLAMP_.forward, "ClampMinBackward0", _clamp, "self")
CLAMP_MAX_ = op("clamp_max_", CLAMP_.forward, "ClampMaxBackward0", _clamp, "self")
CLAMP_TENSORS = op("clamp", lambda x, a, b: xp.minimum(*together(xp.maximum(*together(x, a)), b)), "ClampBackward0",
                   _clamp_tensors, "self min max", "self min max", key="clamp.tensors")
CLAMP_MIN_TENSOR = op("clamp_min", lambda x, a: xp.maximum(*together(x, a)), "ClampMinBackward1",
                      _bounded(lambda x, a: x < a), "self min", "self min", key="clamp_min.tensor")
CLAMP_MAX_TENSOR = op("clamp_max", lambda x, a: xp.minimum(*together(x, a)), "ClampMaxBackward1",
                      _bounded(lambda x, a: x > a), "self max", "self max", key="clamp_max.tensor")
WHERE = op("where", _choose, "WhereBackward0", _where, "condition", "condition self other")
LERP = op("lerp", lambda x, y, w: x + (y - x) * w, "LerpBackward0", _lerp, "", "self end")
LERP_TENSOR = op("lerp", LERP.forward, "LerpBackward1", _lerp_tensor, "weight end self", "self end weight",
                 key="lerp.tensor")
LERP_ = op("lerp_", lambda x, y, w: xp.add(x, _weighed(y - x, w), out=x), "LerpBackward0", _lerp, "", "self end")
LERP_TENSOR_ = op("lerp_", lambda x, y, w: xp.add(x, (y - x) * w, out=x), "LerpBackward1", _lerp_tensor,
                  "weight end self", "self end weight", key="lerp_.tensor")
ADDCMUL = op("addcmul", lambda x, a, b, v: x + a * b * v, "AddcmulBackward0", _addcmul, "tensor2 tensor1",
             "self tensor1 tensor2")
ADDCDIV = op("addcdiv", lambda x, a, b, v: x + a / b * v, "AddcdivBackward0", _addcdiv, "tensor2 tensor1",
             "self tensor1 tensor2")
ADDCMUL_ = op("addcmul_", lambda x, a, b, v: xp.add(x, _weighed(a * b, v), out=x, casting="unsafe"), "AddcmulBackward0",
              _addcmul,
              "tensor2 tensor1", "self tensor1 tensor2")
ADDCDIV_ = op("addcdiv_", lambda x, a, b, v: xp.add(x, _weighed(a / b, v), out=x, casting="unsafe"), "AddcdivBackward0",
              _addcdiv,
              "tensor2 tensor1", "self tensor1 tensor2")
ADDCMUL.needed_by = ADDCMUL_.needed_by = (1, 2)
ROUND = op("round", lambda x, d: _round(x, d), "RoundBackward0", _flat)
ROUND_ = op("round_", lambda x, d: _round(x, d, out=x), "RoundBackward0", _flat)
ROUND_DECIMALS = op("round", ROUND.forward, "RoundBackward1", _flat, key="round.decimals")
ROUND_DECIMALS_ = op("round_", ROUND_.forward, "RoundBackward1", _flat, key="round_.decimals")
NAN_TO_NUM = op("nan_to_num", lambda x, *a: xp.nan_to_num(x, True, *a), "NanToNumBackward0", _nan_to_num, "self")


# --- functions -------------------------------------------------------------------------------------------------------
def pow_(input: Any, exponent: Any) -> Any:
    """``input`` to the power of ``exponent``; either may be a number."""
    if isinstance(exponent, Tensor):
        if isinstance(input, Tensor):
            return run(POW, (input, exponent))
        return run(NUMBER_POW, (exponent,), (number(input),), str(input))
    n = number(exponent)
    if n is None:
        return NotImplemented
    return run(POW_NUMBER, (input,), (n,), str(n))


def _pow_inplace(self: Any, exponent: Any) -> Any:
    if isinstance(exponent, Tensor):
        return write(POW_, self, (exponent,))
    return write(POW_NUMBER_, self, (), (exponent,), str(exponent))


def _bounds(low: Any, high: Any) -> str:
    return words(min=low, max=high)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """The elements, none below ``min`` or above ``max``."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return run(CLAMP_TENSORS, (input, *limits(input, min, max)))
    return run(CLAMP, (input,), (min, max), _bounds(min, max))


def limits(input: Any, min: Any, max: Any) -> Any:
    """Both bounds as tensors; what is not given is what no element lies beyond."""
    kind = input._array.dtype
    ends = (-xp.inf, xp.inf) if kind.char in INEXACT else (False, True) if kind.kind == "b" else (
        xp.iinfo(kind).min, xp.iinfo(kind).max)
    return [b if isinstance(b, Tensor) else
            make(asarray(end if b is None else b, None, input._array).astype(kind), Cell())
            for b, end in zip((min, max), ends, strict=True)]


def _one_bound(row: Op, by_tensor: Op) -> Any:
    """clamp_min and clamp_max."""
    lower = row is CLAMP_MIN

    def function(input: Any, bound: Any) -> Any:
        if isinstance(bound, Tensor):
            return run(by_tensor, (input, bound))
        return run(row, (input,), (bound, None) if lower else (None, bound), f"{row.name[6:]}={bound}")

    if lower:
        return lambda input, min: function(input, min)
    return lambda input, max: function(input, max)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition holds, else ``other``."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, Tensor):
        raise not_a_tensor("where", "condition", 0, condition)
    if input is None or other is None:
        raise TypeError("where() takes both input and other")
    x, y = (v if isinstance(v, Tensor) else None for v in (input, other))
    if x is None and y is None:
        both = scalar_operand(asarray(0, scalar_type(input).np), other)[0].dtype
        x, y = (make(asarray(v, both), Cell()) for v in (input, other))
    elif x is None:
        x = make(scalar_operand(y._array, input)[1], Cell())  # type: ignore[union-attr]
    elif y is None:
        y = make(scalar_operand(x._array, other)[1], Cell())
    return run(WHERE, (condition, x, y), (), words(input=None if isinstance(input, Tensor) else input,
                                                   other=None if isinstance(other, Tensor) else other))


def lerp(input: Any, end: Any, weight: Any) -> Any:
    for name, t in (("end", end), ("weight", weight)):
        if isinstance(t, Tensor) and t._array.dtype != input._array.dtype:
            raise RuntimeError(f"expected dtype {c_name(input.dtype)} for `{name}` but got dtype {c_name(t.dtype)}")
    if isinstance(weight, Tensor):
        return run(LERP_TENSOR, (input, end, weight))
    return run(LERP, (input, end), (weight,), str(weight))


INTEGER_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
    "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
    "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) "
    "for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / "
    "tensor2), for all dtypes.")


def _scaled(row: Op, inplace: bool) -> Any:
    def function(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
        if row.name.startswith("addcdiv") and tensor1._array.dtype.kind in "iub" and tensor2._array.dtype.kind in "iub":
            raise RuntimeError(INTEGER_ADDCDIV)
        text = words(value=None if value == 1 else value)
        if inplace:
            return write(row, input, (tensor1, tensor2), (value,), text)
        return run(row, (input, tensor1, tensor2), (value,), text)

    return function


def nan_to_num(input: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return run(NAN_TO_NUM, (input,), for_nan(input, nan, posinf, neginf))


def for_nan(input: Any, nan: Any, posinf: Any, neginf: Any) -> tuple[Any, Any, Any]:
    """What stands for NaN and the infinities: the limits of the type, if nothing is said."""
    if input._array.dtype.char in HALVES:
        limits = finfo(input.dtype)
        posinf, neginf = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    return 0.0 if nan is None else nan, posinf, neginf


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    if input._array.dtype != other._array.dtype:
        raise RuntimeError(f"{input.dtype.code} did not match {other.dtype.code}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    row = Op("isclose", lambda x, y: xp.isclose(x, y, rtol, atol, equal_nan), inputs=("self", "other"))
    return run(row, (input, other))


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are nearly equal."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{_lower(input)} did not match {_lower(other)}")
    return bool(xp.allclose(input._array, other._array, rtol, atol, equal_nan))


def _lower(t: Any) -> str:
    return {"Float": "Float", "Double": "Double"}.get(t.dtype.code, t.dtype.code)  # type: ignore[no-any-return]


def equal(input: Any, other: Any) -> bool:
    """Whether shapes and elements are the same."""
    return input._array.shape == other._array.shape and bool((input._array == other._array).all())


FUNCTIONS: dict[str, Any] = {
    "pow": pow_, "square": lambda input: run(SQUARE, (input,), (2,), "", 2), "clamp": clamp, "clip": clamp,
    "where": where, "lerp": lerp, "addcmul": _scaled(ADDCMUL, False), "addcdiv": _scaled(ADDCDIV, False),
    "clamp_min": _one_bound(CLAMP_MIN, CLAMP_MIN_TENSOR), "clamp_max": _one_bound(CLAMP_MAX, CLAMP_MAX_TENSOR),
    "round": lambda input, *, decimals=None: run(ROUND, (input,), (0,)) if decimals is None else run(
        ROUND_DECIMALS, (input,), (decimals,), f"decimals={decimals}"),
    "nan_to_num": nan_to_num, "isclose": isclose, "allclose": allclose, "equal": equal,
}
METHODS: dict[str, Any] = FUNCTIONS | {
    "pow_": _pow_inplace, "square_": lambda self: write(SQUARE_, self, (), (2,), "", 2),
    "addcmul_": _scaled(ADDCMUL_, True), "addcdiv_": _scaled(ADDCDIV_, True),
    "lerp_": lambda self, end, weight: write(LERP_TENSOR_, self, (end, weight)) if isinstance(weight, Tensor) else
    write(LERP_, self, (end,), (weight,)),
    "round_": lambda self, *, decimals=None: write(ROUND_, self, (), (0,)) if decimals is None else
    write(ROUND_DECIMALS_, self, (), (decimals,)),
    "where": lambda self, condition, other: where(condition, self, other),
    "__pow__": pow_, "__ipow__": _pow_inplace, "__rpow__": lambda self, other: pow_(other, self),
}
