"""``torch.special``: special functions."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine.ops import special
from gradviz.engine.ops.binary import no_derivative
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.distance import ADD_NUMBER, MUL_NUMBER, with_number
from gradviz.engine.ops.out import with_out
from gradviz.engine.ops.promote import floating, scalar_operand, together
from gradviz.engine.ops.table import FUNCTIONS
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray

ALIASES = {"expit": "sigmoid", "psi": "digamma", "gammaln": "lgamma", "gammainc": "igamma", "gammaincc": "igammac",
           "multigammaln": "mvlgamma"}
SAME = ("digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "i0", "log1p", "log_softmax", "logit", "logsumexp",
        "polygamma", "round", "sinc", "softmax", "xlogy")
PLAIN = {"airy_ai": lambda x: special.scipy("airy")(x)[0], "bessel_j0": "j0", "bessel_j1": "j1", "bessel_y0": "y0",
         "bessel_y1": "y1", "modified_bessel_i0": "i0", "modified_bessel_i1": "i1", "modified_bessel_k0": "k0",
         "modified_bessel_k1": "k1", "scaled_modified_bessel_k0": "k0e", "scaled_modified_bessel_k1": "k1e",
         "spherical_bessel_j0": lambda x: special.scipy("spherical_jn")(0, x)}
"""Functions that PyTorch does not differentiate."""


def _underived(name: str) -> Any:
    how: Any = PLAIN[name]

    def forward(x: Any) -> Any:
        return asarray((special.scipy(how) if isinstance(how, str) else how)(x)).astype(x.dtype)

    def rule(ns: Any, ctx: Any, g: Any) -> Any:
        raise RuntimeError(f"derivative for aten::special_{name} is not implemented")

    row = op(name, forward, "NotImplemented", rule, key=f"special.{name}")
    return special.of(row)


def ndtr(input: Any) -> Any:
    """The distribution function of the normal distribution."""
    area = FUNCTIONS["erf"](with_number(MUL_NUMBER, input, math.sqrt(0.5)))
    return with_number(MUL_NUMBER, with_number(ADD_NUMBER, area, 1.0), 0.5)


def _both(f: Any) -> Any:
    """A forward of two arrays, in their common floating type."""
    def forward(x: Any, y: Any) -> Any:
        x, y = (floating(v) for v in together(x, y))
        return asarray(f(x, y)).astype(x.dtype)

    return forward


def _xlog1py(ns: Any, ctx: Any, g: Any, self: Any, other: Any) -> Any:
    first = g * ns.where((self == 0) & (other <= -1), 0, ns.log1p(other))
    return (first, g * self / (other + 1)) if len(ctx.next) > 1 else first


def _xlog1py_number(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    n, = ctx.args
    return g * math.log1p(n) if n > -1 else g * ns.where(self == 0, 0, -math.inf if n == -1 else math.nan)


_xlog1py_of = _both(lambda x, y: special.scipy("xlog1py")(x, y))
XLOG1PY = op("xlog1py", _xlog1py_of, "SpecialXlog1PyBackward0", _xlog1py, "self other", "self other",
             key="special.xlog1py")
XLOG1PY_NUMBER = op("xlog1py", lambda x, n: _xlog1py_of(*scalar_operand(x, n)), "SpecialXlog1PyBackward2",
                    _xlog1py_number, "self", key="special.xlog1py.number")
NUMBER_XLOG1PY = op("xlog1py", lambda y, n: _xlog1py_of(*reversed(scalar_operand(y, n))), "SpecialXlog1PyBackward1",
                    lambda ns, ctx, g, other: g * ctx.args[0] / (other + 1), "other", "other",
                    key="special.number_xlog1py")
ZETA = op("zeta", _both(lambda x, q: special.scipy("zeta")(x, q)), "NotImplemented", no_derivative("special_zeta"),
          inputs="self other", key="special.zeta")


def xlog1py(input: Any, other: Any) -> Any:
    """``input * log1p(other)``, 0 where ``input`` is 0."""
    if not isinstance(input, Tensor):
        return run(NUMBER_XLOG1PY, (other,), (input,), str(input))
    return run(XLOG1PY, (input, other)) if isinstance(other, Tensor) else run(
        XLOG1PY_NUMBER, (input,), (other,), str(other))


def zeta(input: Any, other: Any) -> Any:
    """The Hurwitz zeta function."""
    like = input if isinstance(input, Tensor) else other
    return run(ZETA, tuple(v if isinstance(v, Tensor) else make(scalar_operand(like._array, v)[1], Cell())
                           for v in (input, other)))


globals().update({name: FUNCTIONS[name] for name in SAME})
globals()["round"] = lambda input, *, decimals=0, out=None: FUNCTIONS["round"](input, decimals=decimals, out=out)
globals().update({name: FUNCTIONS[known] for name, known in ALIASES.items()})
globals().update({name: _underived(name) for name in PLAIN})
globals().update({name: special.of(row) for name, row in {
    "entr": special.ENTR, "erfcx": special.ERFCX, "i0e": special.I0E, "i1": special.I1, "i1e": special.I1E,
    "log_ndtr": special.LOG_NDTR, "ndtri": special.NDTRI}.items()})
globals().update({name: with_out("special_" + name, globals()[name]) for name in (
    *SAME, *ALIASES, *PLAIN, "entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri", "xlog1py", "zeta")})


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.special", name)
