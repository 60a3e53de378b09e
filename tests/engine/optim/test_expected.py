"""Numbers, states, texts and warnings of the optimizers and schedulers are PyTorch's, as ``programs.py`` wrote them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import gradviz.engine as torch
from tests.engine.optim import programs

CASES = programs.cases()
PYTORCHS = json.loads(programs.EXPECTED.read_text(encoding="utf-8"))


def near(ours: Any, theirs: Any, tolerance: float) -> bool:
    """Equal, but for the last digits of numbers with a point."""
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(near(a, b, tolerance) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(near(ours[key], theirs[key], tolerance) for key in theirs)
    if isinstance(theirs, float):
        return bool(ours == pytest.approx(theirs, rel=tolerance, abs=tolerance / 10, nan_ok=True))
    return bool(ours == theirs)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    ours = json.loads(json.dumps(CASES[name](torch)))
    theirs = PYTORCHS[name]
    if not near(ours, theirs, 5e-6 if "float32" in name else 1e-11):
        assert ours == theirs


@pytest.mark.slow
def test_expectations_are_pytorchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, programs.__file__], capture_output=True, text=True, check=True)
    now = json.loads(done.stdout)
    assert list(now) == list(PYTORCHS)
    assert near(now, PYTORCHS, 1e-6)
