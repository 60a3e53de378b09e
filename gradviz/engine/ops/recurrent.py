"""What recurrent layers need beside the common ops: parts that are no views, and sequences without their padding."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import parts
from gradviz.engine.ops.args import dimension
from gradviz.engine.ops.build import op, run
from gradviz.engine.xp import ndarray, xp

UNSAFE_SPLIT = op("unsafe_split", lambda x, d, n: tuple(xp.split(x, range(n, x.shape[d], n), axis=d)),
                  "UnsafeSplitBackward0", parts.SPLIT.node.rule, outputs=1 << 30)  # type: ignore[union-attr]
PACK = op("_pack_padded_sequence", lambda x, step, row: x[step, row], "PackPaddedSequenceBackward0",
          lambda ns, ctx, g: ns.put(g, ctx.input_shape(), ctx.args))


def unsafe_split(tensor: Any, split_size: int, dim: int = 0) -> Any:
    """Parts that are no views: writing one in place is not told to the others."""
    d = dimension(dim, tensor._array.ndim)
    return run(UNSAFE_SPLIT, (tensor,), (d, split_size), f"{split_size}", d)


def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """So many parts that are no views."""
    size = input._array.shape[dimension(dim, input._array.ndim)]
    return unsafe_split(input, -(-size // chunks), dim)


def pack(input: Any, lengths: ndarray) -> tuple[Any, ndarray]:
    """The steps of all sequences (steps, batch, ...), longest first, one after another, and how many run in each."""
    if len(lengths) != input._array.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} "
                           f"(batch_size={input._array.shape[1]})")
    if (xp.diff(lengths) > 0).any():
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                           "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")
    if (lengths <= 0).any():
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
                           "<= 0")
    running = xp.arange(lengths[0])[:, None] < lengths
    return run(PACK, (input,), xp.nonzero(running)), running.sum(1)


FUNCTIONS: dict[str, Any] = {"unsafe_split": unsafe_split, "unsafe_chunk": unsafe_chunk}
METHODS: dict[str, Any] = dict(FUNCTIONS)
