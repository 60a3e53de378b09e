"""Pointwise ops beyond one tensor or two: alpha and rounding, powers, clamp, where, and fused multiply-adds."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

from gradviz import probe
from gradviz.engine.dtypes import scalar_type
from gradviz.engine.ops import binary, unary
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, not_a_tensor, op, run, write
from gradviz.engine.ops.promote import (
    can_cast,
    cast_error,
    floating,
    number,
    operand_error,
    scalar_operand,
    together,
)
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _alpha(sign: int) -> Callable[..., Any]:
    return lambda ns, ctx, g: (g, g * (sign * ctx.args) if ctx.needs(1) else None)


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


def _where(ns: Any, ctx: Any, g: Any, condition: Any) -> Any:
    return (ns.where(condition, g, 0) if ctx.needs(0) else None), (
        ns.where(condition, 0, g) if ctx.needs(1) else None)


def _lerp(ns: Any, ctx: Any, g: Any) -> Any:
    w, = ctx.args
    return g * (1 - w), g * w


def _lerp_tensor(ns: Any, ctx: Any, g: Any, weight: Any, end: Any, self: Any) -> Any:
    return g * (1 - weight), g * weight, (g * (end - self) if ctx.needs(2) else None)


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
    if x.dtype.kind in "iu" and y.dtype.kind in "iu" and (y < 0).any():
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return xp.power(x, y, out=out, casting="unsafe")


def _power_number(x: ndarray, p: Any, out: Any = None) -> Any:
    if p == 2:
        if x.dtype.kind != "b":
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
        x = xp.maximum(x, asarray(low).astype(x.dtype))
    if high is not None:
        x = xp.minimum(x, asarray(high).astype(x.dtype))
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


ADD_ALPHA = op("add", lambda x, y, a: xp.add(*together(x, y * a)), "AddBackward0", _alpha(1), "", "self other",
               key="add.alpha")
SUB_ALPHA = op("sub", lambda x, y, a: xp.subtract(*together(x, y * a)), "SubBackward0", _alpha(-1), "", "self other",
               key="sub.alpha")
ADD_ALPHA_ = op("add_", lambda x, y, a: xp.add(x, y * a, out=x, casting="unsafe"), "AddBackward0", _alpha(1), "",
                "self other", key="add_.alpha")
SUB_ALPHA_ = op("sub_", lambda x, y, a: xp.subtract(x, y * a, out=x, casting="unsafe"), "SubBackward0", _alpha(-1), "",
                "self other", key="sub_.alpha")
RSUB_NUMBER = op("rsub", lambda x, c, a: xp.subtract(*reversed(scalar_operand(x * a if a != 1 else x, c))),
                 "RsubBackward1",
                 lambda ns, ctx, g: -g * ctx.args[1], key="rsub.number")
RSUB = op("rsub", lambda x, y, a: xp.subtract(*together(y, x * a)), "RsubBackward0",
          lambda ns, ctx, g: (-g * ctx.args[0], g), "", "self other")
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
CLAMP_TENSORS = op("clamp", lambda x, a, b: xp.minimum(xp.maximum(x, a), b), "ClampBackward0", _clamp_tensors,
                   "self min max", "self min max", key="clamp.tensors")
WHERE = op("where", _choose, "WhereBackward0", _where, "condition", "condition self other")
LERP = op("lerp", lambda x, y, w: x + (y - x) * w, "LerpBackward0", _lerp, "", "self end")
LERP_TENSOR = op("lerp", LERP.forward, "LerpBackward1", _lerp_tensor, "weight end self", "self end weight",
                 key="lerp.tensor")
LERP_ = op("lerp_", lambda x, y, w: xp.add(x, _weighed(y - x, w), out=x), "LerpBackward0", _lerp, "", "self end")
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
ROUND = op("round", lambda x, d: _round(x, d), "RoundBackward0", lambda ns, ctx, g: g * 0)
ROUND_ = op("round_", lambda x, d: _round(x, d, out=x), "RoundBackward0", lambda ns, ctx, g: g * 0)
NAN_TO_NUM = op("nan_to_num", lambda x, *a: xp.nan_to_num(x, True, *a), "NanToNumBackward0", _nan_to_num, "self")


# --- functions -------------------------------------------------------------------------------------------------------
def _operation(name: str, value: Any) -> TypeError:
    return TypeError(f"{name}(): argument 'other' (position 1) must be Tensor, not {type(value).__name__}")


def plain_function(name: str) -> Any:
    """A binary row as a function and a method: other operands are refused, not handed on."""
    row = binary.OPERATORS[name]

    def function(input: Any, other: Any) -> Any:
        result = row(input, other) if isinstance(input, Tensor) else row(_wrapped(input, name), other)
        if result is NotImplemented:
            raise _operation(name, other)
        return result

    return function


def _wrapped(value: Any, name: str) -> Any:
    n = number(value)
    if n is None:
        raise not_a_tensor(name, "input", 0, value)
    return make(asarray(n, scalar_type(n).np), Cell())


def plain_method(name: str) -> Any:
    """An in-place binary row as a method."""
    row = binary.INPLACE[name]

    def method(self: Any, other: Any) -> Any:
        result = row(self, other)
        if result is NotImplemented:
            raise _operation(name, other)
        return result

    return method


def _added(name: str, row: Op, row_: Op) -> tuple[Any, Any]:
    """add and sub, whose second operand may be scaled."""
    plain, inplace = plain_function(name), plain_method(name + "_")

    def function(input: Any, other: Any, *, alpha: Any = 1) -> Any:
        if alpha == 1:
            return plain(input, other)
        if not isinstance(other, Tensor):
            return plain(input, other * alpha)
        return run(row, (input, other), (alpha,), f"alpha={alpha}", alpha)

    def method(self: Any, other: Any, *, alpha: Any = 1) -> Any:
        if alpha == 1:
            return inplace(self, other)
        if not isinstance(other, Tensor):
            return inplace(self, other * alpha)
        x, y = self._array, other._array
        if y.dtype is not x.dtype and not can_cast(y.dtype, x.dtype):
            raise cast_error(y.dtype, x.dtype)
        return write(row_, self, (other,), (alpha,), f"alpha={alpha}" if probe.sink is not None else "", alpha)

    return function, method


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """Division; rounded towards zero ("trunc") or down ("floor") if asked."""
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                           f"'{rounding_mode}'")
    if rounding_mode == "floor":
        return binary.OPERATORS["floor_divide"](input, other)
    quotient = _div(input, other)
    whole = unary.FUNCTIONS["trunc"](quotient)
    integral = input._array.dtype.kind in "iu" and (
        other._array.dtype.kind in "iu" if isinstance(other, Tensor) else isinstance(other, int))
    return whole.to(input.dtype) if integral else whole


_div = plain_function("div")


def __rtruediv__(self: Any, other: Any) -> Any:
    return binary.OPERATORS["mul"](unary.FUNCTIONS["reciprocal"](self), other)


def __rsub__(self: Any, other: Any) -> Any:
    return rsub(self, other)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``."""
    if isinstance(other, Tensor):
        return run(RSUB, (input, other), (alpha,))
    n = number(other)
    if n is None:
        return NotImplemented
    if input._array.dtype.kind == "b":
        binary._sub(input._array, asarray(1))
    return run(RSUB_NUMBER, (input,), (n, alpha), str(n))


def _reflected(name: str) -> Any:
    return lambda self, other: binary.OPERATORS[name](_wrapped(other, name), self)


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
        like = input._array
        low, high = (b if isinstance(b, Tensor) else
                     make(asarray((sign * xp.inf) if b is None else b).astype(like.dtype), Cell())
                     for b, sign in ((min, -1), (max, 1)))
        return run(CLAMP_TENSORS, (input, low, high))
    return run(CLAMP, (input,), (min, max), _bounds(min, max))


def clamp_(self: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return write(CLAMP_, self, (), (min, max), _bounds(min, max))


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition holds, else ``other``."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, Tensor):
        raise not_a_tensor("where", "condition", 0, condition)
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


def _c_name(d: Any) -> str:
    from gradviz.engine.ops.linalg import _c_name as name

    return name(d)


def lerp(input: Any, end: Any, weight: Any) -> Any:
    for name, t in (("end", end), ("weight", weight)):
        if isinstance(t, Tensor) and t._array.dtype != input._array.dtype:
            raise RuntimeError(f"expected dtype {_c_name(input.dtype)} for `{name}` but got dtype {_c_name(t.dtype)}")
    if isinstance(weight, Tensor):
        return run(LERP_TENSOR, (input, end, weight))
    return run(LERP, (input, end), (weight,), str(weight))


def _scaled(row: Op, inplace: bool) -> Any:
    def function(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
        text = words(value=None if value == 1 else value)
        if inplace:
            return write(row, input, (tensor1, tensor2), (value,), text)
        return run(row, (input, tensor1, tensor2), (value,), text)

    return function


def nan_to_num(input: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return run(NAN_TO_NUM, (input,), (0.0 if nan is None else nan, posinf, neginf))


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
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


add, add_ = _added("add", ADD_ALPHA, ADD_ALPHA_)
sub, sub_ = _added("sub", SUB_ALPHA, SUB_ALPHA_)
TENSORS_ONLY = ("atan2", "fmax", "fmin", "gcd", "hypot", "lcm", "logaddexp", "logical_and", "logical_or", "logical_xor",
                "maximum", "minimum")
"""Rows that take no number for the second operand."""


def _of_tensors(function: Any, name: str, position: int) -> Any:
    def checked(input: Any, other: Any) -> Any:
        if not isinstance(other, Tensor):
            raise not_a_tensor(name, "other", position - 1, other)
        return function(input, other)

    return checked


FUNCTIONS: dict[str, Any] = {row.name: plain_function(row.name) for row in binary.ROWS}
FUNCTIONS |= {name: _of_tensors(FUNCTIONS[name], name, 2) for name in TENSORS_ONLY}
FUNCTIONS |= {
    "add": add, "sub": sub, "subtract": sub, "multiply": FUNCTIONS["mul"], "div": div, "divide": div,
    "true_divide": _div, "rsub": rsub, "pow": pow_, "square": lambda input: run(SQUARE, (input,), (2,), "", 2),
    "clamp": clamp,
    "clip": clamp, "where": where, "lerp": lerp, "addcmul": _scaled(ADDCMUL, False), "addcdiv": _scaled(ADDCDIV, False),
    "clamp_min": lambda input, min: run(CLAMP_MIN, (input,), (min, None), f"min={min}"),
    "clamp_max": lambda input, max: run(CLAMP_MAX, (input,), (None, max), f"max={max}"),
    "round": lambda input, *, decimals=0: run(ROUND, (input,), (decimals,), words(decimals=decimals or None)),
    "nan_to_num": nan_to_num, "isclose": isclose, "allclose": allclose, "equal": equal, "arctan2": FUNCTIONS["atan2"],
    "greater": FUNCTIONS["gt"], "greater_equal": FUNCTIONS["ge"], "less": FUNCTIONS["lt"],
    "less_equal": FUNCTIONS["le"], "not_equal": FUNCTIONS["ne"],
}
METHODS: dict[str, Any] = FUNCTIONS | {row.name + "_": plain_method(row.name + "_") for row in binary.ROWS}
METHODS |= {name: _of_tensors(METHODS[name], name, 1) for row in TENSORS_ONLY for name in (row, row + "_")}
for _row in ("maximum", "minimum", "fmax", "fmin", "logaddexp"):
    del METHODS[_row + "_"]
METHODS |= {
    "add_": add_, "sub_": sub_, "subtract_": sub_, "multiply_": METHODS["mul_"], "divide_": METHODS["div_"],
    "pow_": _pow_inplace, "square_": lambda self: write(SQUARE_, self, (), (2,), "", 2), "clamp_": clamp_,
    "clip_": clamp_, "clamp_min_": lambda self, min: write(CLAMP_MIN_, self, (), (min, None)),
    "clamp_max_": lambda self, max: write(CLAMP_MAX_, self, (), (None, max)),
    "addcmul_": _scaled(ADDCMUL_, True), "addcdiv_": _scaled(ADDCDIV_, True),
    "lerp_": lambda self, end, weight: write(LERP_, self, (end,), (weight,)),
    "round_": lambda self, *, decimals=0: write(ROUND_, self, (), (decimals,)),
    "where": lambda self, condition, other: where(condition, self, other),
    "__rtruediv__": __rtruediv__, "__rsub__": __rsub__, "__pow__": pow_, "__ipow__": _pow_inplace,
    "__rpow__": lambda self, other: pow_(other, self), "__rmod__": _reflected("remainder"),
    "__rfloordiv__": _reflected("floor_divide"), "__rlshift__": _reflected("bitwise_left_shift"),
    "__rrshift__": _reflected("bitwise_right_shift"),
}
__all__ = ["FUNCTIONS", "METHODS", "floating"]
