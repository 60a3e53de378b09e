"""Parts of a tensor along a dimension, as views."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import dimension, integer, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.shape import slice_
from gradviz.engine.ops.signatures import type_name
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


def _parts(ns: Any, ctx: Any, g: Any) -> list[Any]:
    """The gradients of all parts, zeros for those without; a single part's comes alone, as any single output's."""
    if ctx.width == 1:
        return [g]
    like = next(p for p in g if p is not None)
    return [ns.zeros(shape, like) if p is None else p for p, shape in zip(g, ctx.shape, strict=True)]


def _joined(ns: Any, ctx: Any, g: Any) -> Any:
    """Backward of split: the parts' gradients in a row."""
    return ns.cat(_parts(ns, ctx, g), ctx.args)


def _stacked(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.stack(_parts(ns, ctx, g), ctx.args)


UNBIND = op("unbind", lambda x, d: [x[(slice(None),) * d + (i, ...)] for i in range(x.shape[d])], "UnbindBackward0",
            _stacked, view="multi")
SPLIT = op("split", lambda x, d, parts: _split(x, d, parts), "SplitBackward0", _joined, view="multi")
SPLIT_SIZES = op("split", SPLIT.forward, "SplitWithSizesBackward0", _joined, view="multi", key="split.sizes")


def _split(x: ndarray, dim: int, parts: list[int]) -> list[ndarray]:
    out, start = [], 0
    for n in parts:
        out.append(x[(slice(None),) * dim + (slice(start, start + n),)])
        start += n
    return out


def unbind(input: Any, dim: int = 0) -> Any:
    if not input._array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return run(UNBIND, (input,), (dimension(dim, input._array.ndim),), words(dim=dim or None),
               dimension(dim, input._array.ndim))


def split(tensor: Any, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> Any:
    """Parts of a size, or of the sizes given, as views."""
    size = split_size if split_size_or_sections is None else split_size_or_sections
    if size is None:
        raise TypeError("split() missing 1 required positional argument: 'split_size_or_sections'")
    if isinstance(size, Tensor) and not size._array.ndim:
        size = integer(size)
    whole = isinstance(size, int)
    if not whole and not isinstance(size, tuple | list):
        raise TypeError("split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, not "
                        f"{type_name(size)}")
    if not tensor._array.ndim:
        raise RuntimeError(f"{'split' if whole else 'split_with_sizes'} expects at least a 1-dimensional tensor")
    d = dimension(dim, tensor._array.ndim)
    n = tensor._array.shape[d]
    if whole:
        if size < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        if not size and n:
            raise RuntimeError("split_size can only be 0 if dimension size is 0, but got dimension size of "
                               f"{n}")
        parts = [min(size, n - i) for i in range(0, n, size or 1)] or [0]
        return run(SPLIT, (tensor,), (d, parts), f"{size}, dim={dim}", d)
    if any(part < 0 for part in size):
        raise RuntimeError("split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes="
                           f"{size_text(size)}")
    if sum(size) != n:
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                           f"dimension {d}), but got split_sizes={size_text(size)}")
    return run(SPLIT_SIZES, (tensor,), (d, list(size)), f"{list(size)}, dim={dim}", d)


def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    if not input._array.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input._array.shape[dimension(dim, input._array.ndim)]
    return split(input, max(1, -(-n // chunks)), dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    if not input._array.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if isinstance(indices_or_sections, Tensor):
        if indices_or_sections._array.ndim > 1:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                               "one-dimensional tensor, but got a tensor with "
                               f"{indices_or_sections._array.ndim} dims")
        if indices_or_sections._array.dtype != xp.int64:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                               f"{indices_or_sections.dtype.code}")
        indices_or_sections = indices_or_sections._array.tolist()
    if isinstance(indices_or_sections, int) and indices_or_sections <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
    d = dimension(dim, input._array.ndim)
    n = input._array.shape[d]
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        cuts = [0]
        for i in range(k):
            cuts.append(cuts[-1] + n // k + (1 if i < n % k else 0))
    else:
        cuts = [0, *indices_or_sections, n]
    return tuple(slice_(input, d, a, b) for a, b in pairwise(cuts))


FUNCTIONS: dict[str, Any] = {"unbind": unbind, "split": split, "chunk": chunk, "tensor_split": tensor_split}
METHODS: dict[str, Any] = dict(FUNCTIONS)
