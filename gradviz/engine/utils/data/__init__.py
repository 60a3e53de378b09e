"""``torch.utils.data``: data sets, samplers and the loader of batches."""

from __future__ import annotations

from typing import Any

from gradviz.engine.utils.data.collate import default_collate, default_convert
from gradviz.engine.utils.data.dataloader import DataLoader
from gradviz.engine.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from gradviz.engine.utils.data.distributed import DistributedSampler
from gradviz.engine.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from gradviz.engine.utils.data.worker import get_worker_info


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.utils.data", name)


__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
           "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
           "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "default_convert",
           "get_worker_info", "random_split"]
