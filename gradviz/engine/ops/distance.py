"""Distances and similarities of vectors."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.dtypes import BY_NP, FLOATING
from gradviz.engine.ops import reduce, shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.ops.promote import operand_error, result_dtype, scalar_operand
from gradviz.engine.ops.second import underived
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


def _norm(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    """No gradient at all for a norm that counts."""
    return reduce._norm(ns, ctx, g, self, result) if ctx.args[2] else None


# What PyTorch computes from a tensor and a number inside its own functions has nodes of these names.
ADD_NUMBER = op("add", lambda x, c: xp.add(*scalar_operand(x, c)), "AddBackward1", lambda ns, ctx, g: g,
                key="add.inner")
SUB_NUMBER = op("sub", lambda x, c: xp.subtract(*scalar_operand(x, c)), "SubBackward1", lambda ns, ctx, g: g,
                key="sub.inner")
MUL_NUMBER = op("mul", lambda x, c: xp.multiply(*scalar_operand(x, c)), "MulBackward1",
                lambda ns, ctx, g: g * ctx.args[0], key="mul.inner")
DIV_NUMBER = op("div", lambda x, c: xp.divide(*scalar_operand(x, c)), "DivBackward1",
                lambda ns, ctx, g: g / ctx.args[0], key="div.inner")
NORM = op("norm", reduce.NORM.forward, "NormBackward1", _norm, "self result", key="norm.inner")


def with_number(row: Any, t: Any, number: float) -> Any:
    return run(row, (t,), (number,), f"{number:g}")


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of ``x1 - x2 + eps`` over the last dimension."""
    _tensors("pairwise_distance", x1=x1, x2=x2)
    d = with_number(ADD_NUMBER, x1 - x2, eps)
    last = d._array.ndim - 1
    dims = (last,) if last >= 0 else ()
    return run(NORM, (d,), (dims, keepdim, float(p)), words(p=p, dim=last, keepdim=keepdim))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along ``dim``; no length counts as less than ``eps``."""
    _tensors("cosine_similarity", x1=x1, x2=x2)
    a, b = x1._array, x2._array
    common = BY_NP[result_dtype(a, b)]
    if not common.is_floating_point:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {common.code}")
    try:
        size = xp.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise operand_error(error, a, b) from None
    dimension(dim, len(size))
    unit = []
    for t in (x1, x2):
        t = t if t.dtype.is_floating_point else t.to(common)
        t = t if a.shape == b.shape else shape.expand(t, size)
        length = reduce.norm(t, 2, dim, True).clone()
        with no_grad():
            length.clamp_min_(eps)
        unit.append(t / length)
    return (unit[0] * unit[1]).sum(dim)


def _tensors(name: str, **inputs: Any) -> None:
    for i, (argument, t) in enumerate(inputs.items()):
        if not isinstance(t, Tensor):
            raise not_a_tensor(name, argument, i, t)


def _pairs(n: int) -> tuple[Any, Any]:
    """The rows of each pair, in order."""
    return xp.triu_indices(n, 1)


def _pdist_of(x: ndarray, p: float) -> Any:
    i, j = _pairs(len(x))
    return reduce.NORM.forward(x[i] - x[j], (1,), False, p)


def _pdist(ns: Any, ctx: Any, g: Any, self: Any, result: Any) -> Any:
    p, = ctx.args
    x, up, length = ns.plain(self), ns.plain(g)[:, None], ns.plain(result)[:, None]
    i, j = _pairs(len(x))
    d = x[i] - x[j]
    if p == 0:
        share = d * 0
    elif p == 1:
        share = up * xp.sign(d)
    elif p == float("inf"):
        share = up * xp.sign(d) * (xp.abs(d) == length)
    else:
        safe = xp.where(length == 0, 1, length)
        size = xp.where(d == 0, 1, xp.abs(d)) if p < 2 else xp.abs(d)
        share = xp.where(length == 0, 0, up * xp.sign(d) * (size / safe) ** (p - 1))
    out = xp.zeros_like(x)
    xp.add.at(out, i, share)
    xp.subtract.at(out, j, share)
    return _no_second(g, self, out)


_no_second = underived("_pdist_backward", "the derivative for '_pdist_backward' is not implemented.",
                       NotImplementedError)
PDIST = op("pdist", _pdist_of, "PdistBackward0", _pdist, "self result")


def pdist(input: Any, p: float = 2) -> Any:
    """The distance of every pair of rows."""
    _tensors("pdist", input=input)
    x = input._array
    if x.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {x.ndim}D")
    if x.dtype.char not in FLOATING:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    return run(PDIST, (input,), (float(p),), words(p=p))


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """The vectors along ``dim`` divided by their norm, which counts as at least ``eps``."""
    length = input.norm(p, dim, keepdim=True)
    if out is None:
        return input / length.clamp_min(eps).expand_as(input)
    from gradviz.engine.ops.table import FUNCTIONS as ALL

    return ALL["div"](input, length.clamp_min_(eps).expand_as(input), out=out)


FUNCTIONS: dict[str, Any] = {"pairwise_distance": pairwise_distance, "cosine_similarity": cosine_similarity,
                             "pdist": pdist}
METHODS: dict[str, Any] = {}
__all__ = ["FUNCTIONS", "METHODS", "normalize"]
