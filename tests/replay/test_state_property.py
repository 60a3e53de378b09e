"""The replay's state at event k is what the engine said at event k, for random programs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings

import gradviz.engine as torch
from gradviz import probe
from gradviz.events import KINDS
from gradviz.recorder import Recorder
from gradviz.replay import Replay, inspect
from tests.programs import Program, begin, programs, run_line


@dataclass(frozen=True)
class Said:
    """What the engine says of a tensor between two lines of a program."""

    version: int
    requires_grad: bool
    is_leaf: bool
    node: str
    content: bytes
    grad: bytes | None


class Counter:
    """Stands between engine and recorder and counts events, so that a moment of the program is an event number."""

    def __init__(self, recorder: Recorder) -> None:
        self.values, self.clock, self.events = recorder.values, recorder.clock, 0
        self._died, self._deaths = recorder.died, 0
        self.words, self.word, self.site, self.site_of = recorder.words, recorder.word, recorder.site, recorder.site_of
        for kind in (*KINDS, "brief"):
            setattr(self, kind, self._counting(getattr(recorder, kind)))

    def _counting(self, method: Any) -> Any:
        def counting(*fields: Any) -> None:
            if self._deaths:  # they are told first, in one event
                self.events, self._deaths = self.events + 1, 0
            method(*fields)
            self.events += 1

        return counting

    def died(self, ref: Any) -> None:
        self._died(ref)
        self._deaths += 1


def said_by(tensor: Any) -> Said:
    grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
    return Said(tensor._version, tensor.requires_grad, tensor.is_leaf,
                type(tensor.grad_fn).__name__ if tensor.grad_fn is not None else "", tensor._array.tobytes(),
                None if grad is None else grad._array.tobytes())


def said_by_replay(replay: Replay, tid: int, seq: int) -> Said:
    view = inspect.tensor(replay, tid, seq)
    assert view.value.array is not None, (tid, seq, view.value.reason)
    return Said(view.facts.version, view.facts.requires_grad, view.facts.is_leaf, view.grad_fn,
                view.value.array.tobytes(), None if view.grad.array is None else view.grad.array.tobytes())


@settings(max_examples=60, deadline=None)
@given(programs)
def test_state_at_k_is_what_the_engine_said(program: Program) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "run.gvt")
        recorder = Recorder(path)
        recorder.start()
        counter: Any = Counter(recorder)
        probe.sink = counter
        moments: list[tuple[int, dict[int, Said]]] = []
        try:
            held = begin()
            for op, i, j in program:
                run_line(op, held, i, j)
                with torch.no_grad():
                    known = {abs(t._tid): said_by(t) for t in held if t._tid}
                moments.append((counter.events - 1, known))
        finally:
            probe.sink = recorder
            recorder.stop()
        replay = Replay.open(path)
        assert replay.state == "complete"
        for seq, known in moments:
            for tid, said in known.items():
                assert said_by_replay(replay, tid, seq) == said, (tid, seq, program)
