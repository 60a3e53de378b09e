"""Every sample runs unchanged on real PyTorch and under the recorder, says the same and leaves a whole trace.

``stdout/`` holds what PyTorch printed, so that the comparison needs no PyTorch; where there is one, it is asked again.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.py"))
RAISE = {
    "inplace_saved": "one of the variables needed for gradient computation has been modified by an inplace operation",
    "inplace_leaf": "a leaf Variable that requires grad is being used in an in-place operation.",
}
"""The samples whose point is the error that ends them."""

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)


def check_said(sample: Path, done: subprocess.CompletedProcess[str]) -> None:
    """What PyTorch prints, its exit code, and its error on the last line of the traceback."""
    assert done.stdout == (HERE / "stdout" / f"{sample.stem}.txt").read_text()
    assert done.returncode == (sample.stem in RAISE), done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("RuntimeError: ")]
    assert len(errors) == (sample.stem in RAISE)
    assert RAISE.get(sample.stem, "") in "".join(errors)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@every_sample
def test_runs_on_pytorch(run: Run, sample: Path) -> None:
    check_said(sample, run(sample))


@every_sample
def test_runs_recorded(gradviz: Run, tmp_path: Path, sample: Path) -> None:
    trace = tmp_path / "sample.gvt"
    check_said(sample, gradviz("run", "--engine", "gradviz", "--no-view", "-o", trace, sample))

    told = gradviz("info", "--json", trace)
    assert told.returncode == 0, told.stderr
    info = json.loads(told.stdout)
    assert info["state"] == "complete"
    assert info["backward_calls"] >= (sample.stem != "inplace_leaf")
    assert bool(info["error"]) == (sample.stem in RAISE)


@every_sample
def test_says_what_to_look_at(sample: Path) -> None:
    text = sample.read_text()
    assert text.startswith("# ")
    assert " Look at " in text.partition("\nimport torch\n")[0]
    assert len(text.splitlines()) <= 70
    ast.parse(text)
