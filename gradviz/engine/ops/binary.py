"""Pointwise functions of two tensors, or of a tensor and a number: the table, and the functions of a row."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from gradviz import probe
from gradviz.engine import observe, plain
from gradviz.engine.autograd.modes import enabled, regions
from gradviz.engine.autograd.node import NO_EDGE, node_class, sequence
from gradviz.engine.autograd.packing import pack
from gradviz.engine.autograd.views import check_inplace, rebase
from gradviz.engine.dtypes import FLOAT, FLOATING, INEXACT, rare, when_rare
from gradviz.engine.ops.build import changed, check_overlap, elsewhere, not_a_tensor, on_several, recording, remade
from gradviz.engine.ops.promote import (
    can_cast,
    cast_error,
    floating,
    number,
    operand_error,
    scalar_operand,
    together,
)
from gradviz.engine.rare import careful, watched
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, gradient_edge, make, refresh
from gradviz.engine.xp import asarray, foreign, ndarray, quiet, xp


class Row(NamedTuple):
    """``rule`` gets self and other, each None when it was not saved; ``keep_self`` and ``keep_other`` say for whose
    gradient an operand is saved ("s", "o" or both). ``scalar`` is the rule with a number, ``ctx.args``, as other.
    ``kind``: arith, float (integers divide as floats), compare (no gradient), logic (no promotion)."""

    name: str
    forward: Callable[..., Any]
    node: str = ""
    rule: Callable[..., Any] | None = None
    keep_self: str = ""
    keep_other: str = ""
    scalar: Callable[..., Any] | None = None
    kind: str = "arith"
    order: tuple[str, str] = ("self", "other")
    """In which order PyTorch unpacks, and so checks, what it saved; the rule gets them in it."""
    scalar_node: str = ""
    """Where the node has another name with a number; it has one edge then."""


def no_bools(both: bool) -> RuntimeError:
    which, hint = ("two bool tensors", "Use the `^` or `logical_xor()` operator instead.") if both else (
        "a bool tensor", "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.")
    return RuntimeError(f"Subtraction, the `-` operator, with {which} is not supported. {hint}")


def refuse_bools(one: str, two: str) -> None:
    """Two booleans NumPy refuses itself, which costs nothing where there are none."""
    if one == "b" or two == "b":
        raise no_bools(one == two)


def _whole(f: Any) -> Any:
    """A division whose result is whole: of integers, zero is refused."""

    def forward(x: ndarray, y: ndarray, out: Any = None, **options: Any) -> Any:
        if y.dtype.kind in "iub" and y.__class__ is ndarray and not y.all():
            raise RuntimeError("ZeroDivisionError")
        return f(x, y, out=out, **options)

    return forward


_floor_divide = _whole(xp.floor_divide)


def _mul(ns: Any, ctx: Any, g: Any, other: Any, self: Any) -> Any:
    return (None if other is None else g * other), (None if self is None else g * self)


def _div(ns: Any, ctx: Any, g: Any, other: Any, self: Any) -> Any:
    return (g / other if ctx.needs(0) else None), (None if self is None else -g * ((self / other) / other))


def _one_of(larger: Callable[..., Any]) -> Callable[..., Any]:
    """Rule of maximum and minimum: equal elements share the gradient."""

    def rule(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
        half = (self == other) * 0.5
        return g * (1 - (half + larger(other, self))), g * (1 - (half + larger(self, other)))  # NaN: to both

    return rule


def _fmax(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    first = (self >= other) | (other != other)
    return g * first, g * (first == 0)


def _fmin(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    first = (self <= other) | (other != other)
    return g * first, g * (first == 0)


def _atan2(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    square = self * self + other * other
    part = ns.where(square == 0, square * 0, g / ns.where(square == 0, square + 1, square))
    return part * other, part * -self


def _logaddexp(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    return g / (1 + ns.exp(other - self)), g / (1 + ns.exp(self - other))


def _fmod(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    return g, (-g * ns.const(xp.trunc(ns.plain(self) / ns.plain(other))) if ctx.needs(1) else None)


def _remainder(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    return g, (-g * ns.const(xp.floor(ns.plain(self) / ns.plain(other))) if ctx.needs(1) else None)


def _hypot(ns: Any, g: Any, self: Any, other: Any) -> Any:
    length = ns.sqrt(self * self + other * other)
    return g * (self / length), g * (other / length)


def no_derivative(name: str) -> Callable[..., Any]:
    """The rule of an op that PyTorch has no derivative for."""
    def rule(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return rule


def _pass(ns: Any, ctx: Any, g: Any) -> Any:
    return g


ROWS = (
    Row("add", xp.add, "AddBackward0", lambda ns, ctx, g: (g, g), scalar=_pass),
    Row("sub", xp.subtract, "SubBackward0", lambda ns, ctx, g: (g, -g if ctx.needs(1) else None), scalar=_pass),
    Row("mul", xp.multiply, "MulBackward0", _mul, "o", "s", lambda ns, ctx, g: g * ctx.args,
        order=("other", "self")),
    Row("div", xp.divide, "DivBackward0", _div, "o", "so", lambda ns, ctx, g: g / ctx.args, "float",
        ("other", "self")),
    Row("maximum", xp.maximum, "MaximumBackward0", _one_of(lambda a, b: a > b), "so", "so"),
    Row("minimum", xp.minimum, "MinimumBackward0", _one_of(lambda a, b: a < b), "so", "so"),
    Row("fmax", xp.fmax, "FmaxBackward0", _fmax, "so", "so"),
    Row("fmin", xp.fmin, "FminBackward0", _fmin, "so", "so"),
    Row("atan2", xp.arctan2, "Atan2Backward0", _atan2, "so", "so", kind="float"),
    Row("logaddexp", xp.logaddexp, "LogaddexpBackward0", _logaddexp, "so", "so", kind="float"),
    Row("fmod", _whole(xp.fmod), "FmodBackward1", _fmod, "o", "o", _pass, scalar_node="FmodBackward0"),
    Row("remainder", _whole(xp.remainder), "RemainderBackward1", _remainder, "o", "o", _pass,
        scalar_node="RemainderBackward0"),
    Row("floor_divide", _floor_divide, "NotImplemented", no_derivative("floor_divide")),
    Row("hypot", xp.hypot, "HypotBackward0",
        lambda ns, ctx, g, self, other: _hypot(ns, g, self, other), "so", "so", kind="float"),
    Row("copysign", xp.copysign, "CopysignBackward0", lambda ns, ctx, g, self, other: (
        g * ns.const(xp.sign(ns.plain(self)) * xp.copysign(xp.ones_like(ns.plain(self)), ns.plain(other))), g * 0),
        "so", "so", kind="float", scalar_node="CopysignBackward1"),
    Row("xlogy", lambda x, y, out=None,
        **o: xp.multiply(x, xp.log(xp.where((x == 0) & ~xp.isnan(y), 1, y)), out=out, **o),
        "XlogyBackward0", lambda ns, ctx, g, self, other: (
            g * ns.where((self == 0) & (other <= 0), 0, ns.log(ns.where((self == 0) & (other <= 0), 1, other))),
            g * self / other), "so", "so", kind="float", scalar_node="XlogyBackward2"),
    Row("gcd", xp.gcd),
    Row("lcm", xp.lcm),
    Row("eq", xp.equal, kind="compare"),
    Row("ne", xp.not_equal, kind="compare"),
    Row("lt", xp.less, kind="compare"),
    Row("le", xp.less_equal, kind="compare"),
    Row("gt", xp.greater, kind="compare"),
    Row("ge", xp.greater_equal, kind="compare"),
    Row("logical_and", xp.logical_and, kind="compare"),
    Row("logical_or", xp.logical_or, kind="compare"),
    Row("logical_xor", xp.logical_xor, kind="compare"),
    Row("bitwise_and", xp.bitwise_and),
    Row("bitwise_or", xp.bitwise_or),
    Row("bitwise_xor", xp.bitwise_xor),
    Row("bitwise_left_shift", xp.left_shift),
    Row("bitwise_right_shift", xp.right_shift),
)


def number_nodes(row: Row, node_type: Any) -> tuple[Any, Any, int]:
    """The node with a number, by a rule or by the row's with the number as a tensor; and how many edges it has."""
    if row.scalar is not None:
        return node_class(row.scalar_node or row.node, row.scalar), None, 1 if row.scalar_node else 2
    if not row.scalar_node:
        return None, node_type, 2
    rule: Any = row.rule
    return None, node_class(row.scalar_node, lambda *args: rule(*args)[0], row.order), 1


def operator(row: Row) -> Callable[[Any, Any], Any]:
    """The function of a row; NotImplemented for an operand that is neither a tensor nor a number."""
    name, forward, floats = row.name, row.forward, row.kind == "float"
    saves, swapped = bool(row.keep_self or row.keep_other), row.order[0] == "other"
    node_type: Any = None if row.rule is None else node_class(row.node, row.rule, row.order if saves else ())
    scalar_type, constant_type, arity = number_nodes(row, node_type)
    minus = name == "sub"

    def watch() -> None:
        nonlocal forward
        forward = watched(name, forward)

    when_rare.append(watch)

    def op(self: Any, other: Any) -> Any:
        y = None
        try:
            x = self._array
            if other.__class__ is not Tensor and not isinstance(other, Tensor):
                if other.__class__ is not float and other.__class__ is not int:
                    other = number(other)
                    if other is None:
                        return NotImplemented
                return with_number(self, other)
            y = other._array
            if x.dtype is not y.dtype:
                if minus:
                    refuse_bools(x.dtype.kind, y.dtype.kind)
                x, y = together(x, y)
            if floats and x.dtype is not FLOAT and x.dtype.char not in FLOATING:
                x, y = floating(x), floating(y)
            r = forward(x, y)
            if r.__class__ is not ndarray:
                r = asarray(r)
            if self._view is not None:
                refresh(self)
            if other._view is not None:
                refresh(other)
            first, second = self._requires, other._requires
            if (first or second) and node_type is not None and (not regions.off or enabled()):
                saved: Any = None
                if first and second:
                    edges = self._edge or gradient_edge(self), other._edge or gradient_edge(other)
                    if swapped:
                        saved = other, other._cell.version, self, self._cell.version
                    elif saves:
                        saved = self, self._cell.version, other, other._cell.version
                else:
                    edges = (gradient_edge(self), NO_EDGE) if first else (NO_EDGE, gradient_edge(other))
                    if saves:
                        saved = partly(self, other, "s" if first else "o")
                out = make(r, Cell(), True, (node_type(edges, saved, None, r.shape, r.dtype, sequence()), 0))
                if saves and regions.packs:
                    pack(out._edge[0], (out,))
            else:
                out = make(r, Cell())
            if probe.sink is not None:
                plain.op(name, "", self, other, out)
            return out
        except RuntimeWarning:
            with quiet():
                return op(self, other)
        except Exception as error:
            if foreign and (again := elsewhere(row, error, self, other)) is not None:
                return remade(operator, again)(self, other)
            raise _explain(error, name, self, other, y) from None

    def partly(self: Any, other: Any, which: str) -> Any:
        """What is saved for the gradient of one operand; for those of both it is both operands."""
        one = self if which in row.keep_self else None
        two = other if which in row.keep_other else None
        if swapped:
            one, two = two, one
        return one, 0 if one is None else one._cell.version, two, 0 if two is None else two._cell.version

    def with_number(self: Any, other: Any) -> Any:
        if minus:
            refuse_bools(self._array.dtype.kind, "b" if other.__class__ is bool else "")
        x, y = scalar_operand(self._array, other)
        if floats and x.dtype.char not in FLOATING:
            x, y = floating(x), floating(y)
        r = careful(name, row.forward, (x, y), number=other) if rare else forward(x, y)
        if r.__class__ is not ndarray:
            r = asarray(r)
        if self._view is not None:
            refresh(self)
        if self._requires and node_type is not None and (not regions.off or enabled()):
            edges = (self._edge or gradient_edge(self), NO_EDGE)[:arity]
            if scalar_type is not None:
                node = scalar_type(edges, None, other, r.shape, r.dtype, sequence())
            else:
                constant = make(y, Cell())
                one = self if row.keep_self else None
                saved = (one, 0 if one is None else one._cell.version, constant, 0) if saves else None  # never swapped
                node = constant_type(edges, saved, None, r.shape, r.dtype, sequence())
                if saves and regions.packs:
                    pack(node, (), constant)
            out = make(r, Cell(), True, (node, 0))
        else:
            out = make(r, Cell())
        if probe.sink is not None:
            plain.op(name, str(other), self, None, out)
        return out

    return op


def _explain(error: Exception, name: str, self: Any, other: Any, y: Any) -> Exception:
    """An op's error in PyTorch's words, told to the recorder."""
    if not isinstance(self, Tensor):
        return not_a_tensor(name, "self", 0, self)
    if foreign:
        error = on_several(name, error, self, other)
    if str(error).startswith("numpy boolean subtract"):
        error = no_bools(True)
    if name in ("add", "sub", "mul", "div") or isinstance(error, ValueError | TypeError):
        error = operand_error(error, self._array, y, inplace=name.endswith("_"))
    if probe.sink is not None:
        observe.failed(name, "" if y is not None else str(other), (self, other) if y is not None else (self,), error)
    return error


def _apply(name: str, forward: Any, a: ndarray, y: ndarray, out: ndarray, number: Any) -> None:
    """One ufunc in place. A RuntimeWarning raised as an error comes after the writing, which must not be repeated."""
    with suppress(RuntimeWarning):
        if rare:
            out[...] = careful(name, forward, (a, y), number=number)
        else:
            forward(a, y, out=out, casting="unsafe")


def inplace(row: Row) -> Callable[[Any, Any], Any]:
    """The in-place method of a row, ``Tensor.add_``."""
    name, forward, floats, minus = row.name + "_", row.forward, row.kind == "float", row.name == "sub"
    saves, swapped = bool(row.keep_self or row.keep_other), row.order[0] == "other"
    node_type: Any = None if row.rule is None else node_class(row.node, row.rule, row.order if saves else ())
    scalar_type, constant_type, arity = number_nodes(row, node_type)

    def op(self: Any, other: Any) -> Any:
        y = None
        try:
            x = self._array
            many = isinstance(other, Tensor)
            if many:
                inputs: Any = (self, other)
                a, y = x, other._array
                if x.dtype is not y.dtype:
                    if minus:
                        refuse_bools(x.dtype.kind, y.dtype.kind)
                    a, y = together(x, y)
            else:
                inputs = (self,)
                other = number(other)
                if other is None:
                    return NotImplemented
                if minus:
                    refuse_bools(x.dtype.kind, "b" if other.__class__ is bool else "")
                a, y = scalar_operand(x, other)
            if floats and a.dtype.char not in INEXACT:
                a, y = floating(a), floating(y)
            if row.kind != "compare" and a.dtype is not x.dtype and not can_cast(a.dtype, x.dtype):
                raise cast_error(a.dtype, x.dtype)
            tracked = recording(inputs)
            check_inplace(self, tracked)
            check_overlap(x)
            cell = self._cell
            before = cell.version
            if not tracked or node_type is None:
                _apply(row.name, forward, a, y, x, None if many else other)
                cell.version = before + 1
                node = None
            else:
                first, second = self._requires, many and other._requires
                saved = constant = None
                if saves and (many or scalar_type is None):
                    one = two = None
                    if (first and "s" in row.keep_self) or (second and "o" in row.keep_self):
                        one = make(x.copy(), Cell(), first, gradient_edge(self) if first else None)
                    if (first and "s" in row.keep_other) or (second and "o" in row.keep_other):
                        two = other if many else (constant := make(y, Cell()))
                    if swapped:
                        one, two = two, one
                    saved = (one, 0 if one is None else one._cell.version, two, 0 if two is None else two._cell.version)
                edges = (gradient_edge(self), gradient_edge(other) if many else NO_EDGE)[:2 if many else arity]
                if many or scalar_type is None:
                    node = (node_type if many else constant_type)(edges, saved, None, x.shape, x.dtype, sequence())
                else:
                    node = scalar_type(edges, None, other, x.shape, x.dtype, sequence())
                _apply(row.name, forward, a, y, x, None if many else other)
                cell.version = before + 1
                rebase(self, node)
                if saves and regions.packs:
                    pack(node, (self,), constant)
            if probe.sink is not None:
                observe.op(name, "" if many else str(other), inputs, changed(self, node), "op", self, before)
            return self
        except Exception as error:
            if foreign and (again := elsewhere(row, error, self, other)) is not None:
                return remade(inplace, again)(self, other)
            raise _explain(error, name, self, other, y if isinstance(other, Tensor) else None) from None

    return op


OPERATORS: dict[str, Any] = {row.name: operator(row) for row in ROWS}
INPLACE: dict[str, Any] = {row.name + "_": inplace(row) for row in ROWS}
DUNDERS = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "mod": "remainder", "floordiv": "floor_divide",
           "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
           "rshift": "bitwise_right_shift"}
METHODS: dict[str, Any] = {}
for _dunder, _name in DUNDERS.items():
    METHODS[f"__{_dunder}__"] = OPERATORS[_name]
    METHODS[f"__i{_dunder}__"] = INPLACE[_name + "_"]
METHODS |= {f"__{_name}__": OPERATORS[_name] for _name in ("eq", "ne", "lt", "le", "gt", "ge")}
METHODS |= {"__radd__": OPERATORS["add"], "__rmul__": OPERATORS["mul"], "__rand__": OPERATORS["bitwise_and"],
            "__ror__": OPERATORS["bitwise_or"], "__rxor__": OPERATORS["bitwise_xor"]}
