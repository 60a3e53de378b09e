"""The array module that the engine computes with, reached through this one place.

NumPy serves the device ``cpu``, CuPy ``cuda``: a NumPy function that is given CuPy's arrays hands the work to CuPy (by
``__array_ufunc__``, ``__array_function__`` and ``like=``), so that ops are written once. What the two do not share is
written here as a function.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as xp
from numpy.lib import stride_tricks

# Overflow, division by zero and NaN are values here, as in PyTorch. The filter silences the array module for code of
# the engine only: a script that uses NumPy itself goes on seeing its warnings. Where a script makes warnings errors, an
# op catches the RuntimeWarning and runs again in `quiet()`; that costs nothing where it does not happen.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.engine\.")

ndarray = xp.ndarray
_asarray: Any = xp.asarray
foreign: set[Any] = set()
"""The classes of arrays on other devices. CuPy's comes in when a script first asks for a CUDA device."""


def asarray(value: Any, dtype: Any = None, like: Any = None) -> ndarray:
    """An array with ``value``, where ``like`` lies if that is on a device; an array stays where it is."""
    if foreign:
        if value.__class__ in foreign:
            return value if dtype is None else value.astype(dtype, copy=False)  # type: ignore[no-any-return]
        if like.__class__ in foreign:
            return xp.asarray(value, dtype, like=like)
    return _asarray(value) if dtype is None else _asarray(value, dtype)  # type: ignore[no-any-return]


def outside(index: Any, n: int) -> bool:
    """Whether an index names what is none of ``n`` places. One on a device is not asked, which would be waiting for it:
    there PyTorch does not look either."""
    return index.__class__ not in foreign and bool(index.size and (index.max() >= n or index.min() < 0))


class _Here(threading.local):
    """Whether this thread is in a region that is :class:`quiet`."""

    quiet = False


_here = _Here()


class quiet:
    """A region without complaints about floating point, for the case that the script turns warnings into errors."""

    __slots__ = ("_outer", "_state")

    def __enter__(self) -> None:
        self._outer, _here.quiet = _here.quiet, True
        self._state = None if self._outer else xp.errstate(all="ignore")
        if self._state is not None:
            self._state.__enter__()

    def __exit__(self, *exc: Any) -> None:
        _here.quiet = self._outer
        if self._state is not None:
            self._state.__exit__(*exc)


def calmly(function: Any, *args: Any) -> Any:
    """A call in such a region: most that write in place are in one, an optimizer's."""
    if _here.quiet:
        return function(*args)
    with quiet():
        return function(*args)


def filled(shape: Any, value: Any, dtype: Any = None, like: Any = None) -> ndarray:
    """An array of one value, where ``like`` lies: CuPy's own function takes not all that NumPy's hands on to it."""
    if like is None:
        return xp.full(shape, value, dtype)
    out = xp.empty(shape, xp.asarray(value).dtype if dtype is None else dtype, like=like)
    out.fill(xp.asarray(value)[()])
    return out


def is_array(value: Any) -> bool:
    """Whether it is an array, wherever it lies."""
    return isinstance(value, ndarray) or value.__class__ in foreign


def moved(array: Any, like: Any) -> Any:
    """The array where ``like`` lies."""
    if array.__class__ is like.__class__:
        return array
    return hosted(array) if like.__class__ is ndarray else asarray(array, None, like)


def beside(array: Any) -> Any:
    """For ``like=``: the array if it lies on a device, else None."""
    return array if array.__class__ in foreign else None


def hosted(array: Any) -> ndarray:
    """The array in the host's memory; it waits for the device."""
    return array.get() if array.__class__ in foreign else array  # type: ignore[no-any-return]


def address(array: ndarray) -> int:
    """Where the first element lies in memory."""
    if array.__class__ in foreign:
        return array.data.ptr  # type: ignore[attr-defined, no-any-return]
    return int(array.__array_interface__["data"][0])


def restrided(array: ndarray, shape: Any, strides: Any) -> ndarray:
    """A writable view of ``array``'s memory from its first element on; ``strides`` count bytes."""
    if array.__class__ in foreign:
        from gradviz.engine.devices import cuda

        return cuda().lib.stride_tricks.as_strided(array, shape, strides)  # type: ignore[no-any-return]
    return stride_tricks.as_strided(array, shape, strides)


def strided(array: ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """The same; ``strides`` count elements."""
    size = array.itemsize
    return restrided(array, shape, tuple(n * size for n in strides))


def contiguous(array: ndarray) -> ndarray:
    """The array, or a copy if its elements do not lie in memory row by row."""
    return xp.ascontiguousarray(array, like=beside(array))


__all__ = ["address", "asarray", "beside", "contiguous", "filled", "foreign", "hosted", "is_array", "moved", "ndarray",
           "outside", "quiet", "restrided", "strided", "xp"]
