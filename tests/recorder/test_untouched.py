"""A recorded run is the run: the same numbers bit for bit, the same lifetimes, no growth."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import gradviz.engine as torch
from gradviz.recorder import Recorder
from tests.programs import Program, begin, programs, run_line


def outcome(program: Program) -> list[tuple[bytes, bytes | None, int, bool]]:
    """Every bit that a program leaves behind."""
    held = begin()
    for op, i, j in program:
        run_line(op, held, i, j)
    return [(tensor._array.tobytes(), None if tensor._grad is None else tensor._grad._array.tobytes(),
             tensor._version, tensor.requires_grad) for tensor in held]


@pytest.mark.parametrize("values", ["auto", "none", "stats", "full"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs)
def test_numbers_are_the_same_bit_for_bit(tmp_path: Path, values: str, program: Program) -> None:
    bare = outcome(program)
    recorder = Recorder(tmp_path / "run.gvt", values, force=True)
    recorder.start()
    try:
        recorded = outcome(program)
    finally:
        recorder.stop()
    assert recorder.failure == ""
    assert recorded == bare


def watched(make: Callable[[], Any], path: Path) -> weakref.ref[Any]:
    recorder = Recorder(path, "full", force=True)
    recorder.start()
    try:
        tensor = make()
        watch = weakref.ref(tensor)
        del tensor
        assert watch() is None, "recording keeps it alive"
    finally:
        recorder.stop()
    return watch


def intermediate() -> Any:
    w = torch.ones(3, requires_grad=True)
    h = w * 2
    h.register_hook(lambda grad: None)
    h.sum().backward()
    return h


@pytest.mark.parametrize("make", [lambda: torch.ones(3), lambda: torch.ones(3, requires_grad=True) * 2,
                                  lambda: (torch.ones(3, requires_grad=True) * 2).exp().detach(), intermediate])
def test_nothing_recorded_keeps_a_tensor_alive(tmp_path: Path, make: Callable[[], Any]) -> None:
    gc.disable()  # what goes must go by its reference count alone, as it does without us
    try:
        watched(make, tmp_path / "run.gvt")
    finally:
        gc.enable()


@pytest.mark.slow
def test_ten_thousand_iterations_do_not_grow(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run.gvt")
    recorder.start()
    try:
        w = torch.ones(4, requires_grad=True)

        def iterate(times: int) -> None:
            for _ in range(times):
                (w * w).exp().sum().backward()
                with torch.no_grad():
                    w.sub_(0.0 * w.grad)
                w.grad = None

        iterate(500)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.take_snapshot()
        iterate(10_000)
        gc.collect()
        grown = sum(line.size_diff for line in tracemalloc.take_snapshot().compare_to(before, "filename"))
        tracemalloc.stop()
    finally:
        recorder.stop()
    assert grown < 4_000_000, f"{grown:,} bytes"
