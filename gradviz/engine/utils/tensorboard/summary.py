"""From arrays to the messages of an event file, as PyTorch writes them."""

from __future__ import annotations

import io
from typing import Any

from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.plugins.text.summary_v2 import text_pb

from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, xp


def array_of(value: Any) -> Any:
    """A tensor, array or number as an array."""
    return value._array if isinstance(value, Tensor) else asarray(value)


def scalar(tag: str, value: Any) -> Summary:
    number = array_of(value)
    if number.size != 1:
        raise AssertionError(f"Tensor should contain one element (0 dimensions). Was given size: {number.size} and "
                             f"{number.ndim} dimensions.")
    return Summary(value=[Summary.Value(tag=tag, simple_value=float(number.reshape(())))])


def edges() -> Any:
    """PyTorch's default limits: growing by a tenth from 1e-12 to 1e20, mirrored about zero."""
    limits, v = [], 1e-12
    while v < 1e20:
        limits.append(v)
        v *= 1.1
    return [-v for v in reversed(limits)] + [0.0, *limits]


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None) -> Summary:
    row = array_of(values).astype(float).reshape(-1)
    if not row.size:
        raise ValueError("The input has no element.")
    counts, limits = xp.histogram(row, bins=bins)
    if max_bins is not None and len(counts) > max_bins:
        step = len(counts) // max_bins
        counts = xp.pad(counts, (0, -len(counts) % step)).reshape(-1, step).sum(axis=-1)
        limits = xp.concatenate([limits[:-1:step], limits[-1:]])
    used = counts.nonzero()[0]
    first, last = (int(used[0]), int(used[-1])) if used.size else (0, len(counts) - 1)
    # only right limits are written: an empty bin before the first tells its left one
    counts, limits = counts[first:last + 1], limits[first:last + 2]
    return Summary(value=[Summary.Value(tag=tag, histo=HistogramProto(
        min=row.min(), max=row.max(), num=row.size, sum=row.sum(), sum_squares=row.dot(row),
        bucket_limit=limits.tolist(), bucket=[0, *counts.tolist()]))])


def image(tag: str, values: Any, dataformats: str) -> Summary:
    """Floats are of 0 to 1, bytes of 0 to 255; several images stand in rows of eight."""
    from PIL import Image

    array = array_of(values)
    if len(dataformats) != array.ndim:
        raise AssertionError(f"size of input tensor and input format are different. tensor shape: "
                             f"{tuple(array.shape)}, input_format: {dataformats}")
    array = array.transpose([dataformats.upper().index(c) for c in "NHWC" if c in dataformats.upper()])
    if "C" not in dataformats.upper():
        array = array[..., None]
    if "N" in dataformats.upper():
        array = _grid(array)
    array = (array.astype(xp.float32) * (1 if array.dtype == xp.uint8 else 255)).clip(0, 255).astype(xp.uint8)
    height, width, channels = array.shape
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if channels == 1 else array).save(file, "PNG")
    return Summary(value=[Summary.Value(tag=tag, image=Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=file.getvalue()))])


def _grid(images: Any) -> Any:
    n, height, width, channels = images.shape
    columns = min(n, 8)
    rows = -(-n // columns)
    grid = xp.zeros((rows * columns, height, width, channels), images.dtype)
    grid[:n] = images
    return grid.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4).reshape(
        rows * height, columns * width, channels)


def text(tag: str, words: str) -> Summary:
    value = text_pb(tag + "/text_summary", xp.array([words], dtype=object)).value[0]
    return Summary(value=[value])
