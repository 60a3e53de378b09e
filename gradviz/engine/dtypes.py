"""dtype objects (``torch.float32``...), type promotion and devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gradviz import probe
from gradviz.engine.xp import quiet, xp

# What a type is, by the letter that arrays call it: `array.dtype.char in FLOATING`.
HALVES = "eE"
"""float16 and bfloat16, which are computed in float32."""
FLOATING, COMPLEX, UNSIGNED = "fd" + HALVES, "FD", "HILQ"
INEXACT = FLOATING + COMPLEX
FLOAT = xp.dtype("float32")
"""The type of most arrays: whether it is this one is told sooner than its letter."""

rare: list[dtype] = []
"""The types of few programs that have been used: halves and wide unsigned integers. Ops look out for them only then."""

when_rare: list[Callable[[], None]] = []
"""Called when the first of them is used: ops that many programs spend their time in do not even ask for it before."""


class dtype:
    """The type of a tensor's elements."""

    __slots__ = ("code", "is_complex", "is_floating_point", "is_signed", "itemsize", "legacy", "name", "np", "rank")
    np: Any

    def __init__(self, name: str, legacy: str, rank: int) -> None:
        self.name, self.legacy, self.rank = name, legacy, rank
        self.code = legacy
        self.is_complex, self.is_floating_point = rank // 10 == 3, rank // 10 == 2
        self.is_signed = name != "bool" and not name.startswith("uint")
        self.itemsize = int(name.lstrip("bcefilmnopatux") or 8) // 8
        if legacy not in RARE:
            self.np = xp.dtype(name)

    def __getattr__(self, name: str) -> Any:
        """NumPy's type of a rare one, when it is first asked for."""
        if name != "np":
            raise AttributeError(f"'torch.dtype' object has no attribute '{name}'")
        if self.name == "bfloat16":
            from ml_dtypes import bfloat16

            self.np = xp.dtype(bfloat16)
        else:
            self.np = xp.dtype(self.name)
        BY_NP[self.np], probe.dtypes[self.np] = self, self.name
        rare.append(self)
        while when_rare:
            when_rare.pop()()
        return self.np

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> str:
        return self.name

    def to_real(self) -> dtype:
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        if self.rank < 20:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.code}")
        return complex128 if self.name in ("float64", "complex128") else complex64


RARE = ("Half", "BFloat16", "UInt16", "UInt32", "UInt64")
# The last figure is `rank`: category (bool, integer, floating, complex) * 10 + order inside it.
bool_ = dtype("bool", "Bool", 0)
uint8 = dtype("uint8", "Byte", 10)
int8 = dtype("int8", "Char", 11)
int16 = dtype("int16", "Short", 12)
int32 = dtype("int32", "Int", 13)
int64 = dtype("int64", "Long", 14)
uint16 = dtype("uint16", "UInt16", 15)
uint32 = dtype("uint32", "UInt32", 16)
uint64 = dtype("uint64", "UInt64", 17)
float16 = dtype("float16", "Half", 20)
bfloat16 = dtype("bfloat16", "BFloat16", 21)
float32 = dtype("float32", "Float", 22)
float64 = dtype("float64", "Double", 23)
complex64 = dtype("complex64", "ComplexFloat", 30)
complex128 = dtype("complex128", "ComplexDouble", 31)
ALL = (bool_, uint8, int8, int16, int32, int64, uint16, uint32, uint64, float16, bfloat16, float32, float64, complex64,
       complex128)
BY_NP: dict[Any, dtype] = {xp.dtype(d.name): d for d in ALL if d is not bfloat16}
probe.dtypes.update((np_type, d.name) for np_type, d in BY_NP.items())
ALIASES = {
    "float": float32, "double": float64, "half": float16, "long": int64, "int": int32, "short": int16,
    "cfloat": complex64, "cdouble": complex128, "bool": bool_,
}
PYTHON: dict[Any, dtype] = {float: float64, int: int64, bool: bool_, complex: complex128}
NAMES: dict[str, dtype] = {d.name: d for d in ALL} | ALIASES


def known(np_type: Any) -> bool:
    """Whether NumPy's type is one of ours; a rare one is in use from now on."""
    return np_type in BY_NP and bool(BY_NP[np_type].np)


def convert(array: Any, np_type: Any) -> Any:
    """The elements in another type; to a half by way of float32, which rounds twice, as PyTorch does."""
    if np_type.char not in HALVES:
        return array.astype(np_type)
    with quiet():  # what is too large is infinite
        return array.astype(xp.float32).astype(np_type)


class _Default:
    """What a tensor is made as when nothing is said: ``set_default_dtype`` and ``set_default_device`` change it."""

    dtype = float32
    device: Any = None
    outer: ClassVar[list[Any]] = []


default = _Default()


def get_default_dtype() -> dtype:
    return default.dtype


def set_default_dtype(d: dtype) -> None:
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    default.dtype = d


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that both fit in, by PyTorch's table (int64 with float16 is float16)."""
    a, b = _types("promote_types", type1=type1, type2=type2)
    if a is b:
        return a
    low, high = (a, b) if a.rank <= b.rank else (b, a)
    if any(15 <= d.rank < 20 for d in (low, high)) and not high.is_floating_point:
        raise RuntimeError("Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
                           f"{a.code} and {b.code}")
    if low is uint8 and high is int8:
        return int16
    if low is float16 and high is bfloat16:
        return float32
    if high is complex64 and low is float64:
        return complex128
    return high


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether an in-place op may store the one in the other: the category must not fall, signs do not count."""
    a, b = _types("can_cast", from_=from_, to=to)
    return a.rank // 10 <= b.rank // 10


def _types(function: str, **given: Any) -> list[dtype]:
    for i, (name, value) in enumerate(given.items(), 1):
        if value in PYTHON:
            given[name] = PYTHON[value]
        elif value.__class__ is not dtype:
            raise TypeError(f"{function}(): argument '{name}' (position {i}) must be torch.dtype, not "
                            f"{value.__class__.__name__}")
    return list(given.values())


def scalar_type(value: object) -> dtype:
    """The type that a Python number stands for on its own."""
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    if isinstance(value, complex):
        return default.dtype.to_complex()
    return default.dtype


def with_scalar(d: dtype, value: object) -> dtype:
    """The type of tensor-with-number: the number only lifts the category."""
    s = scalar_type(value)
    if s.rank // 10 <= d.rank // 10:
        return d
    return d.to_complex() if s.is_complex and d.is_floating_point else s


def lookup(d: Any) -> dtype:
    """The dtype that a user wrote: ours, Python's ``float``/``int``/``bool``, or a name error as PyTorch's."""
    if d.__class__ is dtype:
        return d
    if d in PYTHON:
        return PYTHON[d]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(d).__name__}")


class finfo:
    """Limits of a floating type."""

    def __init__(self, type: dtype | None = None) -> None:
        d = (default.dtype if type is None else _types("finfo", type=type)[0]).to_real()
        if not d.is_floating_point:
            raise TypeError("torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                            "'torch.finfo'")
        if d is bfloat16:
            import ml_dtypes

            info: Any = ml_dtypes.finfo(d.np)  # type: ignore[no-untyped-call]
        else:
            info = xp.finfo(d.np)
        self.dtype, self.bits = d.name, info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = 10.0 ** -info.precision

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """Limits of an integer type."""

    def __init__(self, type: dtype) -> None:
        d, = _types("iinfo", type=type)
        if d is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if d.rank >= 20:
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        info = xp.iinfo(d.np)
        self.dtype, self.bits, self.min, self.max = d.name, info.bits, int(info.min), int(info.max)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


DEVICES = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla",
           "lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone")


class device:
    """Where a tensor lives; as a context, where tensors are made that name no device."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index  # type: ignore[has-type]
        elif isinstance(type, int) and not isinstance(type, bool):
            from gradviz.engine.devices import count

            if not count():
                raise RuntimeError("Cannot access accelerator device when none is available.")
            type, index = "cuda", type
        elif not isinstance(type, str):
            raise TypeError(_UNLIKE.format(type.__class__.__name__))
        elif ":" in type:
            if index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: "
                                   f"{type}")
            text = type
            type, number = text.split(":", 1)
            if not number.isdecimal() or (number[0] == "0" and number != "0"):
                raise RuntimeError(f"Invalid device string: '{text}'")
            index = int(number)
        elif index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        if type not in DEVICES:
            raise RuntimeError(f"Expected one of {', '.join(DEVICES)} device type at start of device string: {type}")
        self.type, self.index = type, index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> Any:
        return device, (str(self),)

    def __enter__(self) -> device:
        default.outer.append(default.device)
        default.device = self
        return self

    def __exit__(self, *raised: object) -> None:
        default.device = default.outer.pop()


_UNLIKE = ("device() received an invalid combination of arguments - got ({0}), but expected one of:\n * (torch.device "
           "device)\n      didn't match because some of the arguments have invalid types: (!{0}!)\n * (str type, int "
           "index = -1)\n")
_device = device
CPU = default.device = device("cpu")


def set_default_device(device: Any) -> None:
    """Where tensors are made from now on that name no device."""
    default.device = CPU if device is None else _device(device)


def check_device(d: Any) -> None:
    """Refuse a device that is not there, in PyTorch's words."""
    if d is not None and d != "cpu":
        from gradviz.engine.devices import resolve

        resolve(d)
