"""Tensors in shared memory: a write in one process is seen in the other; nothing is left when the last has gone."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import time
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest

import gradviz.engine as torch
import gradviz.engine.multiprocessing as mp

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def add(t: Any, n: float) -> None:
    t.add_(n)


def put(queue: Any, t: Any) -> None:
    queue.put(t)
    queue.put("sent")
    assert queue.get(timeout=60) == "seen"


def double(t: Any) -> Any:
    t.mul_(2)
    return t


def fail(i: int) -> None:
    if i == 1:
        raise ValueError("one")
    time.sleep(60)


def leave(i: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_write_in_one_process_is_seen_in_the_other(method: str) -> None:
    t = torch.zeros(3)
    view = t[1:]
    t.share_memory_()
    process = mp.get_context(method).Process(target=add, args=(t, 5))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert t.tolist() == [5, 5, 5]
    assert view.tolist() == [5, 5]
    assert view.is_shared()
    assert t.detach().is_shared()


@pytest.mark.slow
def test_a_queue_carries_the_same_storage_twice() -> None:
    context = mp.get_context("fork")
    queue, back = context.Queue(), torch.arange(6.0).view(2, 3)
    process = context.Process(target=add, args=(back, 1))
    queue.put([back, back.t()])
    one, two = queue.get(timeout=60)
    assert two.stride() == (1, 3)
    assert one.untyped_storage() == two.untyped_storage()
    one.zero_()
    assert back.sum() == two.sum() == 0
    process.start()
    process.join(60)
    assert one.tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.slow
def test_a_pool_works_on_shared_memory() -> None:
    tensors = [torch.ones(2) * i for i in range(4)]
    with mp.get_context("fork").Pool(2) as pool:
        results = pool.map(double, tensors)
    assert [r.tolist() for r in results] == [[0, 0], [2, 2], [4, 4], [6, 6]]
    assert [t.tolist() for t in tensors] == [[0, 0], [2, 2], [4, 4], [6, 6]]


@pytest.mark.slow
def test_nothing_is_left() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    t = torch.zeros(1000).share_memory_()
    context = mp.get_context("fork")
    process = context.Process(target=leave, args=(0,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    del t, process
    assert descriptors() == before


def test_a_parameter_is_sent_as_one() -> None:
    p = torch.nn.Parameter(torch.ones(2))
    p.share_memory_()
    assert p.is_leaf
    assert p.requires_grad
    y = p * 2
    y.sum().backward()
    assert p.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor which requires_grad"):
        ForkingPickler.dumps(y)


def test_objects_that_cannot_be_asked_are_no_views() -> None:
    class Stranger:
        @property
        def __class__(self) -> Any:  # type: ignore[override]
            raise ReferenceError

    stranger = [Stranger()]
    t = torch.zeros(3)
    view = t[1:]
    t.share_memory_()
    t.fill_(2)
    assert view.tolist() == [2, 2]
    assert len(stranger) == 1


def test_a_plain_pickle_copies() -> None:
    t = torch.arange(6.0).view(2, 3).requires_grad_()
    back = pickle.loads(pickle.dumps(t.t()))
    assert back.tolist() == t.t().tolist()
    assert back.requires_grad
    with torch.no_grad():
        back.zero_()
    assert t.sum() == 15
    assert copy.copy(t).data_ptr() == t.data_ptr()


@pytest.mark.slow
def test_the_first_that_fails_ends_the_others() -> None:
    begun = time.monotonic()
    with pytest.raises(mp.ProcessRaisedException, match=r"(?s)-- Process 1 terminated.*ValueError: one") as caught:
        mp.start_processes(fail, nprocs=2, start_method="fork")
    assert caught.value.error_index == 1
    assert time.monotonic() - begun < 50
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with signal SIGKILL"):
        mp.start_processes(leave, start_method="fork")
