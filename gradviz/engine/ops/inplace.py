"""In-place variants of ops that compute into a new array first, and other names for methods that are there."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.node import node_class
from gradviz.engine.ops import arithmetic, complex, legacy, pointwise, scans, special, unary
from gradviz.engine.ops.args import dimension, words
from gradviz.engine.ops.build import Op, write
from gradviz.engine.ops.promote import can_cast, cast_error
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray


def _into(row: Op, node: Any = None) -> Op:
    """The row in place: its result is written over the input, if that type can hold it."""
    def forward(x: ndarray, *rest: Any) -> None:
        values = asarray(row.forward(x, *rest))
        if not can_cast(values.dtype, x.dtype):
            raise cast_error(values.dtype, x.dtype)
        x[...] = values

    out = Op(row.name + "_", forward, node or row.node, row.saves, row.inputs)
    out.differentiable = row.differentiable
    return out


def _scan(row: Op) -> Any:
    into = _into(row)
    return lambda self, dim, *, dtype=None: write(into, self, (), (dimension(dim, self._array.ndim),), f"dim={dim}")


def _numbers(row: Op, *defaults: Any, node: str = "") -> Any:
    """``f_(self, numbers...)``."""
    into = _into(row, node and node_class(node, row.node.rule, row.saves))  # type: ignore[union-attr]
    return lambda self, *args: write(into, self, (), (*args, *defaults[len(args):]))


def _two(row: Op) -> Any:
    into = _into(row)

    def method(self: Any, other: Any) -> Any:
        return write(into, self, (other,))

    return method


def _nan_to_num_(self: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return write(_NAN_TO_NUM, self, (), pointwise.for_nan(self, nan, posinf, neginf))


def clamp_(self: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return write(_CLAMP, self, tuple(pointwise.limits(self, min, max)))
    return write(pointwise.CLAMP_, self, (), (min, max), words(min=min, max=max))


def clamp_min_(self: Any, min: Any) -> Any:
    if isinstance(min, Tensor):
        return write(_CLAMP_MIN, self, (min,))
    return write(pointwise.CLAMP_MIN_, self, (), (min, None), f"min={min}")


def clamp_max_(self: Any, max: Any) -> Any:
    if isinstance(max, Tensor):
        return write(_CLAMP_MAX, self, (max,))
    return write(pointwise.CLAMP_MAX_, self, (), (None, max), f"max={max}")


def _once_only(name: str) -> Any:
    """What PyTorch differentiates on a copy but not in place."""
    row = next(row for row in unary.ROWS if row.name == name)

    def rule(ns: Any, ctx: Any, g: Any) -> Any:
        raise NotImplementedError(f"the derivative for 'inplace version of {name}' is not implemented.")

    return unary.method(row._replace(node=f"{name.capitalize()}Backward1", rule=rule, saves=""))


_NAN_TO_NUM = _into(pointwise.NAN_TO_NUM)
_CLAMP, _CLAMP_MIN, _CLAMP_MAX = map(_into, (pointwise.CLAMP_TENSORS, pointwise.CLAMP_MIN_TENSOR,
                                             pointwise.CLAMP_MAX_TENSOR))
METHODS: dict[str, Any] = {
    "cumsum_": _scan(scans.CUMSUM), "cumprod_": _scan(scans.CUMPROD), "logit_": _numbers(special.LOGIT, None),
    "nan_to_num_": _nan_to_num_, "heaviside_": _two(arithmetic.HEAVISIDE), "ldexp_": _two(arithmetic.LDEXP),
    "nextafter_": _two(arithmetic.NEXTAFTER), "polygamma_": _numbers(special.POLYGAMMA, 0, node="PolygammaBackward1"),
    "mvlgamma_": _numbers(special.MVLGAMMA, 1),
    "conj_physical_": _numbers(complex.CONJ_PHYSICAL, node="ConjPhysicalBackward1"),
    "clamp_": clamp_, "clip_": clamp_, "clamp_min_": clamp_min_, "clamp_max_": clamp_max_,
    "swapdims_": legacy.METHODS["transpose_"],
}
METHODS |= {f"{prefix}{name}_": _once_only("a" + name) for name in ("sinh", "cosh", "tanh") for prefix in ("a", "arc")}
FUNCTIONS: dict[str, Any] = {n: f for n, f in METHODS.items() if n[:-1] in unary.FUNCTIONS}
