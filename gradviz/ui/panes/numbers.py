"""Recorded values as elements of the page: small ones number by number, larger ones as a chart or figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from dash import html

from gradviz.replay.values import Array, shape_text, short
from gradviz.ui.panes.charts import chart

if TYPE_CHECKING:
    from gradviz.replay.inspect import Content

SMALL_ROWS, SMALL_COLUMNS = 6, 6
_MATRIX, _LETTERS = 4, 32
_ROOM, _LETTER, _AIR = 284, 7.3, 14
"""Pixels of a row of numbers, of a letter in it, and around each number: what the narrowest inspector has."""


def grid(array: Array, tone: str) -> html.Div | None:
    """Number by number, shaded by size; None where the array is too large for that."""
    rows = _rows(array)
    if rows is None or rows.shape[0] > SMALL_ROWS or rows.shape[1] > SMALL_COLUMNS:
        return None
    fitting = _fitting(rows)
    if fitting is None:
        return None
    words, columns = fitting
    finite = rows[np.isfinite(rows)] if rows.dtype.kind in "fc" else rows
    most = float(np.max(np.abs(finite))) if finite.size and rows.dtype.kind != "b" else 1.0
    cells = [html.I(word, style=_shade(item, most, tone)) for word, item in zip(words, rows.reshape(-1), strict=True)]
    return html.Div(cells, className="heat", style={"gridTemplateColumns": f"repeat({columns},auto)"})


def _fitting(rows: Array) -> tuple[list[str], int] | None:
    """The numbers as words, and how many stand side by side: with fewer digits where they need room, and a single row
    goes on below. None for a matrix that is too wide all the same."""
    words: list[str] = []
    for say in (number, _brief):
        words = [say(item) for item in rows.reshape(-1)]
        if _width(words, rows.shape[1]) <= _ROOM:
            return words, rows.shape[1]
    if len(rows) > 1:
        return None
    return words, next((n for n in range(len(words) - 1, 1, -1) if _width(words, n) <= _ROOM), 1)


def _width(words: list[str], columns: int) -> float:
    return sum(_AIR + _LETTER * max(map(len, words[k::columns])) for k in range(columns))


def wide(content: Content) -> bool:
    """Whether it needs the whole width of the inspector."""
    array = content.array
    return bool(content.statistics) or (
        array is not None and array.ndim > 0 and (array.ndim > 2 or array.shape[-1] > 2)
    )


def matrix(content: Content, className: str = "") -> Any | None:
    """In brackets, for a formula: scalars as they are; None where it is too large or was not kept."""
    if content.array is None:
        return None
    rows = _rows(content.array)
    if rows is None or max(rows.shape) > _MATRIX:
        return None
    words = [[_brief(item) for item in row] for row in rows]
    if sum(max(map(len, column)) + 1 for column in zip(*words, strict=True)) > _LETTERS:
        return None
    if content.array.ndim == 0:
        return html.Span(words[0][0], className=f"big {className}".strip())
    cells = [html.Span(word) for row in words for word in row]
    columns = {"gridTemplateColumns": f"repeat({rows.shape[1]},auto)"}
    return html.Span(cells, className=f"mat {className}".strip(), style=columns)


def _brief(item: Any) -> str:
    """At most 3 significant digits, so that a formula stays on its line."""
    return short(float(item)) if isinstance(item, np.floating) else number(item)


def captioned(piece: Any, words: str) -> html.Span:
    return html.Span([piece, html.Small(words)], className="tm")


def shown(content: Content, tone: str) -> list[Any]:
    """A value as well as it was kept: grid, chart, figures, or the reason why there is nothing."""
    if content.array is not None and content.array.size:
        cells = grid(content.array, tone)
        return [
            html.Div(cells, className="wide") if cells is not None else chart(content.array, tone),
            _caption(content),
        ]
    if content.statistics:
        return [figures(content.statistics), html.Div(content.reason, className="cap")]
    if content.reason.startswith("None"):
        cause = content.reason.removeprefix("None").removeprefix(":").strip()
        return [html.Div(html.I("None"), className="heat none"), html.Div(cause, className="cap")]
    return [html.Div(content.reason or "empty", className="cap")]


def figures(statistics: dict[str, float]) -> html.Dl:
    """What was measured of a value that was not kept."""
    names = {"norm": "norm", "min": "min", "max": "max", "mean": "mean", "zeros": "zeros", "nans": "NaN", "infs": "Inf"}
    return html.Dl(
        [
            part
            for key, word in names.items()
            if key in statistics
            for part in (html.Dt(word), html.Dd(short(statistics[key])))
        ],
        className="figs",
    )


def number(item: Any) -> str:
    """At most 4 significant digits: the inspector has more room than a graph."""
    if isinstance(item, (bool, np.bool_)):
        return str(bool(item))
    if isinstance(item, (complex, np.complexfloating)):
        return f"{item.real:.3g}{item.imag:+.3g}j"
    if isinstance(item, (int, np.integer)):
        return str(int(item))
    value = float(item)
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}" if math.isfinite(value) else short(value)


def _caption(content: Content) -> html.Div:
    norm = content.norm
    assert content.array is not None
    parts = [f"norm {short(norm)}"] if norm is not None and content.array.size > 1 else []
    if content.array.size > SMALL_ROWS * SMALL_COLUMNS:
        parts.append(shape_text(content.shape))
    return html.Div(" · ".join(parts), className="cap")


def _rows(array: Array) -> Array | None:
    if array.ndim > 2 or array.size == 0:
        return None
    return array.reshape(1, -1) if array.ndim < 2 else array


def _shade(item: Any, most: float, tone: str) -> dict[str, str]:
    value = abs(complex(item))
    if not math.isfinite(value):
        return {"background": "var(--nan-bg)", "color": "var(--nan-ink)"}
    share = 45 + 55 * (value / most if most else 0)
    return {
        "background": f"color-mix(in srgb,var(--{tone}-bg) {share:.0f}%,var(--pane))",
        "color": f"var(--{tone}-ink)",
    }
