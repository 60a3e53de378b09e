"""Rows of a table by their indices, alone or summed up in bags."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, op, run, write
from gradviz.engine.xp import beside, filled, ndarray, outside, xp


def _indices(array: ndarray, rows: int, where: str, otherwise: str) -> ndarray:
    if array.dtype not in (xp.int64, xp.int32):
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError("Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
                           f"Int; but got torch.{BY_NP[array.dtype].legacy}Tensor instead (while checking arguments "
                           f"for {where})")
    if outside(array, rows):
        raise (IndexError if where == "embedding" else RuntimeError)(otherwise)
    return array


def _scale(indices: ndarray, padding: int, by_freq: bool, dtype: Any) -> Any:
    """What the gradient of each looked up row is multiplied by; None for one."""
    scale = None
    if by_freq:
        scale = (1 / xp.bincount(indices.reshape(-1))[indices]).astype(dtype)
    if padding >= 0:
        kept = (indices != padding).astype(dtype)
        scale = kept if scale is None else scale * kept
    return scale


# --- single rows -----------------------------------------------------------------------------------------------------
def _embedding(weight: ndarray, indices: ndarray, padding: int, by_freq: bool) -> Any:
    return weight[_indices(indices, weight.shape[0], "embedding", "index out of range in self")]


def _embedding_grad(ns: Any, ctx: Any, g: Any, indices: Any) -> Any:
    at = ns.plain(indices)
    padding, by_freq = ctx.args
    scale = _scale(at, padding, by_freq, ctx.dtype)
    if scale is not None:
        g = g * ns.const(xp.expand_dims(scale, -1))
    return ns.put_add(g, ctx.input_shape(), (at,)),


EMBEDDING = op("embedding", _embedding, "EmbeddingBackward0", _embedding_grad, "indices", "weight indices")
EMBEDDING.differentiable = (0,)


def embedding(weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False,
              sparse: bool = False) -> Any:
    """The rows of ``weight`` at ``indices``."""
    _dense(sparse)
    if weight._array.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    text = words(padding_idx=padding_idx if padding_idx >= 0 else None)
    return run(EMBEDDING, (weight, indices), (padding_idx, scale_grad_by_freq), text)


def _dense(sparse: bool) -> None:
    if sparse:
        from gradviz.engine.errors import UnsupportedError

        raise UnsupportedError("gradviz.engine has no sparse gradients; run with --engine torch, or with sparse=False")


def embedding_renorm_(weight: Any, indices: Any, max_norm: float, norm_type: float = 2.0) -> Any:
    """Scale down the rows at ``indices`` whose norm is larger than ``max_norm``."""

    def renorm(array: ndarray, at: ndarray) -> None:
        at = xp.unique(_indices(at, array.shape[0], "embedding", "index out of range in self"))
        norms = xp.linalg.norm(array[at], norm_type, axis=1)
        large = norms > max_norm
        array[at[large]] *= (max_norm / (norms[large] + 1e-7)).astype(array.dtype)[:, None]

    return write(Op("embedding_renorm_", renorm, inputs=("self", "indices")), weight, (indices,),
                 text=words(max_norm=max_norm))


# --- bags ------------------------------------------------------------------------------------------------------------
SUM, MEAN, MAX = range(3)


def _bags(indices: ndarray, offsets: ndarray, last: bool, padding: int) -> tuple[ndarray, ndarray, int]:
    """For each index the bag that it is in, how many count in each bag, and how many bags there are."""
    n = len(offsets) - last
    if len(offsets) and offsets[0] != 0:
        raise RuntimeError("offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
                           f"position 0. However, got {offsets[0]}")
    if len(offsets) and offsets[-1] > len(indices):
        raise RuntimeError(f"offsets[-1] can not be greater than input's length {len(indices)} but got offsets[-1] of "
                           f"{offsets[-1]}")
    bag = xp.searchsorted(offsets[:n], xp.arange(len(indices), like=beside(offsets)), side="right") - 1
    return bag, xp.bincount(bag[indices != padding], minlength=n), n


def _embedding_bag(weight: ndarray, *rest: Any) -> Any:
    *scales, mode, indices, bag, count, n, padding, _ = rest
    rows = weight[indices]
    kept = indices != padding
    if mode == MAX:
        out = filled((n, weight.shape[1]), -xp.inf, weight.dtype, like=beside(weight))
        xp.maximum.at(out, bag[kept], rows[kept])
        return xp.where(xp.isneginf(out), 0, out).astype(weight.dtype)
    if scales:
        rows = rows * scales[0][:, None]
    out = xp.zeros((n, weight.shape[1]), weight.dtype, like=beside(weight))
    xp.add.at(out, bag[kept], rows[kept])
    return out / xp.maximum(count, 1).astype(weight.dtype)[:, None] if mode == MEAN else out


def _embedding_bag_grad(ns: Any, ctx: Any, g: Any, weight: Any = None, scales: Any = None) -> Any:
    mode, indices, bag, count, _, padding, by_freq = ctx.args
    dtype = ctx.dtype
    each = ns.take(g, (bag,))
    kept = _scale(indices, padding, False, dtype)
    factor = _scale(indices, padding, by_freq, dtype)
    if mode == MEAN:
        share = (1 / xp.maximum(count, 1)).astype(dtype)[bag]
        factor = share if factor is None else factor * share
    if factor is not None:
        each = each * ns.const(factor[:, None])
    of_weight = of_scales = None
    if ctx.needs(0):
        if mode == MAX:
            of_weight = _largest(ns, ctx, g, weight)
        else:
            part = each if scales is None else each * ns.unsqueeze(scales, (1,))
            of_weight = ns.put_add(part, ctx.input_shape(), (indices,))
    if len(ctx.next) > 1 and ctx.needs(1):
        rows = ns.take(weight, (indices,))
        of_scales = ns.sum((each if kept is None else each * ns.const(kept[:, None])) * rows, (1,))
    return of_weight, of_scales


def _largest(ns: Any, ctx: Any, g: Any, weight: Any) -> Any:
    """The gradient of each bag's column goes to the first row that held the maximum."""
    _, indices, bag, _, n, padding, _ = ctx.args
    rows = ns.plain(weight)[indices]
    best = xp.full((n, rows.shape[1]), -1)
    for i in xp.flatnonzero(indices != padding):
        b = bag[i]
        better = (best[b] < 0) | (rows[i] > rows[best[b], xp.arange(rows.shape[1])])
        best[b, better] = i
    at_bag, at_column = xp.nonzero(best >= 0)
    return ns.put_add(ns.take(g, (at_bag, at_column)), ctx.input_shape(),
                      (indices[best[at_bag, at_column]], at_column))


BAG = op("embedding_bag", _embedding_bag, "EmbeddingBagBackward0", _embedding_bag_grad, "weight", "weight")
WEIGHTED_BAG = op("embedding_bag", _embedding_bag, "EmbeddingBagBackward0", _embedding_bag_grad,
                  "weight per_sample_weights", "weight per_sample_weights", key="embedding_bag.weighted")
SUM_BAG = op("embedding_bag", _embedding_bag, "EmbeddingBagBackward0", _embedding_bag_grad, "", "weight",
             key="embedding_bag.sum")
WEIGHTED_BAG.needed_by = (1, 0)


def embedding_bag(weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = SUM,
                  sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False,
                  padding_idx: Any = None) -> Any:
    """The sums, means or maxima of the rows at ``indices``, which ``offsets`` cut into bags."""
    _dense(sparse)
    padding = -1 if padding_idx is None else padding_idx % weight._array.shape[0]
    at = _indices(indices._array, weight._array.shape[0], "embedding_bag",
                  "Expected i < index_size to be true, but got false.  (Could this error message be improved?  If so, "
                  "please report an enhancement request to PyTorch.)")
    bag, count, n = _bags(at, offsets._array, include_last_offset, padding)
    args = (mode, at, bag, count, n, padding, scale_grad_by_freq)
    text = words(mode=("sum", "mean", "max")[mode])
    if per_sample_weights is not None:
        return run(WEIGHTED_BAG, (weight, per_sample_weights), args, text)
    return run(BAG if mode == MAX else SUM_BAG, (weight,), args, text)


FUNCTIONS: dict[str, Any] = {"embedding": embedding, "embedding_renorm_": embedding_renorm_}
METHODS: dict[str, Any] = {}
