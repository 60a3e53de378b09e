"""Elements moved between channels and space, or among channels."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.xp import ndarray


def _pixels(x: ndarray, r: int) -> ndarray:
    *lead, c, h, w = x.shape
    c //= r * r
    parts = x.reshape(math.prod(lead), c, r, r, h, w)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(*lead, c, h * r, w * r)


def _blocks(x: ndarray, r: int) -> ndarray:
    *lead, c, h, w = x.shape
    rows = x.reshape(math.prod(lead), c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return rows.reshape(*lead, c * r * r, h // r, w // r)


def _channels(x: ndarray, groups: int) -> ndarray:
    n, c = x.shape[:2]
    return x.reshape(n, groups, c // groups, -1).swapaxes(1, 2).reshape(x.shape)


PIXEL_SHUFFLE: Op = op("pixel_shuffle", _pixels, "PixelShuffleBackward0",
                       lambda ns, ctx, g: ns.apply(PIXEL_UNSHUFFLE, (g,), *ctx.args))
PIXEL_UNSHUFFLE: Op = op("pixel_unshuffle", _blocks, "PixelUnshuffleBackward0",
                         lambda ns, ctx, g: ns.apply(PIXEL_SHUFFLE, (g,), *ctx.args))
CHANNEL_SHUFFLE: Op = op("channel_shuffle", _channels, "ChannelShuffleBackward0",
                         lambda ns, ctx, g: ns.apply(CHANNEL_SHUFFLE, (g,), ctx.shape[1] // ctx.args[0]))


def _image(name: str, argument: str, x: ndarray, factor: int) -> None:
    if x.ndim < 3:
        raise RuntimeError(f"{name} expects input to have at least 3 dimensions, but got input with {x.ndim} "
                           "dimension(s)")
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive {argument}, but got {factor}")


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Channels become pixels: (C * r * r, H, W) to (C, H * r, W * r)."""
    x = input._array
    _image("pixel_shuffle", "upscale_factor", x, upscale_factor)
    if x.shape[-3] % upscale_factor ** 2:
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={x.shape[-3]} is not divisible by "
                           f"{upscale_factor ** 2}")
    return run(PIXEL_SHUFFLE, (input,), (upscale_factor,), words(upscale_factor=upscale_factor))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Pixels become channels: what undoes ``pixel_shuffle``."""
    x = input._array
    _image("pixel_unshuffle", "downscale_factor", x, downscale_factor)
    for side, d in (("height", -2), ("width", -1)):
        if x.shape[d] % downscale_factor:
            raise RuntimeError(f"pixel_unshuffle expects {side} to be divisible by downscale_factor, but "
                               f"input.size({d})={x.shape[d]} is not divisible by {downscale_factor}")
    return run(PIXEL_UNSHUFFLE, (input,), (downscale_factor,), words(downscale_factor=downscale_factor))


def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels of all groups in turn."""
    x = input._array
    if x.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{size_text(x.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if x.shape[1] % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {x.shape[1]} channels and {groups} "
                           "groups.")
    return run(CHANNEL_SHUFFLE, (input,), (groups,), words(groups=groups))


FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (pixel_shuffle, pixel_unshuffle, channel_shuffle)}
METHODS: dict[str, Any] = {}
