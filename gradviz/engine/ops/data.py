"""Arrays from what a user wrote: nested sequences of numbers, and whether a type can hold them."""

from __future__ import annotations

from math import isfinite
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.dtypes import FLOATING, INEXACT
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, hosted, ndarray, xp


def array_of(data: Any, dtype: Any = None) -> ndarray:
    """A new array with what ``data`` (numbers, nested sequences, arrays, tensors) holds."""
    if isinstance(data, Tensor):
        source: Any = data._array
        if source.__class__ is not ndarray:
            return source.astype(source.dtype if dtype is None else dtypes.lookup(dtype).np)  # type: ignore[no-any-return]
    elif isinstance(data, xp.ndarray | xp.generic):
        source = data
    else:
        source = _nested(data, dtype is not None)
        if dtype is None and source.dtype.char in INEXACT and not _typed(data):
            want = dtypes.default.dtype if source.dtype.char in FLOATING else dtypes.default.dtype.to_complex()
            return source.astype(want.np)  # type: ignore[no-any-return]
    if dtype is not None:
        want = dtypes.lookup(dtype)
        if source.dtype != want.np and not _typed(data):
            source = _checked(source, want)
        if want.np.char in dtypes.HALVES:
            source = dtypes.convert(asarray(source), want.np)
        return xp.array(source, dtype=want.np, order="C")
    if not dtypes.known(source.dtype):
        raise TypeError(f"can't convert np.ndarray of type {source.dtype.type.__module__}.{source.dtype.type.__name__}."
                        " The only supported types are: float64, float32, float16, complex64, complex128, int64, int32,"
                        " int16, int8, uint64, uint32, uint16, uint8, and bool.")
    return xp.array(source, order="C")


def _typed(data: Any) -> bool:
    """Whether the numbers in ``data`` carry a type of their own."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, Tensor | xp.ndarray | xp.generic)


def _nested(data: Any, large: bool) -> ndarray:
    """``large``: whether integers may be of more than 64 bits, and are kept as they are."""
    shape: list[int] = []
    level = data
    while isinstance(level, list | tuple):
        shape.append(len(level))
        if not level:
            break
        level = level[0]
    plain = _plain(data, shape, 0)
    try:
        source = xp.array(plain)
    except (ValueError, OverflowError):
        source = xp.array(None)
    if source.dtype.kind in "OUS" or (source.dtype.kind == "u" and not _typed(data)):
        source = xp.array(plain, object)
        for one in source.flat:
            if isinstance(one, str):
                raise (ValueError("too many dimensions 'str'") if one is level is not data else
                       TypeError("new(): invalid data type 'str'"))
            if not isinstance(one, bool | int | float | complex):
                raise RuntimeError(f"Could not infer dtype of {type(one).__name__}")
        if not large:
            raise ValueError("Overflow when unpacking long long")
    if source.size == 0 and not _typed(data):
        source = source.astype(xp.float32)
    return source


def _plain(data: Any, shape: list[int], depth: int) -> Any:
    """``data`` with tensors as numbers or arrays; its shape must be regular."""
    if isinstance(data, Tensor):
        array = hosted(data._array)
        return array if array.ndim else array.item() if depth < len(shape) else array
    if not isinstance(data, list | tuple):
        if depth < len(shape):
            raise TypeError("not a sequence")
        return data
    if depth >= len(shape):
        raise ValueError("only one element tensors can be converted to Python scalars")
    if len(data) != shape[depth]:
        raise ValueError(f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})")
    if depth + 1 == len(shape) and not any(isinstance(x, Tensor | list | tuple) for x in data):
        return data
    return [_plain(x, shape, depth + 1) for x in data]


# --- numbers that must fit -------------------------------------------------------------------------------------------
_C_NAMES = {"float32": "float", "float64": "double", "float16": "double", "bfloat16": "double", "int32": "int"}


def _range(np_type: Any) -> tuple[int, int]:
    """What an integer type takes: negative numbers count from the top of an unsigned one."""
    limits = xp.iinfo(np_type)
    return (-int(limits.max) if np_type.kind == "u" else int(limits.min)), int(limits.max)


def _overflow(name: str) -> RuntimeError:
    return RuntimeError(f"value cannot be converted to type {name} without overflow")


def _checked(source: Any, want: dtypes.dtype) -> Any:
    """Numbers without a type of their own, if ``want`` can hold them."""
    values = source
    large = values.dtype.kind == "O"
    if want.rank >= 20:
        if values.dtype.kind == "c" and not want.is_complex:
            raise TypeError("must be real number, not complex")
        return values.astype(xp.float64) if large else values
    if want is dtypes.bool_ or not values.size:
        return values != 0 if large else values
    if want is dtypes.uint64:
        if values.dtype.kind in "fc":
            raise TypeError("an integer is required")
        if values.min() < 0:
            raise OverflowError("can't convert negative int to unsigned")
        if int(values.max()) > _range(want.np)[1]:
            raise OverflowError("int too big to convert")
        return values
    if large:
        raise ValueError("Overflow when unpacking long long")
    if values.dtype.kind == "c":
        raise TypeError("'complex' object cannot be interpreted as an integer")
    low, high = _range(want.np)
    if values.dtype.kind == "f" and want.np.kind == "u":
        low = 0
    if values.dtype.kind != "b" and not ((values >= low) & (values <= high)).all():
        raise _overflow(want.name)
    return values


def fitted(value: Any, np_type: Any, strict: bool = False) -> ndarray:
    """A number in a type that must be able to hold it; ``strict``: floating types must not overflow either."""
    kind = dtypes.BY_NP[np_type]
    name = _C_NAMES.get(kind.name, kind.name + "_t")
    if strict and np_type.char in dtypes.HALVES:
        name = "c10::" + kind.code
    if isinstance(value, complex) and np_type.kind not in "cb":
        if value.imag:
            raise _overflow(name)
        value = value.real
    if strict and np_type.char in FLOATING and isfinite(value) and abs(value) > dtypes.finfo(kind).max:
        raise _overflow(name)
    if np_type.kind in "iu":
        low, high = _range(np_type)
        if isinstance(value, int) and not -2 ** 63 <= value < 2 ** 64:
            raise OverflowError("int too big to convert")
        if not low <= value <= high:
            raise _overflow(name)
        value = int(value)
    return dtypes.convert(asarray(value), np_type)  # type: ignore[no-any-return]


__all__ = ["array_of", "fitted"]
