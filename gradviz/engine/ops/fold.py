"""Patches as columns and back: unfold and fold."""

from __future__ import annotations

from typing import Any

from gradviz.engine.errors import size_text
from gradviz.engine.ops import columns
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.columns import Geometry
from gradviz.engine.xp import beside, contiguous, ndarray, xp


def _im2col(x: ndarray, kernel: tuple[int, ...], geometry: Geometry) -> ndarray:
    if x.ndim == 3:
        return _im2col(x[None], kernel, geometry)[0]  # type: ignore[no-any-return]
    out = geometry.output(x.shape[2:], kernel)
    whole = xp.empty((*x.shape[:2], *kernel, *out), x.dtype, like=beside(x))
    for part, patches in columns.gathered(x, kernel, geometry, out):
        whole[part] = patches
    return whole.reshape(len(x), x.shape[1] * kernel[0] * kernel[1], out[0] * out[1])


def _col2im(x: ndarray, size: tuple[int, ...], kernel: tuple[int, ...], geometry: Geometry) -> ndarray:
    if x.ndim == 2:
        return _col2im(x[None], size, kernel, geometry)[0]  # type: ignore[no-any-return]
    lead = x.shape[1] // (kernel[0] * kernel[1])
    into = xp.zeros((len(x), lead, *[n + 2 * p for n, p in zip(size, geometry.padding, strict=True)]), x.dtype,
                    like=beside(x))
    columns.scattered(x.reshape(len(x), lead, *kernel, *geometry.output(size, kernel)), into, kernel, geometry)
    return contiguous(into[(..., *geometry.inner(size))])


IM2COL: Op = op("unfold", _im2col, "Im2ColBackward0",
                lambda ns, ctx, g: ns.apply(COL2IM, (g,), ctx.input_shape()[-2:], *ctx.args), key="im2col")
COL2IM: Op = op("fold", _col2im, "Col2ImBackward0", lambda ns, ctx, g: ns.apply(IM2COL, (g,), *ctx.args[1:]),
                key="col2im")


def pair(value: Any) -> tuple[int, ...]:
    """Two numbers, or one for both."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _geometry(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[tuple[int, ...], Geometry]:
    kernel, geometry = pair(kernel_size), Geometry(pair(stride), pair(padding), pair(dilation))
    for name, numbers in (("kernel_size", kernel), ("dilation", geometry.dilation), ("padding", geometry.padding),
                          ("stride", geometry.stride)):
        if len(numbers) != 2:
            raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(numbers)}")
    for long, short, numbers in (("kernel size", "kernel", kernel), ("stride", "stride", geometry.stride),
                                 ("dilation", "dilation", geometry.dilation)):
        if min(numbers) <= 0:
            raise RuntimeError(f"{long} should be greater than zero, but got {short}_height: {numbers[0]} "
                               f"{short}_width: {numbers[1]}")
    if min(geometry.padding) < 0:
        raise RuntimeError("padding should be non-negative, but got pad_height: {} pad_width: {}".format(
            *geometry.padding))
    return kernel, geometry


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """All patches that a kernel meets, as columns."""
    kernel, geometry = _geometry(kernel_size, dilation, padding, stride)
    x = input._array
    if x.ndim < 3:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-x.ndim}, {x.ndim - 1}], but got 2)")
    if x.ndim > 4 or 0 in x.shape[-3:]:
        raise RuntimeError("Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
                           f"dimensions for input, but got: {size_text(x.shape)}")
    blocks = geometry.output(x.shape[-2:], kernel)
    if min(blocks) < 1:
        raise RuntimeError(f"Given input with spatial size {x.shape[-2:]}, kernel_size={kernel}, "
                           f"dilation={geometry.dilation}, padding={geometry.padding}, calculated shape of the array "
                           f"of sliding blocks as {blocks}, but its components must be at least one.")
    return run(IM2COL, (input,), (kernel, geometry), _text(kernel_size, dilation, padding, stride))


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns as an image again, summed where patches overlap."""
    kernel, geometry = _geometry(kernel_size, dilation, padding, stride)
    size, x = pair(output_size), input._array
    if x.ndim not in (2, 3) or 0 in x.shape[-2:]:
        raise RuntimeError("Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
                           f"dimensions for input, but got: {size_text(x.shape)}")
    if x.shape[-2] % (kernel[0] * kernel[1]):
        raise RuntimeError(f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
                           f"got input.size(1)={x.shape[-2]} and kernel_size={kernel}.")
    high, wide = [max(0, n) for n in geometry.output(size, kernel)]
    if x.shape[-1] != high * wide:
        raise RuntimeError(f"Given output_size={size}, kernel_size={kernel}, dilation={geometry.dilation}, "
                           f"padding={geometry.padding}, stride={geometry.stride}, expected size of input's dimension "
                           f"2 to match the calculated number of sliding blocks {high} * {wide} = {high * wide}, but "
                           f"got input.size(2)={x.shape[-1]}.")
    text = words(output_size=output_size) + ", " + _text(kernel_size, dilation, padding, stride)
    return run(COL2IM, (input,), (size, kernel, geometry), text)


def _text(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> str:
    return words(kernel_size=kernel_size, dilation=None if dilation == 1 else dilation, padding=padding or None,
                 stride=None if stride == 1 else stride)


FUNCTIONS: dict[str, Any] = {}
METHODS: dict[str, Any] = {}
