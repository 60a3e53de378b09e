"""From samples to a batch: what is alike in them is put together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import gradviz.engine as torch
from gradviz.engine.ops.create import tensor
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import ndarray, xp

Functions = Mapping[Any, Callable[..., Any]]
MESSAGE = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def default_convert(data: Any) -> Any:
    """NumPy's arrays and numbers in ``data`` as tensors."""
    kind = type(data)
    if isinstance(data, Tensor):
        return data
    if kind.__module__ == "numpy" and kind.__name__ not in ("str_", "string_"):
        return data if kind is ndarray and data.dtype.kind in "SaUO" else torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return kind(*(default_convert(d) for d in data))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _sequence(data, [default_convert(d) for d in data])
    return data


def collate(batch: Any, *, collate_fn_map: Functions | None = None) -> Any:
    """Samples as a batch, by the functions for the types of their parts."""
    first, functions = batch[0], collate_fn_map or {}
    kind = type(first)
    key = kind if kind in functions else next((k for k in functions if isinstance(first, k)), None)
    if key is not None:
        return functions[key](batch, collate_fn_map=collate_fn_map)

    def together(samples: Any) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _mapping(first, {key: together([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(together(samples) for samples in zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _sequence(first, [together(samples) for samples in zip(*batch, strict=False)])
    raise TypeError(MESSAGE.format(kind))


def _mapping(like: Any, content: dict[Any, Any]) -> Any:
    """``content`` in a mapping of the same kind, where that can be made."""
    try:
        if isinstance(like, MutableMapping):
            clone = copy.copy(like)
            clone.update(content)
            return clone
        return type(like)(content)
    except TypeError:
        return content


def _sequence(like: Any, content: list[Any]) -> Any:
    """``content`` in a sequence of the same kind, where that can be made; tuples become lists."""
    if isinstance(like, tuple):
        return content
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, part in enumerate(content):
                clone[i] = part
            return clone
        return type(like)(content)
    except TypeError:
        return content


def _arrays(batch: Sequence[Any], *, collate_fn_map: Functions | None = None) -> Any:
    if batch[0].dtype.kind in "SaUO":
        raise TypeError(MESSAGE.format(batch[0].dtype))
    return collate([torch.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _floats(batch: Iterable[float], *, collate_fn_map: Functions | None = None) -> Any:
    return tensor(batch, dtype=torch.float64)


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: lambda batch, *, collate_fn_map=None: torch.stack(batch, 0),
    ndarray: _arrays,
    (xp.bool_, xp.number, xp.object_): lambda batch, *, collate_fn_map=None: torch.as_tensor(batch),
    float: _floats,
    int: lambda batch, *, collate_fn_map=None: tensor(batch),
    str: lambda batch, *, collate_fn_map=None: batch,
    bytes: lambda batch, *, collate_fn_map=None: batch,
}


def default_collate(batch: Any) -> Any:
    """Samples as a batch: tensors stacked, numbers as a tensor, mappings and sequences by their parts."""
    return collate(batch, collate_fn_map=default_collate_fn_map)
