"""Worker processes: what they know, how they end, and what comes out of them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch
from tests.conftest import ROOT
from tests.engine.test_events import Ear, ear  # noqa: F401 - a fixture

data: Any = torch.utils.data


@pytest.fixture(autouse=True)
def _few_cores() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*worker processes in total")
        yield


class Numbers(data.Dataset):  # type: ignore[misc]
    def __init__(self, n: int = 6) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return i


def first(batch: list[Any]) -> Any:
    return batch[0]


def loader(dataset: Any, **options: Any) -> Any:
    return data.DataLoader(dataset, collate_fn=options.pop("collate_fn", first), num_workers=options.pop("n", 2),
                           **options)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def soon(true: Any) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


class Pids(Numbers):
    def __getitem__(self, i: int) -> int:
        return os.getpid()


def test_they_end_with_the_pass() -> None:
    pids = set(loader(Pids()))
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert all(gone(pid) for pid in pids)


def test_they_end_when_nobody_goes_on() -> None:
    pid = next(iter(loader(Pids(50))))
    assert soon(lambda: gone(pid))


def test_persistent_ones_stay() -> None:
    again = loader(Pids(), persistent_workers=True)
    pids = set(again)
    next(iter(again))  # a pass that is left in the middle
    assert set(again) == pids
    assert len(list(again)) == 6
    del again
    assert all(soon(lambda pid=pid: gone(pid)) for pid in pids)


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit()"])
def test_one_that_dies_is_named_at_once(end: str) -> None:
    class Deadly(Numbers):
        def __getitem__(self, i: int) -> int:
            if i == 3:
                exec(end, {"os": os, "sys": sys, "signal": signal})
            return i

    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"^DataLoader worker \(pid\(s\) \d+\) exited unexpectedly$"):
        list(loader(Deadly(8)))
    assert time.monotonic() - began < 4


def test_one_killed_within_a_large_batch() -> None:
    """Its half-sent batch keeps nobody waiting."""
    class Large(Numbers):
        def __getitem__(self, i: int) -> Any:
            return torch.ones(4_000_000), os.getpid()

    batches = iter(loader(Large(8), n=1))
    _, pid = next(batches)
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(batches)


def test_they_do_not_outlive_the_loaders_process() -> None:
    script = """
import os, sys, warnings
warnings.simplefilter("ignore")
import gradviz.engine as torch
class Pids(torch.utils.data.Dataset):
    def __len__(self): return 50
    def __getitem__(self, i): return os.getpid()
batches = iter(torch.utils.data.DataLoader(Pids(), num_workers=2, collate_fn=lambda b: b[0]))
print(next(batches), next(batches), flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    pids = list(map(int, done.stdout.split()))
    assert len(set(pids)) == 2
    assert all(soon(lambda pid=pid: gone(pid)) for pid in pids)


def test_a_timeout() -> None:
    class Slow(Numbers):
        def __getitem__(self, i: int) -> int:
            time.sleep(1.0 * (i == 1))
            return i

    with pytest.raises(RuntimeError, match=r"^DataLoader timed out after 0.2 seconds$"):
        list(loader(Slow(3), n=1, timeout=0.2))


class Drawn(Numbers):
    def __getitem__(self, i: int) -> Any:
        info = data.get_worker_info()
        return info.id, info.num_workers, info.seed, torch.initial_seed(), float(torch.rand(())), random.random(), \
            np.random.rand()


def test_seeds() -> None:
    def drawn() -> list[Any]:
        return list(loader(Drawn(), generator=torch.Generator().manual_seed(3)))

    one, other = drawn(), drawn()
    assert one == other
    assert [row[:2] for row in one] == [(0, 2), (1, 2)] * 3
    assert one[1][2] == one[0][2] + 1
    assert all(row[2] == row[3] for row in one)
    for i in (4, 5, 6):
        assert len({row[i] for row in one}) == 6
    assert data.get_worker_info() is None


def test_worker_init_fn() -> None:
    class Set(Numbers):
        mark = -1

        def __getitem__(self, i: int) -> int:
            return self.mark

    def init(i: int) -> None:
        data.get_worker_info().dataset.mark = i + 10

    assert list(loader(Set(4), worker_init_fn=init)) == [10, 11, 10, 11]


def test_a_failing_worker_init_fn() -> None:
    def init(i: int) -> None:
        raise KeyError("no init")

    with pytest.raises(KeyError) as caught:
        list(loader(Numbers(), worker_init_fn=init))
    text = str(caught.value)
    assert text.startswith("Caught KeyError in DataLoader worker process 0.\nOriginal Traceback (most recent call")
    assert text.endswith("KeyError: 'no init'\n")


def test_exceptions_that_cannot_be_made_again() -> None:
    class Odd(Exception):  # its class is known in no other process, and it wants two arguments
        def __init__(self, one: int, two: int) -> None:
            super().__init__(one, two)

    class Raising(Numbers):
        def __getitem__(self, i: int) -> int:
            raise Odd(1, 2)

    with pytest.raises(Exception, match="in DataLoader worker process 0"):
        list(loader(Raising()))


def test_what_cannot_be_sent() -> None:
    class Inside(Numbers):
        def __getitem__(self, i: int) -> Any:
            return torch.ones(1, requires_grad=True) * 2

    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor which requires_grad"):
        list(loader(Inside()))
    with pytest.raises(Exception, match="pickle"):
        list(loader(Numbers(), collate_fn=lambda batch: lambda: 0))


def test_out_of_order() -> None:
    class Slow(Numbers):
        def __getitem__(self, i: int) -> int:
            time.sleep(0.5 * (i == 0))
            return i

    numbers = list(loader(Slow(6), in_order=False))
    assert sorted(numbers) == list(range(6))
    assert numbers[0] != 0
    assert list(loader(Slow(6))) == list(range(6))


def test_another_start_method(tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text("""
import gradviz.engine as torch
D = torch.utils.data
class Rows(D.Dataset):
    def __init__(self): self.x = torch.arange(4.0)
    def __len__(self): return 4
    def __getitem__(self, i): return self.x[i], 2 * i
if __name__ == "__main__":
    for x, y in D.DataLoader(Rows(), batch_size=2, num_workers=1, multiprocessing_context="spawn"):
        print(x.tolist(), y.tolist())
""")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert (done.stdout, done.stderr) == ("[0.0, 1.0] [0, 2]\n[2.0, 3.0] [4, 6]\n", "")


def test_many_indices_at_once() -> None:
    """More than a pipe holds, while the worker waits for its batch to be taken."""
    n = 300_000
    batches = list(loader(Numbers(4 * n), n=1, batch_size=n, collate_fn=lambda batch: np.array(batch)))
    assert [int(b[0]) for b in batches] == [0, n, 2 * n, 3 * n]


def test_a_recorder_meets_what_workers_made(ear: Ear) -> None:  # noqa: F811
    rows = data.TensorDataset(torch.arange(4.0))
    ear.heard.clear()
    (x,), = data.DataLoader(rows, batch_size=4, num_workers=1)
    assert ear.of("op", "tensor") == []
    x * 2
    met, op = ear.of("tensor", "op")
    assert (met.facts[0], met.facts[14]) == (x._tid, "external")
    assert list(op.inputs) == [(x._tid, 0)]
