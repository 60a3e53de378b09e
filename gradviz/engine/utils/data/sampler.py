"""Samplers: in which order, and in which batches, the numbers of samples come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import gradviz.engine as torch
from gradviz.engine.ops.random import Generator, default_generator

T = TypeVar("T", covariant=True)


class Sampler(Generic[T]):
    """Gives numbers of samples: subclasses define ``__iter__``, and ``__len__`` where it is known."""

    __module__ = "torch.utils.data.sampler"

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


class SequentialSampler(Sampler[int]):
    """All, in order."""

    __module__ = "torch.utils.data.sampler"

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All in random order, or some drawn with replacement."""

    __module__ = "torch.utils.data.sampler"

    def __init__(self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
                 generator: Generator | None = None) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        wanted: Any = self.num_samples
        if not isinstance(wanted, int) or wanted <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={wanted}")

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        generator = self.generator or Generator().manual_seed(new_seed(None))
        while left > 0:
            drawn = generator.np.integers(n, size=min(left, 32)) if self.replacement else generator.np.permutation(n)
            yield from drawn.tolist()[:left]
            left -= len(drawn)

    def __len__(self) -> int:
        return self.num_samples


def new_seed(generator: Generator | None) -> int:
    """A number to start other random numbers from."""
    return int((generator or default_generator).np.integers(1 << 63))


class SubsetRandomSampler(Sampler[int]):
    """The numbers given, in random order."""

    __module__ = "torch.utils.data.sampler"

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in (self.generator or default_generator).np.permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Drawn with the weights given."""

    __module__ = "torch.utils.data.sampler"

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True,
                 generator: Generator | None = None) -> None:
        _positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        if self.weights.ndim != 1:
            raise ValueError("weights should be a 1d sequence but given weights have shape "
                             f"{tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from torch.multinomial(self.weights, self.num_samples, self.replacement,
                                     generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """What another sampler gives, some at a time."""

    __module__ = "torch.utils.data.sampler"

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        _positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler: Any = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        least = self.batch_size if self.drop_last else 1
        while len(batch := list(islice(numbers, self.batch_size))) >= least:
            yield batch

    def __len__(self) -> int:
        return (len(self.sampler) + (0 if self.drop_last else self.batch_size - 1)) // self.batch_size
