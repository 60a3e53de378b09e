"""Types: promotion, conversions, refusals, and halves bit for bit, as captured from PyTorch by ``capture.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gradviz.engine as torch
from gradviz.recorder import Recorder
from gradviz.replay import values
from gradviz.replay.replay import Replay
from tests.engine.capture import FOLDER, run, snippets
from tests.engine.standin import played

FILES = ("dtypes", "autocast")
EXPECTED = {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in FILES}
PROGRAMS = [(f"{name} {i}", *both) for name in FILES
            for i, both in enumerate(zip(snippets(f"{name}.txt"), EXPECTED[name], strict=True))]


@pytest.mark.parametrize(("source", "expected"), [program[1:] for program in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_snippet(source: str, expected: str) -> None:
    with played():
        assert run(source, torch).splitlines() == expected.splitlines(), source


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_expectations_are_torchs(name: str) -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, str(FOLDER / "capture.py"), f"{name}.txt"], capture_output=True, text=True,
                          check=True)
    assert json.loads(done.stdout) == EXPECTED[name]


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "complex32", "chalf", "uint1", "int4", "quint8"])
def test_types_that_only_torch_has(name: str) -> None:
    with pytest.raises(torch.UnsupportedError, match=f"gradviz.engine has no torch.{name}"):
        getattr(torch, name)


def test_bfloat16_is_loaded_when_it_is_used() -> None:
    script = """
import sys
import gradviz.engine as torch
x = torch.ones(2) * torch.bfloat16.itemsize
assert "ml_dtypes" not in sys.modules
x.bfloat16()
assert "ml_dtypes" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("policy", ["auto", "full", "stats"])
def test_what_is_recorded_of_rare_types(tmp_path: Path, policy: str) -> None:
    """1/3 in bfloat16 is 171/512; a sum of 256 such squares that is taken in it would end far below."""
    recorder = Recorder(tmp_path / "t.gvt", values=policy)
    recorder.start()
    x = torch.full((2,), 1 / 3, dtype=torch.bfloat16, requires_grad=True)
    (torch.full((256,), 1 / 3, dtype=torch.bfloat16) * 1).sum()
    torch.tensor([1, 65535], dtype=torch.uint16).clone()
    (x * 3).sum().backward()
    recorder.stop()
    replay = Replay.open(tmp_path / "t.gvt")
    events = [replay.event(seq) for seq in range(replay.n) if replay.kind(seq) in ("op", "step")]
    made = [fact for event in events if event.kind == "op" for fact in event.outputs]
    assert [fact.dtype for fact in made] == ["bfloat16"] * 4 + ["uint16"] * 2 + ["bfloat16"] * 2
    third, many, whole = made[0], made[1], made[4]
    if policy != "stats":
        content = values.array(replay.value(third.value), (2,), "bfloat16")
        assert content is not None
        assert content.tolist() == [171 / 512] * 2
        content = values.array(replay.value(whole.value), (2,), "uint16")
        assert content is not None
        assert content.tolist() == [1, 65535]
    assert values.norm(replay.value(many.value), (256,), "bfloat16") == 16 * 171 / 512
    assert {gradient.dtype for event in events if event.kind == "step" for gradient in event.grads_in} == {"bfloat16"}
