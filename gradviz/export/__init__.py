"""Pictures and data of one moment of a trace: SVG, PNG, PDF, DOT, JSON; and the run up to it in words, or for Perfetto.

The pictures show the scene that the page shows, at the same places and in the same looks.
"""

from __future__ import annotations

from gradviz.export.data import json
from gradviz.export.dotfile import dot
from gradviz.export.raster import pdf, png
from gradviz.export.sheet import GRAPHS, Caption, svg
from gradviz.export.write import FORMATS, export, picture, put, render

__all__ = ["FORMATS", "GRAPHS", "Caption", "dot", "export", "json", "pdf", "picture", "png", "put", "render", "svg"]
