"""How tensors print: PyTorch's layout, digit for digit."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.xp import hosted, ndarray, xp


class _Options:
    precision = 4
    threshold: float = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


options = _Options()
_PROFILES: dict[str, tuple[int, float, int]] = {"default": (4, 1000, 3), "short": (2, 1000, 2),
                                                "full": (4, math.inf, 3)}


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """How tensors are printed from now on."""
    if profile is not None:
        options.precision, options.threshold, options.edgeitems = _PROFILES[profile]
        options.linewidth = 80
    for name, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems),
                        ("linewidth", linewidth)):
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")}


class printoptions:
    """Print options for a region."""

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs

    def __enter__(self) -> None:
        self.before = get_printoptions()
        set_printoptions(**self.kwargs)

    def __exit__(self, *exc: object) -> None:
        set_printoptions(**self.before)


class _Format:
    """One format for all elements of a tensor: whole, fixed or scientific, padded to the widest."""

    def __init__(self, array: ndarray) -> None:
        self.floating = array.dtype.char in FLOATING
        self.whole, self.science, self.width = True, False, 1
        flat = array.reshape(-1)
        if not self.floating:
            self.width = max([1, *(len(str(v)) for v in flat.tolist())])
            return
        values = flat[xp.isfinite(flat) & (flat != 0)]
        if not values.size:
            return
        size = xp.abs(values).astype(xp.float64)
        low, high = float(size.min()), float(size.max())
        self.whole = bool((values == xp.ceil(values)).all())
        self.science = options.sci_mode if options.sci_mode is not None else (
            high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4)
        if self.science:
            self.width = max(len(f"{v:.{options.precision}e}") for v in values.tolist())
        elif self.whole:
            self.width = max(len(f"{v:.0f}") + 1 for v in values.tolist())
        else:
            self.width = max(len(f"{v:.{options.precision}f}") for v in values.tolist())
        self.width = max(self.width, 1)

    def __call__(self, value: Any) -> str:
        if not self.floating:
            text = str(value)
        elif self.science:
            text = f"{value:{self.width}.{options.precision}e}"
        elif self.whole:
            text = f"{value:.0f}"
            if math.isfinite(value):
                text += "."
        else:
            text = f"{value:.{options.precision}f}"
        return (self.width - len(text)) * " " + text


class _ComplexFormat:
    """Real and imaginary part, each by its own format."""

    def __init__(self, array: ndarray) -> None:
        self.real, self.imag = _Format(array.real), _Format(array.imag)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: Any) -> str:
        imag = (self.imag(value.imag) + "j").lstrip()
        return self.real(value.real) + ("" if imag[0] in "+-" else "+") + imag


def _vector(array: ndarray, indent: int, short: bool, form: Any) -> str:
    edge = options.edgeitems
    per_line = max(1, (options.linewidth - indent) // (form.width + 2))
    if short and not edge:
        data = ["..."]
    elif short and array.size > 2 * edge:
        data = [*map(form, array[:edge].tolist()), " ...", *map(form, array[-edge:].tolist())]
    else:
        data = [form(v) for v in array.tolist()]
    lines = [", ".join(data[i:i + per_line]) for i in range(0, len(data), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _rows(array: ndarray, indent: int, short: bool, form: Any) -> str:
    """The nested brackets; arrays have few enough dimensions to nest calls."""
    if array.ndim == 0:
        return str(form(array.item()))
    if array.ndim == 1:
        return _vector(array, indent, short, form)
    edge, n = options.edgeitems, array.shape[0]
    if short and n > 2 * edge:
        which: Any = [*range(edge), None, *range(n - edge, n)]
    else:
        which = range(n)
    parts = ["..." if i is None else _rows(array[i], indent + 1, short, form) for i in which]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _edges(array: ndarray) -> ndarray:
    """Only what a shortened print shows: its width counts only that."""
    edge = options.edgeitems
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            keep = [*range(edge), *range(n - edge, n)] if edge else []
            array = xp.take(array, keep, axis=axis)
    return array


def content(array: ndarray, indent: int) -> str:
    """The numbers in brackets."""
    short = array.size > options.threshold
    shown = _edges(array) if short else array
    form = _ComplexFormat(shown) if array.dtype.kind == "c" else _Format(shown)
    return _rows(array, indent, short, form)


def tensor_text(tensor: Any, prefix: str = "tensor(") -> str:
    """``repr(tensor)``."""
    array = tensor._array
    indent = len(prefix)
    dtype = tensor.dtype
    has_default = dtype in (dtypes.default.dtype, dtypes.int64, dtypes.bool_) or (
        dtype is dtypes.default.dtype.to_complex())
    suffixes = [] if array.__class__ is ndarray else [f"device='{tensor.device}'"]
    if array.size == 0:
        if array.ndim != 1:
            suffixes.append("size=" + str(tuple(array.shape)))
        if dtype is not dtypes.default.dtype:
            suffixes.append(f"dtype={dtype}")
        text = "[]"
    else:
        if not options.edgeitems:
            suffixes.append("size=" + str(tuple(array.shape)))
        if not has_default:
            suffixes.append(f"dtype={dtype}")
        text = content(hosted(array), indent)
    try:
        edge = tensor.grad_fn
        name = None if edge is None else type(edge).__name__
    except RuntimeError:
        name = "Invalid"
    if name is not None:
        suffixes.append(f"grad_fn=<{name}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return _with_suffixes(prefix + text, suffixes, indent)


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"
