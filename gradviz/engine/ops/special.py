"""Special functions. SciPy computes them, imported by the first that is called; a few need only Python's ``math``."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gradviz.engine import devices
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.errors import UnsupportedError
from gradviz.engine.ops import unary
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.complex import REAL_PART
from gradviz.engine.ops.unary import Row
from gradviz.engine.xp import asarray, foreign, ndarray, xp


def scipy(name: str) -> Any:
    """A function of ``scipy.special``, for arrays on a device of CuPy's, or a stand-in where Python has it."""
    if foreign:
        return lambda *args: getattr(devices.special(), name)(*args) if any(
            a.__class__ in foreign for a in args) else _scipy(name)(*args)
    return _scipy(name)


def _scipy(name: str) -> Any:
    try:
        return getattr(import_module("scipy.special"), name)
    except ImportError:
        plain = {"erf": math.erf, "erfc": math.erfc, "gammaln": math.lgamma}.get(name)
        if plain is None:
            raise UnsupportedError(f"torch.{name} needs SciPy here: pip install scipy") from None
        return xp.vectorize(plain, otypes=[xp.float64])


def _through(name: str) -> Callable[..., Any]:
    """A forward that SciPy computes; the type stays that of the input."""

    def forward(x: ndarray, out: Any = None) -> Any:
        values = asarray(scipy(name)(x)) if x.size else x
        if out is None:
            return values.astype(x.dtype)
        out[...] = values
        return out

    return forward


def _sinc(x: ndarray, out: Any = None) -> Any:
    values = xp.sinc(x).astype(x.dtype)
    if out is None:
        return values
    out[...] = values
    return out


def _i0(x: ndarray, out: Any = None) -> Any:
    values = asarray(xp.i0(x)).reshape(x.shape).astype(x.dtype)
    if out is None:
        return values
    out[...] = values
    return out


def _sgn(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    """Of a complex number the sign is a point of the unit circle: what goes along it counts, over the distance."""
    if ns.plain(self).dtype.kind != "c":
        return g * 0
    sign, size = ns.sign(self), ns.abs(self)
    along = g - ns.apply(REAL_PART, (g * ns.conj(sign),)) * sign
    return ns.where(size == 0, 0, along / ns.where(size == 0, 1, size))


def _sinc_rule(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    turned = self * math.pi
    safe = ns.where(turned == 0, 1, turned)
    return g * ns.where(turned == 0, 0, (turned * ns.cos(turned) - ns.sin(turned)) / (safe * self + (turned == 0)))


def _scipy_op(name: str, node: str, rule: Callable[..., Any], saves: str, scipy_name: str = "") -> Any:
    return op(name, _through(scipy_name or name), node, rule, saves, key=f"special.{name}")


def _polygamma_of(x: ndarray, n: int) -> Any:
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return asarray(scipy("polygamma")(n, x)).astype(x.dtype)


def _i1_over(ns: Any, self: Any, i1: Any) -> Any:
    """``i1(x) / x``, a half at 0."""
    return ns.where(self == 0, 0.5, i1 / ns.where(self == 0, 1, self))


def _i1(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    return g * (ns.apply(I0, (self,)) - _i1_over(ns, self, result))


def _i1e(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    return g * (ns.apply(I0E, (self,)) - result * (ns.sign(self)) - _i1_over(ns, self, result))


def _log_ndtr(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    return g / ns.apply(ERFCX, (self * -math.sqrt(0.5),)) * math.sqrt(2 / math.pi)


def _mvlgamma(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    p, = ctx.args
    return g * sum(ns.apply(POLYGAMMA, (self - i / 2,), 0) for i in range(p))


POLYGAMMA: Op = op("polygamma", _polygamma_of, "PolygammaBackward0",
               lambda ns, ctx, g, self: g * ns.apply(POLYGAMMA, (self,), ctx.args[0] + 1), "self")
I0 = _scipy_op("i0", "I0Backward0", lambda ns, ctx, g, self: g * ns.apply(I1, (self,)), "self")
I1: Op = _scipy_op("i1", "SpecialI1Backward0", _i1, "self result")
I0E = _scipy_op("i0e", "SpecialI0EBackward0",
                lambda ns, ctx, g, self, result: g * (ns.apply(I1E, (self,)) - ns.sign(self) * result), "self result")
I1E: Op = _scipy_op("i1e", "SpecialI1EBackward0", _i1e, "self result")
ERFCX = _scipy_op("erfcx", "SpecialErfcxBackward0",
                  lambda ns, ctx, g, self, result: g * (2 * self * result - 2 / math.sqrt(math.pi)), "self result")
ENTR = _scipy_op("entr", "SpecialEntrBackward0", lambda ns, ctx, g, self: g * (-ns.log(self) - 1), "self")
LOG_NDTR = _scipy_op("log_ndtr", "SpecialLogNdtrBackward0", _log_ndtr, "self result")
NDTRI = _scipy_op("ndtri", "SpecialNdtriBackward0", lambda ns, ctx, g, result:
                  g * ns.exp(result * result / 2) * math.sqrt(2 * math.pi), "result")
MVLGAMMA = op("mvlgamma", lambda x, p: sum(scipy("gammaln")(x - i / 2) for i in range(p)).astype(x.dtype) +
              x.dtype.type(p * (p - 1) / 4 * math.log(math.pi)), "MvlgammaBackward0", _mvlgamma, "self")

ROWS = (
    Row("erf", _through("erf"), "ErfBackward0", lambda ns, ctx, g,
        self: g * (ns.exp(-(self * self)) * (2 / math.sqrt(math.pi))),
        "self"),
    Row("erfc", _through("erfc"), "ErfcBackward0",
        lambda ns, ctx, g, self: g * (ns.exp(-(self * self)) * (-2 / math.sqrt(math.pi))), "self"),
    Row("erfinv", _through("erfinv"), "ErfinvBackward0",
        lambda ns, ctx, g, result: g * (ns.exp(result * result) * (math.sqrt(math.pi) / 2)), "result"),
    Row("lgamma", _through("gammaln"), "LgammaBackward0", lambda ns, ctx, g, self: g * ns.apply(POLYGAMMA, (self,), 0),
        "self"),
    Row("digamma", _through("digamma"), "DigammaBackward0",
        lambda ns, ctx, g, self: g * ns.apply(POLYGAMMA, (self,), 1), "self"),
    Row("i0", _i0, "I0Backward0", lambda ns, ctx, g, self: g * ns.apply(I1, (self,)), "self"),
    Row("sinc", _sinc, "SincBackward0", _sinc_rule, "self"),
    Row("sgn", unary._sign, "SgnBackward0", _sgn, "self", False),
)


def _logit(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    eps, = ctx.args
    if eps is None:
        return ns.where((self >= 0) & (self <= 1), g / (self * (1 - self)), float("nan"))
    inside = (self >= eps) & (self <= 1 - eps)
    return ns.where(inside, g / (self * (1 - self)), 0)


def _logit_of(x: ndarray, eps: Any) -> Any:
    z = x if eps is None else xp.clip(x, eps, 1 - eps)
    return xp.log(z / (1 - z))


LOGIT = op("logit", _logit_of, "LogitBackward0", _logit, "self")


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma."""
    return run(POLYGAMMA, (_float(input),), (n,), str(n))


def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function."""
    return run(MVLGAMMA, (_float(input),), (p,), words(p=p))


def _float(t: Any) -> Any:
    from gradviz.engine import dtypes

    return t if t._array.dtype.char in INEXACT else t.to(dtypes.default.dtype)


def of(row: Any) -> Callable[[Any], Any]:
    """The function of a row that PyTorch has in ``torch.special`` only."""
    return lambda input: run(row, (_float(input),))


def _gammainc(name: str) -> Any:
    """The regularised incomplete gamma functions; PyTorch differentiates them by the second argument only."""
    sign = 1 if name == "gammainc" else -1
    short = {"gammainc": "igamma", "gammaincc": "igammac"}[name]

    def rule(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
        if ctx.needs(0):
            raise RuntimeError(f"the derivative for '{'self' if short == 'igamma' else 'input'}' is not implemented.")
        density = ns.exp((self - 1) * ns.log(other) - other - ns.apply(LGAMMA, (self,)))
        return None, g * density * sign

    row = op(short, lambda a, x: asarray(scipy(name)(a, x)).astype(xp.result_type(a, x)),
             short.capitalize() + "Backward0", rule, "self other", "self other")
    return lambda input, other: run(row, (_float(input), _float(other)))


LGAMMA = op("lgamma", _through("gammaln"), "LgammaBackward0",
            lambda ns, ctx, g, self: g * ns.apply(POLYGAMMA, (self,), 0), "self", key="graph.lgamma")


def logit(input: Any, eps: float | None = None) -> Any:
    """The inverse of sigmoid."""
    return run(LOGIT, (_float(input),), (eps,))


FUNCTIONS: dict[str, Any] = {row.name: unary.function(row) for row in ROWS} | {
    "logit": logit, "polygamma": polygamma, "mvlgamma": mvlgamma, "igamma": _gammainc("gammainc"),
    "igammac": _gammainc("gammaincc"),
}
METHODS: dict[str, Any] = FUNCTIONS | {row.name + "_": unary.method(row) for row in ROWS}
METHODS["polygamma"] = lambda self, n: polygamma(n, self)
