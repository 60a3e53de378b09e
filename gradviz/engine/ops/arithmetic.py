"""Pointwise functions that few programs need: steps, scaling by powers of two, neighbours; renorm and cdist."""

from __future__ import annotations

from math import log
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.ops import pointwise, reduce
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.binary import no_derivative
from gradviz.engine.ops.build import Op, not_a_tensor, op, run, write
from gradviz.engine.ops.promote import floating, number, operand_error, together
from gradviz.engine.ops.returns import returned
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _ldexp(ns: Any, ctx: Any, g: Any, other: Any, result: Any) -> Any:
    return g * 2.0 ** other, (g * result * log(2) if ctx.needs(1) else None)


def _logaddexp2(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    return g / (1 + 2.0 ** (other - self)), g / (1 + 2.0 ** (self - other))


def _renorm(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    p, dim, most = ctx.args
    dims = tuple(d for d in range(ns.plain(self).ndim) if d != dim)
    node = _Norm(dims, p)
    length = ns.apply(reduce.NORM, (self,), dims, True, p)
    over = ns.plain(length) > most
    inverse = 1 / (length + 1e-7)
    product = ns.sum(g * self, dims, True)
    along = reduce.NORM.node.rule(ns, node, product, self, length)  # type: ignore[union-attr]
    return ns.where(ns.const(over), (g - inverse * along) * inverse * most, g)


class _Norm:
    """A norm over all dimensions but one, as the norm's rule reads it."""

    def __init__(self, dims: tuple[int, ...], p: float) -> None:
        self.args = dims, True, p


def _cdist(ns: Any, ctx: Any, g: Any, x1: Any, x2: Any, result: Any) -> Any:
    p, = ctx.args
    if p == 0:
        return x1 * 0, x2 * 0
    apart = ns.unsqueeze(x1, (-2,)) - ns.unsqueeze(x2, (-3,))
    last = ns.plain(apart).ndim - 1
    share = reduce.NORM.node.rule(ns, _Last(last, p), g, apart, result)  # type: ignore[union-attr]
    return ns.sum(share, last - 1), -ns.sum(share, last - 2)


class _Last(_Norm):
    def __init__(self, last: int, p: float) -> None:
        self.args = (last,), False, p


# --- forwards --------------------------------------------------------------------------------------------------------
def _heaviside(x: ndarray, y: ndarray) -> Any:
    if x.dtype != y.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return xp.where(x == 0, y, x > 0).astype(x.dtype)


def _renorm_of(x: ndarray, p: float, dim: int, most: float) -> Any:
    dims = tuple(d for d in range(x.ndim) if d != dim)
    length = reduce.NORM.forward(x, dims, True, p)
    return x * xp.where(length > most, most / (length + 1e-7), 1).astype(x.dtype)


def _cdist_of(a: ndarray, b: ndarray, p: float) -> Any:
    return reduce.NORM.forward(a[..., :, None, :] - b[..., None, :, :], (-1,), False, p)


def _pair(f: Any) -> Any:
    def forward(x: ndarray, y: ndarray) -> Any:
        try:
            return f(x, y)
        except ValueError as error:
            raise operand_error(error, x, y) from None

    return forward


HEAVISIDE = op("heaviside", _pair(_heaviside), "NotImplemented", no_derivative("heaviside"), "", "self values")
LDEXP = op("ldexp", _pair(lambda x, y: floating(x) * asarray(2.0 ** y).astype(floating(x).dtype)), "LdexpBackward0",
           _ldexp, "other result", "self other")
FREXP = op("frexp", lambda x: tuple(xp.frexp(x)), "FrexpBackward0",
           lambda ns, ctx, g, exponent: g / ns.const((2.0 ** ns.plain(exponent)).astype(ns.plain(g).dtype)), "exponent",
           results="mantissa exponent")
NEXTAFTER = op("nextafter", _pair(lambda x, y: xp.nextafter(*together(x, y))), "NextafterBackward0",
               lambda ns, ctx, g: (g, g * 0), "", "self other")
LOGADDEXP2 = op("logaddexp2", _pair(lambda x, y: xp.logaddexp2(*together(x, y))), "Logaddexp2Backward0", _logaddexp2,
                "self other", "self other")
RENORM = op("renorm", _renorm_of, "RenormBackward0", _renorm, "self")
RENORM_ = op("renorm_", lambda x, *a: x.__setitem__(..., _renorm_of(x, *a)), "RenormBackward0", _renorm, "self")
CDIST = op("cdist", _cdist_of, "CdistBackward0", _cdist, "x1 x2 result", "x1 x2")


# --- functions -------------------------------------------------------------------------------------------------------
def _tensor(name: str, value: Any, like: Any) -> Any:
    if isinstance(value, Tensor):
        return value
    n = number(value)
    if n is None:
        raise not_a_tensor(name, "other", 1, value)
    return make(asarray(n, like._array.dtype if isinstance(n, int) else floating(like._array).dtype), Cell())


def _of_two(row: Any) -> Any:
    return lambda input, other: run(row, (input, other))


def _heaviside_of(input: Any, values: Any) -> Any:
    return run(HEAVISIDE, (input, values))


Frexp = returned("frexp", "mantissa", "exponent")


def frexp(input: Any) -> Any:
    """A number between a half and one, and the power of two."""
    if input._array.dtype.char not in FLOATING:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return Frexp(*run(FREXP, (input,)))


def float_power(input: Any, exponent: Any) -> Any:
    """A power, computed in float64."""
    def wide(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.to(dtypes.complex128 if value.dtype.is_complex else dtypes.float64)

    return pointwise.pow_(wide(input), wide(exponent))


def float_power_(self: Any, exponent: Any) -> Any:
    if self._array.dtype.char not in "dD":
        raise RuntimeError("the base given to float_power_ has dtype "
                           f"{self.dtype.code} but the operation's result requires dtype Double")
    return pointwise._pow_inplace(self, exponent)


def positive(input: Any) -> Any:
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Slices longer than ``maxnorm`` are shortened to it."""
    return run(RENORM, (input,), _renorm_args(input, p, dim, maxnorm))


def _renorm_args(input: Any, p: float, dim: int, maxnorm: float) -> tuple[float, int, float]:
    if input._array.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input._array.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    return float(p), dimension(dim, input._array.ndim), float(maxnorm)


def renorm_(self: Any, p: float, dim: int, maxnorm: float) -> Any:
    return write(RENORM_, self, (), _renorm_args(self, p, dim, maxnorm))


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    """The distances between the rows of two matrices."""
    for i, t in enumerate((x1, x2), 1):
        if not isinstance(t, Tensor):
            raise not_a_tensor("cdist", f"x{i}", i - 1, t)
        if t._array.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{i} got: {t._array.ndim}D")
    a, b = x1._array, x2._array
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if a.dtype != b.dtype:
        raise RuntimeError(f"expected scalar type {x1.dtype.code} but found {x2.dtype.code}")
    return run(CDIST, (x1, x2), (float(p),), words(p=None if p == 2 else p))


def _infinite(sign: str) -> Any:
    test = xp.isneginf if sign == "neg" else xp.isposinf
    row = Op(f"is{sign}inf", lambda x: test(x) if x.dtype.char in FLOATING else xp.zeros(x.shape, bool))
    return lambda input: run(row, (input,))


def isreal(input: Any) -> Any:
    return run(Op("isreal", xp.isreal), (input,))


def is_nonzero(input: Any) -> bool:
    """Whether the one element is not zero."""
    if input._array.size != 1:
        raise RuntimeError("Boolean value of Tensor with no values is ambiguous" if not input._array.size else
                           "Boolean value of Tensor with more than one value is ambiguous")
    return bool(input._array.item())


def is_same_size(input: Any, other: Any) -> bool:
    return bool(input._array.shape == other._array.shape)


FUNCTIONS: dict[str, Any] = {
    "heaviside": _heaviside_of, "ldexp": _of_two(LDEXP), "frexp": frexp, "nextafter": _of_two(NEXTAFTER),
    "logaddexp2": _of_two(LOGADDEXP2), "float_power": float_power, "positive": positive, "renorm": renorm,
    "cdist": cdist, "isneginf": _infinite("neg"), "isposinf": _infinite("pos"), "isreal": isreal,
    "is_nonzero": is_nonzero, "is_same_size": is_same_size,
    "resolve_neg": lambda input: input, "is_neg": lambda input: False,
}
METHODS: dict[str, Any] = {n: f for n, f in FUNCTIONS.items() if n != "cdist"} | {
    "renorm_": renorm_, "float_power_": float_power_}
