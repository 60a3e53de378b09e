"""The options that record a part of a run, from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Gradviz = Callable[..., "subprocess.CompletedProcess[str]"]

LOOP = """\
import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
for i in range(6):
    (w * w).sum().backward()
(w * 2)[0] = 1.0
v = w * 1.0
u = (v * v).sum()
v[0] = 1000.0
try:
    u.backward()
except RuntimeError as error:
    print("caught")
(w * w).sum().backward()
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


@pytest.mark.parametrize(("flags", "calls"), [
    (["--steps", "0:2"], 2), (["--every", "4"], 2), (["--steps", "5:", "--every", "3"], 5), (["--until", "error"], 7)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_a_part_is_recorded_and_the_script_is_whole(here: Path, gradviz: Gradviz, flags: list[str],
                                                    calls: int) -> None:
    done = gradviz("run", "--no-view", "-q", "-o", "t.gvt", *flags, "loop.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "caught\n", "")
    told = json.loads(gradviz("info", "--json", "t.gvt").stdout)
    assert (told["state"], told["backward_calls"]) == ("complete", calls)


def test_check_records_a_part_too(here: Path, gradviz: Gradviz) -> None:
    assert "1 finding in" in gradviz("check", "--until", "error", "loop.py").stdout
    assert "0 findings in" in gradviz("check", "--steps", "0:2", "loop.py").stdout


def test_ranges_that_are_none_are_refused(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("run", "--steps", "3:x", "loop.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == ("[gradviz] Invalid value for --steps: '3:x' is no iteration and no range of "
                                           "them: as in 0:3,900:.")


def test_a_budget_is_a_size(here: Path, gradviz: Gradviz) -> None:
    (here / "long.py").write_text(LOOP.replace("range(6)", "range(4000)"))
    assert gradviz("run", "-q", "--no-view", "-o", "t.gvt", "--max-bytes", "256k", "long.py").stdout == "caught\n"
    assert (here / "t.gvt").stat().st_size < 265_000
    assert "1 gap" in " ".join(gradviz("info", "t.gvt").stdout.split()).replace("gap 1", "1 gap")
    for size in ("5", "lots", "", "-3", "3X"):
        assert gradviz("run", "--max-bytes", size, "long.py").returncode == 2
