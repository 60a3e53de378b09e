"""Pointwise functions of one tensor: the table, and the function and in-place method of a row."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi
from typing import Any, NamedTuple

from gradviz import probe
from gradviz.engine import observe, plain
from gradviz.engine.autograd.modes import enabled, regions
from gradviz.engine.autograd.node import node_class, sequence
from gradviz.engine.autograd.packing import pack
from gradviz.engine.autograd.saved import Output
from gradviz.engine.autograd.views import check_inplace, rebase
from gradviz.engine.dtypes import BY_NP, FLOAT, FLOATING, INEXACT, rare, when_rare
from gradviz.engine.ops.build import changed, check_overlap, elsewhere, not_a_tensor, recording, remade
from gradviz.engine.ops.promote import cast_error, floating, not_implemented
from gradviz.engine.ops.second import piecewise
from gradviz.engine.rare import careful, watched
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, gradient_edge, make, refresh
from gradviz.engine.xp import asarray, foreign, ndarray, quiet, xp


class Row(NamedTuple):
    """``saves``: what the rule gets after the gradient, input (``self``), ``result`` or nothing. ``floats``: integers
    are computed in the default floating type."""

    name: str
    forward: Callable[..., Any]
    node: str
    rule: Callable[..., Any] | None
    saves: str = ""
    floats: bool = True


_zeros: dict[Any, ndarray] = {}
"""Zero in each type: an array needs no conversion any more."""


def _relu(x: ndarray, out: Any = None) -> Any:
    zero = _zeros.get(x.dtype)
    if zero is None:
        if x.dtype.kind == "b":
            raise RuntimeError("Boolean inputs not supported for relu")
        if x.dtype.kind == "c":
            raise NotImplementedError("clamp is not supported for complex types")
        zero = _zeros[x.dtype] = xp.zeros((), x.dtype)
    return xp.maximum(x, zero if x.__class__ is ndarray else asarray(0, x.dtype, x), out=out)


def _sigmoid(x: ndarray, out: Any = None) -> Any:
    if x.dtype.char in FLOATING:
        e = xp.exp(-xp.abs(x))
        return xp.divide(xp.where(x >= 0, 1, e), 1 + e, out=out)
    return xp.divide(1, 1 + xp.exp(-x), out=out)


_relu_backward = piecewise("threshold_backward", "ThresholdBackwardBackward0",
                           lambda ns, ctx, g, result: ns.without(g, result <= 0), "result", "relu_backward")


def _numbers(kernel: str, f: Any) -> Any:
    """A forward that refuses booleans."""

    def forward(x: ndarray, out: Any = None) -> Any:
        if x.dtype.kind == "b":
            raise NotImplementedError(f"\"{kernel}\" not implemented for 'Bool'")
        return f(x, out=out)

    return forward


def _frac(x: ndarray, out: Any = None) -> Any:
    if x.dtype.char not in FLOATING:
        raise NotImplementedError(f"\"frac_cpu\" not implemented for '{BY_NP[x.dtype].code}'")
    return xp.subtract(x, xp.trunc(x), out=out)


def _rsqrt(x: ndarray, out: Any = None) -> Any:
    return xp.divide(1, xp.sqrt(x), out=out)


def _neg(x: ndarray, out: Any = None) -> Any:
    if x.dtype.kind == "b":
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                           "a mask, use the `~` or `logical_not()` operator instead.")
    return xp.negative(x, out=out)


def _sign(x: ndarray, out: Any = None) -> Any:
    if x.dtype.kind == "b":
        return x.copy() if out is None else x
    r = xp.sign(x, out=out)
    if x.dtype.char in FLOATING:
        r = asarray(r)
        r[xp.isnan(r)] = 0
    return r


def _zero(ns: Any, ctx: Any, g: Any) -> Any:
    return g * 0


def _acosh(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    if ctx.dtype.kind == "c":  # the root of a product is not the product of the roots there
        return g * ((self + 1) ** -0.5 * (self - 1) ** -0.5)
    return g * (self * self - 1) ** -0.5


ROWS = (
    Row("neg", _neg, "NegBackward0", lambda ns, ctx, g: -g, floats=False),
    Row("abs", _numbers("abs_cpu", xp.abs), "AbsBackward0", lambda ns, ctx, g, self: g * ns.sign(self), "self", False),
    Row("exp", xp.exp, "ExpBackward0", lambda ns, ctx, g, result: g * result, "result"),
    Row("exp2", xp.exp2, "Exp2Backward0", lambda ns, ctx, g, result: g * result * log(2), "result"),
    Row("expm1", xp.expm1, "Expm1Backward0", lambda ns, ctx, g, result: g * (result + 1), "result"),
    Row("log", xp.log, "LogBackward0", lambda ns, ctx, g, self: g / self, "self"),
    Row("log2", xp.log2, "Log2Backward0", lambda ns, ctx, g, self: g / (self * log(2)), "self"),
    Row("log10", xp.log10, "Log10Backward0", lambda ns, ctx, g, self: g / (self * log(10)), "self"),
    Row("log1p", xp.log1p, "Log1PBackward0", lambda ns, ctx, g, self: g / (self + 1), "self"),
    Row("sqrt", xp.sqrt, "SqrtBackward0", lambda ns, ctx, g, result: g / (2 * result), "result"),
    Row("rsqrt", _rsqrt, "RsqrtBackward0", lambda ns, ctx, g, result: -0.5 * g * result * result * result, "result"),
    Row("reciprocal", xp.reciprocal, "ReciprocalBackward0", lambda ns, ctx, g, result: -g * (result * result),
        "result"),
    Row("sigmoid", _sigmoid, "SigmoidBackward0", lambda ns, ctx, g, result: g * (ns.one(result) - result) * result,
        "result"),
    Row("tanh", xp.tanh, "TanhBackward0", lambda ns, ctx, g, result: g * (ns.one(result) - result * result), "result"),
    Row("relu", _relu, "ReluBackward0", _relu_backward, "result", False),
    Row("sin", xp.sin, "SinBackward0", lambda ns, ctx, g, self: g * ns.cos(self), "self"),
    Row("cos", xp.cos, "CosBackward0", lambda ns, ctx, g, self: g * -ns.sin(self), "self"),
    Row("tan", xp.tan, "TanBackward0", lambda ns, ctx, g, result: g * (1 + result * result), "result"),
    Row("asin", xp.arcsin, "AsinBackward0", lambda ns, ctx, g, self: g * (1 - self * self) ** -0.5, "self"),
    Row("acos", xp.arccos, "AcosBackward0", lambda ns, ctx, g, self: g * -((1 - self * self) ** -0.5), "self"),
    Row("atan", xp.arctan, "AtanBackward0", lambda ns, ctx, g, self: g / (self * self + 1), "self"),
    Row("sinh", xp.sinh, "SinhBackward0", lambda ns, ctx, g, self: g * ns.cosh(self), "self"),
    Row("cosh", xp.cosh, "CoshBackward0", lambda ns, ctx, g, self: g * ns.sinh(self), "self"),
    Row("asinh", xp.arcsinh, "AsinhBackward0", lambda ns, ctx, g, self: g * (self * self + 1) ** -0.5, "self"),
    Row("acosh", xp.arccosh, "AcoshBackward0", _acosh, "self"),
    Row("atanh", xp.arctanh, "AtanhBackward0", lambda ns, ctx, g, self: g / (1 - self * self), "self"),
    Row("sign", _sign, "SignBackward0", _zero, floats=False),
    Row("floor", _numbers("floor_vml_cpu", xp.floor), "FloorBackward0", _zero, floats=False),
    Row("ceil", _numbers("ceil_vml_cpu", xp.ceil), "CeilBackward0", _zero, floats=False),
    Row("trunc", _numbers("trunc_vml_cpu", xp.trunc), "TruncBackward0", _zero, floats=False),
    Row("frac", _frac, "FracBackward0", lambda ns, ctx, g: g, floats=False),
    Row("deg2rad", xp.deg2rad, "Deg2RadBackward0", lambda ns, ctx, g: g * (pi / 180)),
    Row("rad2deg", xp.rad2deg, "Rad2DegBackward0", lambda ns, ctx, g: g * (180 / pi)),
    Row("isnan", xp.isnan, "", None, floats=False),
    Row("isinf", xp.isinf, "", None, floats=False),
    Row("isfinite", xp.isfinite, "", None, floats=False),
    Row("signbit", xp.signbit, "", None, floats=False),
    Row("logical_not", xp.logical_not, "", None, floats=False),
    Row("bitwise_not", xp.bitwise_not, "", None, floats=False),
)
ALIASES = {"absolute": "abs", "negative": "neg", "fix": "trunc", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
           "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"}


def function(row: Row) -> Callable[[Any], Tensor]:
    """The function of a row, ``torch.exp`` and ``Tensor.exp``."""
    name, forward, saves, floats = row.name, row.forward, row.saves, row.floats
    save_self, save_result = saves == "self", saves == "result"
    node_type: Any = None if row.rule is None else node_class(row.node, row.rule, (saves,) if saves else ())
    crosses = name == "abs"  # from complex to real

    def watch() -> None:
        nonlocal forward
        forward = watched(name, forward)

    when_rare.append(watch)

    def op(input: Any) -> Tensor:
        try:
            x = input._array
            if floats and x.dtype is not FLOAT and x.dtype.char not in FLOATING:
                x = floating(x)
            r = forward(x)
            if r.__class__ is not ndarray:
                r = asarray(r)
            if input._view is not None:
                refresh(input)
            if input._requires and node_type is not None and (not regions.off or enabled()):
                cell = Cell()
                if save_result:
                    saved: Any = (Output(r, cell), 0)
                elif save_self:
                    saved = (input, input._cell.version)
                else:
                    saved = None
                node = node_type((input._edge or gradient_edge(input),), saved, None, r.shape, r.dtype, sequence())
                if crosses and x.dtype.kind == "c":
                    node.plain = False
                out = make(r, cell, True, (node, 0))
                if saves and regions.packs:
                    pack(node, (out,))
            else:
                out = make(r, Cell())
            if probe.sink is not None:
                plain.op(name, "", input, None, out)
            return out  # type: ignore[no-any-return]
        except RuntimeWarning:
            with quiet():
                return op(input)
        except Exception as error:
            if foreign and (again := elsewhere(row, error, input)) is not None:
                return remade(function, again)(input)  # type: ignore[no-any-return]
            if not isinstance(input, Tensor):
                raise not_a_tensor(name, "self", 0, input) from None
            if isinstance(error, TypeError) and str(error).startswith("ufunc '"):
                error = not_implemented(error, input._array.dtype)
            if probe.sink is not None:
                observe.failed(name, "", (input,), error)
            raise error from None

    return op


def method(row: Row) -> Callable[[Any], Tensor]:
    """The in-place method of a row, ``Tensor.exp_``."""
    name, forward, saves = row.name + "_", row.forward, row.saves
    save_self, save_result = saves == "self", saves == "result"
    node_type: Any = None if row.rule is None else node_class(row.node, row.rule, (saves,) if saves else ())

    def op(self: Any) -> Tensor:
        try:
            x = self._array
            cell = self._cell
            if row.floats and x.dtype.char not in INEXACT:
                raise cast_error(floating(x).dtype, x.dtype)
            tracked = recording((self,))
            check_inplace(self, tracked)
            check_overlap(x)
            node, before = None, cell.version
            if tracked and node_type is not None:
                saved: Any = None
                if save_self:
                    saved = (make(x.copy(), Cell(), True, gradient_edge(self)), 0)
                elif save_result:
                    saved = (Output(x, cell), before + 1)
                node = node_type((gradient_edge(self),), saved, None, x.shape, x.dtype, sequence())
            with quiet():
                if rare:
                    x[...] = careful(row.name, forward, (x,))
                elif x.dtype.kind == "b" and node_type is None:
                    x[...] = forward(x)
                else:
                    forward(x, out=x)
            cell.version = before + 1
            if node is not None:
                rebase(self, node)
                if saves and regions.packs:
                    pack(node, (self,))
            if probe.sink is not None:
                observe.op(name, "", (self,), changed(self, node), "op", self, before)
            return self  # type: ignore[no-any-return]
        except Exception as error:
            if foreign and (again := elsewhere(row, error, self)) is not None:
                return remade(method, again)(self)  # type: ignore[no-any-return]
            if probe.sink is not None and isinstance(self, Tensor):
                observe.failed(name, "", (self,), error)
            raise

    return op


FUNCTIONS: dict[str, Any] = {row.name: function(row) for row in ROWS}
METHODS: dict[str, Any] = dict(FUNCTIONS)
METHODS |= {row.name + "_": method(row) for row in ROWS if row.name not in ("isnan", "isinf", "isfinite", "signbit")}
for _alias, _name in ALIASES.items():
    FUNCTIONS[_alias] = METHODS[_alias] = FUNCTIONS[_name]
    METHODS[_alias + "_"] = METHODS[_name + "_"]
METHODS |= {"__neg__": FUNCTIONS["neg"], "__abs__": FUNCTIONS["abs"], "__invert__": FUNCTIONS["bitwise_not"],
            "__pos__": lambda self: self}
FUNCTIONS |= {name + "_": METHODS[name + "_"] for name in list(FUNCTIONS) if name + "_" in METHODS}
