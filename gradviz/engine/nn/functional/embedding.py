"""Tables of rows: ``embedding``, ``embedding_bag`` and ``one_hot``."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.ops import embedding as rows
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.create import FUNCTIONS as CREATE
from gradviz.engine.xp import ndarray, xp


def padding_index(padding_idx: Any, size: int, name: str = "Padding_idx") -> Any:
    """A row that takes no gradient, counted from the front."""
    if padding_idx is None:
        return None
    if not -size <= padding_idx < size and padding_idx != 0:
        raise AssertionError(f"{name} must be within num_embeddings")
    return padding_idx % size if padding_idx < 0 else padding_idx


def embedding(input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """The rows of ``weight`` at the indices in ``input``."""
    padding = padding_index(padding_idx, weight._array.shape[0] if weight._array.ndim else 0)
    if max_norm is not None:
        with no_grad():
            rows.embedding_renorm_(weight, input, max_norm, norm_type)
    return rows.embedding(weight, input, -1 if padding is None else padding, scale_grad_by_freq, sparse)


def embedding_bag(input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
                  scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Any = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Any:
    """Sums, means or maxima of the rows of ``weight`` at the indices in each bag."""
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
                         f"have the same shape as the input ({input.shape})")
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                             f"fixed length sequences. However, found offsets of type {type(offsets)}")
        offsets = CREATE["arange"](0, input.numel(), input.shape[1])
        include_last_offset = False
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    elif offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    elif offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    modes = {"sum": rows.SUM, "mean": rows.MEAN, "max": rows.MAX}
    if mode not in modes:
        raise ValueError("mode has to be one of sum, mean or max")
    for given, what in ((scale_grad_by_freq, "scaling the gradient by the frequency"), (sparse, "sparse weights")):
        if mode == "max" and given:
            raise ValueError(f"max mode does not support {what}")
    if max_norm is not None:
        with no_grad():
            rows.embedding_renorm_(weight, input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                                  f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                                  "GitHub.")
    return rows.embedding_bag(weight, input, offsets, scale_grad_by_freq, modes[mode], sparse, per_sample_weights,
                              include_last_offset, padding_idx)


def _one_hot(array: ndarray, classes: int) -> Any:
    if array.dtype != xp.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not array.size and classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if array.size and array.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if classes == -1:
        classes = int(array.max()) + 1
    elif array.size and array.max() >= classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return (array[..., None] == xp.arange(classes)).astype(xp.int64)


ONE_HOT = op("one_hot", _one_hot)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A one at the place of each class number, zeros elsewhere."""
    return run(ONE_HOT, (tensor,), (num_classes,), words(num_classes=num_classes if num_classes >= 0 else None))


FUNCTIONS: dict[str, Any] = {"embedding": embedding, "embedding_bag": embedding_bag, "one_hot": one_hot}
