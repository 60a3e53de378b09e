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


class Missing:
    """Stands on a class for what PyTorch's has there and ours has not. A ``__getattr__`` would do, and would make every
    attribute of a tensor three times as slow."""

    def __init__(self, owner: str, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, cls: type) -> object:
        raise error(self.owner, self.name)


def mark(cls: type, owner: str) -> None:
    """Put one on a class for each name that is missing."""
    for name in names(owner).difference(dir(cls)):
        if not name.startswith("_"):
            setattr(cls, name, Missing(owner, name))


def error(owner: str, name: str) -> AttributeError:
    """The exception for ``owner.name``."""
    if not name.startswith("_") and name in names(owner):
        return UnsupportedError(f"gradviz.engine has no {owner}.{name}; run with --engine torch")
    if owner == "torch.Tensor":
        return AttributeError(f"'Tensor' object has no attribute '{name}'")
    return AttributeError(f"module '{owner}' has no attribute '{name}'")
