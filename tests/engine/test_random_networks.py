"""Random programs run alike here and in PyTorch: values, gradients, versions, nodes, hooks in order, error texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz.engine as engine
from tests.engine.networks import program, seen


def alike(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, float):
        return isinstance(ours, float) and bool(np.isclose(ours, theirs, rtol=1e-4, atol=1e-9, equal_nan=True))
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(alike, ours, theirs))
    return bool(ours == theirs)


@pytest.mark.parametrize("seed", range(300))
def test_program(seed: int) -> None:
    torch = pytest.importorskip("torch")
    lines = program(seed)
    for ours, theirs in zip(seen(engine, lines), seen(torch, lines), strict=True):
        assert alike(ours, theirs), "\n".join([*lines, "", f"ours   {ours}", f"theirs {theirs}"])
