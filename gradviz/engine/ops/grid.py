"""Images looked up at any places (grid_sample), and grids of places from affine maps."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.resize import cubic_slopes, cubic_weights
from gradviz.engine.xp import ndarray, xp

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


class Tap(NamedTuple):
    """One neighbour of every place, along one dimension: ``slope`` is the weight's derivative by the grid."""

    at: ndarray
    inside: ndarray
    weight: Any
    slope: Any


def _inside(place: ndarray, size: int, padding: str, align: bool) -> tuple[ndarray, ndarray]:
    """Places moved into the image, and by what their derivative is multiplied for that."""
    sign = xp.ones(place.shape, place.dtype)
    if padding == "zeros":
        return place, sign
    if padding == "reflection":
        low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
        if not span:
            return xp.zeros_like(place), xp.zeros_like(place)
        away = place - low
        sign = xp.where(away < 0, -sign, sign)
        away = abs(away)
        rest, odd = xp.fmod(away, span), xp.floor(away / span) % 2 == 1
        place = xp.where(odd, span - rest, rest) + low
        sign = xp.where(odd, -sign, sign)
    edge = (place <= 0) | (place >= size - 1)
    return xp.clip(place, 0, size - 1), xp.where(edge, 0, sign)


def _whole(place: ndarray) -> ndarray:
    """As integers; NaN and what is far away lie outside."""
    return xp.where(abs(place) < 2 ** 30, place, -100).astype(xp.int64)


def _taps(ns: Any, coordinate: Any, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    factor, offset = ((size - 1) / 2 if align else size / 2), (size - 1) / 2
    place = coordinate * factor + offset
    plain = ns.plain(place)
    if mode == "bicubic":
        low = xp.floor(plain)
        t = place - ns.const(low)
        taps = []
        for k, weight, slope in zip(range(-1, 3), cubic_weights(t), cubic_slopes(t), strict=True):
            index = _whole(_inside(low + k, size, padding, align)[0])
            taps.append(_tap(index, size, weight, slope * factor))
        return taps
    moved, sign = _inside(plain, size, padding, align)
    if mode == "nearest":
        return [_tap(_whole(xp.round(moved)), size, None, None)]
    low = xp.floor(moved)
    t = place * ns.const(sign) + ns.const(moved - plain * sign - low)
    if padding != "zeros":  # at the edge only the part that moves along has a derivative
        t = ns.where(ns.const(sign == 0), ns.const(moved - low), t)
    index, slope = _whole(low), ns.const(sign * xp.asarray(factor, plain.dtype))
    return [_tap(index, size, 1 - t, -slope), _tap(index + 1, size, t, slope)]


def _tap(index: ndarray, size: int, weight: Any, slope: Any) -> Tap:
    inside = (index >= 0) & (index < size)
    return Tap(xp.where(inside, index, 0), inside, weight, slope)


def _neighbours(ns: Any, shape: tuple[int, ...], grid: Any, options: tuple[str, str, bool]) -> list[Any]:
    """Every combination of taps with its index into the image and its mask."""
    n = len(shape) - 2
    axes = [_taps(ns, ns.take(grid, (..., n - 1 - d)), shape[2 + d], *options) for d in range(n)]
    lead = (1,) * n
    samples, channels = xp.arange(shape[0]).reshape(-1, 1, *lead), xp.arange(shape[1]).reshape(1, -1, *lead)
    out = []
    for taps in product(*axes):
        mask = taps[0].inside
        for tap in taps[1:]:
            mask = mask & tap.inside
        index = (samples, channels, *[tap.at[:, None] for tap in taps])
        out.append((taps, index, mask[:, None]))
    return out


def _weight(taps: Any, without: int = -1) -> Any:
    """The product of the taps' weights, or with the slope in the place of one; None stands for 1."""
    total = None
    for d, tap in enumerate(taps):
        factor = tap.slope if d == without else tap.weight
        if factor is not None:
            total = factor if total is None else total * factor
    return total


def _sample(x: ndarray, grid: ndarray, *options: Any) -> ndarray:
    _check(x, grid, options[0])
    out = xp.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    for taps, index, mask in _neighbours(raw, x.shape, grid, options):
        part, weight = xp.where(mask, x[index], 0), _weight(taps)
        out += part if weight is None else part * weight[:, None]
    return out


def _rule(ns: Any, ctx: Any, g: Any, input: Any, grid: Any) -> Any:
    shape, n = ns.plain(input).shape, ns.plain(grid).shape[-1]
    first: Any = None
    parts: list[Any] = [None] * n
    for taps, index, mask in _neighbours(ns, shape, grid, ctx.args):
        there = ns.where(ns.const(mask), g, 0)
        if ctx.needs(0):
            weight = _weight(taps)
            share = ns.put_add(there if weight is None else there * ns.unsqueeze(weight, (1,)), shape, index)
            first = share if first is None else first + share
        if ctx.needs(1) and taps[0].slope is not None:
            value = ns.sum(there * ns.take(input, index), (1,))
            for d in range(n):
                share = value * _weight(taps, d)
                parts[d] = share if parts[d] is None else parts[d] + share
    if not ctx.needs(1):
        return first, None
    if parts[0] is None:
        return first, ns.where(ns.const(xp.zeros(ns.plain(grid).shape, bool)), grid, 0)
    return first, ns.stack(parts[::-1], -1)


def _check(x: ndarray, grid: ndarray, mode: str) -> None:
    n = x.ndim - 2
    if n not in (2, 3) or grid.ndim != x.ndim:
        raise RuntimeError(f"grid_sampler(): expected {'4D' if n < 3 else '5D'} input and grid with same number of "
                           f"dimensions, but got input with sizes {size_text(x.shape)} and grid with sizes "
                           f"{size_text(grid.shape)}")
    if len(x) != len(grid):
        raise RuntimeError("grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
                           f"{size_text(x.shape)} and grid with sizes {size_text(grid.shape)}")
    if grid.shape[-1] != n:
        raise RuntimeError(f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes "
                           f"{size_text(grid.shape)}")
    for d in range(2, x.ndim):
        if not x.shape[d]:
            raise RuntimeError("grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
                               f"sizes {size_text(x.shape)} with dimension {d} being empty")
    if mode == "bicubic" and n == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if x.dtype != grid.dtype:
        raise RuntimeError(f"expected scalar type {BY_NP[x.dtype].code} but found {BY_NP[grid.dtype].code}")


SAMPLE = {n: op("grid_sample", _sample, f"GridSampler{n}DBackward0", _rule, "input grid", "input grid",
                key=f"grid_sample.{n}") for n in (2, 3)}


def grid_sampler(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """The image at the places of a grid, whose coordinates reach from -1 to 1."""
    mode, padding = MODES[interpolation_mode], PADDINGS[padding_mode]
    text = words(mode=None if mode == "bilinear" else repr(mode), padding_mode=None if padding == "zeros" else
                 repr(padding), align_corners=align_corners)
    return run(SAMPLE[3 if input._array.ndim == 5 else 2], (input, grid), (mode, padding, align_corners), text)


# --- affine grids ----------------------------------------------------------------------------------------------------
def _base(size: tuple[int, ...], align: bool, dtype: Any) -> ndarray:
    """Coordinates of all places, with a last column of ones, as rows."""
    spatial = size[2:]
    lines = []
    for n in spatial:
        line = xp.linspace(-1, 1, n, dtype=dtype) if n > 1 else xp.zeros(n, dtype)
        lines.append(line if align else line * ((n - 1) / n))
    grids = xp.meshgrid(*lines, indexing="ij")
    return xp.stack([*grids[::-1], xp.ones(spatial, dtype)], axis=-1).reshape(-1, len(spatial) + 1)


def _affine(theta: ndarray, size: tuple[int, ...], align: bool) -> Any:
    if len(theta) != size[0]:
        k = theta.shape[2]
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{size[0]}, {k}] but got: "
                           f"[{len(theta)}, {k}].")
    places = xp.matmul(_base(size, align, theta.dtype), theta.swapaxes(1, 2))
    return places.reshape(size[0], *size[2:], len(size) - 2)


def _affine_rule(ns: Any, ctx: Any, g: Any) -> Any:
    size, align = ctx.args
    rows = ns.reshape(g, (size[0], -1, len(size) - 2))
    return ns.matmul(ns.swap(rows), ns.const(_base(size, align, ns.plain(g).dtype)))


AFFINE = op("affine_grid", _affine, "AffineGridGeneratorBackward0", _affine_rule)


def affine_grid_generator(theta: Any, size: Any, align_corners: bool) -> Any:
    """The places that an affine map of the output's places looks at."""
    return run(AFFINE, (theta,), (tuple(size), align_corners), words(size=tuple(size), align_corners=align_corners))


FUNCTIONS: dict[str, Any] = {"grid_sampler": grid_sampler, "affine_grid_generator": affine_grid_generator}
METHODS: dict[str, Any] = {}
