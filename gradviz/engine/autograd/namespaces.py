"""The two namespaces that backward rules run in.

A rule is written once, with operators and functions of ``ns``. ``raw`` works on arrays; ``graph`` has the same
functions on tensors, so that what a rule does is recorded (``create_graph``).
"""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.matrices import Matrices
from gradviz.engine.dtypes import HALVES, rare
from gradviz.engine.xp import address, asarray, beside, filled, ndarray, strided, xp


def sum_to(array: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Undo broadcasting: sum over what ``shape`` does not have."""
    if rare and array.dtype.char in HALVES:
        return sum_to(array.astype(xp.float32), shape).astype(array.dtype)
    extra = array.ndim - len(shape)
    if extra == 1 and array.shape[1:] == shape:
        return asarray(xp.add.reduce(array))
    if extra:
        array = array.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and array.shape[i] != 1)
    if axes:
        array = array.sum(axis=axes, keepdims=True)
    return asarray(array)


def expandable(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether ``shape`` broadcasts to ``to``."""
    if len(shape) > len(to):
        return False
    return all(a == b or a == 1 for a, b in zip(reversed(shape), reversed(to), strict=False))


def _expected(node: Any, slot: int) -> tuple[Any, Any]:
    return (node.shape, node.dtype) if node.width == 1 else (node.shape[slot], node.dtype[slot])


_ones: dict[Any, ndarray] = {}


class _Raw(Matrices):
    """Functions on arrays."""

    exp, log, sin, cos, sinh, cosh, tanh, sqrt, sign, abs = (
        staticmethod(f) for f in (xp.exp, xp.log, xp.sin, xp.cos, xp.sinh, xp.cosh, xp.tanh, xp.sqrt, xp.sign, xp.abs))
    conj = staticmethod(xp.conj)
    where, maximum, minimum = staticmethod(xp.where), staticmethod(xp.maximum), staticmethod(xp.minimum)
    matmul, flip, arctan2 = staticmethod(xp.matmul), staticmethod(xp.flip), staticmethod(xp.arctan2)

    solid = staticmethod(asarray)

    @staticmethod
    def apply(op: Any, inputs: tuple[Any, ...], *args: Any) -> Any:
        """An op of the table, whose own rule makes a rule that calls it differentiable."""
        return op.forward(*inputs, *args)

    roll = staticmethod(xp.roll)

    @staticmethod
    def swapaxes(a: ndarray, one: int, two: int) -> ndarray:
        return a.swapaxes(one, two)

    @staticmethod
    def plain(value: Any) -> Any:
        """The array of a value of this namespace."""
        return value

    @staticmethod
    def one(like: ndarray) -> Any:
        """A one of the type of ``like``: with a Python number an op on few elements takes twice as long."""
        if like.__class__ is not ndarray:
            return 1
        one = _ones.get(like.dtype)
        return _ones.setdefault(like.dtype, xp.ones((), like.dtype)) if one is None else one

    log1p = staticmethod(xp.log1p)

    @staticmethod
    def sigmoid(a: ndarray) -> Any:
        e = xp.exp(-xp.abs(a))
        return xp.where(a >= 0, 1, e) / (1 + e)

    @staticmethod
    def erf(a: ndarray) -> Any:
        from gradviz.engine.ops.special import scipy

        return asarray(scipy("erf")(a)).astype(a.dtype)

    @staticmethod
    def mean(a: ndarray, dims: Any) -> ndarray:
        return a.mean(axis=dims, keepdims=True)  # type: ignore[no-any-return]

    @staticmethod
    def masked(g: ndarray, index: Any) -> ndarray:
        """A copy of ``g`` with zeros at ``index``."""
        out = g.copy()
        out[index] = 0
        return out

    @staticmethod
    def without(g: ndarray, gone: ndarray) -> ndarray:
        """A copy of ``g`` with zeros where ``gone``: its bits are masked, which takes half of what ``where`` does."""
        kept = (gone.view(xp.int8) - xp.int8(1)).astype(f"i{g.itemsize}")  # all bits, or none
        kept &= g.view(kept.dtype)
        return kept.view(g.dtype)

    @staticmethod
    def others(a: ndarray, dims: Any) -> ndarray:
        """For each element the product of all others that a reduction over ``dims`` takes together with it."""
        axes = tuple(range(a.ndim)) if dims is None else tuple(dims)
        moved = xp.moveaxis(a, axes, range(-len(axes), 0)) if axes else a.reshape(*a.shape, 1)
        lead = moved.shape[:moved.ndim - len(axes)] if axes else a.shape
        rows = moved.reshape(*lead, -1)
        before, after = xp.ones_like(rows), xp.ones_like(rows)
        xp.cumprod(rows[..., :-1], axis=-1, out=before[..., 1:])
        after[..., :-1] = xp.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1]
        out = (before * after).reshape(moved.shape)
        return xp.moveaxis(out, range(-len(axes), 0), axes) if axes else out.reshape(a.shape)

    @staticmethod
    def cumprod_zeros(g: ndarray, a: ndarray, dim: int) -> ndarray:
        """Backward of cumprod where elements are zero: every pair of positions, not a quotient."""
        x, upstream = xp.moveaxis(a, dim, -1), xp.moveaxis(g, dim, -1)
        out = xp.zeros_like(x)
        for i in range(x.shape[-1]):
            terms = x.copy()
            terms[..., i] = 1
            out[..., i] = (xp.cumprod(terms, axis=-1) * upstream)[..., i:].sum(axis=-1)
        return xp.moveaxis(out, -1, dim)

    @staticmethod
    def fit(share: Any, node: Any, slot: int) -> ndarray:
        """A share as the gradient of ``node``'s output: an array, of that shape and type."""
        shape, dtype = _expected(node, slot)
        if share.__class__ is not ndarray:
            share = asarray(share)
        if share.shape != shape:
            share = sum_to(share, shape)
        if share.dtype == dtype:
            return share  # type: ignore[no-any-return]
        return (share if dtype.kind == "c" else share.real).astype(dtype)  # type: ignore[no-any-return]

    @staticmethod
    def const(value: Any) -> Any:
        return value

    @staticmethod
    def zeros(shape: tuple[int, ...], like: ndarray) -> ndarray:
        return xp.zeros(shape, like.dtype, like=beside(like))

    @staticmethod
    def full(shape: tuple[int, ...], value: Any, like: ndarray) -> ndarray:
        return filled(shape, value, like.dtype, like=beside(like))

    @staticmethod
    def cast(a: ndarray, dtype: Any) -> ndarray:
        return a.astype(dtype)

    @staticmethod
    def sum(a: ndarray, dims: Any, keepdim: bool = False) -> ndarray:
        return xp.add.reduce(a, dims, keepdims=keepdim)  # type: ignore[call-overload,no-any-return]

    @staticmethod
    def cumsum(a: ndarray, dim: int) -> ndarray:
        return xp.cumsum(a, axis=dim, dtype=a.dtype)

    @staticmethod
    def expand(a: ndarray, shape: tuple[int, ...]) -> ndarray:
        return xp.broadcast_to(a, shape)

    @staticmethod
    def reshape(a: ndarray, shape: tuple[int, ...]) -> ndarray:
        return a.reshape(shape)

    @staticmethod
    def unsqueeze(a: ndarray, dims: Any) -> ndarray:
        return xp.expand_dims(a, dims)

    @staticmethod
    def permute(a: ndarray, dims: tuple[int, ...]) -> ndarray:
        return a.transpose(dims)

    @staticmethod
    def t(a: ndarray) -> ndarray:
        return a.T

    @staticmethod
    def swap(a: ndarray) -> ndarray:
        """The last two dimensions exchanged."""
        return a.swapaxes(-1, -2)

    @staticmethod
    def take(a: ndarray, index: Any) -> ndarray:
        """``a[index]``."""
        return asarray(a[index])

    @staticmethod
    def put(g: ndarray, shape: tuple[int, ...], index: Any) -> ndarray:
        """Zeros of ``shape`` with ``g`` at ``index``, which names no element twice."""
        out = xp.zeros(shape, g.dtype, like=beside(g))
        out[index] = g
        return out

    @staticmethod
    def put_add(g: ndarray, shape: tuple[int, ...], index: Any) -> ndarray:
        """Zeros of ``shape`` with ``g`` added at ``index``, where elements may be named often."""
        out = xp.zeros(shape, g.dtype, like=beside(g))
        xp.add.at(out, index, g)
        return out

    @staticmethod
    def cat(parts: list[ndarray], dim: int) -> ndarray:
        return xp.concatenate(parts, axis=dim)

    @staticmethod
    def stack(parts: list[ndarray], dim: int) -> ndarray:
        return xp.stack(parts, axis=dim)

    @staticmethod
    def along(a: ndarray, index: ndarray, dim: int) -> ndarray:
        """``gather``."""
        return xp.take_along_axis(a, index, dim)

    @staticmethod
    def put_along(g: ndarray, shape: tuple[int, ...], index: ndarray, dim: int) -> ndarray:
        """Zeros of ``shape`` with ``g`` added at ``index`` along ``dim``: backward of ``gather``."""
        out = xp.zeros(shape, g.dtype, like=beside(g))
        xp.add.at(out, along_axis(index, dim), g)
        return out

    @staticmethod
    def tri(a: ndarray, diagonal: int, upper: bool) -> ndarray:
        return (xp.triu if upper else xp.tril)(a, diagonal)

    @staticmethod
    def cross(a: ndarray, b: ndarray, dim: int) -> ndarray:
        return xp.cross(a, b, axis=dim)

    @staticmethod
    def unstrided(g: ndarray, shape: tuple[int, ...], strides: Any, offset: int, base: Any) -> ndarray:
        """Backward of an arbitrary view: scatter ``g`` into zeros that lie in memory as the base does."""
        out, flat = like_base(shape, base, g)
        if overlapping(g.shape, strides):
            positions = strided(xp.arange(flat.size, like=beside(g))[offset:], g.shape, strides)
            xp.add.at(flat, positions, g)
        elif g.size:
            strided(flat[offset:], g.shape, strides)[...] = g
        return out

    @staticmethod
    def split_slice(g: ndarray, shape: Any, strides: Any, offset: int, base: Any) -> tuple[ndarray, ndarray]:
        """A copy of the base's gradient, and a copy of its slice."""
        whole, flat = like_base(g.shape, base, g)
        whole[...] = g
        return whole, strided(flat[offset:], shape, strides).copy()

    @staticmethod
    def put_slice(whole: ndarray, part: Any, shape: Any, strides: Any, offset: int, base: Any) -> None:
        """Overwrite the slice of ``whole``."""
        if whole.size:
            flat = strided(whole, (1 + sum((n - 1) * s for n, s in zip(whole.shape, base, strict=True)),), (1,))
            strided(flat[offset:], shape, strides)[...] = 0 if part is None else part


def along_axis(index: ndarray, dim: int) -> tuple[Any, ...]:
    """Full index for ``index`` along ``dim``, the other dimensions counting up."""
    grid = counted(index.shape, index)
    grid[dim:dim + 1] = [index]
    return tuple(grid)


def counted(shape: tuple[int, ...], like: ndarray) -> list[Any]:
    """An index for each dimension that counts it up, where ``like`` lies."""
    n = len(shape)
    return [xp.arange(size, like=beside(like)).reshape((-1,) + (1,) * (n - 1 - d)) for d, size in enumerate(shape)]


def like_base(shape: tuple[int, ...], strides: tuple[int, ...], like: ndarray) -> tuple[ndarray, ndarray]:
    """Zeros of a shape and strides, of the type of ``like``, and the flat memory under them."""
    size = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if all(shape) else 0
    flat = xp.zeros(size, like.dtype, like=beside(like))
    return strided(flat, shape, strides), flat


def overlapping(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether two indices may lie on the same element."""
    reach = 0
    for step, n in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if step <= reach:
            return True
        reach += step * (n - 1)
    return False


raw: Any = _Raw()


class _Graph:
    """The same functions on tensors; filled from the ops by ``gradviz.engine.ops.double``."""


graph: Any = _Graph()
graph.one = lambda like: 1
__all__ = ["address", "along_axis", "expandable", "graph", "overlapping", "raw", "sum_to"]
