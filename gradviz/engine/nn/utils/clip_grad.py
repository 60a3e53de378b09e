"""Keeping gradients small."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

from gradviz.engine import observe
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.ops.args import words
from gradviz.engine.ops.table import FUNCTIONS
from gradviz.engine.tensor import Tensor


def _tensors(given: Any) -> list[Any]:
    return [given] if isinstance(given, Tensor) else list(given)


@no_grad()
def get_total_norm(tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Any:
    """The norm of all tensors taken as one vector."""
    several = _tensors(tensors)
    if not several:
        return FUNCTIONS["tensor"](0.0)
    order = float(norm_type)
    with observe.composite("get_total_norm", tuple(several), words(norm_type=norm_type)) as event:
        norm = FUNCTIONS["norm"]
        total = event(norm(FUNCTIONS["stack"]([norm(t, order) for t in several]), order))
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(f"The total norm of order {order} for gradients from `parameters` is non-finite, so it "
                           "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                           "anyway, set `error_if_nonfinite=False`")
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Scale the gradients so that ``total_norm`` becomes at most ``max_norm``."""
    grads = [p.grad for p in _tensors(parameters) if p.grad is not None]
    if not grads:
        return
    scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(scale)


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Any:
    """Scale the gradients so that their norm, taken together, is at most ``max_norm``; the norm that they had."""
    several = _tensors(parameters)
    if isinstance(parameters, types.GeneratorType) and not several:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm([p.grad for p in several if p.grad is not None], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(several, max_norm, total)
    return total


def clip_grad_norm(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Any:
    """The old name of :func:`clip_grad_norm_`."""
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters: Iterable[Any], clip_value: float, foreach: bool | None = None) -> None:
    """Cut the elements of the gradients off at ``clip_value`` and its negative."""
    for parameter in _tensors(parameters):
        if parameter.grad is not None:
            parameter.grad.clamp_(min=-float(clip_value), max=float(clip_value))
