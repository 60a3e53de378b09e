"""``torch.func`` is PyTorch's: values, what is part of a graph, errors; as captured by ``capture.py func.txt``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gradviz.engine as engine
from gradviz.recorder import Recorder
from tests.engine.capture import FOLDER, run, snippets
from tests.engine.standin import played

FILE = "func.txt"
EXPECTED = json.loads((FOLDER / "func.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("source", "expected"), list(zip(snippets(FILE), EXPECTED, strict=True)),
                         ids=range(len(EXPECTED)))
def test_snippet(source: str, expected: str) -> None:
    with played():
        assert run(source, engine) == expected, source


def test_a_recorder_changes_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "func.gvt", quiet=True)
    with played():
        recorder.start()
        got = [run(source, engine) for source in snippets(FILE)]
        recorder.stop()
    assert not recorder.failure
    assert got == EXPECTED


def test_examples_may_decide_by_their_values() -> None:
    """PyTorch refuses this; here every example is a call of its own."""
    x = engine.tensor([1.0, -2.0])
    assert engine.func.vmap(lambda v: v if v > 0 else -v)(x).tolist() == [1.0, 2.0]
    with pytest.raises(engine.UnsupportedError, match=r"no torch.func.functionalize"):
        _ = engine.func.functionalize


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, str(FOLDER / "capture.py"), FILE], capture_output=True, text=True,
                          check=True)
    assert json.loads(done.stdout) == EXPECTED
