"""Values too many for numbers: a matrix as a map of sizes, anything else as a histogram. Plain elements, so that both
themes and the file without a server show them."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any, Final

import numpy as np
from dash import html
from numpy.typing import NDArray

from gradviz.replay.values import Array, short

BINS: Final = 32
_WIDEST: Final = 256
"""Rows and columns of a matrix that is shown as a map."""


def chart(array: Array, tone: str) -> html.Div:
    """A matrix as a map, anything else as a histogram of its finite elements."""
    values = np.abs(array).astype(np.float64) if array.dtype.kind == "c" else array.astype(np.float64)
    if values.ndim == 2 and max(values.shape) <= _WIDEST:
        return _map(values, tone)
    return _histogram(values[np.isfinite(values)], tone)


def _map(values: NDArray[np.float64], tone: str) -> html.Div:
    """The larger a number, the more of the tone; what is not finite in its own colour."""
    finite = np.isfinite(values)
    sizes = np.abs(np.where(finite, values, 0.0))
    most = float(sizes.max(initial=0.0))
    layers = [(tone, np.round(255 * (sizes / most if most else sizes)))]
    if not finite.all():
        layers.append(("nan", np.where(finite, 0.0, 255.0)))
    rows, columns = values.shape
    marks = [html.I(style={"background": f"var(--{name})", "maskImage": f"url({_picture(layer.astype(np.uint8))})"})
             for name, layer in layers]
    says = f"sizes of {rows} by {columns} numbers, the largest {short(most)}"
    return html.Div(marks, className="map", role="img", title=says, **{"aria-label": says},
                    style={"aspectRatio": f"{columns}/{rows}"})


def _histogram(values: NDArray[np.float64], tone: str) -> html.Div:
    if not values.size:
        return html.Div("no finite number", className="cap")
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, BINS if high > low else 1)
    bars: list[Any] = [html.I(title=f"{short(float(a))} to {short(float(b))}: {many:,}",
                              style={"height": f"{100 * many / counts.max():.1f}%", "background": f"var(--{tone})"})
                       for many, a, b in zip(counts.tolist(), edges[:-1], edges[1:], strict=True)]
    ends = html.Div([html.Span(short(low)), html.Span(short(high))], className="ends mono")
    says = f"histogram of {values.size:,} numbers from {short(low)} to {short(high)}"
    return html.Div([html.Div(bars, className="hist", role="img", **{"aria-label": says}), ends])


def _picture(alpha: NDArray[np.uint8]) -> str:
    """A PNG that is black, as dense as the numbers say."""
    rows, columns = alpha.shape
    pixels = np.zeros((rows, columns, 2), np.uint8)
    pixels[..., 1] = alpha
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 4, 0, 0, 0)), (b"IDAT", zlib.compress(lines)),
              (b"IEND", b""))
    told = b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
                    for name, data in chunks)
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + told).decode()
