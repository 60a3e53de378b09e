"""Products of vectors and matrices that are added to a tensor: addmm and its like."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.namespaces import expandable
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run, write
from gradviz.engine.ops.linalg import _bmm, _bmm_of, _check_mv, _mm, _mm_of, _mv, _turned
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray, xp


def _addmv(ns: Any, ctx: Any, g: Any, vec: Any, mat: Any) -> Any:
    beta, alpha = ctx.args
    first, second = _mv(ns, _Shifted(ctx), g, vec, mat)
    return (g * beta, *(None if p is None else p * alpha for p in (first, second)))


def _addr(ns: Any, ctx: Any, g: Any, vec2: Any, vec1: Any) -> Any:
    beta, alpha = ctx.args
    first = (g @ vec2) * alpha if ctx.needs(1) else None
    return g * beta, first, ((ns.swap(g) @ vec1) * alpha if ctx.needs(2) else None)


def _addbmm(ns: Any, ctx: Any, g: Any, batch2: Any, batch1: Any) -> Any:
    beta, alpha = ctx.args
    n = ctx.shape
    wide = ns.expand(ns.unsqueeze(g, (0,)), (_batch(ns, batch1, batch2), *n))
    first, second = _bmm(ns, _Shifted(ctx), wide, batch2, batch1)
    return (g * beta, *(None if p is None else p * alpha for p in (first, second)))


def _batch(ns: Any, *saved: Any) -> int:
    return next(int(ns.plain(s).shape[0]) for s in saved if s is not None)


def _baddbmm(ns: Any, ctx: Any, g: Any, batch2: Any, batch1: Any) -> Any:
    beta, alpha = ctx.args
    first, second = _bmm(ns, _Shifted(ctx), g, batch2, batch1)
    return (g * beta, *(None if p is None else p * alpha for p in (first, second)))


class _Shifted:
    """A node as the rule of a product reads it, whose first input is what is added to the product."""

    def __init__(self, node: Any) -> None:
        self.node, self.args = node, node.args

    def needs(self, i: int) -> bool:
        return self.node.needs(i + 1)  # type: ignore[no-any-return]


def _addmm(ns: Any, ctx: Any, g: Any, mat2: Any, mat1: Any) -> Any:
    beta, alpha, *_ = ctx.args
    first, second = _mm(ns, ctx, g, mat2, mat1)
    if alpha != 1:
        first, second = (None if p is None else p * alpha for p in (first, second))
    return (g if beta == 1 else g * beta), first, second


def _added(name: str, product: Any, c: ndarray, beta: Any, alpha: Any) -> Any:
    """``beta * c + alpha * product``; with ``beta`` 0 nothing of ``c`` counts, not even NaN."""
    if c.dtype is not product.dtype and c.dtype != product.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {BY_NP[c.dtype].code} and "
                           f"{BY_NP[product.dtype].code}")
    if c.shape != product.shape[-1:] and not expandable(c.shape, product.shape):
        raise does_not_expand(c.shape, product.shape)
    if c.dtype.kind in "iu":
        alpha, beta = int(alpha), int(beta)
    if alpha != 1:
        product = (product * alpha).astype(c.dtype, copy=False)
    if beta != 0:
        product += c if beta == 1 else (c * beta).astype(c.dtype, copy=False)
    return product


def does_not_expand(shape: tuple[int, ...], to: tuple[int, ...]) -> RuntimeError:
    if len(shape) > len(to):
        return RuntimeError(f"The number of sizes provided ({len(to)}) must be greater or equal to the number of "
                            f"dimensions in the tensor ({len(shape)})")
    d = next(i for i in range(len(to) - 1, -1, -1) if shape[i - len(to)] not in (1, to[i]))
    return RuntimeError(f"The expanded size of the tensor ({to[d]}) must match the existing size "
                        f"({shape[d - len(to)]}) at non-singleton dimension {d}.  Target sizes: {size_text(to)}.  "
                        f"Tensor sizes: {size_text(shape)}")


def _addmm_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    if a.ndim != 2 or b.ndim != 2:
        one, two = ("mat1", a) if a.ndim != 2 else ("mat2", b)
        raise RuntimeError(f"{one} must be a matrix, got {two.ndim}-D tensor")
    if a.dtype is not b.dtype and a.dtype != b.dtype:
        raise RuntimeError(f"{'self' if a.dtype == c.dtype else 'mat1'} and mat2 must have the same dtype, but got "
                           f"{BY_NP[a.dtype].code} and "
                           f"{BY_NP[b.dtype].code}")
    return _added("addmm", _mm_of(a, b), c, beta, alpha)


def _addmv_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    if c.ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {c.ndim}, {a.ndim}, {b.ndim}")
    _check_mv(c.shape, a, b, c.dtype)
    if c.ndim and c.shape[0] not in (1, a.shape[0]):
        raise RuntimeError(f"size mismatch, got input ({c.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec "
                           f"({b.shape[0]})")
    return _added("addmv", xp.matmul(a, b), c, beta, alpha)


def _addr_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    for i, v in enumerate((a, b), 1):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument vec{i}, but got {v.ndim}-D")
    return _added("addr", xp.multiply.outer(a, b), c, beta, alpha)


def _addbmm_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    return _added("addbmm", asarray(_bmm_of(a, b).sum(axis=0, dtype=a.dtype)), c, beta, alpha)


def _baddbmm_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    return _added("baddbmm", _bmm_of(a, b), c, beta, alpha)


def _into(forward: Any) -> Any:
    """The forward of the variant in place."""
    def write_(c: ndarray, *rest: Any) -> None:
        c[...] = forward(c, *rest)

    return write_


ADDMM = op("addmm", _addmm_of, "AddmmBackward0", _addmm, "mat2 mat1", "self mat1 mat2")
SUMS = {
    name: (op(name, forward, node, rule, saves, inputs),
           op(name + "_", _into(forward), node, rule, saves, inputs))
    for name, forward, node, rule, saves, inputs in (
        ("addmv", _addmv_of, "AddmvBackward0", _addmv, "vec mat", "self mat vec"),
        ("addr", _addr_of, "AddrBackward0", _addr, "vec2 vec1", "self vec1 vec2"),
        ("addbmm", _addbmm_of, "AddbmmBackward0", _addbmm, "batch2 batch1", "self batch1 batch2"),
        ("baddbmm", _baddbmm_of, "BaddbmmBackward0", _baddbmm, "batch2 batch1", "self batch1 batch2"),
    )
}
ADDMM_ = op("addmm_", _into(_addmm_of), "AddmmBackward0", _addmm, "mat2 mat1", "self mat1 mat2")
for _row in (ADDMM, ADDMM_, *(row for rows in SUMS.values() for row in rows)):
    _row.needed_by = (1, 2)


def _sum_of(name: str, input: Any, one: Any, two: Any, beta: Any, alpha: Any) -> Any:
    """``beta * input + alpha * (one @ two)``."""
    if name.endswith("bmm"):
        _check_batches(one, two)
    return run(SUMS[name][0], (input, one, two), (beta, alpha), _weights(beta, alpha))


def _sum_into(name: str, input: Any, one: Any, two: Any, beta: Any, alpha: Any) -> Any:
    return write(SUMS[name][1], input, (one, two), (beta, alpha), _weights(beta, alpha))


def _sums(make: Any) -> dict[str, Any]:
    """The sums, under PyTorch's names of their arguments."""
    return {
        "addmv": lambda input, mat, vec, *, beta=1, alpha=1: make("addmv", input, mat, vec, beta, alpha),
        "addr": lambda input, vec1, vec2, *, beta=1, alpha=1: make("addr", input, vec1, vec2, beta, alpha),
        "addbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: make("addbmm", input, batch1, batch2, beta, alpha),
        "baddbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: make(
            "baddbmm", input, batch1, batch2, beta, alpha),
    }


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)``."""
    return run(ADDMM, (input, mat1, mat2), (beta, alpha), _weights(beta, alpha), _kept(mat1, mat2, beta, alpha))


def addmm_(self: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    return write(ADDMM_, self, (mat1, mat2), (beta, alpha), _weights(beta, alpha), _kept(mat1, mat2, beta, alpha))


def _kept(mat1: Any, mat2: Any, beta: Any, alpha: Any) -> Any:
    tensors = isinstance(mat1, Tensor) and isinstance(mat2, Tensor)
    return (beta, alpha, _turned(mat1), _turned(mat2)) if tensors else None


def _weights(beta: Any, alpha: Any) -> str:
    return words(beta=None if beta == 1 else str(beta), alpha=None if alpha == 1 else str(alpha))


def _check_batches(*batches: Any) -> None:
    for i, t in enumerate(batches, 1):
        if isinstance(t, Tensor) and t._array.ndim != 3:
            raise RuntimeError(f"batch{i} must be a 3D tensor")


FUNCTIONS: dict[str, Any] = {"addmm": addmm} | _sums(_sum_of)
METHODS: dict[str, Any] = FUNCTIONS | {"addmm_": addmm_} | {name + "_": f for name, f in _sums(_sum_into).items()}
