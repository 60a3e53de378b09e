"""The parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradviz.engine.nn.modules.module import typename
from gradviz.engine.ops.table import FUNCTIONS
from gradviz.engine.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All elements one after another."""
    return FUNCTIONS["cat"]([p.view(-1) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Give the parameters the elements of a vector, whose memory they then share."""
    whole = vec
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    at = 0
    for parameter in parameters:
        size = parameter.numel()
        parameter.data = whole[at:at + size].view_as(parameter).data
        at += size
