"""Scaled dot product attention in one op, as PyTorch has it for batches of heads without dropout."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.build import op
from gradviz.engine.ops.second import underived
from gradviz.engine.xp import beside, contiguous, ndarray, xp

NAME = "scaled_dot_product_attention"


def _safe_softmax(x: ndarray) -> Any:
    """Softmax over the last dimension; zeros where everything is masked."""
    top = x.max(axis=-1, keepdims=True)
    e = xp.exp(x - xp.where(xp.isneginf(top), 0, top))
    total = e.sum(axis=-1, keepdims=True)
    e /= xp.where(total == 0, 1, total)
    return e


SAFE_SOFTMAX = op("_safe_softmax", _safe_softmax, "SafeSoftmaxBackward0",
                  lambda ns, ctx, g, result: result * (g - ns.sum(g * result, (-1,), True)), "result")


# --- the fused op ----------------------------------------------------------------------------------------------------
def _added(query: ndarray, key: ndarray, mask: ndarray | None, causal: bool) -> ndarray | None:
    """What is added to the scores, per head of ``key``: several heads of ``query`` are one after the other."""
    b, heads, n, _ = query.shape
    m = key.shape[2]
    if causal:
        mask = xp.tri(n, m, dtype=bool, like=beside(query))
    if mask is None:
        return None
    if mask.dtype.kind == "b":
        mask = xp.where(mask, 0, -xp.inf).astype(query.dtype)
    return xp.broadcast_to(mask, (b, heads, n, m)).reshape(b, key.shape[1], -1, m)


def _grouped(query: Any, key: ndarray) -> tuple[int, ...]:
    """The shape in which the heads of ``query`` that share one of ``key`` are rows of it."""
    return query.shape[0], key.shape[1], -1, query.shape[3]


def _flash(query: ndarray, key: ndarray, value: ndarray, mask: ndarray | None, causal: bool, scale: float
           ) -> tuple[ndarray, ndarray]:
    scores = xp.matmul(query.reshape(_grouped(query, key)), key.swapaxes(2, 3)) * scale
    added = _added(query, key, mask, causal)
    if added is not None:
        scores += added
    top = scores.max(axis=-1, keepdims=True)
    with xp.errstate(divide="ignore"):
        total = top + xp.log(xp.exp(scores - xp.where(xp.isneginf(top), 0, top)).sum(axis=-1, keepdims=True))
    out = xp.empty_like(query, shape=(*query.shape[:3], value.shape[3]))  # laid out in memory as the query is
    out[...] = xp.matmul(_safe_softmax(scores), value).reshape(out.shape)
    return out, total.reshape(query.shape[:3])


_only_once = underived(
    "scaled_dot_product_attention_backward",
    "derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented")


def _flash_rule(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
    plain: list[Any] = [None if t is None else ns.plain(t) for t in saved]
    shares = _flash_shares(ctx, ns.plain(g), *plain)
    return tuple([None if share is None else _only_once(g, saved[0], share) for share in shares])


def _flash_shares(ctx: Any, g: ndarray, query: ndarray, key: ndarray, value: ndarray, mask: ndarray | None,
                  output: ndarray, logsumexp: ndarray) -> tuple[ndarray | None, ...]:
    causal, scale = ctx.args
    rows = _grouped(query, key)
    q, g = query.reshape(rows), g.reshape(rows)
    scores = xp.matmul(q, key.swapaxes(2, 3)) * scale
    added = _added(query, key, mask, causal)
    if added is not None:
        scores += added
    p = _safe_softmax(scores)
    dp = xp.matmul(g, value.swapaxes(2, 3))
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
    return (_positions_first(xp.matmul(ds, key).reshape(query.shape)) if ctx.needs(0) else None,
            _positions_first(xp.matmul(ds.swapaxes(2, 3), q)) if ctx.needs(1) else None,
            _positions_first(xp.matmul(p.swapaxes(2, 3), g)) if ctx.needs(2) else None)


def _positions_first(share: ndarray) -> ndarray:
    """Heads of one position beside each other in memory, where PyTorch has them."""
    return contiguous(share.swapaxes(1, 2)).swapaxes(1, 2)


FLASH = op(NAME, _flash, "ScaledDotProductFlashAttentionForCpuBackward0", _flash_rule,
           "query key value attn_mask output logsumexp", "query key value attn_mask", results="output logsumexp")
FLASH.differentiable = (0, 1, 2)


def fusable(query: Any, key: Any, value: Any, mask: Any, dropout_p: float, gqa: bool) -> bool:
    q, k, v = query._array.shape, key._array.shape, value._array.shape
    if dropout_p or not len(q) == len(k) == len(v) == 4 or not q[3] == k[3] == v[3] or k[:3] != v[:3]:
        return False
    if q[0] != k[0] or 0 in (q[2], k[2]) or (q[1] != k[1] if not gqa else not k[1] or q[1] % k[1]):
        return False
    if mask is None:
        return True
    m, full = mask._array.shape, (*q[:3], k[2])
    return not mask.requires_grad and len(m) in (2, 4) and all(
        n in (1, wanted) for n, wanted in zip(m, full[4 - len(m):], strict=True))


__all__ = ["FLASH", "NAME", "SAFE_SOFTMAX", "fusable"]
