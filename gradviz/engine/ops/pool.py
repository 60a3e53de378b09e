"""Pooling: the largest or the mean of windows, windows of a given number, and undoing a maximum."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from gradviz.engine import observe
from gradviz.engine.dtypes import BY_NP, FLOATING
from gradviz.engine.errors import size_text
from gradviz.engine.ops import reduce, shape
from gradviz.engine.ops.args import integer, words
from gradviz.engine.ops.build import Op, op, recording, run
from gradviz.engine.ops.layer import layer
from gradviz.engine.ops.taps import Taps, mapped
from gradviz.engine.ops.windows import adaptive, fitted, found, fractions, largest, placed, regular
from gradviz.engine.xp import ndarray, xp

NUMBERS = ("", "", "two", "three")


# --- rows ------------------------------------------------------------------------------------------------------------
def _picked(name: str, n: int, key: str, forward: Callable[..., Any] = largest) -> Op:
    """A maximum over ``n`` dimensions: its gradient goes to the places that it took its values from."""

    def rule(ns: Any, ctx: Any, g: Any, self: Any, indices: Any) -> Any:
        return ns.apply(back, (g, self), ns.plain(indices), ns.plain(self).shape[-n:])

    def again(ns: Any, ctx: Any, g: Any) -> Any:
        index, size = ctx.args
        return ns.apply(gather, (g,), index, size), ns.zeros(ns.plain(g).shape, g)

    def once_more(ns: Any, ctx: Any, g: Any) -> Any:
        return ns.apply(back, (g, g), *ctx.args)

    node = f"{key}BackwardBackward0"
    row = op(name, forward, f"{key}Backward0", rule, "self result1", key=f"{name}.{n}")
    back = op(name + "_backward", lambda g, _, index, size: placed(g, index, size), node, again, inputs="grad self",
              key=f"{name}.{n}.backward")
    gather = op(name + "_backward", lambda x, index, size: found(x, index, n), node, once_more,
                key=f"{name}.{n}.twice")
    return row


MAX = {n: _picked(f"max_pool{n}d", n, f"MaxPool{n}DWithIndices") for n in (2, 3)}
ADAPTIVE_MAX = {n: _picked(f"adaptive_max_pool{n}d", n, f"AdaptiveMaxPool{n}D") for n in (2, 3)}
AVG = {n: mapped(f"avg_pool{n}d", f"AvgPool{n}DBackward0", "self") for n in (2, 3)}
ADAPTIVE_AVG = {n: mapped(f"adaptive_avg_pool{n}d", f"AdaptiveAvgPool{n}DBackward0", "self") for n in (2, 3)}


def _unpooled(x: ndarray, index: ndarray, size: tuple[int, ...]) -> ndarray:
    bad = (index < 0) | (index >= int(xp.prod(size)))
    if bool(bad.any()):
        raise RuntimeError(f"Found an invalid max index: {index[bad].reshape(-1)[0]} (output volumes are of size "
                           f"{'x'.join(map(str, size))})")
    lead = x.shape[:x.ndim - len(size)]
    out = xp.zeros((*lead, int(xp.prod(size))), x.dtype)
    xp.put_along_axis(out, index.reshape(*lead, -1), x.reshape(*lead, -1), -1)
    return out.reshape(*lead, *size)


def _unpool(n: int) -> Op:
    def rule(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
        plain = ns.plain(index)
        at = (*_grid(plain.shape[:plain.ndim - n], n), *xp.unravel_index(plain, ctx.args[0]))
        return ns.take(g, at)

    return op(f"max_unpool{n}d", _unpooled, f"MaxUnpool{n}DBackward0", rule, "index", "self index",
              key=f"max_unpool.{n}")


def _grid(lead: tuple[int, ...], n: int) -> list[ndarray]:
    """Index arrays that count the leading dimensions up."""
    return [xp.arange(size).reshape(-1, *(1,) * (len(lead) - 1 - d + n)) for d, size in enumerate(lead)]


UNPOOL = {n: _unpool(n) for n in (2, 3)}


# --- reading arguments -----------------------------------------------------------------------------------------------
def _several(name: str, argument: str, value: Any, n: int) -> tuple[int, ...]:
    if isinstance(value, float):
        raise TypeError(f"{name}(): argument '{argument}' (position 2) must be tuple of ints, not float")
    numbers = tuple([integer(i) for i in value]) if isinstance(value, tuple | list) else (integer(value),)
    if len(numbers) not in (1, n):
        omitted = "be omitted, " if argument == "stride" else "be "
        raise RuntimeError(f"{name}: {argument} must either {omitted}a single int, or a tuple of {NUMBERS[n]} ints")
    return numbers if len(numbers) == n else numbers * n


def _windows(name: str, x: ndarray, n: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
             ceil_mode: bool) -> tuple[Any, ...]:
    """Kernel, stride, padding and dilation per dimension, checked as PyTorch does."""
    kernel = _several(name, "kernel_size", kernel_size, n)
    steps = kernel if stride is None or stride == () or stride == [] else _several(name, "stride", stride, n)
    around, gaps = _several(name, "padding", padding, n), _several(name, "dilation", dilation, n)
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")
    if 0 in steps:
        raise RuntimeError("stride should not be zero")
    if min(kernel) < 1:
        raise RuntimeError("kernel size should be greater than zero, but got "
                           + " ".join(f"k{'TDHW'[-n:][i]}: {k}" for i, k in enumerate(kernel)))
    if min(gaps) < 1:
        raise RuntimeError("dilation should be greater than zero, but got "
                           + " ".join(f"dilation{'THW'[-n:][i]}: {d}" for i, d in enumerate(gaps)))
    for k, p, d in zip(kernel, around, gaps, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError("pad should be at most half of effective kernel size, but got "
                               f"pad={p}, kernel_size={k} and dilation={d}")
    if 0 in x.shape[x.ndim - n - 1:]:
        raise RuntimeError(f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for "
                           f"input, but got:{size_text(x.shape)}")
    out = [fitted(*numbers, ceil_mode) for numbers in zip(x.shape[-n:], kernel, steps, around, gaps, strict=True)]
    if min(out) < 1:
        lead = x.shape[-n - 1]
        raise RuntimeError(f"Given input size: ({lead}x{_times(x.shape[-n:])}). Calculated output size: "
                           f"({lead}x{_times(out)}). Output size is too small")
    return kernel, steps, around, gaps


def _times(numbers: Any) -> str:
    return "x".join(map(str, numbers))


def _text(kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1, **more: Any) -> str:
    return words(kernel_size=kernel_size, stride=stride, padding=padding or None,
                 dilation=None if dilation == 1 else dilation, **more)


def single(name: str, argument: str, value: Any, limit: str = "") -> int:
    """One number, also as a list of one."""
    if isinstance(value, tuple | list):
        if len(value) != 1:
            raise RuntimeError(f"{name}() {limit or 'argument ' + repr(argument) + ' should contain one int'} "
                               f"{'but got size ' + str(len(value)) if limit else '(got ' + str(len(value)) + ')'}")
        value = value[0]
    return integer(value)


# --- maxima ----------------------------------------------------------------------------------------------------------
def max_pool(n: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, indices: bool = False) -> Any:
    """The largest of every window, and its place if asked. Places are looked for only if somebody needs them."""
    name, x = f"max_pool{n}d", input._array
    kernel, steps, around, gaps = _windows(name, x, n, kernel_size, stride, padding, dilation, ceil_mode)
    if x.dtype.kind == "b":
        raise NotImplementedError(f'"{name}" not implemented for \'Bool\'')
    tables = tuple([regular(*numbers, ceil_mode) for numbers in zip(x.shape[-n:], kernel, steps, around, gaps,
                                                                   strict=True)])
    text = _text(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    return layer(MAX[n], (input,), (tables, indices or recording((input,))), text, shown=2 if indices else 1)


def max_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, indices: bool = False) -> Any:
    """As PyTorch does it: by way of images of one row."""
    x = input._array
    if x.ndim not in (2, 3) or 0 in x.shape[-2:]:
        raise RuntimeError("max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
                           f"input, but got:{size_text(x.shape)}")
    options = {"kernel_size": kernel_size, "stride": kernel_size if stride in (None, (), []) else stride,
               "padding": padding, "dilation": dilation}
    kernel, step, around, gap = (
        single("max_pool1d", name, value, f"{name} must be an int, list of ints or tuple of ints of size 1")
        for name, value in options.items())
    for name, value in (("kernel_size", kernel), ("stride", step), ("dilation", gap)):
        if value < 1:
            raise RuntimeError(f"max_pool1d() {name} must be greater than zero, but got {value}")
    if around < 0 and not indices:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {around}")
    if around > kernel // 2 and not indices:
        raise RuntimeError("max_pool1d() padding should be at most half of kernel size, but got "
                           f"padding={around} and kernel_size={kernel}")
    if x.dtype.char not in FLOATING and not indices:
        raise NotImplementedError(f'"max_pool1d_impl" not implemented for \'{BY_NP[x.dtype].code}\'')
    n = fitted(x.shape[-1], kernel, step, around, gap, ceil_mode)
    if n < 1 and not indices:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {n}")
    text = _text(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
    with observe.composite("max_pool1d", (input,), text) as event:
        out = max_pool(2, shape.unsqueeze(input, -2), (1, kernel), (1, step), (0, around), (1, gap), ceil_mode, indices)
        return event(tuple([shape.squeeze(t, -2) for t in out]) if indices else shape.squeeze(out, -2))


def adaptive_max_pool(n: int, input: Any, output_size: Any, indices: bool = False) -> Any:
    """The largest of as many windows as asked."""
    if n == 1:
        size = single("adaptive_max_pool1d", "output_size", output_size)
        _dimensions("adaptive_max_pool1d", input._array)
        with observe.composite("adaptive_max_pool1d", (input,), words(output_size=output_size)) as event:
            out = adaptive_max_pool(2, shape.unsqueeze(input, -2), (1, size), indices)
            return event(tuple([shape.squeeze(t, -2) for t in out]) if indices else shape.squeeze(out, -2))
    name, x = f"adaptive_max_pool{n}d", input._array
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got: {size_text(x.shape)}")
    wanted = output_sizes(output_size, x, n, f"{name}(): internal error: output_size.size() must be {n}")
    _not_empty(name, x, n)
    tables = tuple([adaptive(a, b) for a, b in zip(x.shape[-n:], wanted, strict=True)])
    return layer(ADAPTIVE_MAX[n], (input,), (tables, indices or recording((input,))), words(output_size=output_size),
                 shown=2 if indices else 1)


def output_sizes(value: Any, x: ndarray, n: int, complaint: str) -> tuple[int, ...]:
    """Sizes asked for; None keeps the input's."""
    numbers = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    if len(numbers) != n:
        raise RuntimeError(complaint)
    return tuple([x.shape[i - n] if k is None else integer(k) for i, k in enumerate(numbers)])


def _not_empty(name: str, x: ndarray, n: int) -> None:
    for d in range(x.ndim - n, x.ndim):
        if not x.shape[d]:
            raise RuntimeError(f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input "
                               f"has sizes {size_text(x.shape)} with dimension {d} being empty")


def _dimensions(name: str, x: ndarray) -> None:
    if x.ndim not in (2, 3):
        raise RuntimeError(f"Expected 2 to 3 dimensions, but got {x.ndim}-dimensional tensor for argument #1 'self' "
                           f"(while checking arguments for {name})")


def max_unpool(n: int, input: Any, indices: Any, size: tuple[int, ...]) -> Any:
    """Zeros of ``size`` with the input where a maximum was."""
    x = input._array
    if indices._array.dtype != xp.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {BY_NP[indices._array.dtype].code}")
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with "
                           f"{x.ndim} dimensions.")
    if indices._array.shape != x.shape:
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({size_text(x.shape)}) "
                           f"but got indices tensor with shape: {size_text(indices._array.shape)}")
    return run(UNPOOL[n], (input, indices), (size,), words(output_size=size))


# --- means -----------------------------------------------------------------------------------------------------------
def avg_pool(n: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: int | None = None) -> Any:
    """The mean of every window."""
    name, x = f"avg_pool{n}d", input._array
    if x.ndim == n == 2:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {-n - 1})")
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if n == 3:
        _fits(x, _several(name, "kernel_size", kernel_size, n))
    kernel, steps, around, _ = _windows(name, x, n, kernel_size, stride, padding, 1, ceil_mode)
    maps, divisor = [], xp.ones((1,) * n)
    for i, size in enumerate(x.shape[-n:]):
        taps = _regular(i - n, size, kernel[i], steps[i], around[i], ceil_mode)
        inside = (0, size) if not count_include_pad else (-around[i], size + around[i])
        maps.append(taps)
        divisor = divisor * _count(taps, *inside)
    text = _text(kernel_size, stride, padding, ceil_mode=ceil_mode,
                 count_include_pad=None if count_include_pad else "False", divisor_override=divisor_override)
    return run(AVG[n], (input,), (tuple(maps), divisor if divisor_override is None else divisor_override), text)


def _fits(x: ndarray, kernel: tuple[int, ...]) -> None:
    if x.ndim in (4, 5) and any(a < k for a, k in zip(x.shape[-3:], kernel, strict=True)):
        raise RuntimeError("input image (T: {} H: {} W: {}) smaller than kernel size (kT: {} kH: {} kW: {})".format(
            *x.shape[-3:], *kernel))


def _count(taps: Taps, low: int, high: int) -> Any:
    """How many places of every window lie inside, in the shape of the dimension that the map is for."""
    return ((taps.table >= low) & (taps.table < high)).sum(axis=0).reshape(-1, *(1,) * (-taps.axis - 1))


@lru_cache(256)
def _regular(axis: int, size: int, kernel: int, stride: int, padding: int, ceil_mode: bool) -> Taps:
    return Taps(axis, regular(size, kernel, stride, padding, 1, ceil_mode), None, size)


@lru_cache(256)
def _adaptive(axis: int, size: int, n: int) -> Taps:
    return Taps(axis, adaptive(size, n), None, size)


def avg_pool1d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Any:
    """As PyTorch does it: by way of images of one row."""
    _dimensions("avg_pool1d", input._array)
    kernel, around = (single("avg_pool1d", *option) for option in (("kernel_size", kernel_size), ("padding", padding)))
    step = kernel if stride in (None, (), []) else single("avg_pool1d", "stride", stride)
    with observe.composite("avg_pool1d", (input,), _text(kernel_size, stride, padding, ceil_mode=ceil_mode)) as event:
        out = avg_pool(2, shape.unsqueeze(input, -2), (1, kernel), (1, step), (0, around), ceil_mode, count_include_pad)
        return event(shape.squeeze(out, -2))


def adaptive_avg_pool(n: int, input: Any, output_size: Any) -> Any:
    """The mean of as many windows as asked; one window is the mean of everything."""
    text = words(output_size=output_size)
    if n == 1:
        size = single("adaptive_avg_pool1d", "output_size", output_size)
        _dimensions("adaptive_avg_pool1d", input._array)
        with observe.composite("adaptive_avg_pool1d", (input,), text) as event:
            return event(shape.squeeze(adaptive_avg_pool(2, shape.unsqueeze(input, -2), (1, size)), -2))
    name, x = f"adaptive_avg_pool{n}d", input._array
    wanted = output_sizes(output_size, x, n, f"{name}: output_size must be {n}")
    if min(wanted) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0 but received "
                           f"{{{', '.join(map(str, wanted))}}}")
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got {size_text(x.shape)}")
    _not_empty(name, x, n)
    if x.dtype.char not in FLOATING:
        raise NotImplementedError(f'"{name}" not implemented for \'{BY_NP[x.dtype].code}\'')
    if wanted == (1,) * n:
        with observe.composite(name, (input,), text) as event:
            return event(reduce.FUNCTIONS["mean"](input, tuple(range(-1, -n - 1, -1)), True))
    maps = tuple([_adaptive(i - n, a, b) for i, (a, b) in enumerate(zip(x.shape[-n:], wanted, strict=True))])
    divisor = xp.ones((1,) * n)
    for taps in maps:
        divisor = divisor * _count(taps, 0, taps.size)
    return run(ADAPTIVE_AVG[n], (input,), (maps, divisor), text)


# --- windows at random -----------------------------------------------------------------------------------------------
FRACTIONAL = {n: _picked(f"fractional_max_pool{n}d", n, f"FractionalMaxPool{n}D", fractions) for n in (2, 3)}


def fractional_max_pool(n: int, input: Any, kernel_size: Any, output_size: Any, samples: Any, indices: bool) -> Any:
    """The largest of windows that lie at random distances, given by ``samples`` for every plane."""
    name, x = f"fractional_max_pool{n}d", input._array
    kernel, wanted = _several(name, "kernel_size", kernel_size, n), _several(name, "output_size", output_size, n)
    for side, size, k, out in zip(("time", "height", "width")[-n:], x.shape[-n:], kernel, wanted, strict=True):
        if out + k - 1 > size - (n == 3):
            raise RuntimeError(f"{name}{'_out' * (n == 3)}(): pool {side} {k} too large relative to input {side} "
                               f"{size}")
    return layer(FRACTIONAL[n], (input,), (kernel, wanted, samples._array), words(
        kernel_size=kernel_size, output_size=output_size), shown=2 if indices else 1)


FUNCTIONS: dict[str, Any] = {
    "avg_pool1d": avg_pool1d, "adaptive_avg_pool1d": partial(adaptive_avg_pool, 1),
    "adaptive_max_pool1d": partial(adaptive_max_pool, 1, indices=True), "max_pool1d": max_pool1d,
    "max_pool1d_with_indices": partial(max_pool1d, indices=True), "max_pool2d": partial(max_pool, 2),
    "max_pool3d": partial(max_pool, 3),
}
METHODS: dict[str, Any] = {}
