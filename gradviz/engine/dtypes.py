"""dtype objects (``torch.float32``...), type promotion and devices."""

from __future__ import annotations

from typing import Any

from gradviz.engine.xp import xp


class dtype:
    """The type of a tensor's elements."""

    __slots__ = ("code", "is_complex", "is_floating_point", "itemsize", "legacy", "name", "np", "rank")

    def __init__(self, name: str, np_type: Any, legacy: str, rank: int, code: str) -> None:
        self.name, self.np, self.legacy, self.rank, self.code = name, xp.dtype(np_type), legacy, rank, code
        self.itemsize = self.np.itemsize
        self.is_complex = self.np.kind == "c"
        self.is_floating_point = self.np.kind == "f"

    is_signed = property(lambda self: self.np.kind in "ifc")

    def __repr__(self) -> str:
        return "torch." + self.name

    def __reduce__(self) -> str:
        return self.name

    def to_real(self) -> dtype:
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        return complex128 if self.name in ("float64", "complex128") else complex64


# `rank`: category (bool, integer, floating, complex) * 10 + order inside it.
bool_ = dtype("bool", "bool", "Bool", 0, "Bool")
uint8 = dtype("uint8", "uint8", "Byte", 10, "Byte")
int8 = dtype("int8", "int8", "Char", 11, "Char")
int16 = dtype("int16", "int16", "Short", 12, "Short")
int32 = dtype("int32", "int32", "Int", 13, "Int")
int64 = dtype("int64", "int64", "Long", 14, "Long")
float16 = dtype("float16", "float16", "Half", 20, "Half")
float32 = dtype("float32", "float32", "Float", 21, "Float")
float64 = dtype("float64", "float64", "Double", 22, "Double")
complex64 = dtype("complex64", "complex64", "ComplexFloat", 30, "ComplexFloat")
complex128 = dtype("complex128", "complex128", "ComplexDouble", 31, "ComplexDouble")
ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64, complex64, complex128)
BY_NP: dict[Any, dtype] = {d.np: d for d in ALL}
ALIASES = {
    "float": float32, "double": float64, "half": float16, "long": int64, "int": int32, "short": int16,
    "cfloat": complex64, "cdouble": complex128, "bool": bool_,
}
NAMES: dict[str, dtype] = {d.name: d for d in ALL} | ALIASES


class _Default:
    """The default floating type, which ``set_default_dtype`` changes."""

    dtype = float32


default = _Default()


def get_default_dtype() -> dtype:
    return default.dtype


def set_default_dtype(d: dtype) -> None:
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    default.dtype = d


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that both fit in, by PyTorch's table (int64 with float16 is float16)."""
    if a is b:
        return a
    low, high = (a, b) if a.rank <= b.rank else (b, a)
    if low is uint8 and high is int8:
        return int16
    if high is complex64 and low is float64:
        return complex128
    return high


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
    if d in (float, int, bool, complex):
        return {float: float64, int: int64, bool: bool_, complex: complex128}[d]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(d).__name__}")


class finfo:
    """Limits of a floating type."""

    def __init__(self, d: dtype | None = None) -> None:
        d = d or default.dtype
        info = xp.finfo(d.np)
        self.dtype, self.bits = d.name, info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """Limits of an integer type."""

    def __init__(self, d: dtype) -> None:
        if d.np.kind not in "iu":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.finfo'")
        info = xp.iinfo(d.np)
        self.dtype, self.bits, self.min, self.max = d.name, info.bits, int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


class device:
    """Where a tensor lives."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index  # type: ignore[has-type]
        elif isinstance(type, str) and ":" in type:
            type, number = type.split(":")
            index = int(number)
        if type not in ("cpu", "cuda"):
            raise RuntimeError(f"Expected one of cpu, cuda device type at start of device string: {type}")
        self.type, self.index = type, index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


CPU = device("cpu")


def check_device(d: Any) -> None:
    """Refuse a device that is not there, in PyTorch's words."""
    if d is not None and device(d).type != "cpu":
        raise AssertionError("Torch not compiled with CUDA enabled")
