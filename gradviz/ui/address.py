"""What an address says of the picture, read with suspicion."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 2_000
"""Open groups that an address may name."""
_ID = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,40}")


def opened(text: object) -> tuple[str, ...] | None:
    """The open groups: ``0,2.1``; None where nothing is said; what is no id is left out."""
    if not isinstance(text, str):
        return None
    return tuple(sorted({id for id in text.split(",")[:MOST] if _ID.fullmatch(id)}))
