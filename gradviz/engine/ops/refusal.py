"""What PyTorch says of a call that it refuses.

PyTorch's functions have parsers that are made from signatures. Here are the parsers' rules: a call that failed is held
against the signatures, and where none takes it, PyTorch's exception is raised in place of ours. Calls that succeed
never come here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.ops.signatures import TYPES, Signature, is_float, is_index, signatures, tables, type_name
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import xp

NUMPY_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
NUMBERS_ARE_TENSORS = frozenset(name + end for name in ("add", "div", "divide", "mul", "multiply", "sub", "subtract",
                                                        "true_divide", "floor_divide") for end in ("", "_")) | {
    "to", "copy_"}


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
        label, check = TYPES[p.type]
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
        label = TYPES[p.type][0]
        for j, item in enumerate(value):
            if label == "tuple of ints" and not is_index(item):
                return (f"{one.name}(): argument '{p.name}' failed to unpack the object at pos {j + 1} with error "
                        f'"type must be {label},but got {type_name(item)}"')
            if label == "tuple of floats" and not is_float(item):
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


def _numbers(name: str, args: tuple[Any, ...], options: dict[str, Any], method: bool) -> Any:
    """The arguments with numbers in place of the tensors without dimensions that PyTorch takes for numbers; None if
    there are none."""
    found = signatures(*tables(), name, method) or []
    one = next((one for one in found if _parse(one, args[method:], options) is None), None)
    if one is None:
        return None
    kinds = [p.type for p in one.parameters]
    named = {p.name: p.type for p in one.parameters}
    plain = tuple([_number(a, kinds[i - method]) if method <= i < len(kinds) + method else a
                   for i, a in enumerate(args)])
    given = {key: _number(value, named.get(key, "")) for key, value in options.items()}
    changed = any(a is not b for a, b in zip((*plain, *given.values()), (*args, *options.values()), strict=True))
    return (plain, given) if changed else None


def _number(value: Any, kind: str) -> Any:
    return value.item() if isinstance(value, Tensor) and kind in ("Scalar", "int64_t", "SymInt", "double") else value


def second_try(name: str, args: tuple[Any, ...], options: dict[str, Any], error: Exception,
               method: bool = False) -> Any:
    """What to make of a call that failed with ``error``: PyTorch's exception, if it does not take the arguments; other
    arguments to try, if it makes numbers of them; else the error."""
    wrong = refusal(name, args, options, method)
    if wrong is None and isinstance(error, AttributeError) and error.name == "_array":  # of what is no tensor
        place = next((i for i, value in enumerate(args) if value is error.obj), 0)
        wrong = TypeError(f"expected Tensor as element {place} in argument 0, but got {type_name(error.obj)}")
    if wrong is None:
        return (isinstance(error, TypeError) and _numbers(name, args, options, method)) or error
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
            return function(*args, **options) if options else function(*args)
        except Exception as error:
            found = second_try(name, args, options, error, method)
            if found is error:
                raise
            if isinstance(found, Exception):
                raise found from None
        return function(*found[0], **found[1])

    return call
