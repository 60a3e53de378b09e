"""Which values may hold a NaN or an Inf is told from whole frames; every one that does is told."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gradviz.trace.frames import packed
from gradviz.trace.reader import _suspects, _values

NUMBERS = st.sampled_from([0.0, 1.5, -3e38, 1e-40, float("nan"), float("inf"), -float("inf")])
ARRAYS = st.tuples(st.sampled_from(["float32", "float64", "float16", "bool", "int64"]), st.lists(NUMBERS, max_size=5))
FIGURES = st.booleans().map(lambda bad: (1.0, float(bad), *[0.0] * 7))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.one_of(ARRAYS, FIGURES), max_size=12))
def test_all_that_hold_one_are_among_them(values: list[tuple[object, ...]]) -> None:
    contents: list[bytes] = []
    lengths, figures, bad = [], [], []
    for place, value in enumerate(values):
        if isinstance(value[0], str):
            with np.errstate(all="ignore"):
                array = np.nan_to_num(value[1]).astype(value[0]) if value[0] in ("bool", "int64") else np.array(
                    value[1], value[0])
            contents.append(array.tobytes())
            lengths.append(len(contents[-1]))
            if value[0] in ("float32", "float64") and not np.isfinite(array).all():
                bad.append(place)
        else:
            figures.append(value)
            lengths.append(-1)
            if value[1]:
                bad.append(place)
    payload = packed([[8, np.array(lengths, "<i8").tobytes()], b"".join(contents),
                      np.array(figures, "<f8").reshape(len(figures), 9).T.tobytes()])
    assert len(_values(payload)) == len(values)
    found = set(_suspects(payload).tolist())
    assert set(bad) <= found
    finite = {place for place, value in enumerate(values) if isinstance(value[0], str) and value[0] == "float32"}
    assert (found & finite) <= set(bad)
