"""Outlines of glyphs as path strings, and stripes inside them."""

from __future__ import annotations

import math

from gradviz.export.paint import Point, number
from gradviz.scene.style import style

ARC = 0.5523
"""Control distance of a cubic that stands for a quarter of a circle of radius 1."""


def outline(shape: str, x: float, y: float, w: float, h: float) -> str:
    """A shape around (x, y)."""
    table = style().shapes[shape]
    grow = table.get("grow", 0.0)
    left, top, w, h = x - w / 2 - grow, y - h / 2 - grow, w + 2 * grow, h + 2 * grow
    if shape in ("hexagon", "octagon", "diamond"):
        return polygon(_corners(shape, left, top, w, h, table.get("cut", 0.0)))
    return rounded(left, top, w, h, min(table.get("radius", h / 2), h / 2, w / 2))


def rounded(left: float, top: float, w: float, h: float, radius: float, *, right_only: bool = False) -> str:
    """A rectangle with round corners, or with its right ones round."""
    r, k = radius, radius * (1 - ARC)
    right, bottom = left + w, top + h
    start = left if right_only else left + r
    n = number
    d = (f"M{n(start)} {n(top)}L{n(right - r)} {n(top)}"
         f"C{n(right - k)} {n(top)} {n(right)} {n(top + k)} {n(right)} {n(top + r)}L{n(right)} {n(bottom - r)}"
         f"C{n(right)} {n(bottom - k)} {n(right - k)} {n(bottom)} {n(right - r)} {n(bottom)}L{n(start)} {n(bottom)}")
    if right_only:
        return d + "Z"
    return d + (f"C{n(left + k)} {n(bottom)} {n(left)} {n(bottom - k)} {n(left)} {n(bottom - r)}L{n(left)} {n(top + r)}"
                f"C{n(left)} {n(top + k)} {n(left + k)} {n(top)} {n(left + r)} {n(top)}Z")


def polygon(points: list[Point]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "Z"


def _corners(shape: str, left: float, top: float, w: float, h: float, cut: float) -> list[Point]:
    right, bottom, x, y = left + w, top + h, left + w / 2, top + h / 2
    if shape == "diamond":
        return [(x, top), (right, y), (x, bottom), (left, y)]
    if shape == "hexagon":
        return [(left + cut, top), (right - cut, top), (right, y), (right - cut, bottom), (left + cut, bottom),
                (left, y)]
    return [(left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut), (right - cut, bottom),
            (left + cut, bottom), (left, bottom - cut), (left, top + cut)]


def stripes(shape: str, x: float, y: float, w: float, h: float) -> str:
    """Diagonals inside a rounded rectangle, cut where its outline is: no reader needs to know clip paths."""
    radius = min(style().shapes[shape].get("radius", h / 2), h / 2)
    gap = style().hatch["gap"]
    left, top = x - w / 2, y - h / 2
    parts = []
    for i in range(math.ceil((w + h) / gap)):
        start = i * gap - h
        steps = [t for t in (j / 24 for j in range(25))
                 if _inside(start + t * h, h - t * h, w, h, radius)]
        if len(steps) > 1:
            a, b = steps[0], steps[-1]
            parts.append(f"M{number(left + start + a * h)} {number(top + h - a * h)}"
                         f"L{number(left + start + b * h)} {number(top + h - b * h)}")
    return "".join(parts)


def _inside(px: float, py: float, w: float, h: float, r: float) -> bool:
    margin = 1.0
    dx = max(r - px, px - (w - r), 0.0)
    dy = max(r - py, py - (h - r), 0.0)
    if not (margin <= px <= w - margin and margin <= py <= h - margin):
        return False
    return math.hypot(dx, dy) <= r - margin if dx and dy else True
