"""Weights as a length times a direction."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.reduce import norm
from gradviz.engine.xp import ndarray, xp


def _others(n: int, dim: int) -> tuple[int, ...]:
    return tuple(d for d in range(n) if d != dim)


def _forward(v: ndarray, g: ndarray, dim: int) -> Any:
    length = xp.sqrt((v * v).sum(axis=_others(v.ndim, dim), keepdims=True))
    return v * (g / length), length


def _grads(ns: Any, ctx: Any, up: Any, v: Any, g: Any, length: Any) -> Any:
    dims = _others(len(v.shape), ctx.args)
    length = ns.sqrt(ns.sum(v * v, dims, True))  # anew: under create_graph it is a function of v
    along = ns.sum(up * v, dims, True)
    of_v = up * (g / length) - v * (g * along / (length * length * length)) if ctx.needs(0) else None
    return of_v, (along / length if ctx.needs(1) else None)


FUSED = op("_weight_norm_interface", _forward, "WeightNormInterfaceBackward0", _grads, "v g result1", "v g")


def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norms over all dimensions but one; of all of ``v`` for -1."""
    n = v._array.ndim
    with observe.composite("norm_except_dim", (v,)) as event:
        if dim == -1:
            return event(norm(v, pow))
        if dim == 0:
            return event(norm(v.contiguous().view(v.shape[0], -1), pow, 1).view(v.shape[0], *(1,) * (n - 1)))
        if dim == n - 1:
            return event(norm(v.contiguous().view(-1, v.shape[-1]), pow, 0).view(*(1,) * (n - 1), v.shape[-1]))
        return event(norm_except_dim(v.transpose(0, dim), pow, 0).transpose(0, dim))


def weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    """``v`` scaled to the lengths ``g``."""
    if dim in (0, v._array.ndim - 1):
        return run(FUSED, (v, g), (dim,), keep=dim)[0]
    return v * (g / norm_except_dim(v, 2, dim))


FUNCTIONS: dict[str, Any] = {"norm_except_dim": norm_except_dim, "_weight_norm": weight_norm}
METHODS: dict[str, Any] = {}
