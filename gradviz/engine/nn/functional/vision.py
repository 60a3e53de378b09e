"""Images: padded, resized, looked up at places, shuffled."""

from __future__ import annotations

from math import floor
from typing import Any

from gradviz.engine.errors import warn
from gradviz.engine.ops import grid as places
from gradviz.engine.ops import pool, shuffle
from gradviz.engine.ops.args import integer, words
from gradviz.engine.ops.layer import telling
from gradviz.engine.ops.pad import pad
from gradviz.engine.ops.resize import ROWS, resized
from gradviz.engine.tensor import Size

KINDS = {"linear": 3, "bilinear": 4, "trilinear": 5}
CHANGED = ("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
           "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
           "details.")


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Any:
    """The image in another size."""
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                         "bicubic | trilinear")
    x = input._array
    n = x.ndim - 2
    out, scales = _sizes(x.shape[2:], size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor or mode == "area":
        scales = None
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and x.ndim == 4):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
                         "tensor as input")
    if mode == "lanczos" and x.ndim == 4 and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if mode == "lanczos" and x.ndim == 4 and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "area" and n in (1, 2, 3):
        return pool.adaptive_avg_pool(n, input, out)
    if mode in KINDS and n in (1, 2, 3) and x.ndim != KINDS[mode]:
        raise NotImplementedError(f"Got {x.ndim}D input, but {mode} mode needs {KINDS[mode]}D input")
    if (mode, n, antialias) not in ROWS:
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {x.ndim}D) for the "
                                  "modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | "
                                  f"nearest-exact (got {mode})")
    text = words(size=size, scale_factor=scale_factor, mode=None if mode == "nearest" else repr(mode),
                 align_corners=align_corners, antialias=antialias)
    return resized(input, out, scales, mode, bool(align_corners), antialias, text)


def _sizes(shape: tuple[int, ...], size: Any, scale_factor: Any) -> tuple[tuple[int, ...], Any]:
    """The output's size, and the factors where those were given."""
    n = len(shape)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None:
        sizes = tuple(size) if isinstance(size, tuple | list) else (size,) * n
        if len(sizes) != n:
            raise ValueError("Input and output must have the same number of spatial dimensions, but got input with "
                             f"spatial dimensions of {list(shape)} and output size of {size}. Please provide input "
                             "tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.")
        return tuple([integer(k) for k in sizes]), None
    scales = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor,) * n
    if len(scales) != n:
        raise ValueError("Input and scale_factor must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {list(shape)} and scale_factor of shape {scale_factor}. Please "
                         "provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) "
                         "format.")
    return tuple([floor(k * s) for k, s in zip(shape, scales, strict=True)]), scales


def _deprecated(name: str) -> None:
    warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.")


def upsample(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Any:
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def grid_sample(input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Any:
    """The image at the places of a grid."""
    if mode not in places.MODES:
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                         f"got: '{mode}'")
    if padding_mode not in places.PADDINGS:
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
                         f"but got: '{padding_mode}'")
    if align_corners is None:
        warn(CHANGED)
    return places.grid_sampler(input, grid, places.MODES.index(mode), places.PADDINGS.index(padding_mode),
                             bool(align_corners))


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The places that affine maps look at."""
    if align_corners is None:
        warn(CHANGED)
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {size}.")
    n, shape = len(size) - 2, theta._array.shape
    if len(shape) != 3 or shape[1:] != (n, n + 1):
        raise ValueError(f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got "
                         f"{Size(shape)}.")
    if align_corners and min(size[2:]) == 1:
        warn("Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
             "align_corners=True. This is not an intended use case of affine_grid. See the documentation of "
             "affine_grid for details.")
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return places.affine_grid_generator(theta, size, align_corners)


FUNCTIONS: dict[str, Any] = telling(shuffle.FUNCTIONS | {
    f.__name__: f for f in (pad, interpolate, upsample, upsample_nearest, upsample_bilinear, grid_sample, affine_grid)})
