"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.errors import c_name, size_text, warn
from gradviz.engine.ops import binary, shape
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


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
    if 16 <= n <= b.shape[1] // 2 and b.strides[0] == 4 == a.itemsize and a.dtype.kind == "f":
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
    if a.dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {BY_NP[a.dtype].code} and "
                           f"{BY_NP[b.dtype].code}")
    if a.shape != b.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor {size_text(a.shape)} and src "
                           f"{size_text(b.shape)} to have the same number of elements, but got {a.size} and {b.size} "
                           "elements respectively")
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


MM = op("mm", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MATMUL = op("matmul", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MV = op("mv", _mv_of, "MvBackward0", _mv, "vec self", "self vec")
DOT = op("dot", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor")
BMM = op("bmm", _bmm_of, "BmmBackward0", _bmm, "mat2 self", "self mat2")
VDOT = op("vdot", lambda a, b: _dot_of(a.conj(), b), "VdotBackward0", _conjugated, "other self", "self other")
MATMUL_MV = op("matmul", _mv_of, "MvBackward0", _mv, "vec self", "self vec", key="matmul.mv")
MATMUL_DOT = op("matmul", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor", key="matmul.dot")
SQUEEZE_MM = op("squeeze", shape.SQUEEZE_DIM.forward, "SqueezeBackward4", lambda ns, ctx,
                g: ns.reshape(g, ctx.input_shape()), key="squeeze.mm")
for _row in (MM, MATMUL, MV, DOT, BMM, MATMUL_MV, MATMUL_DOT, VDOT):
    _row.needed_by = (0, 1)


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
        if n == 1 and m == 2:
            return event(_row_by_matrix(input, other))
        from gradviz.engine.ops.batches import batched

        return event(batched(input, other))


def _row_by_matrix(input: Any, other: Any) -> Any:
    product = mm(shape.unsqueeze(input, 0), other)
    return run(SQUEEZE_MM, (product,), ((0,),))


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
            middle = reversed(range(i, j)) if n == 3 else range(i, j)  # the first wins where costs are equal
            cost[i, j], split[i, j] = min(((cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                                           for k in middle), key=lambda found: found[0])
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
    "matmul": matmul, "mm": mm, "mv": lambda input, vec: run(MV, (input, vec)),
    "dot": lambda input, tensor: run(DOT, (input, tensor)), "bmm": lambda input, mat2: run(BMM, (input, mat2)),
    "outer": outer, "ger": outer, "vdot": lambda input, other: run(VDOT, (input, other)), "chain_matmul": chain_matmul,
}


def _matmul(self: Any, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


METHODS: dict[str, Any] = FUNCTIONS | {
    "__matmul__": _matmul, "__rmatmul__": lambda self, other: matmul(other, self),
}
del METHODS["chain_matmul"]
