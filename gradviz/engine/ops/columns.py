"""Patches of images as columns, so that a convolution is one matrix product per block of samples.

A block is as many samples as fit into a processor's cache together with their columns: that is half the time of
backward. Every kernel position is one strided copy (or, on the way back, one strided sum).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, NamedTuple

from gradviz.engine import kernels
from gradviz.engine.xp import beside, contiguous, foreign, ndarray, restrided, xp

BLOCK, ON_DEVICE = 1 << 18, 1 << 28
"""How many elements of columns are held at a time; a device has no use for little memory, but for few kernels."""


class Geometry(NamedTuple):
    """How a kernel moves over the dimensions behind batch and channels."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def output(self, size: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """How often it fits."""
        return tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1
                      for n, k, s, p, d in zip(size, kernel, self.stride, self.padding, self.dilation, strict=True)])

    def positions(self, kernel: tuple[int, ...], out: tuple[int, ...]) -> list[tuple[Any, tuple[Any, ...]]]:
        """Every element of the kernel, with the part of the padded input that it meets."""
        rows = []
        for at in product(*map(range, kernel)):
            starts = [i * d for i, d in zip(at, self.dilation, strict=True)]
            rows.append((at, tuple([slice(b, b + s * (n - 1) + 1, s)
                                    for b, s, n in zip(starts, self.stride, out, strict=True)])))
        return rows

    def bare(self, kernel: tuple[int, ...]) -> bool:
        """Whether columns are the input itself."""
        return all(k == 1 for k in kernel) and all(s == 1 for s in self.stride) and not any(self.padding)

    def inner(self, size: tuple[int, ...]) -> tuple[Any, ...]:
        """Where the input lies in the padded input."""
        return tuple([slice(p, p + n) for p, n in zip(self.padding, size, strict=True)])


def gathered(x: ndarray, kernel: tuple[int, ...], geometry: Geometry, out: tuple[int, ...]
             ) -> Iterator[tuple[slice, ndarray]]:
    """Blocks of samples and their columns, (samples, channels, *kernel, *out). The memory is used again."""
    size, lead = x.shape[2:], x.shape[1]
    if size == out and geometry.bare(kernel):
        yield slice(None), x.reshape(*x.shape[:2], *kernel, *size)
        return
    step = _step(x, lead, kernel, out)
    padded = tuple([n + 2 * p for n, p in zip(size, geometry.padding, strict=True)])
    if x.__class__ in foreign:
        for first in range(0, len(x), step):
            yield slice(first, first + step), _gathered_at_once(x[first:first + step], kernel, geometry, out)
        return
    columns = xp.empty((min(step, len(x)), lead, *kernel, *out), x.dtype)
    frame = xp.zeros((len(columns), lead, *padded), x.dtype) if any(geometry.padding) else None
    places = geometry.positions(kernel, out)
    inner: Any = (..., *geometry.inner(size))
    for first in range(0, len(x), step):
        part = x[first:first + step]
        n = len(part)
        if frame is not None:
            frame[:n][inner] = part
            part = frame[:n]
        for at, where in places:
            columns[(slice(n), slice(None), *at)] = part[(..., *where)]
        yield slice(first, first + n), columns[:n]


def _gathered_at_once(x: ndarray, kernel: tuple[int, ...], geometry: Geometry, out: tuple[int, ...]) -> ndarray:
    """All columns by one strided copy."""
    x = _padded(x, geometry)
    lead, steps = x.strides[:2], x.strides[2:]
    inner = [n * d for n, d in zip(steps, geometry.dilation, strict=True)]
    outer = [n * s for n, s in zip(steps, geometry.stride, strict=True)]
    return restrided(x, (*x.shape[:2], *kernel, *out), (*lead, *inner, *outer)).copy()


def scattered(columns: ndarray, into: ndarray, kernel: tuple[int, ...], geometry: Geometry) -> None:
    """Add columns to where :func:`gathered` took them from; ``into`` is padded."""
    if into.__class__ in foreign and len(kernel) < 4:
        kernels.scatter(columns, into, kernel, geometry)
        return
    for at, where in geometry.positions(kernel, columns.shape[2 + len(kernel):]):
        into[(..., *where)] += columns[(slice(None), slice(None), *at)]


def _step(x: ndarray, lead: int, kernel: tuple[int, ...], out: tuple[int, ...]) -> int:
    size = lead
    for n in (*kernel, *out):
        size *= n
    return max(1, (ON_DEVICE if x.__class__ in foreign else BLOCK) // max(1, size))


def _depthwise(shape: tuple[int, ...], groups: int) -> bool:
    """Whether every channel has one filter of its own: then there is no product of matrices in it."""
    return shape[1] == 1 and shape[0] == groups > 1


def _each(weight: ndarray, at: tuple[Any, ...]) -> ndarray:
    """One element of every channel's filter."""
    return weight[(slice(None), 0, *at)].reshape(-1, *(1,) * len(at))


def _padded(x: ndarray, geometry: Geometry) -> ndarray:
    if not any(geometry.padding):
        return x
    size = x.shape[2:]
    out = xp.zeros((*x.shape[:2], *[n + 2 * p for n, p in zip(size, geometry.padding, strict=True)]), x.dtype,
                   like=beside(x))
    out[(..., *geometry.inner(size))] = x
    return out


# --- the three products of a convolution: each is the derivative of the others ---------------------------------------
def forward(x: ndarray, weight: ndarray, geometry: Geometry, size: tuple[int, ...]) -> ndarray:
    """The convolution of ``x`` with ``weight`` (filters, channels / groups, *kernel), up to ``size``."""
    kernel, groups = weight.shape[2:], geometry.groups
    if not x.size:
        return xp.zeros((len(x), len(weight), *size), x.dtype, like=beside(x))
    if _depthwise(weight.shape, groups):
        padded, out = _padded(x, geometry), xp.zeros((*x.shape[:2], *size), x.dtype, like=beside(x))
        for at, where in geometry.positions(kernel, size):
            out += padded[(..., *where)] * _each(weight, at)
        return out
    out = xp.empty((len(x), len(weight), *size), x.dtype, like=beside(x))
    rows = weight.reshape(groups, len(weight) // groups, -1)
    flat = out.reshape(len(x), groups, rows.shape[1], -1)
    for part, columns in gathered(x, kernel, geometry, size):
        xp.matmul(rows, columns.reshape(len(columns), groups, rows.shape[2], -1), out=flat[part])
    return out


def to_input(g: ndarray, weight: ndarray, geometry: Geometry, size: tuple[int, ...]) -> ndarray:
    """What ``forward`` passes back to its input of ``size``; forwards it is the transposed convolution."""
    kernel, groups = weight.shape[2:], geometry.groups
    lead = weight.shape[1] * groups
    if not g.size or not weight.size:
        return xp.zeros((len(g), lead, *size), g.dtype, like=beside(g))
    rows = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    flat = g.reshape(len(g), groups, rows.shape[2], -1)
    if geometry.bare(kernel) and g.shape[2:] == size:
        return xp.matmul(rows, flat).reshape(len(g), lead, *size)  # type: ignore[no-any-return]
    padded = tuple([n + 2 * p for n, p in zip(size, geometry.padding, strict=True)])
    into = xp.zeros((len(g), lead, *padded), g.dtype, like=beside(g))
    if _depthwise(weight.shape, groups):
        for at, where in geometry.positions(kernel, g.shape[2:]):
            into[(..., *where)] += g * _each(weight, at)
        return contiguous(into[(..., *geometry.inner(size))])
    step = _step(g, lead, kernel, g.shape[2:])
    columns = xp.empty((min(step, len(g)), groups, rows.shape[1], flat.shape[3]), g.dtype, like=beside(g))
    for first in range(0, len(g), step):
        part = flat[first:first + step]
        xp.matmul(rows, part, out=columns[:len(part)])  # memory that is used again is in the cache
        patches = columns[:len(part)].reshape(len(part), lead, *kernel, *g.shape[2:])
        scattered(patches, into[first:first + step], kernel, geometry)
    return contiguous(into[(..., *geometry.inner(size))]) if any(geometry.padding) else into


def to_weight(x: ndarray, g: ndarray, geometry: Geometry, shape: tuple[int, ...]) -> ndarray:
    """What ``forward`` passes back to a weight of ``shape``."""
    groups = geometry.groups
    if _depthwise(shape, groups):
        out = xp.empty(shape, x.dtype, like=beside(x))
        padded, dims = _padded(x, geometry), (0, *range(2, x.ndim))
        for at, where in geometry.positions(shape[2:], g.shape[2:]):
            out[(slice(None), 0, *at)] = (padded[(..., *where)] * g).sum(axis=dims)
        return out
    wide, deep = shape[0] // groups, prod(shape[1:])
    total = xp.zeros((groups, deep, wide), x.dtype, like=beside(x))
    if total.size and g.size:
        flat = g.reshape(len(g), groups, wide, -1).swapaxes(2, 3)
        for part, columns in gathered(x, shape[2:], geometry, g.shape[2:]):
            total += xp.matmul(columns.reshape(len(columns), groups, deep, -1), flat[part]).sum(axis=0)
    return contiguous(total.swapaxes(1, 2)).reshape(shape)


__all__ = ["Geometry", "forward", "gathered", "scattered", "to_input", "to_weight"]
