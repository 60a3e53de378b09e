"""A sampler that gives each of several processes a part of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gradviz.engine.ops.random import Generator
from gradviz.engine.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th number from ``rank`` on; all get equally many."""

    __module__ = "torch.utils.data.distributed"

    def __init__(self, dataset: Any, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:
        if num_replicas is None or rank is None:
            raise ValueError("Default process group has not been initialized, please make sure to call "
                             "init_process_group.")
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.num_samples = len(dataset) // num_replicas if drop_last else math.ceil(len(dataset) / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        numbers: list[int] = list(range(n))
        if self.shuffle:
            numbers = Generator().manual_seed(self.seed + self.epoch).np.permutation(n).tolist()
        numbers *= math.ceil(self.total_size / n)  # the first come again, so that all get equally many
        return iter(numbers[self.rank:self.total_size:self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order from now on, the same in all processes."""
        self.epoch = epoch
