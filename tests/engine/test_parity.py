"""Values, printing, errors and warnings of short programs are PyTorch's, as captured by ``capture.py``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import gradviz.engine as engine
from tests.engine.capture import FOLDER, run, snippets
from tests.engine.standin import played

EXPECTED = json.loads((FOLDER / "snippets.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("source", "expected"), list(zip(snippets(), EXPECTED, strict=True)), ids=range(len(EXPECTED)))
def test_snippet(source: str, expected: str) -> None:
    with played():
        assert run(source, engine) == expected, source


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, str(FOLDER / "capture.py")], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == EXPECTED


def test_names_that_only_torch_has() -> None:
    with pytest.raises(engine.UnsupportedError, match=r"gradviz.engine has no torch.stft; run with --engine torch"):
        _ = engine.stft
    assert not hasattr(engine, "stft")
    assert not hasattr(engine.ones(1), "sparse_mask")


@pytest.mark.parametrize("spell", ["import warnings; warnings.simplefilter('error')", ""])
def test_nan_makes_no_warning(spell: str) -> None:
    """Division by zero is a value, whether the script turns warnings into errors or not."""
    script = """
import gradviz.engine as torch
x = torch.zeros(2, requires_grad=True)
y = x / 0 + (x - 1).log()
y.sqrt().sum().backward()
z = torch.zeros(2)
z /= 0
z.sqrt_()
print(x.grad, z, torch.zeros(2).std(), z.sum())
"""
    done = subprocess.run([sys.executable, "-c", spell + script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("tensor([nan, nan])")


@pytest.mark.slow
def test_a_million_ops() -> None:
    """Forward, backward and freeing need no recursion."""
    x = engine.ones(1, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y * 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_an_own_output_is_saved_without_a_cycle() -> None:
    import gc
    import weakref

    x = engine.ones(2, requires_grad=True)
    gc.disable()
    try:
        y = x.exp()
        ref = weakref.ref(y)
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_a_leaf_is_freed_without_the_collector() -> None:
    import gc
    import weakref

    x = engine.ones(2, requires_grad=True)
    ref = weakref.ref(x)
    gc.disable()
    try:
        (x * 2).sum().backward()
        del x
        assert ref() is None
    finally:
        gc.enable()


def test_a_scalar_of_a_tensor_that_requires_grad_is_warned_about_where_ops_record() -> None:
    script = """
import gradviz.engine as torch
x = torch.ones(1, requires_grad=True)
with torch.no_grad():
    float(x)
print("no grad")
try:
    float(x)
except UserWarning as warning:
    print(str(warning).split(" may ")[0])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "no grad\nConverting a tensor with requires_grad=True to a scalar\n"
