"""In-place variants of ops that compute into a new array first, and other names for methods that are there."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import arithmetic, complex, legacy, pointwise, reduce, special
from gradviz.engine.ops.args import dimension
from gradviz.engine.ops.build import Op, write
from gradviz.engine.ops.promote import can_cast, cast_error
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, ndarray


def _into(row: Op) -> Op:
    """The row in place: its result is written over the input, if that type can hold it."""
    def forward(x: ndarray, *rest: Any) -> None:
        values = asarray(row.forward(x, *rest))
        if not can_cast(values.dtype, x.dtype):
            raise cast_error(values.dtype, x.dtype)
        x[...] = values

    out = Op(row.name + "_", forward, row.node, row.saves, row.inputs)
    out.differentiable = row.differentiable
    return out


def _scan(row: Op) -> Any:
    into = _into(row)
    return lambda self, dim, *, dtype=None: write(into, self, (), (dimension(dim, self._array.ndim),), f"dim={dim}")


def _numbers(row: Op, *defaults: Any) -> Any:
    """``f_(self, numbers...)``."""
    into = _into(row)
    return lambda self, *args: write(into, self, (), (*args, *defaults[len(args):]))


def _two(row: Op) -> Any:
    into = _into(row)

    def method(self: Any, other: Any) -> Any:
        return write(into, self, (other if isinstance(other, Tensor) else arithmetic._tensor(row.name, other, self),))

    return method


def _nan_to_num_(self: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return write(_NAN_TO_NUM, self, (), pointwise.for_nan(self, nan, posinf, neginf))


_NAN_TO_NUM = _into(pointwise.NAN_TO_NUM)
METHODS: dict[str, Any] = {
    "cumsum_": _scan(reduce.CUMSUM), "cumprod_": _scan(reduce.CUMPROD), "logit_": _numbers(special.LOGIT, None),
    "nan_to_num_": _nan_to_num_, "heaviside_": _two(arithmetic.HEAVISIDE), "ldexp_": _two(arithmetic.LDEXP),
    "nextafter_": _two(arithmetic.NEXTAFTER), "polygamma_": _numbers(special.POLYGAMMA, 0),
    "mvlgamma_": _numbers(special.MVLGAMMA, 1), "conj_physical_": _numbers(complex.CONJ_PHYSICAL),
    "swapdims_": legacy.METHODS["transpose_"],
}
FUNCTIONS: dict[str, Any] = {}
