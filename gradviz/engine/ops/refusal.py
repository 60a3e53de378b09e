"""What PyTorch says of a call that it refuses.

PyTorch's functions have parsers that are made from signatures like ``sum(Tensor input, *, ScalarType? dtype=None)``.
They are in ``signatures.txt``, and here are the parsers' rules: a call that failed is held against the signatures, and
where none takes it, PyTorch's exception is raised in place of ours. Calls that succeed never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from operator import index
from pathlib import Path
from typing import Any

from msgspec import Struct

from gradviz import probe
from gradviz.engine import dtypes, observe
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp

NUMPY_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
NUMBERS_ARE_TENSORS = frozenset(name + end for name in ("add", "div", "divide", "mul", "multiply", "sub", "subtract",
                                                        "true_divide", "floor_divide") for end in ("", "_")) | {
    "to", "copy_"}


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


def _is_index(value: object, size: int = 0) -> bool:
    if isinstance(value, bool):
        return False
    try:
        index(value)  # type: ignore[arg-type]
    except Exception:
        return False
    return True


def _is_float(value: object, size: int = 0) -> bool:
    if isinstance(value, Tensor):
        return not value._array.ndim and not value.requires_grad
    return isinstance(value, float | int | xp.generic)


def _is_number(value: object, size: int = 0) -> bool:
    return isinstance(value, complex) or _is_float(value)


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


_TYPES: dict[str, tuple[str, Callable[..., bool]]] = {
    "Tensor": ("Tensor", _is_a(Tensor)),
    "Scalar": ("Number", _is_number),
    "int64_t": ("int", _is_int),
    "SymInt": ("int", _is_index),
    "double": ("float", _is_float),
    "complex": ("complex", _is_number),
    "TensorList": ("tuple of Tensors", _is_a(tuple, list)),
    "c10::List<::std::optional<Tensor>>": ("tuple of Tensors", _is_a(tuple, list)),
    "IntArrayRef": ("tuple of ints", _list_of(_is_index, alone=_is_int)),
    "SymIntArrayRef": ("tuple of ints", _list_of(_is_index, alone=_is_index)),
    "ArrayRef<double>": ("tuple of floats", _list_of(_is_float)),
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
            parts.append(f"{_TYPES[p.type][0]} {p.name}" + ("" if p.default is None else f" = {p.default}"))
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


# --- the parser ------------------------------------------------------------------------------------------------------
def _parse(one: Signature, args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
    """Why a signature does not take a call, in PyTorch's words; None if it does."""
    places, n = one.places(), len(args)
    start = f"{one.name}()"
    spread = places == 1 and "IntArrayRef" in one.parameters[0].type
    if n > places and not spread:
        return _surplus(one, n)
    at, left = 0, len(options)
    for i, p in enumerate(one.parameters):
        by_name = at >= n
        value: Any = _UNSET
        if not by_name:
            if p.keyword:
                return _surplus(one, n)
            value = args[at]
        else:
            value = next((options[key] for key in (p.name, *NUMPY_NAMES.get(p.name, ())) if key in options), _UNSET)
        label, check = _TYPES[p.type]
        if value is _UNSET:
            if p.default is None:
                missing = [f'"{q.name}"' for q in one.parameters[i:] if q.default is None]
                return f"{start} missing {len(missing)} required positional argument{'s' * (len(missing) == 1)}: " + (
                    ", ".join(missing))
        elif value is None and p.nullable:
            pass
        elif check(value, p.size) or (
                p.type == "Tensor" and one.name in NUMBERS_ARE_TENSORS and isinstance(value, int | float | complex
                                                                                      | xp.generic)):
            if label == "tuple of Tensors":
                for j, item in enumerate(value):
                    if not isinstance(item, Tensor):
                        raise TypeError(f"expected Tensor as element {j} in argument {i}, but got {type_name(item)}")
        elif spread and at == 0 and not by_name and check(args, p.size):
            at = n
            continue
        else:
            where = "" if by_name else f" (position {at + 1})"
            wrong = f"not {type_name(value)}"
            if not by_name and label == "tuple of ints" and isinstance(value, tuple | list):
                wrong = f"but found element of type {type_name(value[0])} at pos 0"
            return f"{start}: argument '{p.name}'{where} must be {label}, {wrong}"
        if not by_name:
            at += 1
        elif value is not _UNSET:
            left -= 1
    return _unknown(one, options, n) if left > 0 else None


_UNSET = object()


def _surplus(one: Signature, n: int) -> str:
    least, most = one.least(), one.places()
    if least != most:
        return f"{one.name}() takes from {least} to {most} positional arguments but {n} were given"
    return (f"{one.name}() takes {most} positional argument{'s' * (most != 1)} but {n} "
            f"{'was' if n == 1 else 'were'} given")


def _unknown(one: Signature, options: dict[str, Any], n: int) -> str:
    names = [p.name for p in one.parameters]
    for key in options:
        if key not in names:
            return f"{one.name}() got an unexpected keyword argument '{key}'"
        if names.index(key) < n:
            return f"{one.name}() got multiple values for argument '{key}'"
    return "invalid keyword arguments"


def _elements(one: Signature, args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
    """What is wrong with an element of a list of integers but the first, at which the parsers look when they match."""
    for i, p in enumerate(one.parameters):
        value = args[i] if i < len(args) else options.get(p.name)
        if one.places() == 1 and i == 0 and args and not isinstance(value, tuple | list):
            value = args
        if not isinstance(value, tuple | list):
            continue
        label = _TYPES[p.type][0]
        for j, item in enumerate(value):
            if label == "tuple of ints" and not _is_index(item):
                return (f"{one.name}(): argument '{p.name}' failed to unpack the object at pos {j + 1} with error "
                        f'"type must be {label},but got {type_name(item)}"')
            if label == "tuple of floats" and not _is_float(item):
                return (f"{one.name}(): argument '{p.name}' must be {label}, but found element of type "
                        f"{type_name(item)} at pos {j + 1}")
    return None


def _refused(found: list[Signature], args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
    """Why none of the signatures takes a call; None if one does."""
    reasons = []
    for one in sorted(found, key=lambda one: one.hidden):
        reason = _parse(one, args, options)
        if reason is None:
            return _elements(one, args, options)
        reasons.append((one, reason))
    if len(reasons) == 1:
        return reasons[0][1]
    n = len(args) + len(options)
    plausible = [reason for one, reason in reasons if one.least() <= n <= len(one.parameters) and not one.hidden]
    if len(plausible) == 1:
        return plausible[0]
    return _combination(found[0].name, [one.text() for one in found if not one.hidden], args, options)


# --- "received an invalid combination of arguments" ------------------------------------------------------------------
def _combination(name: str, texts: list[str], args: tuple[Any, ...], options: dict[str, Any]) -> str:
    start = f"{name}() received an invalid combination of arguments - got "
    options = dict(reversed(options.items()))  # as a hash table of C++ lists them
    got = ", ".join([type_name(a) for a in args])
    for key, value in options.items():
        got += f"{', ' if args and not got.endswith(', ') else ''}{key}={type_name(value)}" + ("" if args else ", ")
    got = f"({got})"
    if len(texts) == 1:
        fields = _fields(texts[0])
        unmatched = _unmatched(fields, options)
        if unmatched:
            return f"{start}unrecognized keyword arguments: {', '.join(unmatched)}"
        if len(fields) == len(args) + len(options):
            got = _described(fields, args, options)
        return f"{start}{got}, but expected {texts[0]}"
    lines = [f"{start}{got}, but expected one of:\n"]
    for text in texts:
        lines.append(f" * {text}\n")
        fields = _fields(text)
        if len(fields) == len(args) + len(options):
            unmatched = _unmatched(fields, options)
            lines.append("      didn't match because some of the " + (
                f"keywords were incorrect: {', '.join(unmatched)}" if unmatched else
                f"arguments have invalid types: {_described(fields, args, options)}") + "\n")
    return "".join(lines)


def _fields(text: str) -> list[tuple[str, str]]:
    """Types and names as PyTorch reads them from its own text: the star and what has a default are read badly, and
    its messages are made from that."""
    return [(kind, name) for kind, _, name in (part.rpartition(" ") for part in text[1:-1].split(", "))]


def _unmatched(fields: list[tuple[str, str]], options: dict[str, Any]) -> list[str]:
    names = [name for _, name in fields[max(0, len(fields) - len(options)):]]
    return [key for key in options if key not in names]


def _described(fields: list[tuple[str, str]], args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """The arguments' types, those that do not match between exclamation marks."""
    parts = []
    for i, (kind, name) in enumerate(fields):
        value = args[i] if i < len(args) else options[name]
        own = type_name(value)
        matches = own in {"float": ("float", "int"), "int": ("int",)}.get(kind, (kind,))
        if isinstance(value, tuple | list):
            inside = ", ".join(map(type_name, value))
            own += f" of ({inside}{',' * (len(value) == 1)})" if isinstance(value, tuple) else f" of [{inside}]"
        mark = "" if matches else "!"
        parts.append(f"{mark}{name + '=' if i >= len(args) else ''}{own}{mark}")
    return f"({', '.join(parts)}{'' if args or not parts else ', '})"


# --- at the functions ------------------------------------------------------------------------------------------------
def refusal(name: str, args: tuple[Any, ...], options: dict[str, Any], method: bool = False) -> TypeError | None:
    """PyTorch's exception for a call whose arguments it does not take; None if it does take them."""
    if method:
        if not args:
            return TypeError(f"unbound method TensorBase.{name}() needs an argument")
        if not isinstance(args[0], Tensor):
            return TypeError(f"descriptor '{name}' for 'torch._C.TensorBase' objects doesn't apply to a "
                             f"'{type_name(args[0])}' object")
        args = args[1:]
    found = signatures(*tables(), name, method)
    if found is None:
        return None
    if method and len(found) == 1 and not found[0].parameters:
        if options:
            return TypeError(f"TensorBase.{name}() takes no keyword arguments")
        return TypeError(f"TensorBase.{name}() takes no arguments ({len(args)} given)") if args else None
    try:
        text = _refused(found, args, options)
    except TypeError as error:
        return error
    return None if text is None else TypeError(text)


def takes_arguments(method: Any) -> bool:
    """Whether a method takes more than its tensor; operators speak for themselves."""
    code = getattr(method, "__code__", None)
    return code is not None and not method.__name__.startswith("__") and (
        code.co_argcount + code.co_kwonlyargcount > 1 or bool(code.co_flags & 12))


def refused(name: str, args: tuple[Any, ...], options: dict[str, Any], error: Exception,
            method: bool = False) -> Exception:
    """What to raise where a call failed with ``error``: that, unless PyTorch has a word for the arguments."""
    wrong = refusal(name, args, options, method)
    if wrong is None:
        return error
    if probe.sink is not None:
        if hasattr(error, "_gradviz_number"):
            wrong._gradviz_number = error._gradviz_number  # type: ignore[attr-defined]
        observe.failed(name, "", [a for a in (*args, *options.values()) if isinstance(a, Tensor)], wrong)
    return wrong


def guarded(name: str, function: Callable[..., Any], method: bool = False) -> Callable[..., Any]:
    """The function, which refuses in PyTorch's words what PyTorch's function of that name refuses."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            wrong = refused(name, args, options, error, method)
            if wrong is error:
                raise
            raise wrong from None

    return call
