"""Convolutions, and patches as columns."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import conv, fold
from gradviz.engine.ops.layer import telling

FUNCTIONS: dict[str, Any] = telling(conv.FUNCTIONS | {"unfold": fold.unfold, "fold": fold.fold})
