"""What to say about a name that is not here: whether PyTorch has it is read from its lists of names."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gradviz.engine.errors import UnsupportedError


@cache
def names(owner: str) -> frozenset[str]:
    """The public names of PyTorch 2.13's ``owner``: torch, torch.Tensor or torch.autograd."""
    text = (Path(__file__).parent / "torch_names.txt").read_text(encoding="utf-8")
    part = text.partition(f"# {owner}\n")[2].partition("#")[0]
    return frozenset(part.split())


def error(owner: str, name: str) -> AttributeError:
    """The exception for ``owner.name``."""
    if not name.startswith("_") and name in names(owner):
        return UnsupportedError(f"gradviz.engine has no {owner}.{name}; run with --engine torch")
    if owner == "torch.Tensor":
        return AttributeError(f"'Tensor' object has no attribute '{name}'")
    return AttributeError(f"module '{owner}' has no attribute '{name}'")
