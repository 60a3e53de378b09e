"""Run the snippets and print what each printed, as JSON: ``python capture.py > snippets.json`` with PyTorch.

A snippet's result is what it prints, its error as ``Type : text``, and its warnings; addresses are hidden.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent


def snippets() -> list[str]:
    return (FOLDER / "snippets.txt").read_text(encoding="utf-8").rstrip("\n").split("\n###\n")


def run(source: str, torch: Any) -> str:
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        try:
            exec(compile(source, "<snippet>", "exec"), {"torch": torch, "np": np})
        except Exception as error:
            print(type(error).__name__, ":", error)
    text = re.sub(r"0x[0-9a-f]+", "0x", out.getvalue())
    return text + "".join(f"W:{str(w.message)[:80]}\n" for w in caught if "NumPy" not in str(w.message))


if __name__ == "__main__":
    import torch

    print(json.dumps([run(source, torch) for source in snippets()], indent=0))
