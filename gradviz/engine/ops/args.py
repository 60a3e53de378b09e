"""Reading arguments: dimensions, sizes, and the short text of parameters for a recording."""

from __future__ import annotations

from operator import index
from typing import Any

from gradviz import probe
from gradviz.engine.errors import size_text
from gradviz.engine.tensor import Tensor


def integer(value: Any) -> int:
    """An index or size; tensors of one integer count."""
    if isinstance(value, Tensor):
        return int(value._array)
    return index(value)


def dimension(dim: Any, ndim: int) -> int:
    """A dimension counted from the front; a 0-d tensor counts as having one."""
    limit = ndim or 1
    d = dim if dim.__class__ is int else integer(dim)
    if not -limit <= d < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {d})")
    return d + limit if d < 0 else d


def dimensions(dim: Any, ndim: int) -> tuple[int, ...]:
    """Several dimensions, none twice; None and () mean all."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, tuple | list):
        return (dimension(dim, ndim),)
    dims = tuple(dimension(d, ndim) for d in dim)
    if len(set(dims)) != len(dims):
        twice = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return dims or tuple(range(ndim))


def sizes(args: tuple[Any, ...]) -> tuple[int, ...]:
    """``f(2, 3)``, ``f((2, 3))`` and ``f(torch.Size([2, 3]))`` alike."""
    if len(args) == 1 and isinstance(args[0], tuple | list):
        args = tuple(args[0])
    return tuple([integer(n) for n in args])


def positive(shape: tuple[int, ...]) -> None:
    """Refuse the sizes of a new tensor that are negative."""
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {size_text(shape)}")


def inferred(shape: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """A shape with its -1 filled in."""
    known = 1
    missing = None
    for i, n in enumerate(shape):
        if n == -1:
            if missing is not None:
                raise RuntimeError("only one dimension can be inferred")
            missing = i
        elif n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {size_text(shape)}")
        else:
            known *= n
    if missing is None:
        if known != numel:
            raise RuntimeError(f"shape '{size_text(shape)}' is invalid for input of size {numel}")
        return shape
    if known == 0 and not numel:
        raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {size_text(shape)} because the unspecified "
                           "dimension size -1 can be any value and is ambiguous")
    if not known or numel % known:
        raise RuntimeError(f"shape '{size_text(shape)}' is invalid for input of size {numel}")
    return (*shape[:missing], numel // known, *shape[missing + 1:])


def words(**options: Any) -> str:
    """Parameters as text, without those left out: ``dim=1, keepdim=True``. Empty while nobody listens."""
    if probe.sink is None:
        return ""
    return ", ".join(f"{key}={value}" for key, value in options.items() if value is not None and value is not False)
