"""Run the snippets and print what each printed, as JSON: ``python capture.py > snippets.json`` with PyTorch.

A snippet's result is what it prints, its error as ``Type : text``, and its warnings; addresses are hidden. Another file
of snippets may be named: ``python capture.py nn/modules.txt > nn/modules.json``.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
THEIR_OWN = ("NumPy", "oneDNN", "nested tensors is in prototype")
"""Warnings about parts of PyTorch that the engine does not have."""


def snippets(name: str = "snippets.txt") -> list[str]:
    return (FOLDER / name).read_text(encoding="utf-8").rstrip("\n").split("\n###\n")


def wave(*shape: int) -> Any:
    """Numbers of both signs, all different."""
    return (np.sin(1.3 * (1 + np.arange(np.prod(shape, dtype=int)))) * 0.9).reshape(shape).astype(np.float32)


def filled(module: Any) -> Any:
    """A module whose parameters do not depend on random numbers."""
    for i, parameter in enumerate(module.parameters()):
        parameter.data.copy_(parameter.data.new_tensor(wave(*parameter.shape) * (1 + i / 7)))
    return module


def show(*tensors: Any) -> None:
    """Print to three digits, which do not depend on the order of a sum."""
    for t in tensors:
        print(None if t is None else (np.round(t.detach().numpy(), 3) + 0.0).tolist())


def run(source: str, torch: Any) -> str:
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        try:
            exec(compile(source, "<snippet>", "exec"), {
                "torch": torch, "np": np, "nn": torch.nn, "F": torch.nn.functional, "filled": filled, "show": show,
                "wave": lambda *size: torch.tensor(wave(*size))})
        except Exception as error:
            print(type(error).__name__, ":", error)
    text = re.sub(r"0x[0-9a-f]+", "0x", out.getvalue())
    return text + "".join(f"W:{str(w.message)[:80]}\n" for w in caught
                          if not any(word in str(w.message) for word in THEIR_OWN))


if __name__ == "__main__":
    import torch

    print(json.dumps([run(source, torch) for source in snippets(*sys.argv[1:])], indent=0))
