"""The loader's side of its workers: who does what next, and in which order batches come out."""

from __future__ import annotations

import multiprocessing
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from gradviz.engine.utils.data.dataloader import DataLoader, _BaseDataLoaderIter
from gradviz.engine.utils.data.worker import Batch, Ended, Failure, Resume, Task, Work, run

PATIENCE = 5.0
"""Seconds that a worker gets to end by itself."""


class _Worker:
    """A process, our end of its pipe, and whether it gets more tasks."""

    def __init__(self, context: Any, work: Work, number: int, others: list[_Worker]) -> None:
        self.pipe, theirs = context.Pipe()
        forked = context.get_start_method() == "fork"
        ours = [self.pipe, *(other.pipe for other in others)] if forked else []
        self.process = context.Process(target=run, args=(work, number, theirs, ours), daemon=True)
        self.process.start()
        theirs.close()
        self.working = True
        self.tasks = 0

    def send(self, message: Any) -> None:
        with suppress(OSError):  # one that has died is noticed when its answer is awaited
            self.pipe.send(message)


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Has workers fetch, each some batches ahead, and gives their batches in order."""

    _pool: list[_Worker]

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._pool = []
        super().__init__(loader)
        self._ahead: int = loader.prefetch_factor  # type: ignore[assignment]
        self._ordered, self._timeout, self._persistent = loader.in_order, loader.timeout, loader.persistent_workers
        if self._ahead <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        context: Any = loader.multiprocessing_context or multiprocessing.get_context()
        work = Work(self._fetcher, loader.dataset, self._base_seed, loader.worker_init_fn, self._workers)
        for i in range(self._workers):
            self._pool.append(_Worker(context, work, i, self._pool))
        self._start()

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Begin another pass with the same workers."""
        self._begin(loader)
        for worker in self._pool:
            worker.send(Resume())
        resumed = 0
        while resumed < len(self._pool):  # what they still send is of the pass before
            resumed += isinstance(self._receive(), Resume)
        self._start()

    def _start(self) -> None:
        self._sent = self._due = 0
        self._given: dict[int, _Worker] = {}
        self._arrived: dict[int, Any] = {}
        self._turn = deque(self._pool)
        for worker in self._pool:
            worker.working, worker.tasks = True, 0
        for _ in range(self._ahead * self._workers):
            self._give()

    def _give(self) -> None:
        """Give the next task to the worker whose turn it is."""
        working = sum(worker.working for worker in self._pool)
        if not working:
            return
        most = self._ahead * self._workers // working
        for _ in self._pool:
            worker = self._turn[0]
            self._turn.rotate(-1)
            if worker.working and (self._ordered or worker.tasks < most):
                break
        else:
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        worker.send(Task(self._sent, index))
        worker.tasks += 1
        self._given[self._sent] = worker
        self._sent += 1

    def _next_data(self) -> Any:
        while True:
            while self._due < self._sent and self._due not in self._given and self._due not in self._arrived:
                self._due += 1
            if self._due == self._sent:
                if not self._persistent:
                    self._shutdown()
                raise StopIteration
            if self._due in self._arrived:
                return self._delivered(self._arrived.pop(self._due))
            batch = self._receive()
            worker = self._given.pop(batch.number)
            worker.tasks -= 1
            if isinstance(batch.data, Ended):
                worker.working = False
                self._given = {n: w for n, w in self._given.items() if w is not worker}
                self._give()
            elif batch.number == self._due or not self._ordered:
                return self._delivered(batch.data)
            else:
                self._arrived[batch.number] = batch.data

    def _delivered(self, data: Any) -> Any:
        self._give()
        if isinstance(data, Failure):
            raise data.again()
        return data

    def _receive(self) -> Batch | Any:
        """The next message of any worker."""
        of: dict[Any, _Worker] = {worker.process.sentinel: worker for worker in self._pool}
        of |= {worker.pipe: worker for worker in self._pool}
        ready = wait(list(of), self._timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        for pipe in ready:
            if isinstance(pipe, Connection):
                with suppress(EOFError, OSError):  # it died within a message, or before any
                    return pipe.recv()
        pid = of[ready[0]].process.pid
        self._shutdown()
        raise RuntimeError(f"DataLoader worker (pid(s) {pid}) exited unexpectedly")

    def _shutdown(self) -> None:
        pool, self._pool = self._pool, []
        for worker in pool:
            worker.send(None)
            worker.pipe.close()
        for worker in pool:
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join(PATIENCE)

    def __del__(self) -> None:
        with suppress(Exception):  # while the interpreter ends, what it needs may be gone: daemons end with it
            self._shutdown()
