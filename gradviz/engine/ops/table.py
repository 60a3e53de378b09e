"""All ops together: the functions of the module and the methods of Tensor come from the families' tables."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from gradviz.engine.ops import (
    activation,
    addmm,
    arithmetic,
    autograd,
    bilinear,
    calculus,
    combine,
    complex,
    conv,
    convert,
    create,
    criterion,
    ctc,
    decomposition,
    diagonals,
    distance,
    double,
    einsum,
    embedding,
    grid,
    index,
    inplace,
    join,
    legacy,
    linalg,
    lu,
    matrix,
    moved,
    norm,
    norms,
    operators,
    pad,
    parts,
    places,
    pointwise,
    pool,
    power,
    random,
    recurrent,
    reduce,
    removed,
    scans,
    scatter,
    search,
    settings,
    shape,
    share,
    shuffle,
    solve,
    sort,
    special,
    statistics,
    unary,
    weightnorm,
    writing,
)
from gradviz.engine.ops.binary import METHODS as OPERATORS
from gradviz.engine.ops.out import with_out
from gradviz.engine.ops.refusal import guarded
from gradviz.engine.tensor import Tensor

FAMILIES: tuple[Any, ...] = (
    create, random, unary, operators, pointwise, reduce, scans, shape, parts, moved, scatter, index, join, linalg,
    addmm, sort, matrix, einsum, diagonals, solve, decomposition, lu, norms, power, statistics, search, calculus,
    combine, places, arithmetic, complex, inplace, removed, settings, special, activation, distance, criterion, ctc,
    conv, pool, pad, norm, grid, shuffle, writing, embedding, bilinear, recurrent, weightnorm, legacy, share, convert,
)
FUNCTIONS: dict[str, Any] = {}
for _family in FAMILIES:
    FUNCTIONS |= _family.FUNCTIONS
METHODS: dict[str, Any] = dict(OPERATORS)
for _family in (*FAMILIES, autograd):
    METHODS |= _family.METHODS


def _named(name: str, function: Any, owner: str) -> None:
    """Give a function its public name, for tracebacks and help."""
    if getattr(function, "__name__", "") in ("function", "method", "op", "<lambda>", "plain", "like", "new"):
        function.__name__ = name
        function.__qualname__ = owner + name


IN_PLACE = ("addmv_", "clamp_", "clamp_max_", "clamp_min_", "clip_", "conj_physical_", "erf_", "erfc_", "fill_", "gcd_",
            "i0_", "index_put_", "lcm_", "ldexp_", "logit_", "nan_to_num_", "resize_as_", "round_", "sinc_", "square_",
            "xlogy_", "zero_")
"""Methods that PyTorch has as functions too."""
FUNCTIONS |= {name: METHODS[name] for name in IN_PLACE if name in METHODS}
for _name, _function in FUNCTIONS.items():
    _named(_name, _function, "")
INTO = ("aminmax angle bartlett_window blackman_window bucketize cholesky cholesky_inverse cholesky_solve "
        "column_stack complex conj_physical diff float_power frexp frobenius_norm gather hamming_window "
        "hann_window heaviside histc histogram index_add index_copy index_select inverse isin isneginf isposinf "
        "kaiser_window ldexp logaddexp2 logcumsumexp lu lu_solve lu_unpack masked_select matrix_power nanmean "
        "nanmedian nanquantile nansum narrow_copy nextafter nonzero nuclear_norm polar qr quantile range renorm "
        "scatter scatter_add scatter_reduce searchsorted slice_scatter svd take take_along_dim triangular_solve")
"""Functions with ``out=`` in families where not all have it."""
_all_have = (create, random, unary, operators, pointwise, reduce, scans, join, linalg, addmm, sort, matrix, diagonals,
             special)
_into = {*INTO.split(), *(_name for _family in _all_have for _name in _family.FUNCTIONS)}
for _name, _function in FUNCTIONS.items():
    if _name in _into:
        FUNCTIONS[_name] = with_out(_name, _function)
    elif not isinstance(_function, type):
        FUNCTIONS[_name] = guarded(_name, _function)
_as_they_are = {*(_name for _name in unary.FUNCTIONS if _name[-1] != "_"), *operators.PLAIN, "detach", "dim", "item",
                "numel"}
"""Methods that are called very often, and of whose arguments little can be wrong."""
for _name, _method in METHODS.items():
    _named(_name, _method, "Tensor.")
    if isinstance(_method, FunctionType) and not _name.startswith("__") and _name not in _as_they_are:
        _method = guarded(_name, _method, True)
    setattr(Tensor, _name, _method)


def _read_only(name: str) -> Any:
    def setter(self: Any, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch._C.TensorBase' objects is not writable")

    return setter


for _name, _value in list(vars(Tensor).items()):
    if isinstance(_value, property) and _value.fset is None and _name[0] != "_":
        setattr(Tensor, _name, _value.setter(_read_only(_name)))

__all__ = ["FUNCTIONS", "METHODS", "double"]
