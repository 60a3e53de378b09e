"""What goes along a dimension and keeps it: running sums and products, softmax and its logarithm."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.reduce import _cast, _float_or_same
from gradviz.engine.xp import ndarray, xp


def _cumsum(ns: Any, ctx: Any, g: Any) -> Any:
    return from_here_on(ns, g, ctx.args[0])


def from_here_on(ns: Any, g: Any, dim: int) -> Any:
    """Sums along a dimension of what comes from each place on."""
    return ns.flip(ns.cumsum(ns.flip(g, (dim,)), dim), (dim,)) if ns.plain(g).ndim else g


def _cumprod(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    dim, = ctx.args
    if (ns.plain(self) == 0).any():
        return ns.cumprod_zeros(g, self, dim)
    return from_here_on(ns, g * result, dim) / self


def _softmax(ns: Any, ctx: Any, g: Any, result: Any) -> Any:
    return result * (g - ns.sum(g * result, ctx.args, True))


def _log_softmax(ns: Any, ctx: Any, g: Any, result: Any) -> Any:
    return g - ns.exp(result) * ns.sum(g, ctx.args, True)


def _shifted(x: ndarray, dim: Any) -> ndarray:
    return x - x.max(axis=dim, keepdims=True) if x.size else x


def _softmax_of(x: ndarray, dim: Any) -> Any:
    e = xp.exp(_shifted(x, dim))
    return e / e.sum(axis=dim, keepdims=True)


def _log_softmax_of(x: ndarray, dim: Any) -> Any:
    z = _shifted(x, dim)
    return z - xp.log(xp.add.reduce(xp.exp(z), dim, keepdims=True))


def _cumulative(f: Any) -> Any:
    def forward(x: ndarray, dim: int, kind: Any = None) -> Any:
        kind = kind or _float_or_same(x)
        return f(x, axis=dim, dtype=kind) if x.ndim else x.astype(kind)

    return forward


CUMSUM = op("cumsum", _cumulative(xp.cumsum), "CumsumBackward0", _cumsum)
CUMPROD = op("cumprod", _cumulative(xp.cumprod), "CumprodBackward0", _cumprod, "self result")
SOFTMAX = op("softmax", _softmax_of, "SoftmaxBackward0", _softmax, "result")
LOG_SOFTMAX = op("log_softmax", _log_softmax_of, "LogSoftmaxBackward0", _log_softmax, "result")


def _scan(row: Any) -> Any:
    def function(input: Any, dim: int, *, dtype: Any = None) -> Any:
        input, d = _cast(input, dtype), dimension(dim, input._array.ndim)
        return run(row, (input,), (d,) if dtype is None else (d, input._array.dtype), words(dim=dim), (d,))

    return function


def _normalised(row: Any) -> Any:
    """softmax and log_softmax."""

    def function(input: Any, dim: int, dtype: Any = None, _stacklevel: int = 3) -> Any:
        if dtype is not None:
            input = input.to(dtype)
        x = input._array
        if x.dtype.kind in "iubc":
            last = "lastdim_" if dimension(dim, x.ndim) == max(x.ndim - 1, 0) else ""
            raise NotImplementedError(f'"{row.name}_{last}kernel_impl" not implemented for \'{input.dtype.code}\'')
        d: Any = dimension(dim, x.ndim)
        d = d if x.ndim else ()
        return run(row, (input,), (d,), words(dim=dim), d)

    return function


FUNCTIONS: dict[str, Any] = {
    "cumsum": _scan(CUMSUM), "cumprod": _scan(CUMPROD), "softmax": _normalised(SOFTMAX),
    "log_softmax": _normalised(LOG_SOFTMAX),
}
METHODS = dict(FUNCTIONS)
