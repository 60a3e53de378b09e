"""Dropout: elements or whole channels, set to zero or to what keeps mean and variance."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine import observe
from gradviz.engine.errors import warn
from gradviz.engine.ops.args import words
from gradviz.engine.ops.random import source_of
from gradviz.engine.tensor import fresh
from gradviz.engine.xp import asarray

_ALPHA = 1.7580993408473766
"""Below what SELU lets everything go: its alpha times its scale."""


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _drop(name: str, input: Any, p: float, training: bool, inplace: bool, channels: bool = False,
          alpha: bool = False) -> Any:
    array = input._array
    if p == 0 or not training or not array.size:
        return input
    if channels and array.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    size = (*array.shape[:2], *(1,) * (array.ndim - 2)) if channels else array.shape
    kept = (source_of(None, array).random(size) >= p).astype(array.dtype)
    scale, shift = (1 / (1 - p) if p < 1 else 0.0), None
    if alpha and p < 1:
        scale = 1 / math.sqrt((_ALPHA ** 2 * p + 1) * (1 - p))
        shift = fresh(asarray((kept - 1) * (_ALPHA * scale) + _ALPHA * scale * p))
    noise = fresh(asarray(kept * asarray(scale, array.dtype, array)))
    if inplace:
        input.mul_(noise)
        return input if shift is None else input.add_(shift)
    with observe.composite(name, (input,), words(p=p)) as event:
        out = input * noise
        return event(out if shift is None else out + shift)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Elements set to zero at random, the others scaled up."""
    _check(p)
    return _drop("dropout", input, p, training, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps the mean and the variance of what SELU gives."""
    _check(p)
    return _drop("alpha_dropout", input, p, training, inplace, alpha=True)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Alpha dropout of whole channels."""
    _check(p)
    return _drop("feature_alpha_dropout", input, p, training, inplace, channels=True, alpha=True)


def _channels(name: str, input: Any, p: float, training: bool, inplace: bool, batched: bool) -> Any:
    out = input if batched else input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    out = _drop(name, out, p, training, inplace, channels=True)
    if batched:
        return out
    return out.squeeze_(0) if inplace else out.squeeze(0)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of sequences set to zero."""
    _check(p)
    n = input.ndim
    if n not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {n}D input. Note that dropout1d exists "
                           "to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, "
                           "and an optional batch dimension (i.e. 2D or 3D inputs).")
    return _channels("dropout1d", input, p, training, inplace, n == 3)


def _warn(name: str, n: int, dims: int) -> None:
    warn(
        f"{name}: Received a {n}-D input to {name}, which is deprecated and will result in an error in a future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{name} exists to provide channel-wise dropout on inputs with {dims} spatial dimensions, a channel dimension, "
        f"and an optional batch dimension (i.e. {dims + 1}D or {dims + 2}D inputs).")


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of images set to zero."""
    _check(p)
    n = input.ndim
    if n not in (3, 4):
        _warn("dropout2d", n, 2)
    if n == 3:
        warn("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
             "is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior "
             "will change in a future release to interpret the input as one without a batch dimension, i.e. "
             "shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using "
             "dropout1d instead.")
    return _channels("dropout2d", input, p, training, inplace, True)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of volumes set to zero."""
    _check(p)
    n = input.ndim
    if n not in (4, 5):
        _warn("dropout3d", n, 3)
    return _channels("dropout3d", input, p, training, inplace, n == 5)


FUNCTIONS: dict[str, Any] = {
    "dropout": dropout, "alpha_dropout": alpha_dropout, "feature_alpha_dropout": feature_alpha_dropout,
    "dropout1d": dropout1d, "dropout2d": dropout2d, "dropout3d": dropout3d,
}
