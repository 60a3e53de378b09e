"""Making tensors: from data, filled, ranges and at random."""

from __future__ import annotations

import math
from typing import Any

from gradviz import probe
from gradviz.engine import dtypes, observe
from gradviz.engine.devices import exemplar, of, placed
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.fingerprint import share
from gradviz.engine.ops.args import integer, positive, sizes, words
from gradviz.engine.ops.data import array_of, fitted
from gradviz.engine.rare import not_implemented
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, filled, ndarray, strided, xp


def made(array: ndarray, name: str, args: str = "", requires_grad: bool = False, how: str = "created",
         device: Any = None) -> Tensor:
    """A new leaf over ``array``, on ``device`` or else the default one."""
    if requires_grad and array.dtype.char not in INEXACT:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    if device is not None or dtypes.default.device is not dtypes.CPU:
        array = placed(array, device)
    out = make(array, Cell(), bool(requires_grad))
    if probe.sink is not None:
        observe.op(name, args, (), (out,), how)
    return out  # type: ignore[no-any-return]


# --- from data -------------------------------------------------------------------------------------------------------
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """A tensor with a copy of ``data``."""
    if isinstance(data, Tensor) and device is None:
        device = data.device
    return made(array_of(data, dtype), "tensor", "", requires_grad, device=device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """A tensor with ``data``, sharing its memory where that is possible."""
    if isinstance(data, Tensor):
        return data.to(data.device if device is None else device, data.dtype if dtype is None else dtype)
    if isinstance(data, xp.ndarray) and exemplar(device) is None and (
            dtype is None or dtypes.lookup(dtype).np == data.dtype):
        return from_numpy(data, "as_tensor")
    return made(array_of(data, dtype), "as_tensor", device=device)


def from_numpy(array: Any, name: str = "from_numpy") -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(array, xp.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    if any(n < 0 for n in array.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with negative strides "
                         "are not currently supported. (You can probably work around this by making a copy of your "
                         "array  with array.copy().) ")
    if not dtypes.known(array.dtype):
        raise TypeError(f"can't convert np.ndarray of type numpy.{array.dtype.type.__name__}. The only supported types "
                        "are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, "
                        "uint32, uint16, uint8, and bool.")
    out = make(array.view(xp.ndarray), Cell())
    share(out)
    if probe.sink is not None:
        observe.op(name, "", (), (out,), "external")
    return out  # type: ignore[no-any-return]


def legacy(*args: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``torch.Tensor(...)``: of the default type; integers are sizes, a sequence is data."""
    np_type = (dtype or dtypes.default.dtype).np
    on = dtypes.CPU if device is None else device
    if not args:
        return made(xp.zeros(0, np_type), "Tensor", device=on)
    first = args[0]
    if len(args) == 1 and not isinstance(first, int):
        if isinstance(first, tuple) and first.__class__.__name__ == "Size":
            return made(xp.zeros(first, np_type), "Tensor", device=on)
        if isinstance(first, Tensor) and first._array.dtype == np_type:
            return first.detach()  # type: ignore[no-any-return]
        if not isinstance(first, list | tuple | xp.ndarray | Tensor | range):
            raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
        array = array_of(list(first) if isinstance(first, range) else first, dtype or dtypes.default.dtype)
        return made(array, "Tensor", device=on)
    return made(xp.zeros(sizes(args), np_type), "Tensor", device=on)


# --- filled ----------------------------------------------------------------------------------------------------------
def _np(dtype: Any) -> Any:
    return dtypes.default.dtype.np if dtype is None else dtypes.lookup(dtype).np


def _ones(shape: tuple[int, ...], np_type: Any, like: Any = None) -> ndarray:
    return xp.ones(shape, np_type) if like is None else filled(shape, 1, np_type, like)


def _filled(name: str, fill: Any) -> tuple[Any, Any, Any]:
    """The functions ``name``, ``name_like`` and the method ``new_name``."""

    def plain(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
              layout: Any = None, pin_memory: bool = False, memory_format: Any = None, **named: Any) -> Tensor:
        shape = sizes(given_size(name, size, named))
        if name == "zeros" and any(n < 0 for n in shape):
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        positive(shape)
        if device is not None or dtypes.default.device is not dtypes.CPU:
            array = fill(shape, _np(dtype), like=exemplar(device))
            return made(array, name, str(list(shape)), requires_grad, device=device)
        return made(fill(shape, _np(dtype)), name, str(list(shape)), requires_grad)

    def like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
             memory_format: Any = None, pin_memory: bool = False) -> Tensor:
        array = input._array
        want = array.dtype if dtype is None else _np(dtype)
        like = alongside(input, device)
        return made(fill(array.shape, want, like=like), name + "_like", "", requires_grad, device=place(like))

    def new(self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        shape = sizes(size)
        want = self._array.dtype if dtype is None else _np(dtype)
        like = alongside(self, device)
        return made(fill(shape, want, like=like), "new_" + name, str(list(shape)), requires_grad, device=place(like))

    return plain, like, new


def alongside(tensor: Any, device: Any = None) -> Any:
    """What a new array is to be made like: it lies on ``device``, or else where the tensor does; None for the host."""
    if device is None and tensor._array.__class__ is ndarray:
        return None
    return exemplar(tensor.device if device is None else device)


def place(like: Any) -> dtypes.device:
    return dtypes.CPU if like is None else of(like)


def given_size(name: str, size: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Sizes given by position or as ``size=``; other keywords are refused."""
    for key in named:
        if key != "size":
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
    size = (named["size"],) if named else size
    if not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    if isinstance(size[0], str | float):
        raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(size[0]).__name__}")
    return size


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value."""
    shape = sizes((size,))
    positive(shape)
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    want = dtypes.scalar_type(value).np if dtype is None else _np(dtype)
    array = filled(shape, fitted(value, want), want, like=exemplar(device))
    return made(array, "full", f"{list(shape)}, {value}", requires_grad, device=device)


def full_like(input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    want = input._array.dtype if dtype is None else _np(dtype)
    like = alongside(input, device)
    array = filled(input._array.shape, fitted(fill_value, want), want, like=like)
    return made(array, "full_like", str(fill_value), requires_grad, device=place(like))


def new_full(self: Any, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    want = self._array.dtype if dtype is None else _np(dtype)
    like = alongside(self, device)
    array = filled(sizes((size,)), fitted(fill_value, want), want, like=like)
    return made(array, "new_full", str(fill_value), requires_grad, device=place(like))


def new_tensor(self: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return made(array_of(data, dtype or self.dtype), "new_tensor", "", requires_grad, device=device or self.device)


def new(self: Any, *args: Any) -> Tensor:
    """``Tensor(...)`` of this tensor's type."""
    return legacy(*args, dtype=self.dtype, device=self.device)


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                  requires_grad: bool = False) -> Tensor:
    """A tensor whose elements lie in memory at the given steps."""
    shape, steps = tuple(size), tuple(stride)
    n = 1 + sum((k - 1) * s for k, s in zip(shape, steps, strict=True)) if all(shape) else 0
    memory = xp.zeros(n, _np(dtype), like=exemplar(device))
    return made(strided(memory, shape, steps), "empty_strided", str(list(shape)), requires_grad, device=place(memory))


def new_empty_strided(self: Any, size: Any, stride: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    options["device"] = options.get("device") or self.device
    return empty_strided(size, stride, dtype=self.dtype if dtype is None else dtype, **options)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    return made(fitted(s, _np(dtype)), "scalar_tensor", str(s), requires_grad, device=device)


# --- ranges ----------------------------------------------------------------------------------------------------------
def _plain_number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor | xp.generic) else value


def arange(*args: Any, start: Any = 0, end: Any = None, step: Any = 1, dtype: Any = None, device: Any = None,
           requires_grad: bool = False, layout: Any = None) -> Tensor:
    """Numbers from ``start`` up to, not including, ``end``."""
    if len(args) == 1 and end is None:
        end = args[0]
    elif len(args) == 1:
        start = args[0]
    elif args:
        start, end = args[:2]
        step = args[2] if len(args) > 2 else step
    start, end, step = _plain_number(start), _plain_number(end), _plain_number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not all(isinstance(v, int) or math.isfinite(v) for v in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(v, int) for v in (start, end, step))
    want = (dtypes.int64 if whole else dtypes.default.dtype) if dtype is None else dtypes.lookup(dtype)
    _refuse("arange", want.np, dtypes.UNSIGNED + dtypes.COMPLEX + "?")
    if want is dtypes.int64:
        start, end, step = int(start), int(end), int(step)
    n = math.ceil((end - start) / step)
    values = int(start) + xp.arange(n) * int(step) if want.np.kind in "iu" else start + xp.arange(n) * step
    return made(values.astype(want.np), "arange",
                ", ".join(str(v) for v in ((start, end, step) if step != 1 else (start, end))),
                requires_grad, device=device)


def _refuse(name: str, np_type: Any, letters: str = dtypes.UNSIGNED) -> None:
    if np_type.char in letters:
        raise not_implemented(name + "_cpu", np_type)


def _ends(name: str, start: Any, end: Any, steps: int) -> tuple[Any, Any]:
    many = [f"{side} with {t._array.ndim} dimension(s)" for side, t in (("start", start), ("end", end))
            if isinstance(t, Tensor) and t._array.ndim]
    if many:
        raise RuntimeError(f"{name} only supports 0-dimensional start and end tensors, but got {' and '.join(many)}.")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    return _plain_number(start), _plain_number(end)


def _between(start: Any, end: Any, steps: int, whole: Any = int) -> Any:
    """Numbers for whole types, whose ends are whole too; they count from the nearer end."""
    start, end, up = whole(start), whole(end), xp.arange(steps)
    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    return xp.where(up < steps // 2 if steps > 1 else True, start + step * up, end - step * (steps - 1 - up))


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``."""
    (start, end), want = _ends("linspace", start, end, steps), _np(dtype)
    _refuse("linspace", want, dtypes.UNSIGNED + "?")
    if want.char in dtypes.FLOATING and steps > 1:  # all is rounded, and counts from the nearer end
        def rounded(x: Any) -> float:
            return float(dtypes.convert(asarray(x, xp.float64), want))

        steps_up, start, end = xp.arange(steps), rounded(start), rounded(end)
        step = rounded(rounded(end - start) / (steps - 1))
        values = xp.where(steps_up < steps // 2, start + step * steps_up, end - step * steps_up[::-1])
    else:
        values = _between(start, end, steps) if want.kind in "iu" else xp.linspace(start, end, steps)
    return made(dtypes.convert(values, want), "linspace", f"{start}, {end}, {steps}", requires_grad, device=device)


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    (start, end), want = _ends("logspace", start, end, steps), _np(dtype)
    _refuse("logspace", want)
    exponents = _between(start, end, steps, int) if want.kind in "iu" else xp.linspace(start, end, steps)
    values = dtypes.convert(xp.power(float(base), exponents), want)
    return made(values, "logspace", f"{start}, {end}, {steps}", requires_grad, device=device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal."""
    for name, size in (("n", n), ("m", n if m is None else m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    if _np(dtype).char in dtypes.UNSIGNED:
        raise not_implemented("eye", _np(dtype))
    return made(xp.eye(n, n if m is None else m, dtype=_np(dtype)), "eye", str(n), requires_grad, device=device)


def _index_type(dtype: Any) -> Any:
    return xp.int64 if dtype is None else _np(dtype)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None,
                 layout: Any = None) -> Tensor:
    places = xp.stack(xp.tril_indices(row, offset, col)).astype(_index_type(dtype))
    return made(places, "tril_indices", words(offset=offset), device=device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None,
                 layout: Any = None) -> Tensor:
    places = xp.stack(xp.triu_indices(row, offset, col)).astype(_index_type(dtype))
    return made(places, "triu_indices", words(offset=offset), device=device)


FUNCTIONS: dict[str, Any] = {
    "tensor": tensor, "as_tensor": as_tensor, "asarray": as_tensor, "from_numpy": from_numpy, "full": full,
    "full_like": full_like, "scalar_tensor": scalar_tensor, "arange": arange, "linspace": linspace,
    "logspace": logspace, "empty_strided": empty_strided, "eye": eye,
    "tril_indices": tril_indices, "triu_indices": triu_indices,
}
METHODS: dict[str, Any] = {"new": new, "new_empty_strided": new_empty_strided, "new_full": new_full,
                           "new_tensor": new_tensor}
for _name, _fill in (("zeros", xp.zeros), ("ones", _ones), ("empty", xp.zeros)):
    FUNCTIONS[_name], FUNCTIONS[_name + "_like"], METHODS["new_" + _name] = _filled(_name, _fill)

__all__ = ["FUNCTIONS", "METHODS", "array_of", "integer", "legacy", "made"]
