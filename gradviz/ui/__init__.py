"""The replay page: a Dash app on loopback, with the picture drawn in the browser."""

from __future__ import annotations

from gradviz.ui.server import serve

__all__ = ["serve"]
