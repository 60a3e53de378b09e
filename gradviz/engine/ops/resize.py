"""Images of another size: every output is a weighted sum of a few inputs, dimension by dimension."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gradviz.engine.dtypes import BY_NP
from gradviz.engine.errors import size_text
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.ops.taps import Taps, mapped, summed
from gradviz.engine.xp import ndarray, xp


def _row(kind: str, n: int, more: str = "") -> Op:
    return mapped("interpolate", f"Upsample{kind}{n}D{more}Backward0", key=f"interpolate.{kind}{n}{more}")


ROWS: dict[tuple[str, int, bool], Op] = {
    **{("nearest", n, False): _row("Nearest", n) for n in (1, 2, 3)},
    **{("nearest-exact", n, False): _row("NearestExact", n) for n in (1, 2, 3)},
    ("linear", 1, False): _row("Linear", 1), ("bilinear", 2, False): _row("Bilinear", 2),
    ("trilinear", 3, False): _row("Trilinear", 3), ("bicubic", 2, False): _row("Bicubic", 2),
    **{(kind.lower(), 2, True): _row(kind, 2, "Aa") for kind in ("Bilinear", "Bicubic", "Lanczos")},
}


def _bytes(x: ndarray, maps: tuple[Taps, ...]) -> ndarray:
    """A picture of bytes is rounded after each dimension, the last one first."""
    for taps in reversed(maps):
        x = xp.clip(xp.floor(summed(x.astype(xp.float32), (taps,)) + 0.5), 0, 255).astype(xp.uint8)
    return x


BYTES = op("interpolate", _bytes, key="interpolate.bytes")


def _refuse(dtype: Any, mode: str, n: int) -> None:
    """What PyTorch's kernels say of a type that they were not made for; bytes are welcome in pictures."""
    if dtype.kind not in "biu" or (dtype == xp.uint8 and (n == 2 or "nearest" in mode)):
        return
    kind = "cubic" if mode == "bicubic" else "nearest" if "nearest" in mode else "linear"
    kernel = f"compute_indices_weights_{kind}" if n != 2 or kind == "cubic" else \
        f"upsample_{'bi' * (kind == 'linear')}{kind}2d_channels_last"
    raise NotImplementedError(f"\"{kernel}\" not implemented for '{BY_NP[dtype].code}'")


def resized(input: Any, size: tuple[int, ...], scales: Any, mode: str, align_corners: bool, antialias: bool,
            text: str) -> Any:
    """An image of the size given; ``scales`` are the factors that a person gave, if he did."""
    shape = input._array.shape[2:]
    if min((*shape, *size), default=1) <= 0:
        names = "DHW"[-len(size):]
        before, after = (", ".join(f"{name}: {n}" for name, n in zip(names, sizes, strict=True))
                         for sizes in (shape, size))
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input ({before}) output "
                           f"({after})")
    if not input._array.shape[1]:
        raise RuntimeError(f"Non-empty {len(shape) + 2}D data tensor expected but got a tensor with sizes "
                           f"{size_text(input._array.shape)}")
    dtype, n = input._array.dtype, len(size)
    _refuse(dtype, mode, n)
    double = dtype == xp.float64
    still = not antialias and ("linear" in mode or (mode == "nearest" and n == 2))
    """Whether a dimension that keeps its size is left alone, whatever factor was given."""
    maps = tuple([_taps(i - n, a, b, None if scales is None or (still and a == b) else scales[i], mode, align_corners,
                        antialias, double) for i, (a, b) in enumerate(zip(shape, size, strict=True))])
    if dtype == xp.uint8 and "nearest" not in mode:
        return run(BYTES, (input,), (maps,), text)
    return run(ROWS[mode, n, antialias], (input,), (maps, None), text)


@lru_cache(256)
def _taps(axis: int, size: int, n: int, factor: float | None, mode: str, align_corners: bool, antialias: bool,
          double: bool) -> Taps:
    real = xp.float64 if double and "nearest" not in mode else xp.float32  # as PyTorch counts, to the last bit
    if align_corners:
        scale = real(size - 1) / real(n - 1) if n > 1 else real(0)
    else:
        scale = real(1.0 / factor) if factor else real(size) / real(n)
    at: Any = xp.arange(n, dtype=real)
    if antialias:
        table, weight = _smooth(at, scale, size, mode)
    elif "nearest" in mode:
        at = at + real(0.5) if mode == "nearest-exact" else at
        table, weight = xp.minimum(xp.floor(at * scale).astype(xp.int64), size - 1)[None], None
    else:
        centre = at * scale if align_corners else (at + real(0.5)) * scale - real(0.5)
        table, weight = _cubic(centre, size) if mode == "bicubic" else _linear(centre, size)
    return Taps(axis, table, weight, size)


def _linear(centre: Any, size: int) -> tuple[Any, Any]:
    centre = xp.maximum(centre, 0)
    low = xp.minimum(centre.astype(xp.int64), size - 1)
    part = xp.clip(centre - low, 0, 1)
    return xp.stack([low, xp.minimum(low + 1, size - 1)]), xp.stack([1 - part, part])


def _cubic(centre: Any, size: int) -> tuple[Any, Any]:
    low = xp.floor(centre).astype(xp.int64)
    part = centre - low
    return xp.clip(low + xp.arange(-1, 3)[:, None], 0, size - 1), xp.stack(cubic_weights(part))


def cubic_weights(t: Any) -> list[Any]:
    """Keys' convolution with a = -0.75, of the elements before, at, after and further after ``t``."""
    a = -0.75
    u = 1 - t

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(u), far(u + 1)]


def cubic_slopes(t: Any) -> list[Any]:
    """Their derivatives."""
    a = -0.75
    u = 1 - t

    def near(x: Any) -> Any:
        return (3 * (a + 2) * x - 2 * (a + 3)) * x

    def far(x: Any) -> Any:
        return (3 * a * x - 10 * a) * x + 8 * a

    return [far(t + 1), near(t), -near(u), -far(u + 1)]


# --- antialias: the window grows with what is left out ---------------------------------------------------------------
def _smooth(at: Any, scale: Any, size: int, mode: str) -> tuple[Any, Any]:
    width = {"bilinear": 2, "bicubic": 4, "lanczos": 6}[mode]
    support = (width * 0.5) * (scale if scale >= 1 else 1.0)
    inverse = 1.0 / scale if scale >= 1 else 1.0
    centre = scale * (at + 0.5)
    first = xp.maximum((centre - support + 0.5).astype(xp.int64), 0)
    count = xp.minimum((centre + support + 0.5).astype(xp.int64), size) - first
    k = xp.arange(int(count.max()))[:, None]
    weight = FILTERS[mode]((k + first - centre + 0.5) * inverse) * (k < count)
    return xp.where(k < count, first + k, -1), weight / weight.sum(axis=0)


def _triangle(x: Any) -> Any:
    return xp.maximum(1 - abs(x), 0)


def _keys(x: Any) -> Any:
    a, x = -0.5, abs(x)
    return xp.where(x < 1, ((a + 2) * x - (a + 3)) * x * x + 1,
                    xp.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0))


def _lanczos(x: Any) -> Any:
    return xp.where(abs(x) < 3, xp.sinc(x) * xp.sinc(x / 3), 0)


FILTERS = {"bilinear": _triangle, "bicubic": _keys, "lanczos": _lanczos}
__all__ = ["cubic_slopes", "cubic_weights", "resized"]
