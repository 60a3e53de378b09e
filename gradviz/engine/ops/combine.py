"""Combinations of tensors and of their elements, and splits that NumPy has names for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gradviz.engine import observe
from gradviz.engine.errors import size_text, warn
from gradviz.engine.ops import join, parts, reduce, scatter, shape
from gradviz.engine.ops.args import dimension, integer
from gradviz.engine.ops.build import op, run, write
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import make
from gradviz.engine.xp import ndarray, xp


def _blocks(*arrays: ndarray) -> Any:
    mats = [xp.atleast_2d(a) for a in arrays]
    kind = mats[0].dtype
    for m in mats[1:]:
        kind = xp.result_type(kind, m.dtype)
    out = xp.zeros((sum(m.shape[0] for m in mats), sum(m.shape[1] for m in mats)), kind)
    i = j = 0
    for m in mats:
        out[i:i + m.shape[0], j:j + m.shape[1]] = m
        i, j = i + m.shape[0], j + m.shape[1]
    return out


def _block_diag(ns: Any, ctx: Any, g: Any) -> Any:
    parts, i, j = [], 0, 0
    for k, size in enumerate(ctx.args):
        m, n = ((1,) * (2 - len(size))) + size
        part = ns.take(g, (slice(i, i + m), slice(j, j + n)))
        parts.append(ns.reshape(part, size) if ctx.needs(k) else None)
        i, j = i + m, j + n
    return tuple(parts)


def _turned(ns: Any, ctx: Any, g: Any) -> Any:
    k, (a, b) = ctx.args
    k %= 4
    if k == 2:
        return ns.flip(g, (a, b))
    if k == 1:
        return ns.swapaxes(ns.flip(g, (b,)), a, b)
    return ns.flip(ns.swapaxes(g, a, b), (b,)) if k else g


BLOCK_DIAG = op("block_diag", _blocks, "BlockDiagBackward0", _block_diag)
NARROW_COPY = op("narrow_copy", lambda x, *i: x[i].copy(), "NarrowCopyBackward0", shape._placed)
ROT90 = op("rot90", lambda x, k, d: xp.rot90(x, k, d).copy(), "Rot90Backward0", _turned)


def block_diag(*tensors: Any) -> Any:
    """Matrices along the diagonal of one."""
    for i, t in enumerate(tensors):
        if t._array.ndim > 2:
            raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                               f"{i} has {t._array.ndim} dimensions")
    return run(BLOCK_DIAG, tuple(tensors), (), "", [t._array.shape for t in tensors])


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turned by quarters."""
    n = input._array.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if n < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {n}")
    a, b = (dimension(d, n) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return run(ROT90, (input,), (k, (a, b)), f"{k}, {list(dims)}", (-k, (a, b)))


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements."""
    if input._array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {size_text(input._array.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    n = input._array.shape[0]
    with observe.composite("combinations", (input,), str(r)) as event:
        places = xp.indices((n,) * r)
        mask = xp.ones((n,) * r, bool)
        for a, b in pairwise(places):
            mask &= a <= b if with_replacement else a < b
        chosen = make(mask, Cell())
        grids = _grids((input,) * r)
        return event(join.stack([scatter.masked_select(g, chosen) for g in grids], 1))


def _grids(tensors: Any) -> list[Any]:
    size = tuple(t._array.size for t in tensors)
    return [shape.expand(shape.view(t, (1,) * i + (-1,) + (1,) * (len(size) - 1 - i)), size)
            for i, t in enumerate(tensors)]


def cartesian_prod(*tensors: Any) -> Any:
    """All pairs, triples... of elements."""
    for t in tensors:
        if t._array.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {size_text(t._array.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    with observe.composite("cartesian_prod", tuple(tensors)) as event:
        return event(join.stack([shape.flatten(g) for g in _grids(tensors)], 1))


def narrow_copy(input: Any, dim: int, start: Any, length: int) -> Any:
    """A part of a dimension, as a copy."""
    with observe.muted():
        part = shape.narrow(input, dim, start, length)
    d, begin = dimension(dim, input._array.ndim), integer(start)
    begin += input._array.shape[d] if begin < 0 else 0
    return run(NARROW_COPY, (input,), (slice(None),) * d + (slice(begin, begin + part._array.shape[d]),),
               f"dim={dim}, {begin}:{begin + length}")


def column_stack(tensors: Any) -> Any:
    """Beside each other, vectors as columns."""
    if not tensors:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return join.cat([shape.reshape(t, (t._array.size, 1)) if t._array.ndim <= 1 else t for t in tensors], 1)


def take_along_dim(input: Any, indices: Any, dim: Any = None) -> Any:
    """``gather``, with what is broadcast."""
    if indices._array.dtype.kind != "i" or indices._array.itemsize != 8:
        raise RuntimeError("torch.take_along_dim(): dtype of indices should be Long but got "
                           f"{indices.dtype.code}") if dim is None or input._array.ndim == indices._array.ndim else \
            _unequal(input, indices)
    if dim is None:
        return scatter.gather(shape.view(input, -1), 0, shape.view(indices, -1))
    n = input._array.ndim
    if n != indices._array.ndim:
        raise _unequal(input, indices)
    d = dimension(dim, n)
    try:
        full = xp.broadcast_shapes(*((*t._array.shape[:d], 1, *t._array.shape[d + 1:]) for t in (input, indices)))
    except ValueError as error:
        from gradviz.engine.ops.promote import operand_error

        raise operand_error(error, input._array, indices._array) from None
    size, index = input._array.shape[d] if n else 1, indices._array
    if (index < 0).any():
        indices = make(xp.where(index < 0, index + size, index), Cell())
    one, two = (shape.expand(t, (*full[:d], t._array.shape[d], *full[d + 1:])) for t in (input, indices))
    return scatter.gather(one, d, two)


def _unequal(input: Any, indices: Any) -> RuntimeError:
    return RuntimeError("torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
                        f"{input._array.ndim} dimensions for input, and {indices._array.ndim} dimensions for indices")


def _split_at(name: str, least: int, axis: int) -> Any:
    def function(input: Any, indices_or_sections: Any) -> Any:
        n = input._array.ndim
        if n < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with "
                               f"{n} dimensions!")
        d = 0 if name == "hsplit" and n == 1 else axis
        size = input._array.shape[d]
        if isinstance(indices_or_sections, int) and (not indices_or_sections or size % indices_or_sections):
            raise RuntimeError(f"torch.{name} attempted to split along dimension {d}, but the size of the dimension "
                               f"{size} is not divisible by the split_size {indices_or_sections}!")
        return parts.tensor_split(input, indices_or_sections, d)

    return function


def sum_to_size(self: Any, *size: Any) -> Any:
    """Summed over what broadcasting to this shape would have repeated."""
    from gradviz.engine.ops.args import sizes

    want, have = sizes(size), self._array.shape
    lead = len(have) - len(want)
    if lead < 0 or any(m not in (1, n) for n, m in zip(have[lead:], want, strict=True)):
        raise RuntimeError(f"size {{{size_text(want)}}} is not expandable to size {{{size_text(have)}}}.")
    if not want:
        return reduce.FUNCTIONS["sum"](self)
    dims = tuple(i for i, n in enumerate(have) if i < lead or (want[i - lead] == 1 != n))
    out = reduce.FUNCTIONS["sum"](self, dims, True) if dims else self
    return shape.view(out, want) if lead else out


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that all broadcast to."""
    from gradviz.engine.tensor import Size

    out: list[int] = []
    for k, given in enumerate(shapes):
        size = (given,) if isinstance(given, int) else tuple(given)
        out = [1] * (len(size) - len(out)) + out
        for i in range(-1, -len(size) - 1, -1):
            if out[i] == 1:
                out[i] = size[i]
            elif size[i] not in (1, out[i]):
                raise RuntimeError(f"Attempting to broadcast a dimension of length {size[i]} at {i}! Mismatching "
                                   f"argument at index {k} had {size}; but expected shape should be broadcastable to "
                                   f"{out}")
    return Size(out)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """Grids of coordinates."""
    listed = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors)
    if indexing is None:
        warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
    if not listed:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for t in listed:
        if t._array.ndim > 1:
            raise RuntimeError("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                               f"{t._array.ndim}D tensor")
        if t._array.dtype != listed[0]._array.dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    swap = indexing == "xy" and len(listed) > 1
    if swap:
        listed[:2] = listed[1::-1]
    grids = _grids(listed)
    if swap:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Write the main diagonal."""
    if self._array.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self._array.ndim == 2:
        self.diagonal().fill_(fill_value)
        return self
    if len(set(self._array.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    row = op("fill_diagonal_", lambda x: xp.fill_diagonal(x, fill_value), key="fill_diagonal_")
    return write(row, self, ())


def split_with_sizes(self: Any, split_sizes: Any, dim: int = 0) -> Any:
    return parts.split(self, list(split_sizes), dim)


FUNCTIONS: dict[str, Any] = {
    "block_diag": block_diag, "rot90": rot90, "combinations": combinations, "cartesian_prod": cartesian_prod,
    "column_stack": column_stack, "take_along_dim": take_along_dim, "hsplit": _split_at("hsplit", 1, 1),
    "vsplit": _split_at("vsplit", 2, 0), "dsplit": _split_at("dsplit", 3, 2), "meshgrid": meshgrid,
    "broadcast_shapes": broadcast_shapes, "narrow_copy": narrow_copy, "split_with_sizes": split_with_sizes,
}
METHODS: dict[str, Any] = {name: FUNCTIONS[name] for name in
                           ("rot90", "narrow_copy", "take_along_dim", "hsplit", "vsplit", "dsplit", "split_with_sizes")}
METHODS |= {"sum_to_size": sum_to_size, "fill_diagonal_": fill_diagonal_}
