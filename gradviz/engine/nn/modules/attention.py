"""``MultiheadAttention``, which PyTorch keeps among the activations."""

from __future__ import annotations

from typing import Any

from gradviz.engine.nn import init
from gradviz.engine.nn.functional.multihead import canonical_mask, multi_head_attention_forward
from gradviz.engine.nn.modules import activation
from gradviz.engine.nn.modules.linear import NonDynamicallyQuantizableLinear
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.nn.parameter import Parameter
from gradviz.engine.ops.create import FUNCTIONS


def _turned(query: Any, key: Any, value: Any) -> tuple[Any, Any, Any]:
    """Sequences first. Those of the three that are one tensor stay one, so that they are projected at once."""
    first = query.transpose(1, 0)
    second = first if key is query and value is key else key.transpose(1, 0)
    return first, second, second if value is key else value.transpose(1, 0)


class MultiheadAttention(Module):
    """Several heads, each of which weighs the values by how well its query fits the keys."""

    __module__ = "torch.nn.modules.activation"

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: Any = None, dtype: Any = None) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                             f"num_heads={num_heads} instead")
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        apart = {"q_proj_weight": (embed_dim, embed_dim), "k_proj_weight": (embed_dim, self.kdim),
                 "v_proj_weight": (embed_dim, self.vdim)}
        together = {"in_proj_weight": (3 * embed_dim, embed_dim)}
        shapes, absent = (together, apart) if self._qkv_same_embed_dim else (apart, together)
        for name, shape in shapes.items():
            self.register_parameter(name, Parameter(FUNCTIONS["empty"](shape, device=device, dtype=dtype)))
        for name in absent:
            self.register_parameter(name, None)
        self.register_parameter("in_proj_bias", Parameter(FUNCTIONS["empty"](3 * embed_dim, device=device, dtype=dtype))
                                if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k = Parameter(FUNCTIONS["empty"]((1, 1, embed_dim), device=device, dtype=dtype))
            self.bias_v = Parameter(FUNCTIONS["empty"]((1, 1, embed_dim), device=device, dtype=dtype))
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
                attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Any, Any]:
        key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype)
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _turned(query, key, value)
        out, weights = multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal)
        return (out.transpose(1, 0), weights) if turned else (out, weights)


vars(activation)["MultiheadAttention"] = MultiheadAttention  # a pickle looks for it there
__all__ = ["MultiheadAttention"]
