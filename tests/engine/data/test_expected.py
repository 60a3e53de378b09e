"""Batches, errors and warnings of data loading are PyTorch's, as ``programs.py`` wrote them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import gradviz.engine as torch
from tests.engine.data import programs

PYTORCHS = json.loads(programs.EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", programs.expressions())
def test_expression(source: str) -> None:
    assert json.loads(json.dumps(programs.told(source, torch, programs.names(torch)))) == PYTORCHS[source]


@pytest.mark.slow
def test_expectations_are_pytorchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, programs.__file__], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == PYTORCHS
