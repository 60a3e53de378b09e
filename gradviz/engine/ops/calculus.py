"""Differences and sums of samples: diff, gradient, the trapezoid rule."""

from __future__ import annotations

from typing import Any

from gradviz.engine import observe
from gradviz.engine.ops import binary, join, reduce, scans, scatter, shape
from gradviz.engine.ops.args import dimension, dimensions
from gradviz.engine.ops.distance import DIV_NUMBER, MUL_NUMBER, with_number
from gradviz.engine.tensor import Tensor

B = binary.OPERATORS


def _part(t: Any, dim: int, start: int | None, stop: int | None) -> Any:
    n = t._array.shape[dim]
    return shape.slice_(t, dim, *slice(start, stop).indices(n)[:2])


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours, ``n`` times."""
    if not input._array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = dimension(dim, input._array.ndim)
    with observe.composite("diff", (input,)) as event:
        if not n:
            return event(scatter.copy_(input.new_zeros(input._array.shape), input))
        parts = [t for t in (prepend, input, append) if t is not None]
        out = join.cat(parts, d) if len(parts) > 1 else input
        for _ in range(n):
            one, two = _part(out, d, 1, None), _part(out, d, 0, -1)
            out = B["logical_xor"](one, two) if out._array.dtype.kind == "b" else B["sub"](one, two)
        return event(out)


def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The derivative of samples: central differences, one-sided at the ends."""
    n = input._array.ndim
    coordinates = isinstance(spacing, tuple | list) and any(isinstance(s, Tensor) for s in spacing)
    dims = dimensions(dim, n) if dim is not None else tuple(range(len(spacing) if coordinates else n))
    steps = list(spacing) if isinstance(spacing, tuple | list) else [1.0 if spacing is None else spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError("torch.gradient expected spacing to be unspecified, a scalar" + (
            f", or a list of length equal to 'self.dim() = {n}', since dim argument was not given, but got a list of "
            f"length {len(steps)}" if dim is None else
            " or it's spacing and dim arguments to have the same length, but got a spacing argument of length "
            f"{len(steps)} and a dim argument of length {len(dims)}."))
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if any(input._array.shape[d] < edge_order + 1 for d in dims):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    with observe.composite("gradient", (input,)) as event:
        return tuple(event(tuple(_slopes(input, d, s, edge_order) for d, s in zip(dims, steps, strict=True))))


def _slopes(t: Any, d: int, step: Any, edge: int) -> Any:
    if isinstance(step, Tensor):
        return _slopes_at(t, d, step, edge)
    step = float(step)
    middle = with_number(DIV_NUMBER, with_number(DIV_NUMBER, _part(t, d, 2, None) - _part(t, d, 0, -2), 2.0), step)
    if edge == 1:
        ends = [with_number(DIV_NUMBER, _part(t, d, a + 1, a + 2 or None) - _part(t, d, a, a + 1), step)
                for a in (0, t._array.shape[d] - 2)]
    else:
        ends = [_edge(t, d, sign, step) for sign in (1, -1)]
    return join.cat([ends[0], middle, ends[1]], d)


def _edge(t: Any, d: int, sign: int, step: float) -> Any:
    """The one-sided derivative of second order at the first sample, or the last."""
    n = t._array.shape[d]
    a, b, c = (_part(t, d, k, k + 1) for k in ((0, 1, 2) if sign == 1 else (n - 1, n - 2, n - 3)))
    return (a * -1.5 + b * 2 - c * 0.5) * (sign / step)


def _slopes_at(t: Any, d: int, at: Any, edge: int) -> Any:
    n = t._array.shape[d]
    wide = [1] * t._array.ndim
    wide[d] = -1
    gaps = shape.reshape(_part(at, 0, 1, None) - _part(at, 0, 0, -1), wide)
    left, right = _part(gaps, d, 0, -1), _part(gaps, d, 1, None)
    middle = (-right / (left * (left + right)) * _part(t, d, 0, -2) + (right - left) / (left * right) *
              _part(t, d, 1, -1) + left / (right * (left + right)) * _part(t, d, 2, None))
    if edge == 2:
        raise RuntimeError("torch.gradient with coordinates is built for edge_order=1")
    ends = [(_part(t, d, a + 1, a + 2) - _part(t, d, a, a + 1)) / _part(gaps, d, a, a + 1) for a in (0, n - 2)]
    return join.cat([ends[0], middle, ends[1]], d)


def _spaced(name: str, y: Any, x: Any, d: int) -> tuple[Any, Any]:
    """The sums of neighbours, and the distances between the samples."""
    if not y._array.ndim:
        raise IndexError(f"Dimension specified as {d} but tensor has no dimensions")
    axis = dimension(d, y._array.ndim)
    if x is None:
        return axis, None
    if x._array.shape[-1 if x._array.ndim == 1 else axis] != y._array.shape[axis]:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    if x._array.ndim == 1:
        wide = [1] * y._array.ndim
        wide[axis] = x._array.shape[0]
        x = shape.view(x, wide)
    return axis, _part(x, axis, 1, None) - _part(x, axis, 0, -1)


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The area under samples."""
    d, gaps = _spaced("trapezoid", y, x, dim)
    if not y._array.shape[d]:
        return reduce.FUNCTIONS["sum"](y, d) * 0.5
    with observe.composite("trapezoid", (y,)) as event:
        if gaps is not None:
            areas = (_part(y, d, 0, -1) + _part(y, d, 1, None)) * gaps
            return event(with_number(DIV_NUMBER, reduce.FUNCTIONS["sum"](areas, d), 2.0))
        ends = with_number(MUL_NUMBER, shape.select(y, d, 0) + shape.select(y, d, -1), 0.5)
        return event(with_number(MUL_NUMBER, reduce.FUNCTIONS["sum"](y, d) - ends, 1.0 if dx is None else dx))


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The area under samples up to each."""
    d, gaps = _spaced("cumulative_trapezoid", y, x, dim)
    with observe.composite("cumulative_trapezoid", (y,)) as event:
        pairs = _part(y, d, 0, -1) + _part(y, d, 1, None)
        if gaps is not None:
            return event(with_number(DIV_NUMBER, scans.FUNCTIONS["cumsum"](pairs * gaps, d), 2.0))
        return event(scans.FUNCTIONS["cumsum"](with_number(MUL_NUMBER, pairs, (1.0 if dx is None else dx) / 2.0), d))


def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    return trapezoid(y, x, dx=dx, dim=dim)


FUNCTIONS: dict[str, Any] = {"diff": diff, "gradient": gradient, "trapezoid": trapezoid, "trapz": trapz,
                             "cumulative_trapezoid": cumulative_trapezoid}
METHODS: dict[str, Any] = {"diff": diff}
