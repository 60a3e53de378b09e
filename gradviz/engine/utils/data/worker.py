"""A worker: the process that fetches batches for a loader, and how tensors and exceptions come out of it.

A worker and the loader's process share one pipe. In the worker a thread reads tasks and another sends batches, so that
neither process ever waits for the other to read, and the loader's needs no thread. Nobody else holds an end of the
pipe: each notices at once when the other is gone.
"""

from __future__ import annotations

import io
import pickle
import random
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple

import gradviz.engine as torch
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import xp


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a data set may know of the worker that it is in."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker, its number and that of all of them, its seed and its copy of the data set; else None."""
    return _info


# --- what goes through the pipe --------------------------------------------------------------------------------------
class Task(NamedTuple):
    """Fetch the batch ``number`` of these samples."""

    number: int
    index: Any


class Batch(NamedTuple):
    number: int
    data: Any


class Ended(NamedTuple):
    """A worker's iterable data set has no more."""

    number: int


class Resume(NamedTuple):
    """Start again from the first sample."""


class _KeyText(str):
    """A text that is itself as an argument of KeyError, line breaks and all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self


class Failure(NamedTuple):
    """An exception that is to be raised in the loader's process."""

    type: type[BaseException]
    text: str
    where: str

    @classmethod
    def now(cls, where: str) -> Failure:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        return cls(kind, "".join(traceback.format_exception(kind, error, trace)), where)

    def again(self) -> BaseException:
        """The exception, with the worker's traceback in its text."""
        text = f"Caught {self.type.__name__} {self.where}.\nOriginal {self.text}"
        try:
            return self.type(_KeyText(text) if self.type is KeyError else text)
        except Exception:  # it wants other arguments
            return RuntimeError(text)


class _Pickler(pickle.Pickler):
    """Tensors go as copies of their elements, so that a worker may end as soon as it has sent its last."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.requires_grad and not value.is_leaf:
            raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
                               "does not support crossing process boundaries.  If you just want to transfer the data, "
                               "call detach() on the tensor before serializing (e.g., putting it on the queue).")
        return NotImplemented


def _packed(message: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(message)
    return file.getvalue()


# --- fetching --------------------------------------------------------------------------------------------------------
class Fetcher:
    """Samples by their numbers."""

    def __init__(self, dataset: Any, batched: bool, collate: Callable[[Any], Any], drop_last: bool) -> None:
        self.dataset, self.batched, self.collate, self.drop_last = dataset, batched, collate, drop_last

    def fetch(self, index: Any) -> Any:
        if not self.batched:
            return self.collate(self.dataset[index])
        if getattr(self.dataset, "__getitems__", None):
            return self.collate(self.dataset.__getitems__(index))
        return self.collate([self.dataset[i] for i in index])


class IterableFetcher(Fetcher):
    """Samples as they come; StopIteration when there are no more."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.samples = iter(self.dataset)
        self.ended = False

    def fetch(self, index: Any) -> Any:
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate(next(self.samples))
        data = []
        for _ in index:
            try:
                data.append(next(self.samples))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(index)):
            raise StopIteration
        return self.collate(data)


# --- the process -----------------------------------------------------------------------------------------------------
class Work(NamedTuple):
    """What all workers of a loader are told."""

    fetcher: Callable[[], Fetcher]
    dataset: Any
    base_seed: int
    init: Callable[[int], Any] | None
    workers: int


def run(work: Work, me: int, pipe: Connection, inherited: Iterable[Connection]) -> None:
    """A worker's life: fetch what is asked for until told to stop, or until nobody is there to ask."""
    for other in inherited:  # of a forked worker, which holds the loader's ends too
        other.close()
    tasks: SimpleQueue[Any] = SimpleQueue()
    batches: SimpleQueue[bytes | None] = SimpleQueue()
    done = threading.Event()
    threading.Thread(target=_read, args=(pipe, tasks, done), daemon=True).start()
    sender = threading.Thread(target=_send, args=(pipe, batches), daemon=True)
    sender.start()
    with suppress(KeyboardInterrupt):
        _seed(work, me)
        _work(work, me, tasks, batches, done)
    batches.put(None)
    sender.join()


def _read(pipe: Connection, tasks: SimpleQueue[Any], done: threading.Event) -> None:
    task = None
    with suppress(EOFError, OSError):
        while (task := pipe.recv()) is not None:
            tasks.put(task)
    done.set()
    tasks.put(None)


def _send(pipe: Connection, batches: SimpleQueue[bytes | None]) -> None:
    with suppress(OSError):
        while (data := batches.get()) is not None:
            pipe.send_bytes(data)


def _seed(work: Work, me: int) -> None:
    """Random numbers of its own for each worker, the same whenever the loader's seed is."""
    global _info
    seed = work.base_seed + me
    random.seed(seed)
    torch.manual_seed(seed)
    parts = [me, work.base_seed & 0xFFFFFFFF, work.base_seed >> 32, 0]
    xp.random.seed(xp.random.SeedSequence(parts).generate_state(4))
    _info = WorkerInfo(me, work.workers, seed, work.dataset)


def _work(work: Work, me: int, tasks: SimpleQueue[Any], batches: SimpleQueue[bytes | None],
          done: threading.Event) -> None:
    where = f"in DataLoader worker process {me}"
    failure, fetcher = None, None
    try:
        if work.init is not None:
            work.init(me)
        fetcher = work.fetcher()
    except Exception:
        failure = Failure.now(where)
    ended = False
    while (task := tasks.get()) is not None and not done.is_set():
        if isinstance(task, Resume):
            batches.put(_packed(task))
            fetcher, ended = None if failure else work.fetcher(), False
            continue
        if ended:
            continue
        data: Any = failure
        if fetcher is not None:
            try:
                data = fetcher.fetch(task.index)
            except Exception as error:
                ended = isinstance(error, StopIteration) and isinstance(fetcher, IterableFetcher)
                data = Ended(task.number) if ended else Failure.now(where)
        try:
            packed = _packed(Batch(task.number, data))
        except Exception:
            packed = _packed(Batch(task.number, Failure.now(where)))
        batches.put(packed)
        del data
