"""Attention: in one op where PyTorch has one, else of the ops that PyTorch composes it of."""

from __future__ import annotations

from math import sqrt
from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import c_name
from gradviz.engine.nn.functional.dropout import dropout
from gradviz.engine.ops import linalg, shape
from gradviz.engine.ops.args import words
from gradviz.engine.ops.attention import FLASH, NAME, SAFE_SOFTMAX, fusable
from gradviz.engine.ops.binary import OPERATORS
from gradviz.engine.ops.build import run
from gradviz.engine.ops.distance import MUL_NUMBER
from gradviz.engine.ops.layer import layer, telling
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import make
from gradviz.engine.xp import beside, xp


def _composed(query: Any, key: Any, value: Any, mask: Any, dropout_p: float, causal: bool, scale: float,
              gqa: bool) -> Any:
    n, m = query._array.shape[-2], key._array.shape[-2]
    if causal:
        mask = make(xp.tri(n, m, dtype=bool, like=beside(query._array)), Cell())
    if mask is not None and mask._array.dtype.kind == "b":
        mask = make(xp.where(mask._array, 0, -xp.inf).astype(query._array.dtype), Cell())
    if gqa:
        key, value = (_repeated(t, query._array.shape[-3]) for t in (key, value))
    root = sqrt(abs(scale))
    query = run(MUL_NUMBER, (query,), (root if scale >= 0 else -root,))
    scores = linalg.matmul(query, run(MUL_NUMBER, (shape.transpose(key, -2, -1),), (root,)))
    if mask is not None:
        scores = OPERATORS["add"](scores, mask)
    weights = run(SAFE_SOFTMAX, (scores,))
    return linalg.matmul(dropout(weights, dropout_p, True) if dropout_p else weights, value)


def _repeated(t: Any, heads: int) -> Any:
    """Every head as often as there are heads of the query for it."""
    size = t._array.shape
    if not size[-3] or heads % size[-3]:
        raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
    times = heads // size[-3]
    many = shape.expand(shape.unsqueeze(t, -3), (*size[:-2], times, *size[-2:]))
    return shape.view(shape.clone(many), (*size[:-3], heads, *size[-2:]))


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Any:
    """``softmax(query @ key.T * scale + mask) @ value``."""
    arrays = [t._array for t in (query, key, value)]
    if len({a.dtype for a in arrays}) > 1:
        q, k, v = (c_name(BY_NP[a.dtype]) for a in arrays)
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got "
                           f"query.dtype: {q} key.dtype: {k} and value.dtype: {v} instead.")
    if min(a.ndim for a in arrays) < 2:
        q, k, v = (a.ndim for a in arrays)
        raise RuntimeError("Expected query, key, and value to all be  at least 2 dimensional, but got "
                           f"query.dim: {q} key.dim: {k} and value.dim: {v} instead.")
    given = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    if attn_mask is not None:
        kind = attn_mask._array.dtype
        if kind.kind != "b" and kind not in (xp.dtype(xp.float32), arrays[0].dtype):
            raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                               f"attn_mask.dtype: {_mask_name(kind)} and  query.dtype: "
                               f"{c_name(BY_NP[arrays[0].dtype])} instead.")
        if is_causal:
            raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when "
                               "is_causal=True")
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p:g}")
    factor = 1 / sqrt(max(1, arrays[0].shape[-1])) if scale is None else scale
    text = words(dropout_p=dropout_p or None, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa)
    if fusable(query, key, value, attn_mask, dropout_p, enable_gqa):
        return layer(FLASH, (query, key, value, attn_mask), (is_causal, factor), text)
    with observe.composite(NAME, given, text) as event:
        return event(_composed(query, key, value, attn_mask, dropout_p, is_causal, factor, enable_gqa))


def _mask_name(dtype: Any) -> str:
    return c_name(BY_NP[dtype])


FUNCTIONS: dict[str, Any] = telling({NAME: scaled_dot_product_attention})
