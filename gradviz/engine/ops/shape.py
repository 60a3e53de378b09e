"""Views and reshaping: the same elements under another shape."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine.autograd.namespaces import counted
from gradviz.engine.errors import size_text
from gradviz.engine.ops.args import dimension, dimensions, inferred, integer, sizes, words
from gradviz.engine.ops.build import op, run
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import address, ndarray, restrided, strided, xp


# --- rules -----------------------------------------------------------------------------------------------------------
def _reshape(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.reshape(g, ctx.input_shape())


def _permute(ns: Any, ctx: Any, g: Any) -> Any:
    dims, = ctx.args
    return ns.permute(g, tuple(sorted(range(len(dims)), key=dims.__getitem__)))


def _swap(ns: Any, ctx: Any, g: Any) -> Any:
    a, b = ctx.args
    return ns.swapaxes(g, a, b) if a != b else g


def _t(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.t(g)


def _same(ns: Any, ctx: Any, g: Any) -> Any:
    return g


def _placed(ns: Any, ctx: Any, g: Any) -> Any:
    """Backward of a basic index: zeros with the gradient there."""
    return ns.put(g, ctx.input_shape(), ctx.args)


def _strided(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.unstrided(g, ctx.input_shape(), *ctx.args)


def _summed(ns: Any, ctx: Any, g: Any) -> Any:
    return g  # the walk sums to the input's shape


def _diagonal(ns: Any, ctx: Any, g: Any) -> Any:
    return ns.put(g, ctx.input_shape(), diagonal_index(ctx.input_shape(), *ctx.args))


def diagonal_index(shape: tuple[int, ...], offset: int, a: int, b: int) -> tuple[Any, ...]:
    """Full index of a diagonal; its own dimension comes last, as in ``diagonal``."""
    n = max(0, min(shape[a] + min(offset, 0), shape[b] - max(offset, 0)))
    along = xp.arange(n)
    index: list[Any] = [None] * len(shape)
    rest = [d for d in range(len(shape)) if d not in (a, b)]
    for i, d in enumerate(rest):
        index[d] = xp.arange(shape[d]).reshape((-1,) + (1,) * (len(rest) - i))
    index[a], index[b] = along - min(offset, 0), along + max(offset, 0)
    return tuple(index)


def diagonal_view(x: ndarray, offset: int, a: int, b: int) -> ndarray:
    """A diagonal that may be written."""
    n = max(0, min(x.shape[a] + min(offset, 0), x.shape[b] - max(offset, 0)))
    start: list[Any] = [slice(None)] * x.ndim
    start[a], start[b] = slice(-min(offset, 0), None), slice(max(offset, 0), None)
    rest = [d for d in range(x.ndim) if d not in (a, b)]
    steps = (*(x.strides[d] for d in rest), x.strides[a] + x.strides[b])
    return restrided(x[tuple(start)], (*(x.shape[d] for d in rest), n), steps)


def _expand(x: ndarray, shape: tuple[int, ...]) -> ndarray:
    lead = len(shape) - x.ndim
    steps = [0] * lead + [0 if n == 1 and m != 1 else s
                          for n, m, s in zip(x.shape, shape[lead:], x.strides, strict=True)]
    return restrided(x, shape, steps)


VIEW = op("view", lambda x, s: x.view() if x.shape == s else _view_array(x, s), "ViewBackward0", _reshape,
          view="default")
RESHAPE_ALIAS = op("reshape", VIEW.forward, "ReshapeAliasBackward0", _reshape, view="default")
PERMUTE = op("permute", lambda x, d: x.transpose(d), "PermuteBackward0", _permute, view="default")
TRANSPOSE = op("transpose", lambda x, a, b: x.swapaxes(a, b) if x.ndim else x.view(), "TransposeBackward0", _swap,
               view="default")
TRANSPOSE_ = op("transpose", TRANSPOSE.forward, "TransposeBackward1", _swap, view="default", key="transpose_")
T = op("t", lambda x, *_: x.T, "TBackward0", _t, view="default")
SQUEEZE = op("squeeze", lambda x, d: x.reshape(tuple(n for n in x.shape if n != 1)), "SqueezeBackward0", _reshape,
             view="default")
SQUEEZE_DIM = op("squeeze", lambda x, d: x.squeeze(d) if d else x.view(), "SqueezeBackward1", _reshape, view="default",
                 key="squeeze.dim")
SQUEEZE_DIMS = op("squeeze", SQUEEZE_DIM.forward, "SqueezeBackward2", _reshape, view="default", key="squeeze.dims")
UNSQUEEZE = op("unsqueeze", lambda x, d: xp.expand_dims(x, d), "UnsqueezeBackward0", _reshape, view="default")
UNSQUEEZE_ = op("unsqueeze", UNSQUEEZE.forward, "UnsqueezeBackward1", _reshape, view="default", key="unsqueeze_")
EXPAND = op("expand", _expand, "ExpandBackward0", _summed, view="default")
SELECT = op("select", lambda x, *i: x[i], "SelectBackward0", _placed, view="default")
SLICE = op("slice", lambda x, *i: x[i], "SliceBackward0", _placed, view="default")
ALIAS = op("alias", lambda x: x.view(), "AliasBackward0", _same, view="default")
DIAGONAL = op("diagonal", lambda x, *place: diagonal_view(x, *place), "DiagonalBackward0", _diagonal, view="default")
UNFOLD = op("unfold", lambda x, d, n, s: _unfold(x, d, n, s), "UnfoldBackward0", lambda ns, ctx, g: _fold(ns, ctx, g),
            view="default")
AS_STRIDED = op("as_strided", lambda x, *a: x, "AsStridedBackward0", _strided, view="default")
CLONE = op("clone", lambda x: x.copy(), "CloneBackward0", _same)
UNSAFE_VIEW = op("_unsafe_view", lambda x, s: x.reshape(s), "UnsafeViewBackward0", _reshape)


def _view_array(x: ndarray, shape: tuple[int, ...]) -> ndarray:
    if x.__class__ is not ndarray:  # CuPy sets shapes only where elements lie in a row
        out = x.reshape(shape)
        if not x.size or address(out) == address(x):
            return out
        raise RuntimeError(INCOMPATIBLE)
    out = x.view()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            out.shape = shape
    except AttributeError:
        raise RuntimeError(INCOMPATIBLE) from None
    return out


INCOMPATIBLE = ("view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.")


def _unfold(x: ndarray, dim: int, size: int, step: int) -> ndarray:
    if not x.ndim:  # counts as a row of one
        return x.reshape(1)[:size]
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > x.shape[dim]:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {x.shape[dim]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    shape, steps = list(x.shape), list(x.strides)
    shape[dim], steps[dim] = (shape[dim] - size) // step + 1, steps[dim] * step
    return restrided(x, (*shape, size), (*steps, x.strides[dim]))


def _fold(ns: Any, ctx: Any, g: Any) -> Any:
    dim, _, step = ctx.args
    shape = ctx.input_shape()
    if not shape:
        return g
    index = counted(ctx.shape, ns.plain(g))
    index[dim] = index[dim] * step + index.pop()
    return ns.put_add(g, shape, tuple(index))


# --- functions -------------------------------------------------------------------------------------------------------
def given(values: tuple[Any, ...], named: dict[str, Any], name: str) -> tuple[Any, ...]:
    """Sizes or dimensions as they were given: one by one, in a sequence, or by name."""
    for key in named:
        if key != name:
            raise TypeError(f"got an unexpected keyword argument '{key}'")
    return (named[name],) if named else values


def view(self: Any, *shape: Any, **named: Any) -> Any:
    """The same memory under another shape, or read as another type."""
    shape = given(shape, named, "dtype" if "dtype" in named else "size")
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list | Tensor):
        from gradviz.engine.dtypes import lookup

        return run(ALIAS, (self,)) if lookup(shape[0]) is self.dtype else _reinterpret(self, lookup(shape[0]))
    asked = sizes(shape)
    return run(VIEW, (self,), (inferred(asked, self._array.size),), str(list(asked)))


def _reinterpret(self: Any, dtype: Any) -> Any:
    row = op("view", lambda x: x.view(dtype.np), view="default", key="view.dtype")
    return run(row, (self,))


def reshape(input: Any, *shape: Any, **named: Any) -> Any:
    """Another shape; a view where the strides allow it, else a copy."""
    asked = sizes((named["shape"],) if named else shape)
    full = inferred(asked, input._array.size)
    try:
        _view_array(input._array, full)
    except RuntimeError:
        return run(UNSAFE_VIEW, (clone(input),), (full,), str(list(asked)))
    return run(VIEW if input._array.flags.c_contiguous else RESHAPE_ALIAS, (input,), (full,), str(list(asked)))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    shape = input._array.shape
    a, b = dimension(start_dim, len(shape)), dimension(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, 1)
    if a == b:
        return input
    n = 1
    for size in shape[a:b + 1]:
        n *= size
    return reshape(input, (*shape[:a], n, *shape[b + 1:]))


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    shape = input._array.shape
    d = dimension(dim, len(shape))
    return view(input, (*shape[:d], *inferred(tuple(sizes), shape[d]), *shape[d + 1:]))


def permute(input: Any, *dims: Any, **named: Any) -> Any:
    order = sizes(given(dims, named, "dims"))
    n = input._array.ndim
    if len(order) != n:
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
                           f"the desired ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = "
                           f"{len(order)}")
    full = tuple(dimension(d, n) for d in order)
    if len(set(full)) != n:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return run(PERMUTE, (input,), (full,), str(list(order)))


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    n = input._array.ndim
    a, b = dimension(dim0, n), dimension(dim1, n)
    return run(TRANSPOSE, (input,), (a, b), f"{dim0}, {dim1}")


def t(input: Any) -> Any:
    n = input._array.ndim
    if n > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {n}D")
    return run(T, (input,), (0, n - 1) if n == 2 else (0, 0))


def movedim(input: Any, source: Any, destination: Any) -> Any:
    n = input._array.ndim
    told = [list(d) if isinstance(d, tuple | list) else [d] for d in (source, destination)]
    if len(told[0]) != len(told[1]):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({told[0]} dims) should contain the "
                           f"same number of dims as destination ({told[1]} dims)")
    a, b = ([dimension(d, n) for d in dims] for dims in told)
    for name, dims, asked in (("source", a, told[0]), ("destination", b, told[1])):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({asked})")
    order = [d for d in range(n) if d not in a]
    for to, origin in sorted(zip(b, a, strict=True)):
        order.insert(to, origin)
    return permute(input, order)


def squeeze(input: Any, dim: Any = None) -> Any:
    shape = input._array.shape
    if dim is None:
        return run(SQUEEZE, (input,), (None,))
    dims = () if dim == () else tuple(d for d in dimensions(dim, len(shape)) if shape and shape[d] == 1)
    return run(SQUEEZE_DIMS if isinstance(dim, tuple | list) else SQUEEZE_DIM, (input,), (dims,), words(dim=dim))


def unsqueeze(input: Any, dim: int) -> Any:
    return run(UNSQUEEZE, (input,), (dimension(dim, input._array.ndim + 1),), words(dim=dim))


def expand(self: Any, *size: Any, **named: Any) -> Any:
    """The tensor repeated along dimensions of size 1, without copying."""
    asked = sizes(given(size, named, "size"))
    shape = self._array.shape
    lead = len(asked) - len(shape)
    if lead < 0:
        raise RuntimeError(f"expand(torch.{self.dtype.legacy}Tensor{{{size_text(shape)}}}, size={size_text(asked)}): "
                           f"the number of sizes provided ({len(asked)}) must be greater or equal to the number of "
                           f"dimensions in the tensor ({len(shape)})")
    full = []
    for i, n in enumerate(asked):
        have = shape[i - lead] if i >= lead else None
        if n == -1:
            if have is None:
                raise RuntimeError(f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing "
                                   f"dimension {i}")
            n = have
        if have is not None and have not in (n, 1):
            raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                               f"non-singleton dimension {i}.  Target sizes: {size_text(asked)}.  Tensor sizes: "
                               f"{size_text(shape)}")
        full.append(n)
    return run(EXPAND, (self,), (tuple(full),), str(list(asked)))


def select(input: Any, dim: int, index: Any) -> Any:
    """The slice at ``index`` along ``dim``, which is dropped."""
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d, i = dimension(dim, len(shape)), integer(index)
    if not -shape[d] <= i < shape[d]:
        raise IndexError(f"select(): index {i} out of range for tensor of size {size_text(shape)} at dimension {d}")
    return run(SELECT, (input,), (slice(None),) * d + (i, Ellipsis), f"dim={d}, index={i}")


def slice_(input: Any, dim: int, start: Any, stop: Any, step: Any = None) -> Any:
    part = slice(start, stop, step)
    text = f"dim={dim}, {'' if start is None else start}:{'' if stop is None else stop}"
    return run(SLICE, (input,), (slice(None),) * dim + (part,), text)


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    if not input._array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = dimension(dim, input._array.ndim)
    if isinstance(start, Tensor) and (start._array.ndim or start._array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    n, begin = input._array.shape[d], integer(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= begin <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {begin})")
    begin += n if begin < 0 else 0
    if begin + length > n:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({n}).")
    return slice_(input, d, begin, begin + length)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    n = input._array.ndim
    a, b = dimension(dim1, n), dimension(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return run(DIAGONAL, (input,), (offset, a, b), words(offset=offset))


def unfold(self: Any, dimension_: int, size: int, step: int) -> Any:
    return run(UNFOLD, (self,), (dimension(dimension_, self._array.ndim), size, step))


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """Any view of the storage."""
    from gradviz.engine.storage import offset_of, storage_of

    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: "
                           f"{size_text(stride)}")
    offset = offset_of(input) if storage_offset is None else storage_offset
    whole = storage_of(input).array
    flat = whole.reshape(-1) if whole.flags.c_contiguous else whole.T.reshape(-1)
    need = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1 if all(size) else 0
    if need > flat.size:
        raise RuntimeError(f"setStorage: sizes {size_text(size)}, strides {size_text(stride)}, storage offset "
                           f"{offset}, "
                           f"and itemsize {whole.itemsize} requiring a storage size of {need * whole.itemsize} are out "
                           f"of bounds for storage of size {whole.nbytes}")
    window = strided(flat[offset:], size, stride)
    row = op("as_strided", lambda x: window, AS_STRIDED.name, view="default", key="as_strided.here")
    row.node = AS_STRIDED.node
    steps = tuple(n // whole.itemsize for n in input._array.strides)
    return run(row, (input,), (), f"{size}, {stride}", (stride, offset - offset_of(input), steps))


def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy that gradients flow through."""
    return run(CLONE, (input,))


def contiguous(self: Any, memory_format: Any = None) -> Any:
    return self if self._array.flags.c_contiguous else clone_contiguous(self)


def clone_contiguous(self: Any) -> Any:
    return run(CLONE, (self,))


def _matrix_transpose(name: str) -> Any:
    def function(input: Any) -> Any:
        if input._array.ndim == 1:
            raise RuntimeError(f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor.")
        return transpose(input, -2, -1) if input._array.ndim else input

    return function


FUNCTIONS: dict[str, Any] = {
    "reshape": reshape, "flatten": flatten, "unflatten": unflatten,
    "ravel": lambda input: view(contiguous(input), -1),
    "permute": permute, "transpose": transpose, "swapaxes": transpose, "swapdims": transpose, "t": t,
    "movedim": movedim, "moveaxis": movedim, "squeeze": squeeze, "unsqueeze": unsqueeze, "select": select,
    "narrow": narrow, "diagonal": diagonal, "as_strided": as_strided, "clone": clone,
    "adjoint": _matrix_transpose("adjoint()"),
}
METHODS: dict[str, Any] = FUNCTIONS | {
    "view": view, "expand": expand, "unfold": unfold, "contiguous": contiguous,
    "view_as": lambda self, other: view(self, other._array.shape),
    "reshape_as": lambda self, other: reshape(self, other._array.shape),
    "expand_as": lambda self, other: expand(self, other._array.shape),
    "T": property(lambda self: permute(self, tuple(reversed(range(self._array.ndim))))),
    "mT": property(_matrix_transpose("mT")), "mH": property(_matrix_transpose("mH")),
    "H": property(lambda self: transpose(self, 0, 1)),
}
