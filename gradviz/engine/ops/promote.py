"""Which type a result has, and the errors of operands that do not fit each other."""

from __future__ import annotations

from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.autograd.namespaces import expandable
from gradviz.engine.dtypes import BY_NP, INEXACT, promote_types, with_scalar
from gradviz.engine.errors import size_text
from gradviz.engine.xp import asarray, foreign, ndarray, xp

_cache: dict[Any, Any] = {}


def result_dtype(x: ndarray, y: ndarray) -> Any:
    """The array type for ``x`` with ``y``: one without dimensions only lifts the category."""
    key = x.dtype, y.dtype, x.ndim == 0, y.ndim == 0
    known = _cache.get(key)
    if known is None:
        a, b = BY_NP[x.dtype], BY_NP[y.dtype]
        if key[2] == key[3]:
            common = promote_types(a, b)
        else:
            high, low = (b, a) if key[2] else (a, b)
            if low.rank // 10 <= high.rank // 10:
                common = high
            elif high.is_floating_point:
                common = high.to_complex()
            else:
                common = low if low.is_complex else promote_types(high, low)
        known = _cache[key] = common.np
    return known


def together(x: ndarray, y: ndarray) -> tuple[ndarray, ndarray]:
    """Both in their common type."""
    common = result_dtype(x, y)
    return (x if x.dtype == common else x.astype(common)), (y if y.dtype == common else y.astype(common))


def floating(x: ndarray) -> ndarray:
    """Integers and booleans as the default floating type."""
    return x if x.dtype.char in INEXACT else x.astype(dtypes.default.dtype.np)


def number(value: Any) -> Any:
    """A Python number, if ``value`` is one or a NumPy scalar; else None."""
    if isinstance(value, bool | int | float | complex):
        return value
    if isinstance(value, xp.generic):
        return value.item()
    return None


_constants: dict[Any, ndarray] = {}


def scalar_operand(x: ndarray, value: Any) -> tuple[ndarray, ndarray]:
    """``x`` and a number as an array that needs no conversion any more."""
    dtype = x.dtype
    key: Any = value, dtype, value.__class__
    if foreign:
        key += (x.__class__,)
    known = _constants.get(key) if value else None
    if known is not None:
        return x, known
    kind = dtype.kind
    if kind == "f" and value.__class__ is not complex:
        constant = asarray(value, dtype, x)
    else:
        common = with_scalar(BY_NP[dtype], value).np
        if common != dtype:
            return x.astype(common), asarray(value, common, x)
        constant = asarray(value, None, x).astype(dtype)
    if value:  # 0.0 and -0.0 would be one key
        if len(_constants) > 4096:
            _constants.clear()
        _constants[key] = constant
    return x, constant


def operand_error(error: Exception, x: Any, y: Any, *, inplace: bool = False) -> Exception:
    """PyTorch's words for two shapes that do not broadcast, or a type that has no such function; other errors stay."""
    unknown = isinstance(error, TypeError) and str(error).startswith("ufunc '")
    if unknown and y is None:  # the other operand is a number
        return not_implemented(error, floating(x).dtype)
    if not (isinstance(error, ValueError) or unknown) or y is None:
        return error
    a, b = x.shape, y.shape
    misfit = _shape_error(a, b)
    if misfit is not None:
        return misfit
    if inplace and not expandable(b, a):
        return RuntimeError(f"output with shape {size_text(a)} doesn't match the broadcast shape "
                            f"{size_text(xp.broadcast_shapes(a, b))}")
    return not_implemented(error, result_dtype(x, y)) if unknown else error


def _shape_error(a: tuple[int, ...], b: tuple[int, ...]) -> RuntimeError | None:
    """What PyTorch says of two shapes that do not broadcast."""
    n = max(len(a), len(b))
    for i in range(1, n + 1):
        left = a[-i] if i <= len(a) else 1
        right = b[-i] if i <= len(b) else 1
        if left != right and left != 1 and right != 1:
            return RuntimeError(f"The size of tensor a ({left}) must match the size of tensor b ({right}) at "
                                f"non-singleton dimension {n - i}")
    return None


def misfit(shapes: list[tuple[int, ...]]) -> RuntimeError | None:
    """What PyTorch says of several shapes that do not broadcast."""
    try:
        joint_shape(*shapes)
    except RuntimeError as error:
        return error
    return None


def joint_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all broadcast to, or PyTorch's complaint about the first that does not fit those before it."""
    whole: tuple[int, ...] = ()
    for shape in shapes:
        error = _shape_error(whole, shape)
        if error is not None:
            raise error
        whole = xp.broadcast_shapes(whole, shape)
    return whole


def not_implemented(error: Exception, kind: Any) -> Exception:
    """NumPy's complaint that a function does not take a type, in PyTorch's words."""
    name = str(error).split("'")[1]
    name = {"invert": "bitwise_not", "left_shift": "lshift", "right_shift": "rshift"}.get(name, name)
    return NotImplementedError(f'"{name}_cpu" not implemented for \'{BY_NP[kind].code}\'')


def cast_error(source: Any, to: Any) -> RuntimeError:
    return RuntimeError(f"result type {BY_NP[source].code} can't be cast to the desired output type {BY_NP[to].code}")


def can_cast(source: Any, to: Any) -> bool:
    """Whether an in-place op may store ``source`` in ``to``."""
    a, b = BY_NP[source].rank // 10, BY_NP[to].rank // 10
    return a <= b or (a <= 1 and b == 1)
