"""PyTorch's signatures: what its functions written in C++ take, and what its messages call that.

They stand in ``signatures.txt`` as PyTorch writes them: ``sum(Tensor input, *, ScalarType? dtype=None)``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import index
from pathlib import Path
from typing import Any

from msgspec import Struct

from gradviz.engine import dtypes
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp


def type_name(value: object) -> str:
    """The name of a value's type as C++ code sees it: types written in C have the module's name before theirs."""
    if isinstance(value, ndarray | xp.generic):
        return f"numpy.{type(value).__name__}"
    if isinstance(value, dtypes.dtype | dtypes.device):
        return f"torch.{type(value).__name__}"
    name = type(value).__name__
    return {"Size": "torch.Size", "Generator": "torch._C.Generator"}.get(name, name)


# --- what an argument may be -----------------------------------------------------------------------------------------
def _is_int(value: object, size: int = 0) -> bool:
    if isinstance(value, Tensor):
        return value._array.dtype.kind in "iu" and not value._array.ndim and not value.requires_grad
    return isinstance(value, int | xp.integer) and not isinstance(value, bool)


def is_index(value: object, size: int = 0) -> bool:
    if isinstance(value, bool):
        return False
    try:
        index(value)  # type: ignore[arg-type]
    except Exception:
        return False
    return True


def is_float(value: object, size: int = 0) -> bool:
    if isinstance(value, Tensor):
        return not value._array.ndim and not value.requires_grad
    return isinstance(value, float | int | xp.generic)


def _is_number(value: object, size: int = 0) -> bool:
    return isinstance(value, complex) or is_float(value)


def _list_of(item: Callable[[Any], bool], whole: bool = False, alone: Callable[[Any], bool] | None = None) -> Any:
    """A list or tuple whose first element fits, or all; one of a given length may be given as its element alone."""
    def check(value: Any, size: int = 0) -> bool:
        if isinstance(value, tuple | list):
            return all(map(item, value if whole else value[:1]))
        return bool(size) and alone is not None and alone(value)

    return check


def _is_a(*kinds: type) -> Any:
    return lambda value, size=0: isinstance(value, kinds)


def _named(*names: str) -> Any:
    return lambda value, size=0: type(value).__name__ in names


TYPES: dict[str, tuple[str, Callable[..., bool]]] = {
    "Tensor": ("Tensor", _is_a(Tensor)),
    "Scalar": ("Number", _is_number),
    "int64_t": ("int", _is_int),
    "SymInt": ("int", is_index),
    "double": ("float", is_float),
    "complex": ("complex", _is_number),
    "TensorList": ("tuple of Tensors", _is_a(tuple, list)),
    "c10::List<::std::optional<Tensor>>": ("tuple of Tensors", _is_a(tuple, list)),
    "IntArrayRef": ("tuple of ints", _list_of(is_index, alone=_is_int)),
    "SymIntArrayRef": ("tuple of ints", _list_of(is_index, alone=is_index)),
    "ArrayRef<double>": ("tuple of floats", _list_of(is_float)),
    "ScalarList": ("tuple of Scalars", _list_of(_is_number, True)),
    "Generator": ("torch.Generator", _named("Generator")),
    "bool": ("bool", _is_a(bool)),
    "Storage": ("torch.Storage", _named("UntypedStorage", "TypedStorage")),
    "PyObject*": ("object", lambda value, size=0: True),
    "ScalarType": ("torch.dtype", lambda value, size=0: isinstance(value, dtypes.dtype) or value in (
        bool, int, float, complex)),
    "Layout": ("torch.layout", _named("layout")),
    "MemoryFormat": ("torch.memory_format", _named("memory_format")),
    "Device": ("torch.device", lambda value, size=0: _is_int(value) or isinstance(value, str | dtypes.device)),
    "c10::string_view": ("str", _is_a(str)),
}
"""For each type of PyTorch's signatures its name in messages and the test of a value."""


# --- signatures ------------------------------------------------------------------------------------------------------
class Parameter(Struct, frozen=True):
    """One of a signature's: ``type`` as PyTorch's signatures write it, ``default`` None where there is none."""

    type: str
    name: str
    size: int
    nullable: bool
    keyword: bool
    default: str | None


class Signature(Struct, frozen=True):
    name: str
    parameters: tuple[Parameter, ...]
    hidden: bool = False
    """Whether messages leave it out: those that are deprecated."""

    def places(self) -> int:
        """How many arguments may be given by position."""
        return sum(not p.keyword for p in self.parameters)

    def least(self) -> int:
        return sum(p.default is None for p in self.parameters)

    def text(self) -> str:
        """As PyTorch's messages show it."""
        parts = []
        for p in self.parameters:
            if p.keyword and "*" not in parts:
                parts.append("*")
            parts.append(f"{TYPES[p.type][0]} {p.name}" + ("" if p.default is None else f" = {p.default}"))
        return f"({', '.join(parts)})"


def signature(text: str) -> Signature:
    """Read ``name(type parameter, *, type parameter=default)``."""
    name, _, rest = text.partition("(")
    inside, _, mark = rest.rpartition(")")
    parameters = []
    keyword = False
    for part in inside.split(", ") if inside else ():
        if part == "*":
            keyword = True
            continue
        kind, _, named = part.partition(" ")
        nullable = kind.endswith("?")
        kind, _, size = kind.removesuffix("?").removesuffix("]").partition("[")
        argument, given, default = named.partition("=")
        parameters.append(Parameter(kind, argument, int(size or 0), nullable or default == "None", keyword,
                                    default if given else None))
    return Signature(name, tuple(parameters), bool(mark))


Table = dict[str, list[Signature]]


@cache
def tables() -> tuple[Table, Table]:
    """The signatures of functions and of methods, by name."""
    parts: list[Table] = []
    for line in (Path(__file__).parent / "signatures.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            parts.append({})
        else:
            one = signature(line)
            parts[-1].setdefault(one.name, []).append(one)
    return parts[0], parts[1]


def signatures(functions: Table, methods: Table, name: str, method: bool) -> list[Signature] | None:
    """A function's or a method's. A method's are its function's without the first parameter and ``out``, those of a
    method in place are the method's, unless the file says otherwise."""
    if not method:
        return functions.get(name)
    if name in methods:
        return methods[name]
    if name in functions:
        return [Signature(name, tuple([p for p in one.parameters[1:] if p.name != "out"]), one.hidden)
                for one in functions[name]]
    if not name.endswith("_"):
        return None
    plain = signatures(functions, methods, name[:-1], True)
    return plain and [Signature(name, one.parameters, one.hidden) for one in plain]
