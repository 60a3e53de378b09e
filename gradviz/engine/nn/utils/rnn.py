"""Sequences of different lengths: padded, and packed without the padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from gradviz.engine import observe
from gradviz.engine.ops.recurrent import pack
from gradviz.engine.ops.table import FUNCTIONS
from gradviz.engine.tensor import Tensor, fresh
from gradviz.engine.xp import asarray, xp


class PackedSequence_(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(PackedSequence_):
    """The steps of several sequences one after another; ``batch_sizes`` says how many sequences have each step."""

    __module__ = "torch.nn.utils.rnn"

    def __new__(cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None,
                ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, list | tuple) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """In another type."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def double(self) -> PackedSequence:
        return self.to(FUNCTIONS["tensor"](0.0).double())

    def float(self) -> PackedSequence:
        return self.to(FUNCTIONS["tensor"](0.0).float())

    def half(self) -> PackedSequence:
        return self.to(FUNCTIONS["tensor"](0.0).half())

    def cpu(self) -> PackedSequence:
        return self

    is_cuda = property(lambda self: self.data.is_cuda)

    def is_pinned(self) -> bool:
        return False


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes one."""
    return None if permutation is None else fresh(asarray(xp.argsort(permutation._array)))


def pack_padded_sequence(input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    """Take the padding out of a batch of sequences."""
    sizes = asarray(lengths._array if isinstance(lengths, Tensor) else xp.array(lengths)).astype(xp.int64)
    order = None
    if not enforce_sorted:
        order = fresh(xp.argsort(-sizes, kind="stable"))
        sizes = sizes[order._array]
        input = input.index_select(0 if batch_first else 1, order)
    data, running = pack(input.transpose(0, 1) if batch_first else input, sizes)
    return PackedSequence(data, fresh(asarray(running)), order)


def pad_packed_sequence(sequence: Any, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Any, Any]:
    """A batch of padded sequences, and their lengths."""
    sizes = sequence.batch_sizes.tolist()
    if total_length is not None and total_length < len(sizes):
        raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                         f"total_length={total_length} and max sequence length being {len(sizes)}")
    with observe.composite("_pad_packed_sequence", (sequence.data,)) as event:
        out = event(_padded(sequence.data, sizes, total_length or len(sizes), padding_value))
    if batch_first:
        out = out.transpose(0, 1)
    lengths = fresh((xp.array(sizes)[:, None] > xp.arange(sizes[0])).sum(0))
    order = sequence.unsorted_indices
    if order is None:
        return out, lengths
    return out.index_select(0 if batch_first else 1, order), fresh(lengths._array[order._array])


def _padded(data: Any, sizes: list[int], steps: int, padding_value: float) -> Any:
    """Steps with equally many sequences are copied at once."""
    out = fresh(xp.full((steps, sizes[0], *data.shape[1:]), padding_value, data._array.dtype))
    at = step = 0
    for end in range(1, len(sizes) + 1):
        size = sizes[step]
        if end == len(sizes) or sizes[end] != size:
            part = data.narrow(0, at, (end - step) * size).view(end - step, size, *data.shape[1:])
            out.narrow(0, step, end - step).narrow(1, 0, size).copy_(part)
            at += (end - step) * size
            step = end
    return out


def pad_sequence(sequences: Any, batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Any:
    """Sequences of different lengths as one tensor."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError("pad_sequence: Expected iterable for input sequences, but got arg of type: "
                           f"{type(sequences)}")
    several = tuple(sequences)
    if not several:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(len(s) for s in several)
    size = (len(several), longest) if batch_first else (longest, len(several))
    with observe.composite("pad_sequence", several) as event:
        out = fresh(xp.full((*size, *several[0].shape[1:]), padding_value, several[0]._array.dtype))
        for i, one in enumerate(several):
            row = out.select(0 if batch_first else 1, i)
            row.narrow(0, 0 if padding_side == "right" else longest - len(one), len(one)).copy_(one)
        return event(out)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded batch, each of its own length."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row.narrow(0, 0, int(n)) for row, n in zip(rows, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> Any:
    """Sequences of different lengths without padding."""
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: Any) -> list[Any]:
    """The sequences that were packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
