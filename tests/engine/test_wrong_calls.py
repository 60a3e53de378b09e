"""Wrong calls fail as they do in PyTorch: the same exception with the same text.

What it says of each line of ``wrong_calls.txt`` stands in ``wrong_calls.json``. With PyTorch it is written anew by
``python test_wrong_calls.py > wrong_calls.json``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

FOLDER = Path(__file__).parent
SOURCES = (FOLDER / "wrong_calls.txt").read_text(encoding="utf-8").splitlines()
SAID: list[str] = json.loads((FOLDER / "wrong_calls.json").read_text(encoding="utf-8"))


def said(source: str, torch: Any) -> str:
    """The exception that a line leads to, ``Type: text``."""
    torch.manual_seed(0)
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "I": torch.tensor, "x": torch.ones(2, 3),
             "r": torch.ones(2, 3, requires_grad=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(source, names)
        except Exception as error:
            return re.sub("0x[0-9a-f]+", "0xADDR", f"{type(error).__name__}: {error}")
    return "nothing"


@pytest.mark.parametrize(("source", "expected"), list(zip(SOURCES, SAID, strict=True)), ids=SOURCES)
def test_wrong_call(source: str, expected: str) -> None:
    import gradviz.engine as torch

    assert said(source, torch) == expected


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    assert [said(source, torch) for source in SOURCES] == SAID


@pytest.mark.slow
def test_signatures_are_torchs() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, str(FOLDER / "harvest.py")], capture_output=True, text=True, check=True)
    import gradviz.engine.ops.signatures as signatures

    assert done.stdout == Path(signatures.__file__).with_suffix(".txt").read_text(encoding="utf-8")


BAD = ("'a'", "None", "[1.5]", "1.5", "x", "torch.tensor(1)", "1j", "('a', 2)", "torch.int64")

BY_HAND = {"cuda", "is_pinned", "lu", "new", "new_tensor", "norm", "pin_memory", "split"}
"""Methods of which PyTorch reads the data or the device by other means than a parser, or in Python first."""


def mangled() -> Iterator[str]:
    """Calls of all functions and methods with nothing, a word too many, and what fits nowhere."""
    import gradviz.engine as torch
    from gradviz.engine.ops.signatures import signatures, tables

    for name in tables()[0]:
        if hasattr(torch, name):
            yield from (f"torch.{name}({given})" for given in ("", "foo=1", "'a'", *(f"x, {bad}" for bad in BAD)))
    for name, method in vars(torch.Tensor).items():
        if isinstance(method, FunctionType) and name not in BY_HAND and signatures(*tables(), name, True):
            yield from (f"x.{name}({given})" for given in BAD)


@pytest.mark.slow
def test_mangled_calls() -> None:
    """Where PyTorch's parsers refuse a call, so do ours, in their words."""
    real = pytest.importorskip("torch")
    import gradviz.engine as torch

    words = re.compile(r"received an invalid combination|must be .*, not |missing \d+ required positional arguments: ")
    differ = [source for source in mangled()
              if words.search(wanted := said(source, real)) and said(source, torch) not in (wanted, "nothing")]
    assert differ == []


def test_a_number_in_a_tensor_is_a_number() -> None:
    """PyTorch's parsers take tensors without dimensions for numbers."""
    import gradviz.engine as torch

    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert torch.roll(x, torch.tensor(1), 0).tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert torch.nn.functional.hardshrink(x, torch.tensor(2)).tolist() == [[0.0, 0.0], [3.0, 4.0]]


def test_what_the_script_raises_stays() -> None:
    """An exception of a hook passes through, with its cause."""
    import gradviz.engine as torch

    def hook(gradient: Any) -> None:
        raise KeyError("mine") from ValueError("why")

    x = torch.ones(2, requires_grad=True)
    x.register_hook(hook)
    with pytest.raises(KeyError, match="mine") as caught:
        (x * 2).sum().backward()
    assert isinstance(caught.value.__cause__, ValueError)


def test_signatures_are_read_when_a_call_fails() -> None:
    code = ("import gradviz.engine as torch; from gradviz.engine.ops.signatures import tables; torch.ones(2).sum(0);"
            "print(tables.cache_info().currsize)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


if __name__ == "__main__":
    print(json.dumps([said(source, import_module("torch")) for source in SOURCES], indent=0))
