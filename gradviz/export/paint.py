"""Drawing by hand into SVG text: only what every reader of SVG understands (no clip paths, patterns or CSS)."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from gradviz.layout.measure import width
from gradviz.scene.style import Font, colours

FAMILIES = {"mono": "'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace",
            "ui": "'DejaVu Sans', system-ui, sans-serif"}
"""The bundled fonts first: the measures are theirs."""

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass
class Paint:
    """SVG elements in the order in which they are drawn; colours are token names of the theme."""

    theme: str
    out: list[str] = field(default_factory=list)

    def colour(self, token: str) -> str:
        return colours(self.theme)[token]

    def path(self, d: str, *, fill: str = "", stroke: str = "", width: float = 1.0, dash: tuple[float, ...] = (),
             opacity: float = 1.0, cap: str = "", at: Point | None = None, scale: float = 1.0) -> None:
        parts = [f"<path d={quoteattr(d)} fill={quoteattr(self.colour(fill))}"]
        if stroke and width:
            parts.append(f'stroke="{self.colour(stroke)}" stroke-width="{number(width)}"')
            if dash:
                parts.append(f'stroke-dasharray="{" ".join(number(part) for part in dash)}"')
            if opacity < 1:
                parts.append(f'stroke-opacity="{number(opacity)}"')
            parts.append(f'stroke-linecap="{cap}" stroke-linejoin="round"' if cap else 'stroke-linejoin="round"')
        if fill and opacity < 1:
            parts.append(f'fill-opacity="{number(opacity)}"')
        if at is not None:
            size = f" scale({number(scale)})" if scale != 1 else ""
            parts.append(f'transform="translate({number(at[0])} {number(at[1])}){size}"')
        self.out.append(" ".join(parts) + "/>")

    def circle(self, x: float, y: float, r: float, *, fill: str = "", stroke: str = "", width: float = 1.0) -> None:
        line = f' stroke="{self.colour(stroke)}" stroke-width="{number(width)}"' if stroke else ""
        self.out.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(r)}" fill="{self.colour(fill)}"{line}/>')

    def text(self, words: str, x: float, y: float, font: Font, ink: str, *, anchor: str = "middle",
             opacity: float = 1.0) -> None:
        """One line with its middle at ``y``."""
        if not words:
            return
        weight = ' font-weight="bold"' if font.weight >= 600 else ""
        faint = f' fill-opacity="{number(opacity)}"' if opacity < 1 else ""
        self.out.append(
            f'<text x="{number(x)}" y="{number(y + 0.36 * font.size)}" font-family="{FAMILIES[font.family]}" '
            f'font-size="{number(font.size)}"{weight} fill="{self.colour(ink)}"{faint} text-anchor="{anchor}" '
            f'xml:space="preserve">{clean(words)}</text>')

    def group(self, name: str, title: str = "") -> None:
        self.out.append(f"<g id={quoteattr(plain(name))}>" + (f"<title>{clean(title)}</title>" if title else ""))

    def end(self) -> None:
        self.out.append("</g>")


def plain(text: str) -> str:
    """Without the characters that XML cannot hold, escaped or not."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "\ufffd"
                   for c in text)


def clean(text: str) -> str:
    """Text for an element's content."""
    return escape(plain(text))


def wrapped(text: str, font: Font, room: float) -> list[str]:
    """Lines no wider than ``room``, broken between words; a longer word is broken itself."""
    lines = [""]
    for word in text.split():
        line = f"{lines[-1]} {word}" if lines[-1] else word
        if width(line, font) <= room:
            lines[-1] = line
            continue
        if lines[-1]:
            lines.append("")
        while width(word, font) > room and len(word) > 1:
            fit = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or width(word[:n], font) <= room)
            lines[-1], word = word[:fit], word[fit:]
            lines.append("")
        lines[-1] = word
    return lines
