"""Distances of ``torch.nn.functional``."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.distance import cosine_similarity, normalize, pairwise_distance, pdist

FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (cosine_similarity, normalize, pairwise_distance, pdist)}
