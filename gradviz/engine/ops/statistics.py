"""Statistics: moments together, covariance, quantiles, and reductions that leave NaN out."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import BY_NP, INEXACT, finfo
from gradviz.engine.errors import warn
from gradviz.engine.ops import binary, linalg, pointwise, reduce, scans, scatter, shape, unary
from gradviz.engine.ops.args import dimension, dimensions, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.complex import conj
from gradviz.engine.ops.distance import MUL_NUMBER, with_number
from gradviz.engine.ops.returns import returned
from gradviz.engine.ops.sort import sort
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _var_mean(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    dims, keepdim, correction = ctx.args
    n = reduce.count(ns.plain(self).shape, dims)
    out = None
    if g[0] is not None:
        centred = self - ns.mean(self, dims)
        scale = 2.0 / (n - correction) if n != correction else float("nan")
        out = reduce.opened(ns, g[0], dims, keepdim) * centred * scale
    if g[1] is not None:
        mean = ns.expand(reduce.opened(ns, g[1], dims, keepdim), ns.plain(self).shape) / n
        out = mean if out is None else out + mean
    return out


def _std_mean(ns: Any, ctx: Any, g: Any, self: Any, result0: Any) -> Any:
    flat = result0 == 0
    spread = None if g[0] is None else ns.where(flat, g[0] * 0, g[0] / (result0 * 2 + flat))
    return _var_mean(ns, ctx, [spread, g[1]], self)


def _aminmax(ns: Any, ctx: Any, g: Any, self: Any, low: Any, high: Any) -> Any:
    parts = [reduce.AMAX.node.rule(ns, ctx, share, self, value)  # type: ignore[union-attr]
             for share, value in zip(g, (low, high), strict=True) if share is not None]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _logcumsumexp(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    """Sums of ``g * exp(self - result)`` from each place on; by sign in logarithms, which do not overflow."""
    dim, = ctx.args
    if not ctx.shape:
        return g
    if ctx.dtype.kind == "c":
        return scans.from_here_on(ns, g * ns.exp(-result), dim) * ns.exp(self)
    lowest = float(finfo(BY_NP[ctx.dtype]).min)

    def part(g: Any) -> Any:
        logs = ns.where(g > 0, ns.log(ns.where(g > 0, g, 1)), lowest) - result
        return ns.exp(ns.flip(ns.apply(LOGCUMSUMEXP, (ns.flip(logs, (dim,)),), dim), (dim,)) + self)

    return part(g) - part(-g)


def _nansum(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    return ns.expand(reduce.opened(ns, g, *ctx.args), ctx.input_shape()) * (self == self)


# --- forwards --------------------------------------------------------------------------------------------------------
def _logcumsumexp_of(x: ndarray, dim: int) -> Any:
    return xp.logaddexp.accumulate(x, axis=dim) if x.ndim else x.copy()


def _nanmedian_indices(x: ndarray, dim: int, keepdim: bool) -> Any:
    if not x.ndim:
        return x.copy(), asarray(0)
    order = xp.argsort(x, axis=dim, kind="stable")  # NaN sorts last
    known = (x == x).sum(axis=dim, keepdims=True)
    index = xp.take_along_axis(order, xp.maximum(known - 1, 0) // 2, dim)
    values = xp.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))


def _nanmedian(x: ndarray) -> Any:
    flat = x.reshape(-1)
    return reduce.MEDIAN.forward(flat[flat == flat])


VAR_MEAN = op("var_mean", lambda x, *a: (reduce.VAR.forward(x, *a), x.mean(axis=a[0], keepdims=a[1])),
              "VarMeanBackward0", _var_mean, "self", outputs=2)
STD_MEAN = op("std_mean", lambda x, *a: (reduce.STD.forward(x, *a), x.mean(axis=a[0], keepdims=a[1])),
              "StdMeanBackward0", _std_mean, "self result0", outputs=2)
AMINMAX = op("aminmax", lambda x, *a: (reduce.AMIN.forward(x, *a), reduce.AMAX.forward(x, *a)), "AminmaxBackward0",
             _aminmax, "self min max", outputs=2, results="min max")
NANSUM = op("nansum", lambda x, d, k: xp.nansum(x, axis=d, keepdims=k, dtype=reduce._float_or_same(x)),
            "NansumBackward0", _nansum, "self")
LOGCUMSUMEXP = op("logcumsumexp", _logcumsumexp_of, "LogcumsumexpBackward0", _logcumsumexp, "self result")
NANMEDIAN = op("nanmedian", _nanmedian, "NanmedianBackward0", reduce._picked_whole, "self result")
NANMEDIAN_DIM = op("nanmedian", _nanmedian_indices, "NanmedianBackward1", reduce._picked, "indices",
                   key="nanmedian.dim")

# --- functions -------------------------------------------------------------------------------------------------------
AMinMax = returned("aminmax", "min", "max")


def _with_mean(row: Any) -> Any:
    """The spread and the mean, in one."""
    def function(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *,
                 correction: Any = None) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if input._array.dtype.char not in INEXACT:
            raise RuntimeError(f"{row.name} only support floating point and complex dtypes")
        c = correction if correction is not None else 1 if unbiased is None else int(unbiased)
        n = input._array.ndim
        dims = None if dim is None else dimensions(dim, n)
        dims = dims if n else ()
        if reduce.count(input._array.shape, dims) <= c:
            reduce._warn_freedom(row.name)
        return run(row, (input,), (dims, keepdim, c), words(dim=dim, keepdim=keepdim, correction=correction))

    return function


def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest and the largest."""
    if not input._array.size and dim is None:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has "
                           "no identity.")
    dims: Any = None if dim is None else (dimension(dim, input._array.ndim),)
    if dims is not None:
        for d in dims:
            if input._array.ndim and not input._array.shape[d]:
                raise IndexError(f"aminmax: Expected reduction dim {d} to have non-zero size.")
        dims = dims if input._array.ndim else ()
    return AMinMax(*run(AMINMAX, (input,), (dims, keepdim), words(dim=dim, keepdim=keepdim)))


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum of what is not NaN."""
    return reduce._over(NANSUM)(reduce._cast(input, dtype), dim, keepdim)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean of what is not NaN."""
    if input._array.dtype.char not in INEXACT:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got "
                           f"{input.dtype.code}")
    with observe.composite("nanmean", (input,)) as event:
        known = unary.FUNCTIONS["logical_not"](unary.FUNCTIONS["isnan"](input.detach()))
        count = reduce.FUNCTIONS["sum"](known, dim, keepdim)
        return event(nansum(input, dim, keepdim) / count)


def nanmedian(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The middle of what is not NaN."""
    if dim is None:
        return run(NANMEDIAN, (input,))
    d = dimension(dim, input._array.ndim)
    return reduce.PAIRS["nanmedian"](*run(NANMEDIAN_DIM, (input,), (d, keepdim), words(dim=dim, keepdim=keepdim)))


def logcumsumexp(input: Any, dim: int) -> Any:
    """The logarithm of the sum of exponentials up to each."""
    if input._array.dtype.char not in INEXACT:
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{input.dtype.code}'")
    return run(LOGCUMSUMEXP, (input,), (dimension(dim, input._array.ndim),), words(dim=dim))


def _check_weights(count: int, fweights: Any, aweights: Any) -> None:
    for name, t, kinds, wanted in (("fweights", fweights, "iu", "integral"),
                                   ("aweights", aweights, "f", "floating point")):
        if t is None:
            continue
        array = t._array
        if array.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                               f"{array.ndim} dimensions")
        if array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): expected {name} to have {wanted} dtype but got {name} with {t.dtype.code} "
                               "dtype")
        if array.size != count:
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input "
                               f"but got {array.size} != {count}")
        if (array < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance of variables, which are rows."""
    n = input._array.ndim
    if n > 2:
        raise RuntimeError("cov(): expected input to have two or fewer dimensions but got an input with "
                           f"{n} dimensions")
    _check_weights(input._array.shape[-1] if n else 1, fweights, aweights)
    with observe.composite("cov", (input,)) as event:
        rows = shape.view(input, (1, -1)) if n < 2 else input
        weight = None
        for given in (fweights, aweights):
            if given is not None:
                weight = given if weight is None else weight * given
        count = rows._array.shape[1]
        mul, total = binary.OPERATORS["mul"], reduce.FUNCTIONS["sum"]
        if weight is None:
            size = make(asarray(count), Cell())
            mean = total(rows, 1) / size
            norm = make(asarray(max(count - correction, 0)), Cell())
        else:
            size = total(weight)
            mean = total(mul(rows, weight), 1) / size
            norm = size if not correction else size - correction if aweights is None else size - with_number(
                MUL_NUMBER, total(mul(weight, aweights)), correction) / size
        if float(norm._array) <= 0:
            warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
                 "observations.")
        centred = rows - shape.unsqueeze(mean, 1)
        turned = conj(shape.t(centred if weight is None else mul(centred, weight)))
        return event(shape.squeeze(linalg.FUNCTIONS["mm"](centred, turned) / norm))


def corrcoef(input: Any) -> Any:
    """The correlation of variables, which are rows."""
    if input._array.ndim > 2:
        raise RuntimeError("corrcoef(): expected input to have two or fewer dimensions but got an input with "
                           f"{input._array.ndim} dimensions")
    with observe.composite("corrcoef", (input,)) as event:
        c = cov(input)
        if not c._array.ndim:
            return event(c / c)
        spread = unary.FUNCTIONS["sqrt"](shape.diagonal(c))
        c = c / shape.view(spread, (-1, 1)) / shape.view(spread, (1, -1))
        return event(pointwise.clamp(c, -1, 1))


def _quantile(name: str) -> Any:
    skip = name == "nanquantile"

    def function(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
        share = _shares(input, q, interpolation)
        with observe.composite(name, (input,), f"{q}" if not isinstance(q, Tensor) else "") as event:
            return event(_quantiles(input, share, dim, keepdim, interpolation, skip))

    return function


def _shares(input: Any, q: Any, interpolation: str) -> Any:
    """``q`` as a tensor, checked."""
    if input._array.dtype.char not in "fd":
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    share = q if isinstance(q, Tensor) else make(asarray(q, input._array.dtype, input._array), Cell())
    if share._array.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if share._array.dtype != input._array.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError("quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but "
                           f"got {interpolation}")
    if not isinstance(q, Tensor) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
    if not ((share._array >= 0) & (share._array <= 1)).all():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    if not input._array.size:
        raise RuntimeError("quantile() input tensor must be non-empty")
    return share


def _quantiles(input: Any, share: Any, dim: Any, keepdim: bool, how: str, skip: bool) -> Any:
    """As PyTorch does it: sorted rows, two neighbours gathered, and a place between them."""
    n, d = input._array.ndim, dimension(0 if dim is None else dim, input._array.ndim)
    if dim is None:
        values = sort(shape.flatten(input), 0)[0]
    elif n and d == n - 1:
        values = sort(input, -1)[0]
    else:
        values = sort(shape.transpose(shape.unsqueeze(input, -1), d, -1), -1)[0]
    kept = [1] * n if dim is None else [*input._array.shape[:d], 1, *input._array.shape[d + 1:]] if n else []
    out_shape = kept if keepdim else [] if dim is None else [k for i, k in enumerate(kept) if i != d]
    count = values._array.shape[-1]
    rows = shape.view(values, (*out_shape, count))
    array = rows._array
    known = (array == array).sum(axis=-1, keepdims=True)
    ranks = share._array.reshape(-1) * (xp.maximum(known - 1, 0) if skip else xp.full_like(known, count - 1))
    if not skip:
        ranks = xp.where(known < count, count - 1, ranks)
    if how in ("lower", "higher", "nearest"):
        rounding: dict[str, Any] = {"lower": xp.floor, "higher": xp.ceil, "nearest": xp.round}
        ranks = rounding[how](ranks)
    low = ranks.astype(xp.int64)
    out = scatter.gather(rows, -1, make(low, Cell()))
    if how in ("linear", "midpoint"):
        weight = (xp.full_like(ranks, 0.5) if how == "midpoint" else ranks - low).astype(array.dtype)
        above = scatter.gather(rows, -1, make(xp.ceil(ranks).astype(xp.int64), Cell()))
        out = pointwise.lerp(out, above, make(weight, Cell()))
    if share._array.ndim:  # one slice of the result for each share, in front
        out = run(shape.UNSQUEEZE_, (out,), (0,))
        out = run(shape.TRANSPOSE_, (out,), (0, len(out_shape) + 1))
    return run(SQUEEZE_LAST, (out,), ((out._array.ndim - 1,),))


SQUEEZE_LAST = linalg.SQUEEZE_MM
FUNCTIONS: dict[str, Any] = {
    "var_mean": _with_mean(VAR_MEAN), "std_mean": _with_mean(STD_MEAN), "aminmax": aminmax, "nansum": nansum,
    "nanmean": nanmean, "nanmedian": nanmedian, "logcumsumexp": logcumsumexp, "cov": cov, "corrcoef": corrcoef,
    "quantile": _quantile("quantile"), "nanquantile": _quantile("nanquantile"),
}
METHODS: dict[str, Any] = {n: f for n, f in FUNCTIONS.items() if n not in ("var_mean", "std_mean")}
