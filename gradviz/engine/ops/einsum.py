"""``einsum``: products and sums by the names of dimensions."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import binary, reduce, shape
from gradviz.engine.ops.linalg import FUNCTIONS as PRODUCTS
from gradviz.engine.xp import xp

LETTERS = ascii_uppercase + ascii_lowercase
"""What a number stands for in the form with lists."""


def einsum(equation: Any, *operands: Any) -> Any:
    """Products and sums by the names of dimensions."""
    if not isinstance(equation, str):
        equation, operands = _named(equation, operands)
    tensors = list(operands[0] if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands)
    if not tensors:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand "
                         "and its subscripts list")
    with observe.composite("einsum", tuple(tensors), repr(equation)) as event:
        return event(_contract(equation.replace(" ", ""), tensors))


def _named(first: Any, rest: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The form with lists of numbers, ``einsum(a, [0, 1], b, [1, 2], [0, 2])``, as an equation."""
    given = (first, *rest)
    terms = ["".join("..." if i is Ellipsis else LETTERS[i] for i in given[k]) for k in range(1, len(given), 2)]
    out = "->" + "".join("..." if i is Ellipsis else LETTERS[i] for i in given[-1]) if len(given) % 2 else ""
    return ",".join(terms) + out, tuple(given[k] for k in range(0, len(given) - 1, 2))


def _check_subscripts(equation: str, terms: list[str], out: str, tensors: list[Any]) -> None:
    for i, c in enumerate(equation):
        if c not in LETTERS and c not in ".,->":
            raise RuntimeError(f"einsum(): invalid subscript given at index {i} in the equation string, subscripts "
                               "must be in [a-zA-Z]")
    for i, (term, t) in enumerate(zip(terms, tensors, strict=True)):
        named, n = term.replace("...", ""), t._array.ndim
        if "..." not in term and len(named) != n:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(named)}) does not match the "
                               f"number of dimensions ({n}) for operand {i} and no ellipsis was given")
        if len(named) > n:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(named)}) is more than the "
                               f"number of dimensions ({n}) for operand {i}")
    for c in out.replace("...", ""):
        if out.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
        if not any(c in term for term in terms):
            raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input operand")


def _contract(equation: str, tensors: list[Any]) -> Any:
    """As PyTorch does it: every operand gets all dimensions, those of the result first, then they are multiplied from
    left to right, and what no later operand has is summed."""
    left, arrow, out = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation"
                           if len(terms) > len(tensors) else
                           "einsum(): more operands were provided than specified in the equation")
    _check_subscripts(equation, terms, out, tensors)
    dots = max((t._array.ndim - len(term) + 3 for term, t in zip(terms, tensors, strict=True) if "..." in term),
               default=0)
    named = left.replace("...", "").replace(",", "")
    if not arrow:
        out = "..." + "".join(sorted(c for c in set(named) if named.count(c) == 1))
    spread: list[Any] = list(range(dots))  # the dimensions of the ellipsis are called by numbers
    labels = _expanded(out, spread)
    first = len(labels)
    labels += [c for c in (*spread, *LETTERS) if c not in labels and (c in spread or c in named)]
    operands = []
    sizes: dict[Any, int] = {}
    for k, (term, t) in enumerate(zip(terms, tensors, strict=True)):
        names = _expanded(term, spread[dots - (t._array.ndim - len(term) + 3):] if "..." in term else [])
        for c, n in zip(names, t._array.shape, strict=True):
            if sizes.get(c, n) not in (n, 1) and n != 1:
                raise RuntimeError(f"einsum(): subscript {c} has size {n} for operand {k} which does not broadcast "
                                   f"with previously seen size {sizes[c]}")
            sizes[c] = max(sizes.get(c, 1), n)
        operands.append(_aligned(*_diagonals(t, names), labels))
    return _multiplied(operands, first, len(labels))


def _expanded(term: str, spread: list[Any]) -> list[Any]:
    before, dots, after = term.partition("...")
    return [*before, *(spread if dots else []), *after]


def _diagonals(t: Any, names: list[Any]) -> tuple[Any, list[Any]]:
    """A repeated name in one operand means its diagonal."""
    for c in dict.fromkeys(names):
        while names.count(c) > 1:
            a = names.index(c)
            b = names.index(c, a + 1)
            t = shape.movedim(shape.diagonal(t, 0, a, b), -1, a)
            names = names[:b] + names[b + 1:]
    return t, names


def _aligned(t: Any, names: list[Any], labels: list[Any]) -> Any:
    """Dimensions in the order of ``labels``, ones for those that are missing."""
    order = []
    for c in labels:
        if c not in names:
            t = shape.unsqueeze(t, len(names))
            names = [*names, c]
        order.append(names.index(c))
    return shape.permute(t, order)


def _multiplied(operands: list[Any], first: int, n: int) -> Any:
    having = [sum(t._array.shape[d] != 1 for t in operands) for d in range(n)]
    many = len(operands) > 1
    while len(operands) > 1:
        a, b = operands.pop(0), operands.pop(0)
        summed: list[int] = []
        alone_a: list[int] = []
        alone_b: list[int] = []
        for d in range(first, n):
            mine, theirs = a._array.shape[d] != 1, b._array.shape[d] != 1
            having[d] -= mine and theirs
            if having[d] == 1 and (mine or theirs):
                having[d] = 0
                (summed if mine and theirs else alone_a if mine else alone_b).append(d)
        if alone_a:
            a = reduce.FUNCTIONS["sum"](a, tuple(alone_a), True)
        if alone_b:
            b = reduce.FUNCTIONS["sum"](b, tuple(alone_b), True)
        operands.append(_pair(a, b, summed) if summed else binary.OPERATORS["mul"](a, b))
    out, = operands
    if first == n:
        return out
    if many:
        return shape.view(out, out._array.shape[:first])
    return reduce.FUNCTIONS["sum"](out, tuple(range(first, n)))


def _pair(a: Any, b: Any, summed: list[int]) -> Any:
    """Two operands as one batched product: what both have is the batch, ``summed`` is summed (and keeps a one)."""
    both: list[Any] = []
    left: list[Any] = []
    right: list[Any] = []
    for d in range(a._array.ndim):
        if d not in summed:
            mine, theirs = a._array.shape[d] != 1, b._array.shape[d] != 1
            (both if mine and theirs else left if mine else right).append(d)
    p, q = a._array.shape, b._array.shape

    def size(shape_: tuple[int, ...], dims: list[int]) -> int:
        return int(xp.prod([shape_[d] for d in dims]))

    one, two = shape.permute(a, both + left + summed + right), shape.permute(b, both + summed + right + left)
    one = shape.reshape(one, (size(p, both), size(p, left), size(p, summed)))
    two = shape.reshape(two, (size(q, both), size(q, summed), size(q, right)))
    product = PRODUCTS["bmm"](one, two)
    order = both + left + summed + right
    full = [p[d] for d in both + left] + [1] * len(summed) + [q[d] for d in right]
    return shape.permute(shape.view(product, full), sorted(range(len(order)), key=order.__getitem__))


FUNCTIONS: dict[str, Any] = {"einsum": einsum}
METHODS: dict[str, Any] = {}
