"""Complex numbers: made of two parts, taken apart, conjugated.

Gradients are PyTorch's: the conjugate Wirtinger derivative, for a real loss (autograd/conjugate.py).
"""

from __future__ import annotations

from typing import Any

from gradviz.engine.dtypes import FLOATING
from gradviz.engine.ops import shape
from gradviz.engine.ops.build import op, run
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray, restrided, xp

KINDS = {"e": "complex64", "f": "complex64", "d": "complex128"}


# --- rules -----------------------------------------------------------------------------------------------------------
def _complex(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.apply(REAL_PART, (g,)), ns.apply(IMAG_PART, (g,))


def _view_as_real(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.apply(JOIN, (ns.take(g, (Ellipsis, 0)), ns.take(g, (Ellipsis, 1))))


def _view_as_complex(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.stack([ns.apply(REAL_PART, (g,)), ns.apply(IMAG_PART, (g,))], ns.plain(g).ndim)


def _conj(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.apply(CONJ, (g,))


def _angle(ns: Any, ctx: Any, g: Any, self: Any) -> Any:
    plain = ns.plain(self)
    if plain.dtype.kind != "c":
        return g * 0
    x, y = ns.apply(REAL_PART, (self,)), ns.apply(IMAG_PART, (self,))
    square = x * x + y * y
    safe = ns.where(square == 0, 1, square)
    part = ns.where(square == 0, 0, g / safe)
    return ns.apply(JOIN, (part * -y, part * x))


def _polar(ns: Any, ctx: Any, g: Any, abs_: Any, angle: Any) -> Any:
    x, y = ns.apply(REAL_PART, (g,)), ns.apply(IMAG_PART, (g,))
    cos, sin = ns.cos(angle), ns.sin(angle)
    return ns.sign(abs_) * (x * cos + y * sin), abs_ * (y * cos - x * sin)


# --- forwards --------------------------------------------------------------------------------------------------------
def _joined(x: ndarray, y: ndarray) -> ndarray:
    if x.dtype != y.dtype:
        from gradviz.engine.dtypes import BY_NP

        if x.dtype.kind != "f" or y.dtype.kind != "f":
            raise RuntimeError("Expected both inputs to be Half, Float or Double tensors but got "
                               f"{BY_NP[x.dtype].code} and {BY_NP[y.dtype].code}")
        raise RuntimeError(f"Expected object of scalar type {BY_NP[x.dtype].code} but got scalar type "
                           f"{BY_NP[y.dtype].code} for second argument")
    if x.dtype.char not in KINDS:
        from gradviz.engine.dtypes import BY_NP

        raise RuntimeError("Expected both inputs to be Half, Float or Double tensors but got "
                           f"{BY_NP[x.dtype].code} and {BY_NP[y.dtype].code}")
    out = xp.empty(xp.broadcast_shapes(x.shape, y.shape), KINDS[x.dtype.char])
    out.real, out.imag = x, y
    return out


def _polar_of(size: ndarray, angle: ndarray) -> ndarray:
    if size.dtype != angle.dtype:
        return _joined(size, angle)
    return _joined(size * xp.cos(angle), size * xp.sin(angle))


def _pairs(x: ndarray) -> ndarray:
    """Complex numbers as pairs of real ones, over the same memory."""
    part = x.real
    return restrided(part, (*x.shape, 2), (*x.strides, part.itemsize))


def _from_pairs(x: ndarray) -> ndarray:
    return x.view(KINDS[x.dtype.char])[..., 0]


JOIN = op("complex", _joined, "ComplexBackward0", _complex, "", "real imag")
POLAR = op("polar", _polar_of, "PolarBackward0", _polar, "abs angle", "abs angle")
REAL_PART = op("real", lambda x: x.real.copy(), "RealBackward", lambda ns, ctx, g: ns.apply(JOIN, (g, g * 0)),
               key="graph.real")
IMAG_PART = op("imag", lambda x: x.imag.copy(), "ImagBackward", lambda ns, ctx, g: ns.apply(JOIN, (g * 0, g)),
               key="graph.imag")
VIEW_AS_REAL = op("view_as_real", _pairs, "ViewAsRealBackward0", _view_as_real, view="default")
VIEW_AS_COMPLEX = op("view_as_complex", _from_pairs, "ViewAsComplexBackward0", _view_as_complex, view="default")
CONJ = op("conj", lambda x: x.conj(), "ConjBackward0", _conj)
CONJ_PHYSICAL = op("conj_physical", lambda x: x.conj(), "ConjPhysicalBackward0", _conj)
ANGLE = op("angle", lambda x: xp.where(xp.isnan(x), x, xp.angle(x)).astype(x.dtype) if x.dtype.char in FLOATING else
           asarray(xp.angle(x)).astype(xp.float32 if x.dtype.kind != "c" else x.real.dtype), "AngleBackward0", _angle,
           "self")


# --- functions -------------------------------------------------------------------------------------------------------
def complex_(real: Any, imag: Any) -> Any:
    """Complex numbers of real and imaginary parts."""
    return run(JOIN, (real, imag))


def view_as_real(input: Any) -> Any:
    """The parts as a last dimension of two, over the same memory."""
    if input._array.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return run(VIEW_AS_REAL, (input,))


def view_as_complex(input: Any) -> Any:
    """A last dimension of two as parts, over the same memory."""
    array = input._array
    if array.dtype.char not in KINDS:
        raise RuntimeError("view_as_complex is only supported for half, float and double tensors, but got a tensor of "
                           f"scalar type: {input.dtype.code}")
    if not array.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if array.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if array.strides[-1] != array.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    return run(VIEW_AS_COMPLEX, (input,))


def real(input: Any) -> Any:
    return shape.select(view_as_real(input), -1, 0) if input._array.dtype.kind == "c" else input


def imag(input: Any) -> Any:
    if input._array.dtype.kind != "c":
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return shape.select(view_as_real(input), -1, 1)


def conj(input: Any) -> Any:
    return run(CONJ, (input,)) if input._array.dtype.kind == "c" else input


def adjoint(input: Any) -> Any:
    """Matrices turned and conjugated."""
    return conj(shape.transpose(input, -2, -1))


def _turned(self: Any) -> Any:
    return conj(shape.transpose(self, 0, 1))


def _set_part(which: int) -> Any:
    def setter(self: Any, value: Any) -> None:
        part = real(self) if which == 0 else imag(self)
        if isinstance(value, Tensor):
            part.copy_(value)
        else:
            part.fill_(value)

    return setter


FUNCTIONS: dict[str, Any] = {
    "complex": complex_, "polar": lambda abs, angle: run(POLAR, (abs, angle)), "view_as_real": view_as_real,
    "view_as_complex": view_as_complex, "real": real, "imag": imag, "conj": conj,
    "conj_physical": lambda input: run(CONJ_PHYSICAL, (input,)) if input._array.dtype.kind == "c" else input,
    "adjoint": adjoint,
    "resolve_conj": lambda input: input, "is_conj": lambda input: False, "angle": lambda input: run(ANGLE, (input,)),
}
METHODS: dict[str, Any] = {n: FUNCTIONS[n] for n in ("conj", "conj_physical", "resolve_conj", "is_conj", "angle")}
METHODS |= {"real": property(real, _set_part(0)), "imag": property(imag, _set_part(1)),
            "adjoint": adjoint, "mH": property(adjoint), "H": property(_turned)}
