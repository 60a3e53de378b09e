"""Named results: tuples whose parts have names, printed as PyTorch prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def returned(name: str, *fields: str) -> Any:
    """The type of what ``name`` gives back, ``torch.return_types.max`` for example."""
    base = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        parts = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self, strict=True))
        return f"torch.return_types.{name}(\n{parts})"

    return type(name, (base,), {"__repr__": __repr__, "__slots__": (), "__module__": "torch.return_types"})
