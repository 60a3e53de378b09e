"""What PyTorch's data loading does, as data. Run by itself, with PyTorch, it writes ``expected.json``."""

from __future__ import annotations

import collections
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

EXPECTED = Path(__file__).with_name("expected.json")
LOADED = """
Map(7), batch_size=2
Map(7), batch_size=2, drop_last=True
Map(3), batch_size=None
Map(9), batch_size=2, sampler=[5, 2, 2]
Map(5), batch_sampler=[[0, 3], [1]]
Map(5), batch_size=2, collate_fn=len
It(11), batch_size=2
It(11), batch_size=2, drop_last=True
It(5), batch_size=None
Whole(5), batch_size=2
Bad(8), batch_size=2
Bad(8), batch_sampler=[[0], [4]]
d.ChainDataset([It(3), It(2)]), batch_size=2
d.StackDataset(a=range(4), b=list("abcd")), batch_size=3
d.Subset(Map(9), [3, 1, 8]), batch_size=2
d.ConcatDataset([Map(2), Map(3)]), batch_size=2
d.TensorDataset(torch.arange(4), torch.ones(4, 2)), batch_size=3
torch.arange(3), batch_size=None
{"a": 1, "b": 2}, sampler=["b", "a"]
[(1, 2.0, "x"), (3, 4.0, "y")], batch_size=2
[], batch_size=2
""".strip().split("\n")
ASKED = """
d.DataLoader([1], num_workers=-1)
d.DataLoader([1], timeout=-1)
d.DataLoader([1], prefetch_factor=2)
d.DataLoader([1], num_workers=1, prefetch_factor=-2)
d.DataLoader([1], persistent_workers=True)
d.DataLoader(It(2), shuffle=True)
d.DataLoader(It(2), shuffle=False)
d.DataLoader(It(2), sampler=[1])
d.DataLoader(It(2), batch_sampler=[[1]])
d.DataLoader([1], shuffle=True, sampler=[0])
d.DataLoader([1], batch_sampler=[[0]], batch_size=2)
d.DataLoader([1], batch_sampler=[[0]], drop_last=True)
d.DataLoader([1], batch_size=None, drop_last=True)
d.DataLoader([1], batch_size=0)
d.DataLoader([1], batch_size=1.5)
d.DataLoader([], shuffle=True)
d.DataLoader([1], multiprocessing_context="fork")
d.DataLoader([1], num_workers=1, multiprocessing_context="nope")
d.DataLoader([1], num_workers=1, multiprocessing_context=3)
setattr(d.DataLoader([1]), "batch_size", 3)
setattr(d.DataLoader([1]), "sampler", 3)
list(d.DataLoader([1], timeout=3))
list(d.DataLoader([1, 2], pin_memory=True))
list(d.DataLoader([None]))
[len(d.DataLoader(range(7), batch_size=b, drop_last=c)) for b in (2, 3) for c in (True, False)]
len(d.DataLoader(It(3)))
len(d.DataLoader([1], sampler=iter([1])))
[len(l := d.DataLoader(Short(4))), list(l)]
type(iter(d.DataLoader([1]))).__name__
d.Dataset()[0]
len(d.Dataset())
iter(d.Sampler())
d.TensorDataset(torch.ones(2), torch.ones(3))
d.TensorDataset(torch.arange(4), torch.arange(4) * 2)[1:3]
d.TensorDataset()[0]
(d.TensorDataset(torch.arange(2)) + d.TensorDataset(torch.arange(3)))[4]
d.ConcatDataset([])
d.ConcatDataset([It(2)])
d.ConcatDataset([[1, 2]])[-3]
d.ConcatDataset([[1, 2], [3]])[-1]
d.ConcatDataset([[1, 2], [3]]).cumulative_sizes
list(d.ChainDataset([[1]]))
len(d.ChainDataset([Short(1), Short(2)]))
d.StackDataset()
d.StackDataset([1], a=[1])
d.StackDataset([1], [1, 2])
d.StackDataset([1, 2], [3, 4])[1]
d.StackDataset(a=[1, 2], b=[2, 3]).__getitems__([0, 1])
d.Subset([5, 6, 7], [2, 0])[[0, 1]]
d.Subset(d.TensorDataset(torch.arange(5)), [2, 0])[[0, 1]]
d.random_split([1, 2, 3], [1, 1])
d.random_split([1, 2, 3], [1.5, -0.5])
[len(x) for x in d.random_split(range(10), [0.33, 0.33, 0.34])]
[len(x) for x in d.random_split(range(2), [0.01, 0.99])]
sorted(sum((list(x) for x in d.random_split(range(7), [3, 4])), []))
d.RandomSampler([1], replacement=1)
d.RandomSampler([])
d.RandomSampler([1], num_samples=0)
len(list(d.RandomSampler(range(5), num_samples=12)))
len(list(d.RandomSampler(range(5), True, num_samples=70)))
sorted(d.RandomSampler(range(5)))
sorted(d.SubsetRandomSampler([1, 4]))
d.WeightedRandomSampler([1.0], 0)
d.WeightedRandomSampler([1.0], True)
d.WeightedRandomSampler([1.0], 1, replacement=3)
d.WeightedRandomSampler([[1.0]], 1)
set(d.WeightedRandomSampler([0.0, 1.0], 9)) == {1}
d.BatchSampler([1], 0, False)
d.BatchSampler([1], True, False)
d.BatchSampler([1], 2, 1)
[list(d.BatchSampler(range(7), 3, c)) for c in (True, False)]
[len(d.BatchSampler(range(7), 3, c)) for c in (True, False)]
[list(d.DistributedSampler(range(7), 3, r, shuffle=False)) for r in range(3)]
[list(d.DistributedSampler(range(7), 3, r, shuffle=False, drop_last=True)) for r in range(3)]
sorted(sum((list(d.DistributedSampler(range(6), 3, r)) for r in range(3)), []))
d.DistributedSampler(range(7), 3, 3)
d.DistributedSampler(range(7))
""".strip().split("\n")
COLLATED = """
[1, 2]
[1.0, 2.0]
[1, 2.5]
[True, False]
["a", "b"]
[b"a"]
[torch.ones(2), torch.zeros(2)]
[torch.ones(2), torch.ones(3)]
[torch.tensor(1, dtype=torch.int8)]
[np.ones(2), np.ones(2)]
[np.float64(1), np.float64(2)]
[np.float32(1)]
[np.int32(1)]
[np.bool_(True)]
[np.array(["a"])]
[{"a": 1, "b": [1, 2]}, {"a": 2, "b": [3, 4]}]
[Pair(1, 2.0), Pair(3, 4.0)]
[(1, "a"), (2, "b")]
[[1, 2], [3, 4]]
[[1], [1, 2]]
[{"a": (1, {"b": torch.ones(1)})}] * 2
[{"a": 1}, {"b": 1}]
[range(2), range(2)]
[collections.OrderedDict(a=1)]
[collections.defaultdict(int, a=1)]
[None, None]
[object()]
[]
""".strip().split("\n")


class Pair(collections.namedtuple("Pair", "x y")):
    __slots__ = ()


def names(torch: Any) -> dict[str, Any]:
    """What the expressions know."""
    data = torch.utils.data

    class Map(data.Dataset):  # type: ignore[misc, name-defined]
        def __init__(self, n: int) -> None:
            self.n = n

        def __len__(self) -> int:
            return self.n

        def __getitem__(self, i: int) -> Any:
            return torch.tensor([float(i)]), i

    class Bad(Map):
        def __getitem__(self, i: int) -> Any:
            if i == 3:
                raise ValueError("no 3")
            if i == 4:
                raise KeyError("k")
            return i

    class It(data.IterableDataset):  # type: ignore[misc, name-defined]
        def __init__(self, n: int) -> None:
            self.n = n

        def __iter__(self) -> Any:
            info = data.get_worker_info()
            return iter(range(self.n) if info is None else range(info.id, self.n, info.num_workers))

    class Whole(It):
        def __iter__(self) -> Any:
            return iter(range(self.n))

    class Short(Whole):
        def __len__(self) -> int:
            return 3

    return {"torch": torch, "np": np, "d": data, "collections": collections, "Map": Map, "Bad": Bad, "It": It,
            "Whole": Whole, "Short": Short, "Pair": Pair}


def plain(value: Any, torch: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return [str(value.dtype), list(value.shape), value.tolist()]
    if isinstance(value, dict):
        return [type(value).__name__, {key: plain(part, torch) for key, part in value.items()}]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *(plain(part, torch) for part in value)]
    return value if isinstance(value, int | float | str | None) else type(value).__name__


def told(source: str, torch: Any, known: dict[str, Any]) -> Any:
    """What an expression gives or raises, and of what it warns."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            said = plain(eval(source, dict(known)), torch)
        except Exception as error:
            said = [type(error).__name__, str(error).split("\n")[0]]
    texts = {hidden(str(w.message)) for w in warned}
    return [said, sorted(text for text in texts if "worker processes in total" not in text)]  # that counts cores


def hidden(text: str) -> str:
    return re.sub(r"<\S+ object at 0x\w+>", "<object>", text)


def expressions() -> list[str]:
    """Every expression: what is asked, and each way of loading, here and by workers."""
    loaded = [f"list(d.DataLoader({source}, num_workers={n}))" for source in LOADED for n in (0, 1, 2)]
    return [*ASKED, *loaded, *(f"d.default_collate({source})" for source in COLLATED),
            *(f"d.default_convert({source})" for source in COLLATED)]


if __name__ == "__main__":
    import torch  # type: ignore[import-not-found]

    known = names(torch)
    json.dump({source: told(source, torch, known) for source in expressions()}, sys.stdout, separators=(",", ":"))
