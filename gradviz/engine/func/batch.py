"""``vmap``: a function of one example as a function of a batch of them.

It is called for every example, and what it gives is stacked: every op is seen at work on one example, and control flow
that depends on the data, which PyTorch refuses, works.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradviz.engine.func import tree
from gradviz.engine.ops.join import stack
from gradviz.engine.ops.random import default_generator
from gradviz.engine.tensor import Tensor


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Any]:
    """``func`` over the dimensions ``in_dims`` of its arguments; its results are stacked along ``out_dims``."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError("Only allowed values for randomness are 'error', 'different', or 'same'. Got "
                           f"{randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = _name(func)

    @functools.wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        for dim in tree.leaves(out_dims):
            if dim is not None and not isinstance(dim, int):
                raise ValueError(f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python "
                                 "collection of ints representing where in the outputs the vmapped dimension should "
                                 "appear.")
        dims, ends, size = _mapped_inputs(name, in_dims, args)
        before = default_generator.get_state()
        results = []
        for i in range(max(size, 1)):
            if randomness == "same":
                default_generator.set_state(before)
            example = [end if dim is None else end.select(dim, i) if size else _nothing(end, dim)
                       for end, dim in zip(ends, dims, strict=True)]
            results.append(func(*tree.rebuilt(args, example), **kwargs))
        if randomness == "error" and not _equal(before, default_generator.get_state()):
            raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use the "
                               "'same' or 'different' randomness flags on vmap or perform the randomness operation out "
                               "of vmap")
        return _stacked(name, results, out_dims, size)

    return batched


def _name(func: Any) -> str:
    if hasattr(func, "__name__"):
        return func.__name__  # type: ignore[no-any-return]
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


def _equal(a: Any, b: Any) -> bool:
    """Whether two states of the generator, which are dictionaries of arrays, are the same."""
    return repr(a) == repr(b)


def _nothing(tensor: Any, dim: int) -> Any:
    """An example for a batch that has none: what the function makes of it has the right shape."""
    shape = tensor.shape
    return tensor.new_zeros(shape[:dim] + shape[dim + 1:])


def _mapped_inputs(name: str, in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], list[Any], int]:
    """For every tensor in the arguments its dimension to go along, and how long these are."""
    call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, int | tuple):
        raise ValueError(f"{call}expected `in_dims` to be int or a (potentially nested) tuple matching the structure "
                         f"of inputs, got: {type(in_dims)}.")
    if not args:
        raise ValueError(f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
                         "vmap over a function with no inputs. The latter is unsupported.")
    dims, ends = tree.spread(in_dims, args), list(tree.leaves(args))
    if dims is None:
        raise ValueError(f"{call}in_dims is not compatible with the structure of `inputs`. in_dims has structure "
                         f"{tree.text(in_dims)} but inputs has structure {tree.text(args)}.")
    sizes = []
    for i, (end, dim) in enumerate(zip(ends, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(f"{call}Got in_dim={dim} for an input but in_dim must be either an integer dimension or "
                             "None.")
        if not isinstance(end, Tensor):
            raise ValueError(f"{call}Got in_dim={dim} for an input but the input is of type {type(end)}. We cannot "
                             "vmap over non-Tensor arguments, please use None as the respective in_dim")
        if not -end.ndim <= dim < end.ndim:
            raise ValueError(f"{call}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
                             f"{end.ndim} so expected in_dim to satisfy -{end.ndim} <= in_dim < {end.ndim}.")
        dims[i] = dim % end.ndim
        sizes.append(end.shape[dims[i]])
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} "
                         "for the mapped dimension")
    return dims, ends, sizes[0]


def _stacked(name: str, results: list[Any], out_dims: Any, size: int) -> Any:
    """What the examples gave as one, along ``out_dims``."""
    first = results[0]
    dims = tree.spread(out_dims[0] if isinstance(first, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1
                       else out_dims, first)
    if dims is None:
        raise ValueError(f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
                         f"structure of `outputs`. out_dims has structure {tree.text(out_dims)} but outputs has "
                         f"structure {tree.text(first)}.")
    outputs = []
    for dim, *values in zip(dims, *map(tree.leaves, results), strict=True):
        one = values[0]
        if dim is None:
            if isinstance(one, Tensor) and not all(value is one or one.equal(value) for value in values):
                raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
            outputs.append(one)
            continue
        if not isinstance(one, Tensor):
            raise ValueError(f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(one)}. Did you "
                             "mean to set out_dims= to None for output?")
        whole = stack(values, dim)
        outputs.append(whole if size else whole.narrow(dim, 0, 0))
    return tree.rebuilt(first, outputs)
