"""The array module that the engine computes with, reached through this one place.

NumPy serves the device ``cpu``. Another module with NumPy's names (CuPy) can serve others; what they do not share is
written here as a function.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as xp
from numpy.lib.stride_tricks import as_strided

# Overflow, division by zero and NaN are values here, as in PyTorch. The filter silences the array module for code of
# the engine only: a script that uses NumPy itself goes on seeing its warnings. Where a script makes warnings errors, an
# op catches the RuntimeWarning and runs again in `quiet()`; that costs nothing where it does not happen.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.engine\.")

ndarray = xp.ndarray
asarray = xp.asarray


def quiet() -> Any:
    """A region without complaints about floating point, for the case that the script turns warnings into errors."""
    return xp.errstate(all="ignore")


def address(array: ndarray) -> int:
    """Where the first element lies in memory."""
    return int(array.__array_interface__["data"][0])


def strided(array: ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """A writable view of ``array``'s memory from its first element on; ``strides`` count elements."""
    size = array.itemsize
    return as_strided(array, shape, tuple(n * size for n in strides))


__all__ = ["address", "asarray", "ndarray", "quiet", "strided", "xp"]
