"""What was kept of a tensor's content, as numbers and as short text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradviz.events import STATISTICS, Value

Array = NDArray[np.generic]


def dtype_of(name: str) -> np.dtype[np.generic] | None:
    """The NumPy dtype that holds a recorded dtype ("float32", "bool"); None where NumPy has none."""
    if name == "bfloat16":
        return np.dtype(np.uint16)
    try:
        return np.dtype(name)
    except TypeError:
        return None


def array(value: Value, shape: Sequence[int], dtype: str) -> Array | None:
    """The whole content, where it was kept; None otherwise."""
    kind = dtype_of(dtype)
    if not isinstance(value, bytes) or kind is None or len(value) != math.prod(shape) * kind.itemsize:
        return None
    flat = np.frombuffer(value, kind)
    if dtype == "bfloat16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(tuple(shape))


def statistics(value: Value) -> dict[str, float]:
    """The figures that were taken, by their names in ``events.STATISTICS``."""
    if not isinstance(value, (tuple, list)):
        return {}
    return {name: figure for name, figure in zip(STATISTICS, value, strict=False) if not math.isnan(figure)}


def norm(value: Value, shape: Sequence[int], dtype: str) -> float | None:
    """The L2 norm; None where nothing was kept or the content is not numeric."""
    content = array(value, shape, dtype)
    if content is not None:
        if content.dtype.kind not in "fiuc":
            return None
        with np.errstate(all="ignore"):
            return float(np.linalg.norm(content.astype(np.float64 if content.dtype.kind != "c" else np.complex128)))
    return statistics(value).get("norm")


def finite(value: Value, shape: Sequence[int], dtype: str) -> bool | None:
    """Whether all is finite; None where that is not known."""
    content = array(value, shape, dtype)
    if content is not None:
        return bool(np.isfinite(content).all()) if content.dtype.kind in "fc" else True
    flag = statistics(value).get("nonfinite")
    return None if flag is None else flag == 0.0


def short(number: float) -> str:
    """At most 3 significant digits, as graphs show numbers."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    text = f"{number:.3g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def shape_text(shape: Sequence[int]) -> str:
    """2×3, or scalar."""
    return "×".join(map(str, shape)) if len(shape) else "scalar"


def summary(value: Value, shape: Sequence[int], dtype: str) -> str:
    """A scalar as it is, anything else as its norm; empty where nothing was kept."""
    content = array(value, shape, dtype)
    if content is not None and content.size == 1:
        item = content.reshape(-1)[0]
        return str(bool(item)) if content.dtype.kind == "b" else short(float(item.real))
    length = norm(value, shape, dtype)
    return "" if length is None else f"‖{short(length)}‖"


def few(value: Value, shape: Sequence[int], dtype: str) -> str:
    """[1, 2.5]: a row of at most four numbers, where they were kept; else empty."""
    content = array(value, shape, dtype)
    if content is None or len(shape) != 1 or not 0 < content.size <= 4 or content.dtype.kind not in "fiu":
        return ""
    return "[" + ", ".join(short(float(number)) for number in content) + "]"


def everywhere(value: Value, shape: Sequence[int], dtype: str) -> float | None:
    """The number that every element is, where the content was kept and is uniform."""
    content = array(value, shape, dtype)
    if content is None or content.size == 0 or content.dtype.kind not in "fiu":
        return None
    flat = content.reshape(-1)
    return float(flat[0]) if bool((flat == flat[0]).all()) else None
