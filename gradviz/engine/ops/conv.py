"""Convolutions, transposed convolutions, and images as columns (unfold, fold)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.node import node_class
from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import c_name, size_text, warn
from gradviz.engine.ops import columns, shape
from gradviz.engine.ops.args import integer, words
from gradviz.engine.ops.build import TABLE, Op, not_a_tensor, op
from gradviz.engine.ops.columns import Geometry
from gradviz.engine.ops.layer import layer
from gradviz.engine.ops.pad import constant_pad_nd
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray


# --- rules -----------------------------------------------------------------------------------------------------------
def _convolution(ns: Any, ctx: Any, g: Any, input: Any, weight: Any) -> Any:
    geometry, transposed, _ = ctx.args
    size, kernel = ns.plain(input).shape[2:], ns.plain(weight).shape
    dims = (0, *range(2, len(kernel)))
    first = second = None
    if transposed:
        if ctx.needs(0):
            first = ns.apply(PLAIN, (g, weight), geometry, size)
        if ctx.needs(1):
            second = ns.apply(TO_WEIGHT, (g, input), geometry, kernel)
    else:
        if ctx.needs(0):
            first = ns.apply(TO_INPUT, (g, weight), geometry, size)
        if ctx.needs(1):
            second = ns.apply(TO_WEIGHT, (input, g), geometry, kernel)
    return first, second, (ns.sum(g, dims) if ctx.needs(2) else None)


def _plain(ns: Any, ctx: Any, g: Any, input: Any, weight: Any) -> Any:
    geometry, _ = ctx.args
    return ((ns.apply(TO_INPUT, (g, weight), geometry, ns.plain(input).shape[2:]) if ctx.needs(0) else None),
            (ns.apply(TO_WEIGHT, (input, g), geometry, ns.plain(weight).shape) if ctx.needs(1) else None))


def _to_input(ns: Any, ctx: Any, g: Any, grad: Any, weight: Any) -> Any:
    geometry, _ = ctx.args
    return ((ns.apply(PLAIN, (g, weight), geometry, ns.plain(grad).shape[2:]) if ctx.needs(0) else None),
            (ns.apply(TO_WEIGHT, (g, grad), geometry, ns.plain(weight).shape) if ctx.needs(1) else None))


def _to_weight(ns: Any, ctx: Any, g: Any, input: Any, grad: Any) -> Any:
    geometry, _ = ctx.args
    return ((ns.apply(TO_INPUT, (grad, g), geometry, ns.plain(input).shape[2:]) if ctx.needs(0) else None),
            (ns.apply(PLAIN, (input, g), geometry, ns.plain(grad).shape[2:]) if ctx.needs(1) else None))


PLAIN = op("convolution", columns.forward, "ConvolutionBackward0", _plain, "input weight", "input weight",
           key="convolution.plain")
TO_INPUT = op("convolution_backward", columns.to_input, "ConvolutionBackwardBackward0", _to_input, "grad weight",
              "grad weight", key="convolution.input")
TO_WEIGHT = op("convolution_backward", columns.to_weight, "ConvolutionBackwardBackward0", _to_weight, "input grad",
               "input grad", key="convolution.weight")


# --- forwards --------------------------------------------------------------------------------------------------------
def _biased(out: ndarray, bias: ndarray | None) -> ndarray:
    if bias is not None:
        out += bias.reshape(-1, *(1,) * (out.ndim - 2))
    return out


def _forward(x: ndarray, weight: ndarray, bias: ndarray | None, geometry: Geometry, transposed: bool,
             extra: tuple[int, ...]) -> ndarray:
    """Check as PyTorch does, then compute."""
    _check(x, weight, bias, geometry, transposed, extra)
    kernel = weight.shape[2:]
    if not transposed:
        return _biased(columns.forward(x, weight, geometry, geometry.output(x.shape[2:], kernel)), bias)
    size = tuple([(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in zip(
        x.shape[2:], kernel, geometry.stride, geometry.padding, geometry.dilation, extra, strict=True)])
    if any(n < 1 for n in size):
        row = (1,) * (len(size) == 1)  # PyTorch convolves a line as an image of one row
        raise RuntimeError(f"Given input size per channel: ({_by(row + x.shape[2:])}). Calculated output size per "
                           f"channel: ({_by(row + size)}). Output size is too small")
    return _biased(columns.to_input(x, weight, geometry, size), bias)


def _check(x: ndarray, weight: ndarray, bias: ndarray | None, geometry: Geometry, transposed: bool,
           extra: tuple[int, ...]) -> None:
    stride, padding, dilation, groups = geometry
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(p < 0 for p in extra):
        raise RuntimeError("negative output_padding is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero, but got {size_text(dilation)}")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    wide = size_text(weight.shape)
    if x.ndim != weight.ndim:
        raise RuntimeError(f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight {wide}, but "
                           f"got {x.ndim}-dimensional input of size {size_text(x.shape)} instead")
    if weight.shape[0] < groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got "
                           f"weight of size {wide} instead")
    if weight.shape[0] % groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but "
                           f"got weight of size [{wide}] instead")
    expected = weight.shape[0] if transposed else weight.shape[1] * groups
    if x.shape[1] != expected:
        raise RuntimeError(f"Given {'transposed' if transposed else 'groups'}={groups}, weight of size {wide}, expected"
                           f" input{size_text(x.shape)} to have {expected} channels, but got {x.shape[1]} channels "
                           "instead")
    filters = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (filters,):
        raise RuntimeError(f"Given {f'transposed={groups}, ' if transposed else ''}weight of size {wide}, expected bias"
                           f" to be 1-dimensional with {filters} elements, but got bias of size "
                           f"{size_text(bias.shape)} instead")
    kernel = weight.shape[2:]
    if transposed:
        _check_extra(stride, dilation, extra)
    else:
        padded = tuple([n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)])
        reach = tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])
        if any(n < k for n, k in zip(padded, reach, strict=True)):
            raise RuntimeError(f"Calculated padded input size per channel: ({_by(padded)}). Kernel size: ({_by(reach)})"
                               ". Kernel size can't be greater than actual input size")
    if 0 in kernel:
        raise RuntimeError(f"kernel size should be greater than zero, but got {_named('kernel', kernel)}")
    _check_types(x, weight, bias)


def _check_extra(stride: Any, dilation: Any, extra: Any) -> None:
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation, strict=True)):
        parts = _named("output_padding", extra), _named("stride", stride), _named("dilation", dilation)
        raise RuntimeError("output padding must be smaller than either stride or dilation, but got " + " ".join(parts))


def _check_types(x: ndarray, weight: ndarray, bias: ndarray | None) -> None:
    if bias is not None and bias.dtype != x.dtype:
        raise RuntimeError(f"Input type ({c_name(BY_NP[x.dtype])}) and bias type ({c_name(BY_NP[bias.dtype])}) "
                           "should be the same")
    if weight.dtype != x.dtype:
        raise RuntimeError(f"expected scalar type {BY_NP[x.dtype].code} but found {BY_NP[weight.dtype].code}")


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))


def _named(name: str, values: tuple[int, ...]) -> str:
    """``stride_height: 1 stride_width: 1``."""
    sides = ("time", "height", "width")[-len(values):] if len(values) > 1 else ("width",)
    if len(values) == 1:
        values, sides = (1, *values), ("height", "width")
    return " ".join(f"{name}_{side}: {n}" for side, n in zip(sides, values, strict=True))


# --- functions -------------------------------------------------------------------------------------------------------
NODE = node_class("ConvolutionBackward0", _convolution, ("input", "weight"))


def spread(name: str, value: Any, n: int, dims: int) -> tuple[int, ...]:
    """One number for all ``n`` dimensions, or one for each that the weight has."""
    numbers = tuple([integer(i) for i in value]) if isinstance(value, tuple | list) else (integer(value),) * n
    if len(numbers) == 1:
        return numbers * dims
    if len(numbers) != dims:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {dims} values to match the "
                           f"convolution dimensions, but got {name}={size_text(numbers)}")
    return numbers


def _row(name: str) -> Op:
    row = TABLE[name] = Op(name, _forward, NODE, ("input", "weight"), ("input", "weight", "bias"))
    return row


def _checked(name: str, n: int, input: Any, weight: Any) -> bool:
    """Whether the input is a batch."""
    for i, (argument, t) in enumerate((("input", input), ("weight", weight))):
        if not isinstance(t, Tensor):
            raise not_a_tensor(name, argument, i, t)
    if input._array.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of "
                           f"size: {size_text(input._array.shape)}")
    return input._array.ndim == n + 2  # type: ignore[no-any-return]


def _run(row: Op, batched: bool, input: Any, weight: Any, bias: Any, args: tuple[Any, ...], text: str,
         before: Any = None) -> Any:
    """One event, also where a sample is made a batch or padded first."""
    if batched and before is None:
        return layer(row, (input, weight, bias), args, text)
    given = tuple([t for t in (input, weight, bias) if t is not None])
    with observe.composite(row.name, given, text) as event:
        x = input if batched else shape.unsqueeze(input, 0)
        out = layer(row, (x if before is None else constant_pad_nd(x, before), weight, bias), args)
        return event(out if batched else shape.squeeze(out, 0))


def _text(stride: Any, padding: Any, dilation: Any, groups: int, extra: Any = 0) -> str:
    return words(stride=unusual(stride, 1), padding=unusual(padding, 0), output_padding=unusual(extra, 0),
                 groups=unusual(groups, 1), dilation=unusual(dilation, 1))


def unusual(value: Any, usual: int) -> Any:
    """None for what need not be said."""
    return None if value == usual or (isinstance(value, tuple | list) and all(n == usual for n in value)) else value


def _conv(n: int) -> Callable[..., Any]:
    row = _row(f"conv{n}d")

    def conv(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> Any:
        batched = _checked(row.name, n, input, weight)
        dims = weight._array.ndim - 2
        steps, gaps = spread("stride", stride, n, dims), spread("dilation", dilation, n, dims)
        before = None
        if isinstance(padding, str):
            around, before = _same(padding, weight._array.shape[2:], steps, gaps)
        else:
            around = spread("padding", padding, n, dims)
        args = Geometry(steps, around, gaps, groups), False, ()
        return _run(row, batched, input, weight, bias, args, _text(stride, padding, dilation, groups), before)

    conv.__name__ = conv.__qualname__ = row.name
    conv.__doc__ = f"The convolution of an input over {n} dimension{'s' * (n > 1)} with filters."
    return conv


def _same(padding: str, kernel: Any, stride: Any, dilation: Any) -> tuple[tuple[int, ...], Any]:
    """The padding that "same" or "valid" mean, and what is padded on one side only."""
    if padding == "valid":
        return (0,) * len(kernel), None
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    uneven = tuple([side for n in reversed(total) for side in (0, n % 2)])
    if any(uneven):
        _warn_of_copy()
    return tuple([n // 2 for n in total]), uneven if any(uneven) else None


@cache
def _warn_of_copy() -> None:
    """Said once."""
    warn("Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of "
         "the input be created")


def _transposed(n: int) -> Callable[..., Any]:
    row = _row(f"conv_transpose{n}d")

    def conv(input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
             groups: int = 1, dilation: Any = 1) -> Any:
        if isinstance(padding, str):
            raise TypeError(f"{row.name}(): argument 'padding' must be tuple of ints, not str")
        batched = _checked(row.name, n, input, weight)
        dims = weight._array.ndim - 2
        geometry = Geometry(spread("stride", stride, n, dims), spread("padding", padding, n, dims),
                            spread("dilation", dilation, n, dims), groups)
        args = geometry, True, spread("output_padding", output_padding, n, dims)
        return _run(row, batched, input, weight, bias, args, _text(stride, padding, dilation, groups, output_padding))

    conv.__name__ = conv.__qualname__ = row.name
    conv.__doc__ = f"What is the gradient of conv{n}d, as a layer."
    return conv


FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (*map(_conv, (1, 2, 3)), *map(_transposed, (1, 2, 3)))}
METHODS: dict[str, Any] = {}
