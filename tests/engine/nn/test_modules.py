"""Modules, their state, hooks, texts, gradients and errors are PyTorch's, as captured by ``capture.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gradviz.engine as engine
from gradviz.recorder import Recorder
from gradviz.replay import Replay
from tests.engine.capture import FOLDER, run, snippets
from tests.engine.standin import played

FILE = "nn/modules.txt"
EXPECTED = json.loads((FOLDER / "nn" / "modules.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("source", "expected"), list(zip(snippets(FILE), EXPECTED, strict=True)),
                         ids=range(len(EXPECTED)))
def test_snippet(source: str, expected: str) -> None:
    with played():
        assert run(source, engine) == expected, source


def test_a_recorder_changes_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "modules.gvt", quiet=True)
    with played():
        recorder.start()
        got = [run(source, engine) for source in snippets(FILE)]
        recorder.stop()
    assert not recorder.failure
    assert got == EXPECTED
    replay = Replay.open(tmp_path / "modules.gvt")
    assert replay.n == recorder.events
    entered = [event.entered for seq in replay.events("scope") if (event := replay.event(seq))]
    assert entered.count(True) == entered.count(False) > 200


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, str(FOLDER / "capture.py"), FILE], capture_output=True, text=True,
                          check=True)
    assert json.loads(done.stdout) == EXPECTED


def test_methods_that_only_torchs_modules_have() -> None:
    layer = engine.nn.Linear(1, 1)
    assert not hasattr(layer, "compile")
    with pytest.raises(engine.UnsupportedError, match=r"gradviz.engine has no torch.nn.Module.compile"):
        layer.compile()
