"""``torch.testing``: whether results are what was expected, and if not, where and by how much."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gradviz.engine import observe
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.ops.create import FUNCTIONS as CREATE
from gradviz.engine.ops.table import FUNCTIONS as OPS
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, quiet, xp

TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}
"""Relative and absolute, by type; the others must be equal."""
NUMBERS = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}


class _Rules(NamedTuple):
    subclasses: bool
    rtol: float | None
    atol: float | None
    nan: bool
    device: bool
    dtype: bool
    layout: bool
    stride: bool


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: str | Callable[[str], str] | None = None) -> None:
    """Raise AssertionError unless tensors, numbers, or sequences and mappings of them are close to each other."""
    if (rtol is None) != (atol is None):
        raise ValueError("Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                         f"{'rtol' if rtol is None else 'atol'}.")
    rules = _Rules(allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride)
    try:
        with no_grad(), observe.muted(), quiet():
            _compare(actual, expected, rules, "")
    except AssertionError as error:
        text = str(error) if msg is None else msg(str(error)) if callable(msg) else msg
        raise AssertionError(text) from None


def _compare(actual: Any, expected: Any, rules: _Rules, place: str) -> None:
    where = f"\n\nThe failure occurred for item {place}" if place else ""
    both: Any = (actual, expected)
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in both):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{where}")
        for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
            _compare(a, b, rules, f"{place}[{i}]")
    elif all(isinstance(x, Mapping) for x in both):
        missing, more = sorted(expected.keys() - actual.keys()), sorted(actual.keys() - expected.keys())
        if missing or more:
            raise AssertionError("The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                                 f"{missing}\nAdditional keys in the actual mapping: {more}{where}")
        for key in expected:
            _compare(actual[key], expected[key], rules, f"{place}[{key!r}]")
    else:
        said = _difference(actual, expected, rules)
        if said:
            raise AssertionError(said + where)


def _difference(actual: Any, expected: Any, rules: _Rules) -> str:
    """In what two values differ; empty if they do not."""
    if actual is None or expected is None:
        return "" if actual is expected else f"None mismatch: {actual} is not {expected}"
    both = (actual, expected)
    if all(isinstance(x, bool | xp.bool_) for x in both):
        return "" if actual == expected else f"Booleans mismatch: {actual} is not {expected}"
    if all(isinstance(x, int | float | complex | xp.number) for x in both):
        if rules.dtype and type(actual) is not type(expected):
            return f"The (d)types do not match: {type(actual)} != {type(expected)}."
        return _numbers(actual, expected, _tolerances(rules, *(_kind(x) for x in both)), rules)
    alike = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if not all(isinstance(x, Tensor | ndarray) for x in both) or not alike or (
            not rules.subclasses and type(actual) is not type(expected)):
        raise TypeError("No comparison pair was able to handle inputs of type "
                        f"{type(actual)} and {type(expected)}.")
    return _tensors(CREATE["as_tensor"](actual), CREATE["as_tensor"](expected), rules)


def _kind(value: Any) -> str:
    return next(name for cls, name in NUMBERS.items() if isinstance(value, cls))


def _tolerances(rules: _Rules, *kinds: str) -> tuple[float, float]:
    if rules.rtol is not None and rules.atol is not None:
        return rules.rtol, rules.atol
    pairs = [TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
    return max(r for r, _ in pairs), max(a for _, a in pairs)


def _numbers(actual: Any, expected: Any, tolerances: tuple[float, float], rules: _Rules) -> str:
    rtol, atol = tolerances
    if actual == expected or (rules.nan and actual != actual and expected != expected):
        return ""
    absolute = abs(actual - expected)
    if math.isfinite(absolute) and absolute <= atol + rtol * abs(expected):
        return ""
    relative = float("inf") if expected == 0 else absolute / abs(expected)
    return _told("Scalars", tolerances, f"Expected {expected} but got {actual}.",
                 f"Absolute difference: {absolute}", f"Relative difference: {relative}")


def _told(what: str, tolerances: tuple[float, float], first: str, absolute: str, relative: str) -> str:
    rtol, atol = tolerances
    exact = not rtol and not atol
    limits = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    return (f"{what} are not {'equal' if exact else 'close'}!\n\n{first}\n{absolute}{limits[0]}\n{relative}{limits[1]}")


def _tensors(actual: Any, expected: Any, rules: _Rules) -> str:
    for name, wanted in (("shape", True), ("layout", rules.layout), ("device", rules.device), ("dtype", rules.dtype)):
        one, other = getattr(actual, name), getattr(expected, name)
        if wanted and one != other:
            return f"The values for attribute '{name}' do not match: {one} != {other}."
    if rules.stride and actual.stride() != expected.stride():
        return f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
    tolerances = _tolerances(rules, actual.dtype.name, expected.dtype.name)
    if actual.dtype != expected.dtype:
        common = OPS["promote_types"](actual.dtype, expected.dtype)
        actual, expected = actual.to(common), expected.to(common)
    matches = OPS["isclose"](actual, expected, rtol=tolerances[0], atol=tolerances[1], equal_nan=rules.nan)
    if bool(matches.all()):
        return ""
    if not actual.ndim:
        return _numbers(actual.item(), expected.item(), tolerances, rules)
    if not actual.is_floating_point() and not actual.is_complex():
        actual, expected = actual.long(), expected.long()
    absolute = (actual - expected).abs()
    relative = absolute / expected.abs()
    n, size = int((~matches).sum()), matches.numel()
    lines = [_greatest(kind, t.masked_fill(matches, 0)) for kind, t in (("absolute", absolute), ("relative", relative))]
    return _told("Tensor-likes", tolerances, f"Mismatched elements: {n} / {size} ({n / size:.1%})", *lines)


def _greatest(kind: str, differences: Any) -> str:
    value, at = differences.flatten().max(0)
    place = tuple(int(i) for i in xp.unravel_index(int(at), tuple(differences.shape)))
    return f"Greatest {kind} difference: {value.item()} at index {place}"


assert_close.__module__ = "torch.testing"


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.testing", name)


__all__ = ["assert_close"]
