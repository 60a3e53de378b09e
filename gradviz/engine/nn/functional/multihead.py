"""Attention of several heads, with its projections."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.errors import warn
from gradviz.engine.nn.functional.attention import FUNCTIONS as ATTENTION
from gradviz.engine.nn.functional.dropout import dropout
from gradviz.engine.nn.functional.linear import linear
from gradviz.engine.ops.table import FUNCTIONS as OPS


def expect(condition: bool, text: str) -> None:
    if not condition:
        raise AssertionError(text)


# --- masks -----------------------------------------------------------------------------------------------------------
def canonical_mask(mask: Any, name: str, other: Any, other_name: str, dtype: Any, check_other: bool = True) -> Any:
    """A mask as what is added to the scores: a bool mask becomes zeros and minus infinities."""
    if mask is None:
        return None
    real = mask.is_floating_point()
    expect(real or mask.dtype == dtypes.bool_, f"only bool and floating types of {name} are supported")
    if check_other and other is not None and mask.dtype != other.dtype:
        warn(f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.")
    return mask if real else OPS["zeros_like"](mask, dtype=dtype).masked_fill_(mask, float("-inf"))


def _check_shapes(query: Any, key: Any, value: Any, key_padding_mask: Any, attn_mask: Any, num_heads: int) -> bool:
    n = query.dim()
    expect(n in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor")
    batched: bool = n == 3
    word = "batched (3-D)" if batched else "unbatched (2-D)"
    expect(key.dim() == n and value.dim() == n,
           f"For {word} `query`, expected `key` and `value` to be {n}-D but found {key.dim()}-D and {value.dim()}-D "
           "tensors respectively")
    if key_padding_mask is not None:
        expect(key_padding_mask.dim() == n - 1,
               f"For {word} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
               f"{key_padding_mask.dim()}-D tensor instead")
    if attn_mask is not None:
        expect(attn_mask.dim() in (2, 3), f"For {word} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but "
                                          f"found {attn_mask.dim()}-D tensor instead")
        if not batched and attn_mask.dim() == 3:
            shape = (num_heads, query.shape[0], key.shape[0])
            expect(tuple(attn_mask.shape) == shape,
                   f"Expected `attn_mask` shape to be {shape} but got {attn_mask.shape}")
    return batched


def _spread(mask: Any, batch: int, heads: int, length: int, source: int) -> Any:
    """A mask of attention with a dimension for batch and heads."""
    if mask is None:
        return None
    if mask.dim() == 2:
        if tuple(mask.shape) != (length, source):
            raise RuntimeError(f"The shape of the 2D attn_mask is {mask.shape}, but should be {(length, source)}.")
        return mask.unsqueeze(0)
    if tuple(mask.shape) != (batch * heads, length, source):
        raise RuntimeError(f"The shape of the 3D attn_mask is {mask.shape}, but should be "
                           f"{(batch * heads, length, source)}.")
    return mask


# --- projections -----------------------------------------------------------------------------------------------------
def _projected(q: Any, k: Any, v: Any, weight: Any, bias: Any) -> Any:
    """Query, key and value through one matrix; one product where they are the same tensor."""
    n = q.shape[-1]
    if k is not v:
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return tuple(linear(x, w, b) for x, w, b in zip((q, k, v), weight.chunk(3), biases, strict=True))
    if q is k:
        parts = _parted(linear(q, weight, bias), 3, n)
        return parts[0], parts[1], parts[2]
    of_query, of_both = weight.split([n, 2 * n])
    b_query, b_both = (None, None) if bias is None else bias.split([n, 2 * n])
    query = linear(q, of_query, b_query)
    both = _parted(linear(k, of_both, b_both), 2, n)
    return query, both[0], both[1]


def _parted(projected: Any, parts: int, size: int) -> Any:
    """The last dimension cut into parts, which come first."""
    return projected.unflatten(-1, (parts, size)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()


def _projected_apart(q: Any, k: Any, v: Any, weights: Any, biases: Any) -> Any:
    n = q.shape[-1]
    for word, x, w, b in zip(("query", "key", "value"), (q, k, v), weights, biases, strict=True):
        shape = (n, x.shape[-1])
        expect(tuple(w.shape) == shape, f"expecting {word} weights shape of {shape}, but got {w.shape}")
        expect(b is None or tuple(b.shape) == (n,), f"expecting {word} bias shape of {(n,)}, but got "
                                                    f"{None if b is None else b.shape}")
    return tuple(linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases, strict=True))


# --- all of it -------------------------------------------------------------------------------------------------------
def multi_head_attention_forward(
        query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any,
        in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any,
        out_proj_bias: Any, training: bool = True, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, use_separate_proj_weight: bool = False, q_proj_weight: Any = None,
        k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
        average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Any, Any]:
    """What the heads attend to, and their weights; sequences come first, batch second."""
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, size = query.shape
    source = key.shape[0]
    key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
                           "`generate_square_subsequent_mask` to create this mask.")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = is_causal and key_padding_mask is None
    expect(size == embed_dim_to_check, f"was expecting embedding dimension of {embed_dim_to_check}, but got {size}")
    head = size // num_heads
    expect(head * num_heads == size, f"embed_dim {size} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        expect(key.shape[:2] == value.shape[:2], f"key's sequence and batch dims {key.shape[:2]} do not match value's "
                                                 f"{value.shape[:2]}")
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = _projected_apart(query, key, value, (q_proj_weight, k_proj_weight, v_proj_weight), biases)
    else:
        expect(key.shape == value.shape, f"key shape {key.shape} does not match value shape {value.shape}")
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias)
    attn_mask = _spread(attn_mask, batch, num_heads, length, source)
    if bias_k is not None and bias_v is not None:
        k, v = (OPS["cat"]([x, b.repeat(1, batch, 1)]) for x, b in ((k, bias_k), (v, bias_v)))
        attn_mask, key_padding_mask = _longer(attn_mask), _longer(key_padding_mask)
    q = q.view(length, batch * num_heads, head).transpose(0, 1)
    k = k.view(k.shape[0], batch * num_heads, head).transpose(0, 1) if static_k is None else static_k
    v = v.view(v.shape[0], batch * num_heads, head).transpose(0, 1) if static_v is None else static_v
    if add_zero_attn:
        zeros = OPS["zeros"]((batch * num_heads, 1, head), dtype=k.dtype)
        k, v = OPS["cat"]([k, zeros], 1), OPS["cat"]([v, zeros], 1)
        attn_mask, key_padding_mask = _longer(attn_mask), _longer(key_padding_mask)
    source = k.shape[1]
    if key_padding_mask is not None:
        for i, expected in enumerate((batch, source)):
            expect(key_padding_mask.shape[i] == expected, f"Expected key_padded_mask.shape[{i}] to be {expected}, but "
                                                          f"got {key_padding_mask.shape[i]}")
        padding = key_padding_mask.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
        padding = padding.reshape(batch * num_heads, 1, source)
        attn_mask = padding if attn_mask is None else attn_mask + padding
    p = dropout_p if training else 0.0
    if need_weights:
        out, weights = _weighted(q, k, v, attn_mask, p)
        out = out.transpose(0, 1).reshape(length * batch, size)
    else:
        weights = None
        out = _unweighted(q, k, v, attn_mask, p, is_causal, (batch, num_heads))
        out = out.permute(2, 0, 1, 3).reshape(batch * length, size)
    out = linear(out, out_proj_weight, out_proj_bias)
    out = out.view(length, batch, out.shape[1])
    if weights is not None:
        weights = weights.view(batch, num_heads, length, source)
        weights = weights.mean(dim=1) if average_attn_weights else weights
    if batched:
        return out, weights
    return out.squeeze(1), None if weights is None else weights.squeeze(0)


def _longer(mask: Any) -> Any:
    """Room for one more position, which is not masked."""
    return None if mask is None else OPS["cat"]([mask, OPS["zeros"]((*mask.shape[:-1], 1), dtype=mask.dtype)], -1)


def _weighted(q: Any, k: Any, v: Any, mask: Any, p: float) -> tuple[Any, Any]:
    scaled = q * math.sqrt(1.0 / q.shape[-1])
    turned = k.transpose(-2, -1)
    scores = OPS["bmm"](scaled, turned) if mask is None else OPS["baddbmm"](mask, scaled, turned)
    weights = scores.softmax(-1)
    if p > 0.0:
        weights = dropout(weights, p)
    return OPS["bmm"](weights, v), weights


def _unweighted(q: Any, k: Any, v: Any, mask: Any, p: float, is_causal: bool, heads: tuple[int, int]) -> Any:
    if mask is not None:
        alone = mask.shape[0] == 1 and mask.dim() == 3
        mask = mask.unsqueeze(0) if alone else mask.view(*heads, -1, k.shape[1])
    q, k, v = (x.view(*heads, x.shape[1], x.shape[2]) for x in (q, k, v))
    return ATTENTION["scaled_dot_product_attention"](q, k, v, mask, p, is_causal)


FUNCTIONS: dict[str, Any] = {"multi_head_attention_forward": multi_head_attention_forward}
