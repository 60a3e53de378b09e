"""Writing and picking elements by index and by mask: copy and fill, gather, select."""

from __future__ import annotations

import itertools
from typing import Any

from gradviz.engine.autograd.namespaces import along_axis
from gradviz.engine.errors import c_name, size_text
from gradviz.engine.ops import shape
from gradviz.engine.ops.args import dimension
from gradviz.engine.ops.build import Op, op, run, write
from gradviz.engine.ops.data import array_of, fitted
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import asarray, beside, is_array, moved, ndarray, outside, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _index_put(ns: Any, ctx: Any, g: Any) -> Any:
    index, accumulate = ctx.args
    kept = g if accumulate else ns.masked(g, index)
    return (kept, ns.take(g, index)) if len(ctx.next) > 1 else kept


def _lined(ns: Any, g: Any) -> Any:
    """A gradient that has a dimension to index along; a 0-d tensor counts as a row of one."""
    return g if ns.plain(g).ndim else ns.reshape(g, (1,))


def _gather(ns: Any, ctx: Any, g: Any, self: Any, index: Any) -> Any:
    where, size = xp.atleast_1d(ns.plain(index)), ctx.input_shape() or (1,)
    return ns.put_along(_lined(ns, g), size, where, ctx.args) if where.size else ns.zeros(size, g)


def _take_along(ns: Any, ctx: Any, g: Any, index: Any) -> Any:
    return ns.put_add(_lined(ns, g), ctx.input_shape() or (1,), _rows(ctx.args, ns.plain(index)))


def _masked_fill(ns: Any, ctx: Any, g: Any, mask: Any) -> Any:
    kept = ns.where(mask, 0, g)
    return (kept, ns.sum(ns.where(mask, g, 0), None)) if len(ctx.next) > 1 else kept


def _masked_select(ns: Any, ctx: Any, g: Any, self: Any, mask: Any) -> Any:
    like = ctx.input_shape()
    plain = xp.atleast_1d(xp.broadcast_to(ns.plain(mask), xp.broadcast_shapes(like, ns.plain(mask).shape)))
    return ns.put(g, plain.shape, xp.nonzero(plain))


def _copy(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.zeros(g.shape, g), g


def _fill(ns: Any, ctx: Any, g: Any) -> Any:
    zero = ns.zeros(g.shape, g)
    return (zero, ns.sum(g, None) if ctx.needs(1) else None) if len(ctx.next) > 1 else zero


# --- forwards --------------------------------------------------------------------------------------------------------
def explained(error: IndexError, x: ndarray, index: tuple[Any, ...]) -> IndexError:
    """NumPy's index error in PyTorch's words."""
    dim = 0
    for i in index:
        if not isinstance(i, ndarray):
            dim += 1
            continue
        if i.dtype.kind == "b":
            for k, n in enumerate(i.shape):
                if dim + k >= x.ndim or n != x.shape[dim + k]:
                    return IndexError(f"The shape of the mask {size_text(i.shape)} at index {k} does not match the "
                                      f"shape"
                                      f" of the indexed tensor {size_text(x.shape)} at index {dim + k}")
            dim += i.ndim
            continue
        n = x.shape[dim]
        bad = i[(i >= n) | (i < -n)]
        if bad.size:
            return IndexError(f"index {int(bad.flat[0])} is out of bounds for dimension {dim} with size {n}")
        dim += 1
    shapes = [size_text(i.shape) for i in index if isinstance(i, ndarray)]
    if len(shapes) > 1:
        return IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                          + ", ".join(shapes))
    return error


def _put(x: ndarray, *rest: Any) -> None:
    *value, index, accumulate = rest
    source: Any = value[0] if value else None
    try:
        if accumulate:
            xp.add.at(x, index, source)
        else:
            x[index] = source
    except IndexError as error:
        raise explained(error, x, index) from None
    except ValueError:
        raise RuntimeError(f"shape mismatch: value tensor of shape {size_text(source.shape)} cannot be broadcast to "
                           f"indexing result of shape {size_text(x[index].shape)}") from None


def _copy_of(x: ndarray, y: ndarray) -> None:
    y = moved(y, x)
    if y.shape != x.shape:
        lead = y.ndim - x.ndim
        if lead > 0 and all(n == 1 for n in y.shape[:lead]):
            y = y.reshape(y.shape[lead:])
        from gradviz.engine.autograd.namespaces import expandable

        if not expandable(y.shape, x.shape):
            from gradviz.engine.ops.promote import operand_error

            raise operand_error(ValueError(), x, y, inplace=True)
    x[...] = y


def _expand_copy(x: ndarray, y: ndarray) -> None:
    """``x[...] = y`` with the complaint of expand."""
    y = moved(y, x)
    y = y.reshape(y.shape[sum(1 for n in itertools.takewhile(lambda n: n == 1, y.shape[:max(0, y.ndim - x.ndim)])):])
    for i in range(1, y.ndim + 1):
        if i > x.ndim or y.shape[-i] not in (x.shape[-i], 1):
            if i > x.ndim:
                raise RuntimeError(f"expand: the number of sizes provided ({x.ndim}) must be greater or equal to the "
                                   f"number"
                                   f" of dimensions in the tensor ({y.ndim})")
            raise RuntimeError(f"The expanded size of the tensor ({x.shape[-i]}) must match the existing size "
                               f"({y.shape[-i]}) at non-singleton dimension {x.ndim - i}.  Target sizes: "
                               f"{size_text(x.shape)}.  Tensor sizes: {size_text(y.shape)}")
    x[...] = y


def _fill_of(x: ndarray, *value: Any) -> None:
    x[...] = _filling(x, value[-1])


def _filling(x: ndarray, value: Any) -> ndarray:
    return asarray(value if is_array(value) else fitted(value, x.dtype), x.dtype, x)


def _check_gather(x: ndarray, dim: int, index: ndarray) -> None:
    if not index.size:
        return
    if index.dtype not in (xp.int64, xp.int32):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d, (n, most) in enumerate(zip(index.shape, x.shape, strict=False)):
        if d != dim and n > most:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {size_text(index.shape)} to be no "
                               f"larger than self {size_text(x.shape)} apart from dimension {dim}")
    within(x, dim, index)


def within(x: ndarray, dim: int, index: ndarray, error: type[Exception] = RuntimeError, who: str = "",
           negative: bool = False) -> None:
    """Refuse an index that names no place along ``dim``; ``negative``: those that count from the end name one."""
    n = x.shape[dim] if x.ndim else 1
    if outside(index, n):
        bad = index[(index >= n) | (index < (-n if negative else 0))]
        if bad.size:
            raise error(f"{who}index {int(bad.flat[0])} is out of bounds for dimension {dim} with size {n}")


def _gather_of(x: ndarray, index: ndarray, dim: int) -> Any:
    _check_gather(x, dim, index)
    if not index.size:
        return xp.empty(index.shape, x.dtype, like=beside(x))
    return xp.atleast_1d(x)[along_axis(xp.atleast_1d(index), dim)].reshape(index.shape)


def _take_of(x: ndarray, index: ndarray, dim: int) -> Any:
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype not in (xp.int64, xp.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    n = x.shape[dim] if x.ndim else 1
    if outside(index, n):
        raise IndexError("index out of range in self")
    if index.ndim and x.ndim:
        return xp.take(x, index, axis=dim)
    picked = xp.atleast_1d(x)[_rows(dim, index)]
    return picked if x.ndim else picked.reshape(())


def _rows(dim: int, index: ndarray) -> tuple[Any, ...]:
    """The places that an index, of one number or of several, names along a dimension."""
    return (*(slice(None),) * dim, index.reshape(-1))


GATHER = op("gather", _gather_of, "GatherBackward0", _gather, "self index", "self index")
INDEX_SELECT = op("index_select", _take_of, "IndexSelectBackward0", _take_along, "index", "self index")
MASKED_SELECT = op("masked_select", lambda x, m: xp.broadcast_arrays(x, m)[0][xp.broadcast_arrays(x, m)[1]],
                   "MaskedSelectBackward0", _masked_select, "self mask", "self mask")
MASKED_FILL = op("masked_fill", lambda x, m, v: xp.where(m, _filling(x, v), x), "MaskedFillBackward0",
                 _masked_fill, "mask", "self mask")
MASKED_FILL_TENSOR = op("masked_fill", MASKED_FILL.forward, "MaskedFillBackward1", _masked_fill, "mask",
                        "self mask value", key="masked_fill.tensor")
MASKED_FILL_ = op("masked_fill_", lambda x, m, v: xp.copyto(x, _filling(x, v), where=m),
                  "MaskedFillBackward0", _masked_fill, "mask", "self mask")
MASKED_FILL_TENSOR_ = op("masked_fill_", MASKED_FILL_.forward, "MaskedFillBackward1", _masked_fill, "mask",
                         "self mask value", key="masked_fill_.tensor")
COPY_ = op("copy_", _copy_of, "CopyBackwards", _copy, "", "self src")
FILL_ = op("fill_", _fill_of, "FillBackward2", _fill)
FILL_TENSOR_ = op("fill_", _fill_of, "FillBackward3", _fill, "", "self value", key="fill_.tensor")
ZERO_ = op("zero_", lambda x: x.fill(0), "ZeroBackward0", _fill)
def array_index(i: Any) -> ndarray | None:
    """An entry as an index array, if it is an advanced one."""
    if isinstance(i, Tensor):
        array = i._array
    elif isinstance(i, ndarray):
        array = i
    elif isinstance(i, list | tuple | range):
        array = array_of(list(i))
        if not array.size:
            array = array.astype(xp.int64)
    else:
        return None
    if array.dtype.char not in "?Bilq":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return array.astype(bool) if array.dtype == xp.uint8 else array


# --- functions -------------------------------------------------------------------------------------------------------
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements that ``index`` names along ``dim``."""
    d = dimension(dim, input._array.ndim)
    return run(GATHER, (input, index), (d,), f"dim={dim}", d)


def index_select(input: Any, dim: int, index: Any) -> Any:
    d = dimension(dim, input._array.ndim)
    return run(INDEX_SELECT, (input, index), (d,), f"dim={dim}", d)


def masked_select(input: Any, mask: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    return run(MASKED_SELECT, (input, mask))


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    _check_mask(mask)
    if isinstance(value, Tensor):
        _check_value(value)
        return run(MASKED_FILL_TENSOR, (input, mask, value))
    return run(MASKED_FILL, (input, mask), (fitted(value, input._array.dtype, True),), str(value))


def _check_mask(mask: Any) -> None:
    if mask._array.dtype.kind != "b":
        raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype "
                           f"{c_name(mask.dtype)}")


def _check_value(value: Any) -> None:
    if value._array.ndim:
        raise RuntimeError("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value._array.ndim} dimension(s).")


def masked_fill_(self: Any, mask: Any, value: Any) -> Any:
    _check_mask(mask)
    if isinstance(value, Tensor):
        _check_value(value)
        return write(MASKED_FILL_TENSOR_, self, (mask, value))
    return write(MASKED_FILL_, self, (mask,), (fitted(value, self._array.dtype, True),), str(value))


def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    """Write the elements of ``src`` here."""
    return write(COPY_, self, (src,))


def fill_(self: Any, value: Any) -> Any:
    """Write one value everywhere."""
    if isinstance(value, Tensor):
        if value._array.ndim:
            raise RuntimeError("fill_ only supports 0-dimension value tensor but got tensor with "
                               f"{value._array.ndim} dimensions.")
        return write(FILL_TENSOR_, self, (value,))
    return write(FILL_, self, (), (value,), str(value))


def zero_(self: Any) -> Any:
    """Write zeros."""
    return write(ZERO_, self, ())


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Where the elements are that are not zero."""
    if as_tuple:
        return nonzero(input if input._array.ndim else shape.unsqueeze(input, 0)).unbind(1)
    found = [asarray(f).astype(xp.int64) for f in xp.nonzero(xp.atleast_1d(input._array))]
    return run(Op("nonzero",
                  lambda x: xp.stack(found, 1) if input._array.ndim else xp.zeros((len(found[0]), 0), xp.int64)),
                  (input,))


METHODS: dict[str, Any] = {
    "gather": gather, "index_select": index_select,
    "masked_select": masked_select, "masked_fill": masked_fill, "masked_fill_": masked_fill_, "copy_": copy_,
    "fill_": fill_, "zero_": zero_, "nonzero": nonzero, "argwhere": nonzero,
}
FUNCTIONS: dict[str, Any] = {name: f for name, f in METHODS.items() if not name.endswith("_")}
