"""What tutorials teach and people post runs unchanged: it prints what PyTorch prints, leaves a whole trace and a
picture, and, since nothing is wrong with it, gets no finding.

Parameters and data are filled by formulas, so that nothing depends on a stream of random numbers. ``stdout/`` holds
what PyTorch printed; where it is installed, it is asked again.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "scripts").glob("*.py"))

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def printed(script: Path) -> str:
    return (HERE / "stdout" / f"{script.stem}.txt").read_text()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@every_script
def test_prints_on_pytorch(run: Run, script: Path) -> None:
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed(script)


@pytest.mark.slow
@every_script
def test_runs_recorded(gradviz: Run, tmp_path: Path, script: Path) -> None:
    trace = tmp_path / "tutorial.gvt"
    done = gradviz("run", "--engine", "gradviz", "-q", "--no-view", "-o", trace, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed(script)

    assert json.loads(gradviz("info", "--json", trace).stdout)["state"] == "complete"
    findings = json.loads(gradviz("check", "--json", trace).stdout)["findings"]
    assert [f for f in findings if f["severity"] != "info"] == []
    drawn = gradviz("export", trace, "-o", tmp_path / "tutorial.svg")
    assert drawn.returncode == 0, drawn.stderr
