"""``torch.backends.cuda`` where there is no GPU."""

from __future__ import annotations

from typing import Any


class _Products:
    """How matrix products may round; nothing here rounds so."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul: Any = _Products()


def is_built() -> bool:
    return False
