"""Recorded contents as numbers and as short text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.replay import values


@pytest.mark.parametrize(("number", "text"), [
    (28.0, "28"), (0.25, "0.25"), (-0.0, "0"), (2.4999, "2.5"), (1234.5, "1.23e3"), (1e-7, "1e-7"),
    (123456.0, "123456"), (1e12, "1e12"), (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"),
    (-3.14159, "-3.14")])
def test_a_number_has_at_most_three_significant_digits(number: float, text: str) -> None:
    assert values.short(number) == text


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_content_comes_back_bit_for_bit(numbers: list[float]) -> None:
    array = np.array(numbers, np.float32)
    back = values.array(array.tobytes(), array.shape, "float32")
    assert back is not None
    assert back.tobytes() == array.tobytes()
    assert values.finite(array.tobytes(), array.shape, "float32") is True


def test_content_of_another_size_than_its_shape_says_is_not_shown() -> None:
    assert values.array(b"\0" * 7, (2,), "float32") is None
    assert values.array(b"\0" * 8, (2,), "no such dtype") is None


def test_a_norm_is_taken_from_content_or_from_statistics() -> None:
    array = np.array([3.0, 4.0])
    assert values.norm(array.tobytes(), (2,), "float64") == 5.0
    assert values.norm((5.0, 0.0), (1000,), "float32") == 5.0
    assert values.norm(None, (2,), "float32") is None
    assert values.summary(np.float32(8).tobytes(), (), "float32") == "8"
    assert values.summary(array.tobytes(), (2,), "float64") == "‖5‖"


def test_nan_in_content_or_statistics_is_told() -> None:
    assert values.finite(np.array([1.0, math.nan]).tobytes(), (2,), "float64") is False
    assert values.finite((1.0, 1.0), (2,), "float64") is False
    assert values.finite(None, (2,), "float64") is None
