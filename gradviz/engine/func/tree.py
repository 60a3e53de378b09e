"""Lists, tuples and dictionaries of each other, with anything else at their ends."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Part = tuple[list[Any], Callable[[list[Any]], Any]]


def parts(value: Any) -> Part | None:
    """What a container holds, and what makes one like it of other things; None for anything else."""
    cls: Any = type(value)
    if isinstance(value, tuple) and hasattr(cls, "_fields"):
        return list(value), lambda held: cls(*held)
    if cls in (list, tuple, deque):
        return list(value), cls
    if cls in (dict, OrderedDict):
        return list(value.values()), lambda held: cls(zip(value, held, strict=True))
    if cls is defaultdict:
        return list(value.values()), lambda held: cls(value.default_factory, zip(value, held, strict=True))
    return None


def leaves(value: Any) -> Iterator[Any]:
    """Everything at the ends, in order."""
    found = parts(value)
    if found is None:
        yield value
    else:
        for part in found[0]:
            yield from leaves(part)


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same tree with ``function`` of what is at its ends."""
    found = parts(value)
    return function(value) if found is None else found[1]([mapped(function, part) for part in found[0]])


def rebuilt(value: Any, ends: Iterable[Any]) -> Any:
    """The same tree with other ends."""
    left = iter(ends)
    return mapped(lambda _: next(left), value)


def spread(given: Any, value: Any) -> list[Any] | None:
    """For every end of ``value`` what ``given`` says, of which an end stands for all below; None if they differ."""
    own, theirs = parts(given), parts(value)
    if own is None:
        return [given] * len(list(leaves(value)))
    if theirs is None or type(given) is not type(value) or len(own[0]) != len(theirs[0]) or (
            isinstance(given, dict) and list(given) != list(value)):
        return None
    below = [spread(a, b) for a, b in zip(own[0], theirs[0], strict=True)]
    return None if any(b is None for b in below) else [end for b in below for end in b or ()]


class _End:
    def __repr__(self) -> str:
        return "*"


def sketch(value: Any) -> str:
    """The tree with a star at each end."""
    return repr(mapped(lambda _: _End(), value))


def text(value: Any, depth: int = 0) -> str:
    """The tree's shape as PyTorch writes it."""
    found = parts(value)
    if found is None:
        return "*"
    inner = (",\n" + "  " * (depth + 1)).join(text(part, depth + 1) for part in found[0])
    return f"TreeSpec({type(value).__name__}, {list(value) if isinstance(value, dict) else None}, [{inner}])"
