"""Parts of matrices, contractions, and products of other kinds."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import binary, reduce, shape
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.linalg import FUNCTIONS as PRODUCTS
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import xp


def _diag_embed(x: Any, offset: int) -> Any:
    n = x.shape[-1] + abs(offset)
    out = xp.zeros((n, n), x.dtype)
    at = xp.arange(x.shape[-1])
    out[at - min(offset, 0), at + max(offset, 0)] = x
    return out


def _embedded(ns: Any, ctx: Any, g: Any) -> Any:
    offset, = ctx.args
    at = xp.arange(ctx.input_shape()[-1])
    return ns.take(g, (at - min(offset, 0), at + max(offset, 0)))


def _trace(ns: Any, ctx: Any, g: Any) -> Any:
    at = xp.arange(min(ctx.input_shape()))
    return ns.put(ns.expand(g, (len(at),)), ctx.input_shape(), (at, at))


def _repeats(ns: Any, ctx: Any, g: Any) -> Any:
    index, dim = ctx.args
    return ns.put_add(g, ctx.input_shape(), (slice(None),) * dim + (index,))


TRIU = op("triu", lambda x, d: xp.triu(x, d), "TriuBackward0", lambda ns, ctx, g: ns.tri(g, ctx.args[0], True))
TRIL = op("tril", lambda x, d: xp.tril(x, d), "TrilBackward0", lambda ns, ctx, g: ns.tri(g, ctx.args[0], False))
TRACE = op("trace", lambda x: xp.trace(x), "TraceBackward0", _trace)
DIAG = op("diag", lambda x, o, a, b: xp.diagonal(x, o).copy(), "DiagonalBackward0_copy", shape._diagonal)
DIAG_EMBED = op("diag", _diag_embed, "DiagEmbedBackward0", _embedded, key="diag.embed")
REPEAT_INTERLEAVE = op("repeat_interleave", lambda x, i, d: xp.take(x, i, axis=d), "IndexSelectBackward0", _repeats)
CROSS = op("cross", lambda x, y, d: xp.cross(x, y, axis=d), "LinalgCrossBackward0",
           lambda ns, ctx, g, self, other: (ns.cross(other, g, ctx.args[0]), ns.cross(g, self, ctx.args[0])),
           "self other", "self other")


def triu(input: Any, diagonal: int = 0) -> Any:
    """The matrix with zeros below a diagonal."""
    return run(TRIU, (input,), (diagonal,), words(diagonal=diagonal or None))


def tril(input: Any, diagonal: int = 0) -> Any:
    """The matrix with zeros above a diagonal."""
    return run(TRIL, (input,), (diagonal,), words(diagonal=diagonal or None))


def trace(input: Any) -> Any:
    if input._array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input._array.ndim}")
    return run(TRACE, (input,))


def diag(input: Any, diagonal: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix of a diagonal."""
    n = input._array.ndim
    if n not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {n}D")
    text = words(diagonal=diagonal or None)
    return run(DIAG_EMBED, (input,), (diagonal,), text) if n == 1 else run(DIAG, (input,), (diagonal, 0, 1), text)


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Any:
    """Every element several times in a row."""
    if dim is None:
        input, dim = shape.reshape(input, -1), 0
    d = dimension(dim, input._array.ndim)
    times = repeats._array if isinstance(repeats, Tensor) else repeats
    index = xp.repeat(xp.arange(input._array.shape[d]), times)
    return run(REPEAT_INTERLEAVE, (input,), (index, d), str(repeats) if isinstance(repeats, int) else "", (index, d))


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    d = dimension(-1 if dim is None else dim, input._array.ndim)
    return run(CROSS, (input, other), (d,), words(dim=dim))


def inner(input: Any, other: Any) -> Any:
    with observe.composite("inner", (input, other)) as event:
        return event(tensordot(input, other, ([input._array.ndim - 1], [other._array.ndim - 1])))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Sum over pairs of dimensions."""
    n, m = a._array.ndim, b._array.ndim
    if isinstance(dims, int):
        first, second = list(range(n - dims, n)), list(range(dims))
    else:
        first, second = (([d] if isinstance(d, int) else list(d)) for d in dims)
    first, second = [dimension(d, n) for d in first], [dimension(d, m) for d in second]
    left, right = [d for d in range(n) if d not in first], [d for d in range(m) if d not in second]
    size = [a._array.shape[d] for d in left], [b._array.shape[d] for d in right]
    k = int(xp.prod([a._array.shape[d] for d in first]))
    with observe.composite("tensordot", (a, b)) as event:
        one = shape.reshape(shape.permute(a, left + first), (int(xp.prod(size[0])), k))
        two = shape.reshape(shape.permute(b, second + right), (k, int(xp.prod(size[1]))))
        return event(shape.reshape(PRODUCTS["mm"](one, two), (*size[0], *size[1])))


def einsum(equation: str, *operands: Any) -> Any:
    """Products and sums by the names of dimensions."""
    tensors = list(operands[0] if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands)
    with observe.composite("einsum", tuple(tensors), repr(equation)) as event:
        return event(_contract(equation.replace(" ", ""), tensors))


def _contract(equation: str, tensors: list[Any]) -> Any:
    left, _, out = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation"
                           if len(terms) > len(tensors) else
                           "einsum(): more operands were provided than specified in the equation")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    most = max((t._array.ndim - len(term.replace("...", "")) for term, t in zip(terms, tensors, strict=True)
                if "..." in term), default=0)
    dots = "".join(spare[:most])
    for i, term in enumerate(terms):
        if "..." in term:
            n = tensors[i]._array.ndim - (len(term) - 3)
            terms[i] = term.replace("...", dots[most - n:])
        tensors[i], terms[i] = _diagonals(tensors[i], terms[i])
    if "->" in equation:
        out = out.replace("...", dots)
    else:
        letters = "".join(terms)
        out = dots + "".join(sorted({c for c in letters if letters.count(c) == 1 and c not in dots}))
    sizes: dict[str, int] = {}
    for term, t in zip(terms, tensors, strict=True):
        for c, n in zip(term, t._array.shape, strict=True):
            if sizes.get(c, n) not in (n, 1) and n != 1:
                raise RuntimeError(f"einsum(): operands do not broadcast with remapped shapes [original->remapped]: "
                                   f"subscript {c} has size {n} for operand which does not broadcast with previously "
                                   f"seen size {sizes[c]}")
            sizes[c] = max(sizes.get(c, 1), n)
    current, names = tensors[0], terms[0]
    for i in range(1, len(tensors)):
        later = set("".join(terms[i + 1:])) | set(out)
        current, names = _pair(current, names, tensors[i], terms[i], later)
    gone = [k for k, c in enumerate(names) if c not in out]
    if gone:
        current = reduce.FUNCTIONS["sum"](current, tuple(gone))
        names = "".join(c for c in names if c in out)
    return shape.permute(current, [names.index(c) for c in out])


def _diagonals(t: Any, term: str) -> tuple[Any, str]:
    """A repeated name in one operand means its diagonal."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            a = term.index(c)
            b = term.index(c, a + 1)
            t = shape.diagonal(t, 0, a, b)
            term = "".join(x for k, x in enumerate(term) if k not in (a, b)) + c
    return t, term


def _pair(a: Any, names: str, b: Any, other: str, later: set[str]) -> tuple[Any, str]:
    """Two operands as one batched product: names shared and kept are the batch, shared and dropped are summed."""
    for current, mine, theirs in ((0, names, other), (1, other, names)):
        alone = [k for k, c in enumerate(mine) if c not in theirs and c not in later]
        if alone:
            reduced = reduce.FUNCTIONS["sum"](b if current else a, tuple(alone))
            kept = "".join(c for k, c in enumerate(mine) if k not in alone)
            if current:
                b, other = reduced, kept
            else:
                a, names = reduced, kept
    shared = [c for c in names if c in other]
    batch = [c for c in shared if c in later]
    summed = [c for c in shared if c not in later]
    left, right = [c for c in names if c not in shared], [c for c in other if c not in shared]
    size = {c: n for term, t in ((names, a), (other, b)) for c, n in zip(term, t._array.shape, strict=True)}
    if not summed:
        order = batch + left + right
        one, two = _aligned(a, names, order), _aligned(b, other, order)
        return binary.OPERATORS["mul"](one, two), "".join(order)

    def block(t: Any, term: str, *groups: list[str]) -> Any:
        flat = shape.permute(t, [term.index(c) for g in groups for c in g])
        return shape.reshape(flat, [int(xp.prod([size[c] for c in g])) for g in groups])

    product = PRODUCTS["bmm"](block(a, names, batch, left, summed), block(b, other, batch, summed, right))
    order = batch + left + right
    return shape.reshape(product, [size[c] for c in order]), "".join(order)


def _aligned(t: Any, names: str, order: list[str]) -> Any:
    """Dimensions in ``order``, ones for those that are missing."""
    t = shape.permute(t, [names.index(c) for c in order if c in names])
    for k, c in enumerate(order):
        if c not in names:
            t = shape.unsqueeze(t, k)
    return t


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    with observe.composite("baddbmm", (input, batch1, batch2)) as event:
        return event(_blend(input, PRODUCTS["bmm"](batch1, batch2), beta, alpha))


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    with observe.composite("addmv", (input, mat, vec)) as event:
        return event(_blend(input, PRODUCTS["mv"](mat, vec), beta, alpha))


def _blend(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    return (input if beta == 1 else input * beta) + (product if alpha == 1 else product * alpha)


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The norm of a difference."""
    with observe.composite("dist", (input, other)) as event:
        return event(reduce.norm(input - other, p))


FUNCTIONS: dict[str, Any] = {
    "triu": triu, "tril": tril, "trace": trace, "diag": diag, "repeat_interleave": repeat_interleave, "cross": cross,
    "inner": inner, "tensordot": tensordot, "einsum": einsum, "baddbmm": baddbmm, "addmv": addmv, "dist": dist,
    "vdot": PRODUCTS["dot"],
}
METHODS: dict[str, Any] = {n: f for n, f in FUNCTIONS.items() if n not in ("tensordot", "einsum")}
