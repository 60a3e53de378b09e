"""Special functions. SciPy computes them, imported by the first that is called; a few need only Python's ``math``."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gradviz.engine.errors import UnsupportedError
from gradviz.engine.ops import unary
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.unary import Row
from gradviz.engine.xp import asarray, ndarray, xp


def scipy(name: str) -> Any:
    """A function of ``scipy.special``, or a stand-in where Python has it."""
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


def _sinc_rule(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    turned = self * math.pi
    safe = ns.where(turned == 0, 1, turned)
    return g * ns.where(turned == 0, 0, (turned * ns.cos(turned) - ns.sin(turned)) / (safe * self + (turned == 0)))


def _of_array(name: str) -> Any:
    """The derivative as a constant: no rule of higher order."""
    return lambda ns, ctx, g, self: g * ns.const(asarray(scipy(name)(ns.plain(self))).astype(ns.plain(self).dtype))


ROWS = (
    Row("erf", _through("erf"), "ErfBackward0", lambda ns, ctx, g,
        self: g * (ns.exp(-(self * self)) * (2 / math.sqrt(math.pi))),
        "self"),
    Row("erfc", _through("erfc"), "ErfcBackward0",
        lambda ns, ctx, g, self: g * (ns.exp(-(self * self)) * (-2 / math.sqrt(math.pi))), "self"),
    Row("erfinv", _through("erfinv"), "ErfinvBackward0",
        lambda ns, ctx, g, result: g * (ns.exp(result * result) * (math.sqrt(math.pi) / 2)), "result"),
    Row("lgamma", _through("gammaln"), "LgammaBackward0", _of_array("digamma"), "self"),
    Row("digamma", _through("digamma"), "DigammaBackward0",
        lambda ns, ctx, g, self: g * ns.const(scipy("polygamma")(1, ns.plain(self)).astype(ns.plain(self).dtype)),
        "self"),
    Row("i0", _i0, "I0Backward0", _of_array("i1"), "self"),
    Row("sinc", _sinc, "SincBackward0", _sinc_rule, "self"),
    Row("sgn", xp.sign, "SgnBackward0", lambda ns, ctx, g: g * 0, floats=False),
)


def _logit(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    eps, = ctx.args
    if eps is None:
        return g / (self * (1 - self))
    inside = (self >= eps) & (self <= 1 - eps)
    return ns.where(inside, g / (self * (1 - self)), 0)


def _logit_of(x: ndarray, eps: Any) -> Any:
    z = x if eps is None else xp.clip(x, eps, 1 - eps)
    return xp.log(z / (1 - z))


LOGIT = op("logit", _logit_of, "LogitBackward0", _logit, "self")


def logit(input: Any, eps: float | None = None) -> Any:
    """The inverse of sigmoid."""
    return run(LOGIT, (input,), (eps,))


FUNCTIONS: dict[str, Any] = {row.name: unary.function(row) for row in ROWS} | {"logit": logit}
METHODS: dict[str, Any] = FUNCTIONS | {row.name + "_": unary.method(row) for row in ROWS}
