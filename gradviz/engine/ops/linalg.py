"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.errors import size_text
from gradviz.engine.ops import binary, shape
from gradviz.engine.ops.build import not_a_tensor, op, run
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _mm(ns: Any, ctx: Any, g: Any, mat2: Any, self: Any) -> Any:
    return (g @ ns.swap(mat2) if ctx.needs(0) else None), (ns.swap(self) @ g if ctx.needs(1) else None)


def _mv(ns: Any, ctx: Any, g: Any, vec: Any, self: Any) -> Any:
    return (ns.unsqueeze(g, (1,)) * vec if ctx.needs(0) else None), (ns.swap(self) @ g if ctx.needs(1) else None)


def _dot(ns: Any, ctx: Any, g: Any, tensor: Any, self: Any) -> Any:
    return (g * tensor if ctx.needs(0) else None), (g * self if ctx.needs(1) else None)


def _addmm(ns: Any, ctx: Any, g: Any, mat2: Any, mat1: Any) -> Any:
    beta, alpha = ctx.args
    first = ns.swap(mat1) @ g if ctx.needs(2) else None
    second = g @ ns.swap(mat2) if ctx.needs(1) else None
    if alpha != 1:
        first, second = (None if p is None else p * alpha for p in (first, second))
    return (g if beta == 1 else g * beta), second, first


# --- forwards --------------------------------------------------------------------------------------------------------
def _fits(a: ndarray, b: ndarray) -> None:
    if a.dtype != b.dtype:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {_c_name(BY_NP[a.dtype])} != "
                           f"{_c_name(BY_NP[b.dtype])}")
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a.shape[-2]}x{a.shape[-1]} and "
                           f"{b.shape[-2]}x{b.shape[-1]})")


def _c_name(d: Any) -> str:
    return {"Float": "float", "Double": "double", "Long": "long long", "Int": "int", "Half": "c10::Half",  # type: ignore[no-any-return]
            "Bool": "bool"}.get(d.code, d.code.lower())


def _mm_of(a: ndarray, b: ndarray) -> Any:
    if a.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if b.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    _fits(a, b)
    return xp.matmul(a, b)


def _mv_of(a: ndarray, b: ndarray) -> Any:
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {a.ndim}, {b.ndim}")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec "
                           f"({b.shape[0]})")
    return xp.matmul(a, b)


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
    return xp.matmul(a, b)


def _addmm_of(c: ndarray, a: ndarray, b: ndarray, beta: Any, alpha: Any) -> Any:
    out = _mm_of(a, b)
    if alpha != 1:
        out = out * alpha
    out += c if beta == 1 else c * beta
    return out


MM = op("mm", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MATMUL = op("matmul", _mm_of, "MmBackward0", _mm, "mat2 self", "self mat2")
MV = op("mv", _mv_of, "MvBackward0", _mv, "vec self", "self vec")
DOT = op("dot", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor")
BMM = op("bmm", _bmm_of, "BmmBackward0", _mm, "mat2 self", "self mat2")
ADDMM = op("addmm", _addmm_of, "AddmmBackward0", _addmm, "mat2 mat1", "self mat1 mat2")
MATMUL_MV = op("matmul", _mv_of, "MvBackward0", _mv, "vec self", "self vec", key="matmul.mv")
MATMUL_DOT = op("matmul", _dot_of, "DotBackward0", _dot, "tensor self", "self tensor", key="matmul.dot")
SQUEEZE_MM = op("squeeze", shape.SQUEEZE_DIM.forward, "SqueezeBackward4", lambda ns, ctx,
                g: ns.reshape(g, ctx.input_shape()),
                view="default", key="squeeze.mm")
for _row in (MM, MATMUL, MV, DOT, BMM, MATMUL_MV, MATMUL_DOT):
    _row.needed_by = (0, 1)
ADDMM.needed_by = (1, 2)


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
        return run(MATMUL, (input, other))
    if n == 1 and m == 1:
        return run(MATMUL_DOT, (input, other))
    if n == 2 and m == 1:
        return run(MATMUL_MV, (input, other))
    if not n or not m:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    with observe.composite("matmul", (input, other)) as event:
        return event(_row_by_matrix(input, other) if n == 1 and m == 2 else _batched(input, other))


def _row_by_matrix(input: Any, other: Any) -> Any:
    product = run(MM, (shape.unsqueeze(input, 0), other))
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
        product = run(MM if len(b) == 2 else MV, (flat, other))
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


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)``."""
    return run(ADDMM, (input, mat1, mat2), (beta, alpha))


def outer(input: Any, vec2: Any) -> Any:
    """The matrix of all products of two vectors' elements."""
    if input._array.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input._array.ndim}-D")
    if vec2._array.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument vec2, but got {vec2._array.ndim}-D")
    with observe.composite("outer", (input, vec2)) as event:
        return event(binary.OPERATORS["mul"](shape.reshape(input, (-1, 1)), vec2))


FUNCTIONS: dict[str, Any] = {
    "matmul": matmul, "mm": _two("mm", MM), "mv": _two("mv", MV), "dot": _two("dot", DOT), "bmm": _two("bmm", BMM),
    "addmm": addmm, "outer": outer, "ger": outer,
}


def _matmul(self: Any, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


METHODS: dict[str, Any] = FUNCTIONS | {"__matmul__": _matmul}
