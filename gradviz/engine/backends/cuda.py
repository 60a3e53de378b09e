"""``torch.backends.cuda``: how matrix products may round."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any


class _Products:
    """How matrix products may round; here they are as precise as their type, unless CuPy is told otherwise."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul: Any = _Products()


def is_built() -> bool:
    """Whether CuPy is installed."""
    return find_spec("cupy") is not None
