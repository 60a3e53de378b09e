"""Convolutions, and patches as columns."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops import conv, fold

FUNCTIONS: dict[str, Any] = conv.FUNCTIONS | {"unfold": fold.unfold, "fold": fold.fold}
