"""PNG and PDF from our own SVG, with the bundled fonts: the same picture on a machine without any."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final

FONTS: Final = (
    ("DejaVu Sans Mono", "normal", "DejaVuSansMono.ttf"), ("DejaVu Sans Mono", "bold", "DejaVuSansMono-Bold.ttf"),
    ("DejaVu Sans", "normal", "DejaVuSans.ttf"), ("DejaVu Sans", "bold", "DejaVuSans-Bold.ttf"))


def font_paths() -> list[str]:
    """Files of the bundled fonts."""
    folder = Path(str(files("gradviz.scene").joinpath("fonts")))
    return [str(folder / name) for _, _, name in FONTS]


PIXELS: Final = 80_000_000
"""A PNG is at most as large: beyond that, readers and memory give out."""
PAGE: Final = 14_400.0
"""Points that a PDF page may measure."""


def png(svg_text: str, scale: float = 2.0) -> bytes:
    """The picture as PNG, ``scale`` pixels per CSS pixel; a very large graph gets fewer.

    Letters that the bundled fonts lack (Chinese, say) are taken from the system's; all others never are.
    """
    import resvg_py

    if not scale > 0:
        raise ValueError(f"scale must be larger than 0, not {scale!r}")
    width, height = _measures(svg_text)
    scale = min(scale, (PIXELS / (width * height)) ** 0.5)
    return bytes(resvg_py.svg_to_bytes(svg_string=svg_text, zoom=scale, font_files=font_paths(),
                                       skip_system_fonts=_covered(svg_text), monospace_family="DejaVu Sans Mono",
                                       sans_serif_family="DejaVu Sans", font_family="DejaVu Sans"))


def pdf(svg_text: str) -> bytes:
    """The picture as a PDF of one page, drawn, with its fonts in it; smaller where it would not fit on any page."""
    from reportlab.graphics import renderPDF
    from svglib.svglib import svg2rlg

    _register()
    drawing = svg2rlg(BytesIO(svg_text.encode()))
    if drawing is None:
        raise ValueError("the picture could not be turned into a PDF")
    shrink = min(1.0, PAGE / max(drawing.width, drawing.height))
    if shrink < 1:
        drawing.scale(shrink, shrink)
        drawing.width, drawing.height = drawing.width * shrink, drawing.height * shrink
    return bytes(renderPDF.drawToString(drawing))


@cache
def _register() -> None:
    from svglib.fonts import register_font

    for (family, weight, _), path in zip(FONTS, font_paths(), strict=True):
        register_font(family, path, weight=weight, rlgFontName=f"gradviz-{family.replace(' ', '')}-{weight}")


def _measures(svg_text: str) -> tuple[float, float]:
    """Width and height that our writer put into the first line of the picture."""
    found = re.search(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)"', svg_text)
    return (float(found[1]), float(found[2])) if found else (1.0, 1.0)


def _covered(text: str) -> bool:
    """Whether every character is in the bundled fonts: then the system's need not be searched, which takes a while."""
    return all(ord(char) < 0x2E80 for char in set(text))
