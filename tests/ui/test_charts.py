"""Values that are too many for numbers, as pictures."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from gradviz.ui.markup import markup
from gradviz.ui.panes.charts import BINS, chart
from gradviz.ui.panes.numbers import grid


def layers(words: str) -> list[np.ndarray]:
    """The pictures of a map, as the opacity of each pixel."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", words)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("LA"))[..., 1] for one in found]


def test_a_matrix_is_a_map_of_sizes_with_what_is_not_finite_apart() -> None:
    values = np.zeros((3, 40), np.float32)
    values[0, 0], values[1, 1], values[2, 39] = -2.0, 1.0, np.nan
    sizes, bad = layers(markup(chart(values, "op")))
    assert sizes.shape == (3, 40)
    assert (sizes[0, 0], sizes[1, 1], sizes[2, 39], sizes.astype(int).sum()) == (255, 128, 0, 383)
    assert (bad[2, 39], np.count_nonzero(bad)) == (255, 1)


def test_the_rest_is_a_histogram_of_what_is_finite() -> None:
    values = np.array([0.0] * 30 + [1.0] * 15 + [np.inf])
    words = markup(chart(values, "flow"))
    heights = [float(height) for height in re.findall(r"height:([\d.]+)%", words)]
    assert len(heights) == BINS
    assert (heights[0], heights[-1], sum(heights)) == (100.0, 50.0, 150.0)
    assert "histogram of 45 numbers from 0 to 1" in words
    assert "no finite number" in markup(chart(np.full(50, np.nan), "op"))


def test_numbers_of_many_digits_go_on_below_and_never_over_each_other() -> None:
    tiny = np.array([-0.000123456, 0.000479123, -0.000958123, 0.00159123, 0.0027961, 0.00595])
    row = grid(tiny, "op")
    assert row is not None
    assert [cell.children for cell in row.children][:2] == ["-0.000123", "0.000479"]
    assert row.style["gridTemplateColumns"] == "repeat(3,auto)"
    short = grid(np.arange(6.0), "op")
    assert short is not None
    assert short.style["gridTemplateColumns"] == "repeat(6,auto)"
    assert grid(np.tile(tiny, (2, 1)), "op") is None
