"""Random programs of ops, views and in-place writes against twins: NumPy with differences, PyTorch if it is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradviz.engine as engine
from tests.engine.programs import NUMPY, differentiate, inputs, numeric_gradients, program, run

DRAWS = st.lists(st.integers(0, 59), min_size=4, max_size=60)
QUICK = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def outcome(torch: Any, lines: list[str]) -> Any:
    try:
        return differentiate(torch, lines)
    except RuntimeError as error:
        return str(error)


@QUICK
@given(DRAWS)
def test_against_numpy(draws: list[int]) -> None:
    lines = program(draws)
    found = outcome(engine, lines)
    if isinstance(found, str):
        assert "modified by an inplace operation" in found, "\n".join(lines)
        return
    value, dx, dy = found
    expected = run(lines, NUMPY, *inputs())["result"]
    if not abs(expected) < 1e6:
        return
    assert value == pytest.approx(expected, rel=1e-9)
    for grad, numeric in zip((dx, dy), numeric_gradients(lines), strict=True):
        got = np.zeros((3, 3)) if grad is None else grad.numpy()
        scale = 1e-4 * max(1.0, np.abs(numeric).max())
        np.testing.assert_allclose(got, numeric, atol=scale, err_msg="\n".join(lines))


@QUICK
@given(DRAWS)
def test_against_torch(draws: list[int]) -> None:
    torch = pytest.importorskip("torch")
    lines = program(draws)
    theirs, ours = outcome(torch, lines), outcome(engine, lines)
    if isinstance(theirs, str):
        if "single memory location" not in theirs:
            assert ours == theirs, "\n".join(lines)
        return
    assert not isinstance(ours, str), ours + "\n" + "\n".join(lines)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-9, nan_ok=True)
    for mine, grad in zip(ours[1:], theirs[1:], strict=True):
        assert (mine is None) == (grad is None)
        if grad is not None:
            np.testing.assert_allclose(mine.numpy(), grad.numpy(), rtol=1e-7, atol=1e-9, err_msg="\n".join(lines))
