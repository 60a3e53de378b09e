"""The binary rows as functions and methods: what they refuse, other names, and add, sub and div with options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz import probe
from gradviz.engine.dtypes import scalar_type
from gradviz.engine.ops import binary, unary
from gradviz.engine.ops.build import Op, not_a_tensor, op, run, write
from gradviz.engine.ops.promote import can_cast, cast_error, floating, number, scalar_operand, together
from gradviz.engine.ops.refusal import refusal
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


# --- alpha -----------------------------------------------------------------------------------------------------------
def _scaled(f: Any) -> Callable[..., Any]:
    """Forward of ``f`` with its second operand times ``alpha``, in the common type."""

    def forward(x: ndarray, y: ndarray, alpha: Any, out: Any = None) -> Any:
        if f is xp.subtract:
            binary.refuse_bools(x.dtype.kind, y.dtype.kind)
        if x.dtype is not y.dtype:
            x, y = together(x, y)
        check_alpha(x.dtype.kind, alpha)
        by = scalar_operand(y, bool(alpha) if y.dtype.kind == "b" else alpha)[1]
        return f(x, y * by, out=out, casting="unsafe")

    return forward


def check_alpha(kind: str, alpha: Any) -> None:
    if kind != "b" and alpha.__class__ is bool:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if kind not in "fc" and not isinstance(alpha, int):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if kind != "c" and isinstance(alpha, complex):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")


def _rsub_number(x: ndarray, n: Any, alpha: Any) -> Any:
    binary.refuse_bools(x.dtype.kind, "b" if n.__class__ is bool else "")
    x, n = scalar_operand(x, n)
    check_alpha(x.dtype.kind, alpha)
    return xp.subtract(n, x if alpha == 1 else x * asarray(alpha, None, x).astype(x.dtype))


_PLUS, _MINUS = _scaled(xp.add), _scaled(xp.subtract)
ADD_ALPHA, SUB_ALPHA, ADD_ALPHA_, SUB_ALPHA_ = (
    op(name, forward, node, lambda ns, ctx, g, sign=sign: (g, g * (sign * ctx.args) if ctx.needs(1) else None), "",
       "self other", key=name + ".alpha")
    for name, forward, node, sign in (
        ("add", _PLUS, "AddBackward0", 1),
        ("sub", _MINUS, "SubBackward0", -1),
        ("add_", lambda x, y, alpha: _PLUS(x, y, alpha, x), "AddBackward0", 1),
        ("sub_", lambda x, y, alpha: _MINUS(x, y, alpha, x), "SubBackward0", -1)))
RSUB_NUMBER = op("rsub", _rsub_number, "RsubBackward1", lambda ns, ctx, g: -g * ctx.args[1], key="rsub.number")
RSUB = op("rsub", lambda x, y, alpha: _MINUS(y, x, alpha), "RsubBackward0", lambda ns, ctx, g: (-g * ctx.args[0], g),
          "", "self other")


def _rounded(x: ndarray, y: ndarray, mode: str) -> Any:
    x, y = together(x, y)
    if mode == "floor":
        return binary._floor_divide(x, y)
    if x.dtype.kind not in "iu":
        return xp.trunc(xp.divide(x, y))
    whole = binary._floor_divide(x, y)
    return whole + ((whole < 0) & (whole * y != x))


def _no_slope(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
    return g * 0, g * 0


DIV_ROUNDED = op("div", _rounded, "DivBackward2", _no_slope, "other self", "self other", key="div.rounded")
DIV_ROUNDED_ = op("div_", lambda x, y, mode: x.__setitem__(..., _rounded(x, y, mode)), "DivBackward2", _no_slope,
                  "other self", "self other", key="div_.rounded")
_XLOGY = next(row.forward for row in binary.ROWS if row.name == "xlogy")
NUMBER_XLOGY = op("xlogy", lambda y, n: _XLOGY(*reversed([floating(v) for v in scalar_operand(y, n)])),
                  "XlogyBackward1", lambda ns, ctx, g, other: g * ctx.args[0] / other, "other", "other",
                  key="xlogy.number")


# --- functions -------------------------------------------------------------------------------------------------------
def _operation(name: str, value: Any) -> TypeError:
    return TypeError(f"{name}(): argument 'other' (position 1) must be Tensor, not {type(value).__name__}")


def plain_function(name: str, method: bool = False) -> Any:
    """A binary row as a function or a method: other operands are refused, not handed on."""
    row = binary.OPERATORS[name]

    def function(input: Any, other: Any) -> Any:
        if input.__class__ is not Tensor and not isinstance(input, Tensor):
            input = _wrapped(input, name, other)
        result = row(input, other)
        if result is NotImplemented:
            raise refusal(name, (input, other), {}, method) or _operation(name, other)
        return result

    return function


NUMBERS = ("add", "sub", "mul", "div", "floor_divide")
"""Rows that take numbers for both operands."""
NUMBER_FIRST = ("remainder", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift")
"""Rows that take a number for the first operand with a tensor for the second."""


def _wrapped(value: Any, name: str, other: Any) -> Any:
    n = number(value) if name in NUMBERS or (name in NUMBER_FIRST and isinstance(other, Tensor)) else None
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
    return run(DIV_ROUNDED, (input, _divisor(input, other, rounding_mode)), (rounding_mode,), rounding_mode)


def div_(self: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return _div_(self, other)
    return write(DIV_ROUNDED_, self, (_divisor(self, other, rounding_mode),), (rounding_mode,), rounding_mode)


def _divisor(input: Any, other: Any, rounding_mode: str) -> Any:
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                           f"'{rounding_mode}'")
    return other if isinstance(other, Tensor) else make(scalar_operand(input._array, other)[1], Cell())


_div, _div_ = plain_function("div"), plain_method("div_")


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
    return run(RSUB_NUMBER, (input,), (n, alpha), str(n))


def _reflected(name: str) -> Any:
    row = binary.OPERATORS[name]
    return lambda self, other: row(other if isinstance(other, Tensor) else _wrapped(other, name, self), self)


def xlogy(input: Any, other: Any) -> Any:
    """``input * log(other)``, 0 where ``input`` is 0."""
    if isinstance(input, Tensor) or not isinstance(other, Tensor):
        return _xlogy(input, other)
    return run(NUMBER_XLOGY, (other,), (input,), str(input))


_xlogy = plain_function("xlogy")


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
FUNCTIONS |= {"add": add, "sub": sub, "div": div, "rsub": rsub, "xlogy": xlogy}
METHODS: dict[str, Any] = FUNCTIONS | {row.name + "_": plain_method(row.name + "_") for row in binary.ROWS}
PLAIN = {row.name for row in binary.ROWS} - {"add", "div", "sub", "xlogy", *TENSORS_ONLY}
"""Methods that take one operand and refuse it themselves."""
METHODS |= {name: plain_function(name, True) for name in PLAIN}
METHODS |= {name: _of_tensors(METHODS[name], name, 1) for row in TENSORS_ONLY for name in (row, row + "_")}
for _row in ("maximum", "minimum", "fmax", "fmin", "logaddexp"):
    del METHODS[_row + "_"]
METHODS |= {"add_": add_, "sub_": sub_, "div_": div_}
ALIASES = {"subtract": "sub", "multiply": "mul", "divide": "div", "arctan2": "atan2", "greater": "gt",
           "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne"}
FUNCTIONS |= {name: FUNCTIONS[other] for name, other in ALIASES.items()} | {"true_divide": _div}
METHODS |= {name + end: METHODS[other + end] for name, other in ALIASES.items() for end in ("", "_")}
METHODS |= {"true_divide": _div, "true_divide_": _div_}
METHODS |= {"__rtruediv__": __rtruediv__, "__rsub__": __rsub__} | {
    f"__r{name}__": _reflected(row) for name, row in (("mod", "remainder"), ("floordiv", "floor_divide"),
                                                      ("lshift", "bitwise_left_shift"),
                                                      ("rshift", "bitwise_right_shift"))}
