"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.namespaces import expandable
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.errors import c_name, size_text, warn
from gradviz.engine.ops import binary, shape
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import not_a_tensor, op, run, write
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _mm(ns: Any, ctx: Any, g: Any, mat2: Any, mat1: Any) -> Any:
    """``ctx.args`` ends with which matrices lie in memory turned: their gradients are made so, too."""
    *_, turned1, turned2 = ctx.args
    first = second = None
    if mat2 is not None:
        first = ns.t(mat2 @ ns.t(g)) if turned1 else g @ ns.t(mat2)
    if mat1 is not None:
        second = ns.t(ns.t(g) @ mat1) if turned2 else ns.t(mat1) @ g
    return first, second


def _bmm(ns: Any, ctx: Any, g: Any, mat2: Any, self: Any) -> Any:
    return (g @ ns.swap(mat2) if ctx.needs(0) else None), (ns.swap(self) @ g if ctx.needs(1) else None)


def _mv(ns: Any, ctx: Any, g: Any, vec: Any, self: Any) -> Any:
    return (ns.unsqueeze(g, (1,)) * vec if ctx.needs(0) else None), (ns.swap(self) @ g if ctx.needs(1) else None)


def _dot(ns: Any, ctx: Any, g: Any, tensor: Any, self: Any) -> Any:
    return (g * tensor if ctx.needs(0) else None), (g * self if ctx.needs(1) else None)


def _conjugated(ns: Any, ctx: Any, g: Any, other: Any, self: Any) -> Any:
    return (ns.conj(g) * other if ctx.needs(0) else None), (g * self if ctx.needs(1) else None)


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


# --- forwards --------------------------------------------------------------------------------------------------------
def _fits(a: ndarray, b: ndarray) -> None:
    if a.dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(BY_NP[a.dtype])} != "
                           f"{c_name(BY_NP[b.dtype])}")
    if a.dtype.kind == "b":
        raise NotImplementedError("\"addmm_impl_cpu_\" not implemented for 'Bool'")
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a.shape[-2]}x{a.shape[-1]} and "
                           f"{b.shape[-2]}x{b.shape[-1]})")


def _mm_of(a: ndarray, b: ndarray) -> Any:
    if a.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if b.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    if a.dtype is not b.dtype or a.shape[1] != b.shape[0] or a.dtype.char not in FLOATING:
        _fits(a, b)
    n = a.shape[0]
    if 16 <= n <= b.shape[1] // 2 and b.strides[0] == 4 and a.dtype == xp.float32:
        # A linear layer's product. OpenBLAS takes up to a third less for it the other way round, with the copy.
        return xp.matmul(b.T, a.T).T.copy()
    return xp.matmul(a, b)


def _mv_of(a: ndarray, b: ndarray) -> Any:
    _check_mv(a.shape[:1], a, b, b.dtype)
    return xp.matmul(a, b)


def _check_mv(size: tuple[int, ...], a: ndarray, b: ndarray, dtype: Any) -> None:
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {len(size)}, {a.ndim}, {b.ndim}")
    if a.shape[1] != b.shape[0]:
        n = size[0] if size else 1
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})")
    if a.dtype != b.dtype or dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        given, mat, vec = (BY_NP[d].code for d in (dtype, a.dtype, b.dtype))
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {given}, {mat}, and {vec}")


def _dot_of(a: ndarray, b: ndarray) -> Any:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.shape != b.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor {size_text(a.shape)} and src "
                           f"{size_text(b.shape)} to have the same number of elements, but got {a.size} and {b.size} "
                           "elements respectively")
    if a.dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {BY_NP[a.dtype].code} and "
                           f"{BY_NP[b.dtype].code}")
    return xp.dot(a, b)


def _bmm_of(a: ndarray, b: ndarray) -> Any:
    if a.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if b.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: {[a.shape[0], a.shape[2]]} "
                           f"but got: {[b.shape[0], b.shape[1]]}.")
    if a.dtype is not b.dtype and a.dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"expected scalar type {BY_NP[a.dtype].code} but found {BY_NP[b.dtype].code}")
    return xp.matmul(a, b)


def _added(name: str, product: Any, c: ndarray, beta: Any, alpha: Any) -> Any:
    """``beta * c + alpha * product``; with ``beta`` 0 nothing of ``c`` counts, not even NaN."""
    if c.dtype != product.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"self and mat2 must have the same dtype, but got {BY_NP[c.dtype].code} and "
                           f"{BY_NP[product.dtype].code}")
    if c.shape != product.shape[-1:] and not expandable(c.shape, product.shape):
        raise does_not_expand(c.shape, product.shape)
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
        from gradviz.engine.dtypes import BY_NP

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
    return _added("addbmm", asarray(_bmm_of(a, b).sum(axis=0)), c, beta, alpha)


def _baddbmm_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    return _added("baddbmm", _bmm_of(a, b), c, beta, alpha)


def _into(forward: Any) -> Any:
    """The forward of the variant in place."""
    def write_(c: ndarray, *rest: Any) -> None:
        c[...] = forward(c, *rest)

    return write_


MM = op("mm", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MATMUL = op("matmul", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MV = op("mv", _mv_of, "MvBackward0", _mv, "vec self", "self vec")
DOT = op("dot", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor")
BMM = op("bmm", _bmm_of, "BmmBackward0", _bmm, "mat2 self", "self mat2")
VDOT = op("vdot", lambda a, b: _dot_of(a.conj(), b), "VdotBackward0", _conjugated, "other self", "self other")
ADDMM = op("addmm", _addmm_of, "AddmmBackward0", _addmm, "mat2 mat1", "self mat1 mat2")
MATMUL_MV = op("matmul", _mv_of, "MvBackward0", _mv, "vec self", "self vec", key="matmul.mv")
MATMUL_DOT = op("matmul", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor", key="matmul.dot")
SQUEEZE_MM = op("squeeze", shape.SQUEEZE_DIM.forward, "SqueezeBackward4", lambda ns, ctx,
                g: ns.reshape(g, ctx.input_shape()),
                view="default", key="squeeze.mm")
for _row in (MM, MATMUL, MV, DOT, BMM, MATMUL_MV, MATMUL_DOT, VDOT):
    _row.needed_by = (0, 1)
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


def _turned(t: Any) -> bool:
    """Whether a matrix lies in memory column by column, as a transposed one does: its gradient is made so too."""
    a = t._array
    size, strides = a.itemsize, a.strides
    return len(strides) == 2 and strides[0] == size and strides[1] == size * a.shape[0]


def _product(row: Any, input: Any, other: Any) -> Any:
    tensors = isinstance(input, Tensor) and isinstance(other, Tensor)
    return run(row, (input, other), (), "", (_turned(input), _turned(other)) if tensors else None)


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices."""
    return _product(MM, input, mat2)


def _two(name: str, row: Any) -> Any:
    return lambda input, other: run(row, (input, other))


def matmul(input: Any, other: Any) -> Any:
    """The product of vectors, matrices, or batches of them, as in NumPy."""
    if not isinstance(other, Tensor):
        raise not_a_tensor("matmul", "other", 1, other)
    if not isinstance(input, Tensor):
        raise not_a_tensor("matmul", "input", 0, input)
    n, m = input._array.ndim, other._array.ndim
    if n == 2 and m == 2:
        return _product(MATMUL, input, other)
    if n == 1 and m == 1:
        return run(MATMUL_DOT, (input, other))
    if n == 2 and m == 1:
        return run(MATMUL_MV, (input, other))
    if not n or not m:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    with observe.composite("matmul", (input, other)) as event:
        return event(_row_by_matrix(input, other) if n == 1 and m == 2 else _batched(input, other))


def _row_by_matrix(input: Any, other: Any) -> Any:
    product = mm(shape.unsqueeze(input, 0), other)
    return run(SQUEEZE_MM, (product,), ((0,),))


def _batched(input: Any, other: Any) -> Any:
    """Batches: a single matrix on the right is one big product, else the batch dimensions are broadcast."""
    a, b = input._array.shape, other._array.shape
    if len(b) <= 2:
        if a[-1] != b[0 if len(b) == 1 else -2]:
            if len(b) == 1:
                raise RuntimeError(f"size mismatch, got input ({xp.prod(a[:-1])}), mat ({xp.prod(a[:-1])}x{a[-1]}), "
                                   f"vec ({b[0]})")
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({xp.prod(a[:-1])}x{a[-1]} and "
                               f"{b[0]}x{b[1]})")
        flat = shape.reshape(input, (-1, a[-1]) if input._array.size else (int(xp.prod(a[:-1])), a[-1]))
        product = mm(flat, other) if len(b) == 2 else run(MV, (flat, other))
        return run(shape.UNSAFE_VIEW, (product,), (a[:-1] + b[1:],))
    left = len(a) == 1
    if left:
        input = shape.unsqueeze(input, 0)
    a = input._array.shape
    try:
        batch = xp.broadcast_shapes(a[:-2], b[:-2])
    except ValueError as error:
        from gradviz.engine.ops.promote import operand_error

        raise operand_error(error, xp.empty(a[:-2]), xp.empty(b[:-2])) from None
    if a[-1] != b[-2]:
        n = int(xp.prod(batch))
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{n}, {a[-1]}] but got: "
                           f"[{n}, {b[-2]}].")
    n = int(xp.prod(batch))
    one = shape.reshape(shape.expand(input, batch + a[-2:]), (n, *a[-2:]))
    two = shape.reshape(shape.expand(other, batch + b[-2:]), (n, *b[-2:]))
    product = run(BMM, (one, two))
    out = run(shape.UNSAFE_VIEW, (product,), ((*batch, a[-2], b[-1]),))
    return shape.squeeze(out, -2) if left else out


def _sum_of(row: Any) -> Any:
    """``beta * input + alpha * (one @ two)``."""
    def function(input: Any, one: Any, two: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        if row.name.endswith("bmm"):
            _check_batches(one, two)
        return run(row, (input, one, two), (beta, alpha), _weights(beta, alpha))

    return function


def _sum_into(row: Any) -> Any:
    def method(self: Any, one: Any, two: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        return write(row, self, (one, two), (beta, alpha), _weights(beta, alpha))

    return method


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


def chain_matmul(*matrices: Any) -> Any:
    """Deprecated: ``linalg.multi_dot``."""

    warn("torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use "
         "torch.linalg.multi_dot instead, which accepts a list of two or more tensors rather than multiple "
         "parameters.")
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


def multi_dot(tensors: Any) -> Any:
    """The product of a row of matrices, in the order that costs least."""
    parts = list(tensors)
    n = len(parts)
    if n < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {n}")
    out: list[int] = []
    for i, t in enumerate(parts):
        ndim = t._array.ndim
        if i in (0, n - 1) and ndim == 1:
            parts[i] = shape.unsqueeze(t, 0 if i == 0 else -1)
        elif ndim != 2:
            which = "the first tensor" if i == 0 else "the last tensor" if i == n - 1 else f"tensor {i}"
            raise RuntimeError(f"multi_dot(): {which} must be {'1D or ' if i in (0, n - 1) else ''}2D but got {ndim}D")
        elif i in (0, n - 1):
            out.append(t._array.shape[0 if i == 0 else 1])
    for i in range(n - 1):
        if parts[i]._array.shape[1] != parts[i + 1]._array.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes "
                               f"{size_text(tensors[i]._array.shape)} and {size_text(tensors[i + 1]._array.shape)} "
                               "cannot be multiplied")
    with observe.composite("multi_dot", tuple(tensors)) as event:
        sizes = [t._array.shape[0] for t in parts] + [parts[-1]._array.shape[1]]
        return event(shape.view(_ordered(parts, _splits(sizes), 0, n - 1), tuple(out)))


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each part of a chain of products so that it costs least."""
    n = len(sizes) - 1
    cost, split = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min((cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                                          for k in range(i, j))
    return split


def _ordered(parts: list[Any], split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return parts[i]
    k = split[i, j]
    return mm(_ordered(parts, split, i, k), _ordered(parts, split, k + 1, j))


def outer(input: Any, vec2: Any) -> Any:
    """The matrix of all products of two vectors' elements."""
    if input._array.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input._array.ndim}-D")
    if vec2._array.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument vec2, but got {vec2._array.ndim}-D")
    with observe.composite("outer", (input, vec2)) as event:
        return event(binary.OPERATORS["mul"](shape.reshape(input, (-1, 1)), vec2))


FUNCTIONS: dict[str, Any] = {
    "matmul": matmul, "mm": mm, "mv": _two("mv", MV), "dot": _two("dot", DOT), "bmm": _two("bmm", BMM),
    "addmm": addmm, "outer": outer, "ger": outer, "vdot": _two("vdot", VDOT), "chain_matmul": chain_matmul,
} | {name: _sum_of(rows[0]) for name, rows in SUMS.items()}


def _matmul(self: Any, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


METHODS: dict[str, Any] = FUNCTIONS | {
    "__matmul__": _matmul, "__rmatmul__": lambda self, other: matmul(other, self), "addmm_": addmm_,
} | {name + "_": _sum_into(rows[1]) for name, rows in SUMS.items()}
del METHODS["chain_matmul"]
