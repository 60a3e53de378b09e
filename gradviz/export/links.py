"""Edges, their heads and their words; the lines of a story; the tie between the sides."""

from __future__ import annotations

import math

from gradviz.export.moment import Moment
from gradviz.export.paint import Paint, Point, number
from gradviz.export.shapes import rounded
from gradviz.layout import GAP, across
from gradviz.layout.measure import width
from gradviz.scene.model import Edge, Placed, Position, Step, at
from gradviz.scene.style import Font, Line, Pill, line, shortened, style

CORNER = 12.0


def draw(paint: Paint, moment: Moment, edge: Edge, points: list[Point]) -> None:
    """An edge of one side at a moment."""
    seen = _line(moment, edge)
    curves = ["C" + " ".join(f"{number(x)} {number(y)}" for x, y in points[i:i + 3]) for i in range(1, len(points), 3)]
    d = f"M{number(points[0][0])} {number(points[0][1])}" + "".join(curves)
    paint.path(d, stroke=seen.stroke, width=seen.width, dash=seen.dash, opacity=seen.opacity)
    if seen.head == "cut":
        _cut(paint, points, seen)
    if seen.head != "none":
        arrow(paint, points[-2] if points[-2] != points[-1] else points[-3], points[-1], seen.stroke, seen.head_size)


def order(moment: Moment, edge: Edge) -> int:
    """Later ones are drawn on top: what waits, what flowed, what flows."""
    return 2 if edge.id in moment.flowing else 1 if moment.edge_state(edge) == "flowed" else 0


def _line(moment: Moment, edge: Edge) -> Line:
    seen = line(edge.kind, moment.edge_state(edge), moment.variant(edge))
    if edge.id not in moment.flowing or moment.step is None:
        return seen
    now, phase = style().now, moment.step.phase
    side = "backward" if edge.kind == "gradient" else "forward"
    return Line(style().tones[phase], now["edge"][side], (), seen.head, now["head_size"], 1.0)


def arrow(paint: Paint, before: Point, tip: Point, colour: str, size: float) -> None:
    """A filled triangle with its tip at the end."""
    angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
    cos, sin = math.cos(angle), math.sin(angle)

    def turn(x: float, y: float) -> str:
        return f"{number(tip[0] + x * cos - y * sin)} {number(tip[1] + x * sin + y * cos)}"

    paint.path(f"M{turn(0, 0)}L{turn(-1.5 * size, -0.8 * size)}L{turn(-1.5 * size, 0.8 * size)}Z", fill=colour)


def _cut(paint: Paint, points: list[Point], seen: Line) -> None:
    """Two strokes across the middle of a broken edge."""
    middle = 1 + 3 * ((len(points) - 1) // 6)
    a, b, c, d = points[middle - 1:middle + 3]
    x, y = ((p + 3 * q + 3 * r + s) / 8 for p, q, r, s in zip(a, b, c, d, strict=True))
    paint.path(f"M{number(x - 4)} {number(y)}L{number(x + 3)} {number(y)}", stroke="pane", width=7)
    sign = style().signs["cut"]
    paint.path(sign.d, stroke=seen.stroke, width=sign.width, at=(x, y), cap="round")


# --- words -----------------------------------------------------------------------------------------------------------
def words(paint: Paint, moment: Moment, edge: Edge, point: Point) -> None:
    """The label of an edge, once there is one."""
    text = at(edge.label, moment.seq)
    if not text or moment.edge_state(edge) == "future":
        return
    name = "gradient_now" if edge.id in moment.flowing and edge.kind == "gradient" else edge.kind
    pill(paint, shortened(text), point, style().pills.get(name, style().pills["data"]))


def pill(paint: Paint, text: str, point: Point, look: Pill) -> None:
    """Words on a rounded ground."""
    font = Font(look.family, look.size, look.weight)
    w, h = round(width(text, font) + 2 * look.pad), look.height
    paint.path(rounded(point[0] - w / 2, point[1] - h / 2, w, h, h / 2), fill=look.fill, stroke=look.stroke, width=1)
    paint.text(text, point[0], point[1], font, look.ink)


# --- between the sides -----------------------------------------------------------------------------------------------
def story(paint: Paint, moment: Moment, placed: Placed) -> None:
    """From a node to the versions that it needs and finds. ``finds`` is drawn last: the two share their way."""
    ways = across(moment.scene, placed)
    edges = [edge for edge in moment.scene.edges if edge.id in ways and moment.edge_state(edge) != "future"]
    edges.sort(key=lambda edge: edge.kind == "finds")
    for edge in edges:
        seen = line(edge.kind, moment.edge_state(edge))
        points = ways[edge.id].points
        paint.path(soft(points), stroke=seen.stroke, width=seen.width, dash=seen.dash, opacity=seen.opacity)
        x, y = points[-1]
        if seen.head == "cross":
            sign = style().signs["cross"]
            paint.path(sign.d, stroke=seen.stroke, width=1.75, at=(x, y + 4), cap="round")
        else:
            arrow(paint, (x, y + 9), (x, y), seen.stroke, seen.head_size)
    for edge in edges:
        text = at(edge.label, moment.seq)
        if text:
            name = "saved" if moment.edge_state(edge) in ("rest", "flowed") else "story"
            pill(paint, shortened(text), ways[edge.id].label, style().pills[name])


def soft(points: list[Point]) -> str:
    """Straight lines with round corners."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(CORNER, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        a, b = _toward(corner, before, radius), _toward(corner, after, radius)
        parts.append(f"L{number(a[0])} {number(a[1])}"
                     f"Q{number(corner[0])} {number(corner[1])} {number(b[0])} {number(b[1])}")
    return "".join(parts) + f"L{number(points[-1][0])} {number(points[-1][1])}"


def _toward(a: Point, b: Point, distance: float) -> Point:
    length = math.dist(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * distance / length, a[1] + (b[1] - a[1]) * distance / length


def tie(paint: Paint, moment: Moment, placed: Placed) -> None:
    """The dotted line from the focus to its twin: straight, or through the air when a glyph is in the way."""
    pair = _facing(moment, moment.step) if moment.step is not None else None
    if pair is None:
        return
    a, b = (placed.nodes[glyph] for glyph in pair)
    right = Position(b.x + placed.width + GAP, b.y, b.w, b.h)
    tone, look = style().tones[moment.step.phase if moment.step else "forward"], style().tie
    end = look["end"]
    axis = placed.width + GAP / 2
    start, stop = a.x + a.w / 2, right.x - right.w / 2
    y = a.y
    if _blocked(moment, placed, a, b):
        below = max(a.h, b.h) / 2 + look["bend"]
        y = a.y + (below if _crowded(moment, placed, a.y - below) else -below)
        up = a.y + math.copysign(a.h / 2 + 1, y - a.y), b.y + math.copysign(b.h / 2 + 1, y - a.y)
        d = (f"M{number(start - 8)} {number(up[0])}C{number(start + 2)} {number(y)} {number(start + 12)} {number(y)} "
             f"{number(start + 32)} {number(y)}L{number(stop - 32)} {number(y)}C{number(stop - 12)} {number(y)} "
             f"{number(stop - 2)} {number(y)} {number(stop + 8)} {number(up[1])}")
    else:
        d = f"M{number(start + end)} {number(y)}L{number(stop - end)} {number(y)}"
    paint.path(d, stroke=tone, width=look["width"], dash=tuple(look["dash"]), opacity=look["opacity"], cap="round")
    paint.circle(axis, y, look["knot"], fill="pane", stroke=tone, width=look["knot_width"])


def _facing(moment: Moment, step: Step) -> tuple[str, str] | None:
    """Forward and backward glyph of the step that face each other, both there already."""
    for focus in step.focus:
        for twin in step.twins:
            pair = {moment.nodes[glyph].side: glyph for glyph in (focus, twin) if glyph in moment.nodes}
            if len(pair) == 2 and "future" not in (moment.state[focus], moment.state[twin]):
                return pair["forward"], pair["backward"]
    return None


def _blocked(moment: Moment, placed: Placed, a: Position, b: Position) -> bool:
    for node in moment.scene.nodes:
        other = placed.nodes[node.id]
        if abs(other.y - a.y) > (other.h + 4) / 2:
            continue
        if (node.side == "forward" and other.x > a.x) or (node.side == "backward" and other.x < b.x):
            return True
    return False


def _crowded(moment: Moment, placed: Placed, y: float) -> bool:
    """Whether words stand on edges at this height."""
    return any(abs(at_y - y) < 18 and at(edge.label, moment.seq) for edge in moment.scene.edges
               for at_y in ([placed.labels[edge.id][1]] if edge.id in placed.labels else []))


__all__ = ["arrow", "draw", "order", "pill", "soft", "story", "tie", "words"]
