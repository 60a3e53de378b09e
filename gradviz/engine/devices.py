"""CUDA devices, through CuPy: whether one is there, how arrays come and go, and what the host computes for them.

CuPy is imported when a script first asks for a CUDA device. Ops run on CuPy's arrays as they are written
(``gradviz.engine.xp``). What CuPy lacks (some of linear algebra, most of SciPy's functions, sorting with ties) the host
computes, and the result goes back: right, and slow.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from msgspec import structs

from gradviz.engine import dtypes
from gradviz.engine.errors import UnsupportedError
from gradviz.engine.xp import foreign, hosted, ndarray

NOT_COMPILED = "Torch not compiled with CUDA enabled"
NO_DRIVER = ("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver "
             "from http://www.nvidia.com/Download/index.aspx")


# --- what is there ---------------------------------------------------------------------------------------------------
@cache
def _cupy() -> Any:
    """CuPy, or None where it is not installed."""
    try:
        import cupy
    except ImportError:
        return None
    return cupy


@cache
def count() -> int:
    """How many CUDA devices CuPy can use."""
    module = _cupy()
    if module is None:
        return 0
    try:
        return int(module.cuda.runtime.getDeviceCount())
    except module.cuda.runtime.CUDARuntimeError:
        return 0


def cuda() -> Any:
    """CuPy, ready to compute; PyTorch's complaint where it cannot."""
    module = _cupy()
    if module is None:
        raise AssertionError(NOT_COMPILED)
    if not count():
        raise RuntimeError("No CUDA GPUs are available" if module.cuda.runtime.driverGetVersion() else NO_DRIVER)
    foreign.add(module.ndarray)
    return module


def special() -> Any:
    """``scipy.special`` on CuPy."""
    return import_module("cupyx.scipy.special")


def started() -> bool:
    """Whether a script has asked for a CUDA device, and there was one."""
    return bool(foreign)


def index(device: dtypes.device) -> int:
    """The number of a CUDA device; the current one where it names none. Arrays lie on the current one."""
    module = cuda()
    current = int(module.cuda.runtime.getDevice())
    if device.index is None or device.index == current:
        return current
    if device.index >= count():
        raise RuntimeError("CUDA error: invalid device ordinal\nGPU device may be out of range, do you have enough "
                           "GPUs?")
    raise UnsupportedError(f"gradviz.engine computes on one CUDA device at a time: torch.cuda.set_device"
                           f"({device.index}) first, or run with --engine torch")


def resolve(device: Any) -> dtypes.device:
    """The device that a user wrote, None being the default one; refused in PyTorch's words where it is not there."""
    found = dtypes.default.device if device is None else dtypes.device(device)
    if found.type == "cpu":
        return dtypes.CPU
    if found.type != "cuda":
        raise UnsupportedError(f"gradviz.engine has no device '{found.type}'; run with --engine torch")
    return dtypes.device("cuda", index(found))


# --- to and fro ------------------------------------------------------------------------------------------------------
def of(array: Any) -> dtypes.device:
    """Where an array lies."""
    return dtypes.CPU if array.__class__ is ndarray else dtypes.device("cuda", array.device.id)


def exemplar(device: Any) -> Any:
    """An array that lies on a device, to make others ``like`` it; None for the host."""
    return None if device is dtypes.CPU or resolve(device) is dtypes.CPU else _empty(cuda())


@cache
def _empty(module: Any) -> Any:
    return module.empty(0, "float32")


def placed(array: Any, device: Any) -> Any:
    """The array on a device; where none is named, on the default one if it lies on the host."""
    if device is None and array.__class__ is not ndarray:
        return array
    if device is dtypes.CPU or resolve(device) is dtypes.CPU:
        return hosted(array)
    return cuda().asarray(array) if array.__class__ is ndarray else array


# --- what the host computes ------------------------------------------------------------------------------------------
WORTH = (TypeError, ValueError, AttributeError, NotImplementedError, IndexError)
"""What CuPy raises for what it lacks. What the script did wrong the host refuses in the same words as ever."""


def lack(error: BaseException, *arrays: Any) -> bool:
    """Whether an op failed on arrays of which some lie on a device, in a way that the host may know better."""
    return bool(foreign) and isinstance(error, WORTH) and any(a.__class__ in foreign for a in arrays)


def on_host(forward: Callable[..., Any], writes: tuple[int, ...] = ()) -> Callable[..., Any]:
    """``forward`` for arrays on a device: once more there if only numbers lay elsewhere, else on the host. ``writes``:
    places of the arguments that it writes."""

    def away(*args: Any, out: Any = None, **named: Any) -> Any:
        if any(a.__class__ is ndarray and not a.ndim for a in args):
            args = tuple([cuda().asarray(a) if a.__class__ is ndarray and not a.ndim else a for a in args])
            try:
                return forward(*args, **named) if out is None else forward(*args, out=out, **named)
            except WORTH:
                pass
        moved = moving(args, hosted)
        result = forward(*moved, **moving(named, hosted))
        for i in writes:
            if args[i].__class__ in foreign:
                args[i][...] = cuda().asarray(moved[i])
        if out is not None:
            out[...] = cuda().asarray(result).astype(out.dtype)
            return out
        return moving(result, sent)

    away.of = forward  # type: ignore[attr-defined]
    return away


@lru_cache(1024)
def second(row: Any, writes: tuple[int, ...]) -> Any:
    """An op's row with a forward that the host computes; None where it has that already."""
    if hasattr(row.forward, "of"):
        return None
    forward = on_host(row.forward, writes)
    return row._replace(forward=forward) if hasattr(row, "_replace") else structs.replace(row, forward=forward)


@lru_cache(1024)
def function(maker: Callable[[Any], Any], row: Any) -> Any:
    """What ``maker`` makes of a row."""
    return maker(row)


def sent(array: Any) -> Any:
    """An array, or a number of NumPy's, on the device."""
    return cuda().asarray(array)


def moving(value: Any, move: Callable[[Any], Any]) -> Any:
    """What an op takes or gives, with its arrays moved."""
    if value.__class__ is ndarray or value.__class__ in foreign or (move is sent and hasattr(value, "dtype")):
        return move(value)
    if hasattr(value, "_array") and move is hosted:
        return value.cpu()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[moving(v, move) for v in value])
    if value.__class__ in (tuple, list):
        return value.__class__([moving(v, move) for v in value])
    if value.__class__ is dict:
        return {key: moving(v, move) for key, v in value.items()}
    return value


def rule_on_host(ns: Any, node: Any, g: Any, saved: Any) -> tuple[Any, ...]:
    """A node's rule, on the host: arrays, or under ``create_graph`` tensors, go there and their shares come back."""
    here = copy.copy(node)
    here.args = moving(node.args, hosted)
    from gradviz.engine.autograd.namespaces import raw

    to, back = (hosted, sent) if ns is raw else (_to_host, _to_device)
    each: Callable[[Any, Any], Any] = lambda value, move: (  # noqa: E731
        [None if v is None else move(v) for v in value] if value.__class__ in (list, tuple) else move(value))
    with dtypes.CPU:
        shares = node.rule(ns, here, each(g, to), *[None if s is None else to(s) for s in saved])
    if shares.__class__ is not tuple:
        shares = (shares,)
    return tuple([None if s is None else back(s) for s in shares])


def _to_host(tensor: Any) -> Any:
    return tensor.cpu()


def _to_device(tensor: Any) -> Any:
    return tensor.cuda()


# --- errors ----------------------------------------------------------------------------------------------------------
POINTWISE = "Expected all tensors to be on the same device, but found at least two devices, {} and {}!"
NAMED = ("Expected all tensors to be on the same device, but got {} is on {}, different from other tensors on {} "
         "(when checking argument in method wrapper_CUDA_{})")
CHECKED = {
    "mm": ("self", "mat2"), "matmul": ("self", "mat2"), "bmm": ("self", "mat2"), "mv": ("self", "vec"),
    "dot": ("self", "tensor"), "addmm": ("self", "mat1", "mat2"), "addmv": ("self", "mat", "vec"),
    "baddbmm": ("self", "batch1", "batch2"), "index_select": ("self", "index"), "gather": ("self", "index"),
    "scatter_": ("self", "index", "src"),
}
"""Functions that name the argument which lies elsewhere, with the names of theirs."""


def met(error: BaseException) -> bool:
    """Whether an error is that complaint: in a rule it means that an array of the rule's own lies on the host."""
    return bool(foreign) and str(error).startswith("Expected all tensors to be on the same device")


def mixed(name: str, arrays: Any) -> Exception | None:
    """PyTorch's complaint where arrays lie on several devices; one without dimensions may lie on the host."""
    places = [of(a) for a in arrays if a.ndim or a.__class__ is not ndarray]
    if not foreign or len(set(places)) < 2:
        return None
    names = CHECKED.get(name)
    if names is None:
        return RuntimeError(POINTWISE.format(*sorted(map(str, set(places)), reverse=True)))
    first = of(arrays[0])
    which, other = next((n, of(a)) for n, a in zip(names, arrays, strict=False) if of(a) != first)
    return RuntimeError(NAMED.format(which, other, first, "mm" if name == "matmul" else name))
