"""What the marks on a picture mean: those that are on it, in one order."""

from __future__ import annotations

from gradviz.export import glyphs, links
from gradviz.export.moment import Moment
from gradviz.export.paint import Paint
from gradviz.export.shapes import outline, stripes
from gradviz.layout.measure import width
from gradviz.scene.model import at
from gradviz.scene.style import Entry, Font, line, look, style

FONT = Font("ui", 11.5, 400)
ROW = 24.0
ICON = 22.0


def entries(moment: Moment, sides: frozenset[str]) -> list[Entry]:
    """The entries for what is drawn at this moment."""
    seen = {(node.kind, moment.state[node.id]) for node in moment.scene.nodes if node.side in sides}
    seen |= {("badge", badge.kind) for node in moment.scene.nodes if node.side in sides for badge in node.badges
             if at(badge.states, moment.seq) not in ("", "future")}
    seen |= {("edge", edge.kind) for edge in moment.scene.edges if moment.edge_state(edge) != "future"
             and moment.nodes[edge.source].side in sides}
    seen |= {("edge", "cut") for edge in moment.scene.edges if moment.edge_state(edge) == "cut"
             and moment.nodes[edge.source].side in sides}
    states = {state for kind, state in seen if kind not in ("badge", "edge")}
    if "nan" in states:
        seen.add(("mark", "nan"))
    for kind, state in (("tensor", "lost"), ("tensor", "overwritten"), ("node", "failed")):
        if state in states:
            seen.add((kind, state))
    for kind, state, entry in (("write", "broken", "done"), ("alias", "tensor", "live"), ("alias", "quiet", "live")):
        if (kind, state) in seen:
            seen.add((kind, entry))
    if moment.step is not None and any(moment.nodes[glyph].side in sides for glyph in moment.step.focus):
        seen.add(("now", "now"))
    return [entry for entry in style().legend if (entry.kind, entry.state) in seen]


def lines(found: list[Entry], room: float) -> list[list[tuple[Entry, float]]]:
    """Entries broken into lines, each with where it begins."""
    rows: list[list[tuple[Entry, float]]] = []
    x = room + 1
    for entry in found:
        wide = ICON + 5 + width(entry.label, FONT)
        if x + wide > room:
            rows.append([])
            x = 0.0
        rows[-1].append((entry, x))
        x += wide + 16
    return rows


def draw(paint: Paint, moment: Moment, rows: list[list[tuple[Entry, float]]], left: float, top: float) -> None:
    """The legend, line by line."""
    tone = style().tones[moment.step.phase] if moment.step is not None else "op"
    for number, row in enumerate(rows):
        y = top + ROW * number + ROW / 2
        for entry, x in row:
            icon(paint, entry, left + x + ICON / 2, y, tone)
            paint.text(entry.label, left + x + ICON + 5, y, FONT, "ink2", anchor="start")


def icon(paint: Paint, entry: Entry, x: float, y: float, tone: str) -> None:
    """The mark itself, small; ``tone`` is that of the current step."""
    if entry.kind == "badge":
        glyphs.badge(paint, entry.state, "kept" if entry.state == "retain" else "idle", x, y, 0.8)
    elif entry.kind == "mark":
        glyphs.mark(paint, entry.state, x, y, 0.75)
    elif entry.kind == "now":
        paint.path(outline("rounded", x, y, 15, 11), stroke=tone, width=6, opacity=0.22)
        paint.path(outline("rounded", x, y, 15, 11), fill=f"{tone}-bg", stroke=tone, width=1.75)
    elif entry.kind == "edge":
        seen = line(entry.state, "rest")
        paint.path(f"M{x - 10:g} {y:g}L{x + 8:g} {y:g}", stroke=seen.stroke, width=1.5, dash=seen.dash)
        if seen.head == "cut":
            paint.path(f"M{x - 4:g} {y:g}L{x + 3:g} {y:g}", stroke="pane", width=6)
            paint.path(style().signs["cut"].d, stroke=seen.stroke, width=1.5, at=(x, y), scale=0.8, cap="round")
        links.arrow(paint, (x, y), (x + 10, y), seen.stroke, 3.5)
    else:
        seen_glyph = look(entry.kind, entry.state)
        h = 11.0 if seen_glyph.shape == "pill" else 13.0
        small = {"hexagon": "M-5.5-6.5H5.5L10 0L5.5 6.5H-5.5L-10 0Z",
                 "octagon": "M-6-6.5H6L10-3V3L6 6.5H-6L-10 3V-3Z"}.get(seen_glyph.shape)
        d = small or outline(seen_glyph.shape, 0, 0, 20, h)
        dash = tuple(part * 0.75 for part in seen_glyph.dash)
        paint.path(d, fill=seen_glyph.fill, at=(x, y))
        if seen_glyph.hatch:
            paint.path(stripes("rect", 0, 0, 20, h), stroke=seen_glyph.hatch, width=1.5, opacity=0.4, at=(x, y))
        paint.path(d, stroke=seen_glyph.stroke, width=1.4, dash=dash, at=(x, y))
        if seen_glyph.sign:
            sign = style().signs[seen_glyph.sign]
            ink = seen_glyph.ink
            if sign.paint == "fill":
                paint.path(sign.d, fill=ink, at=(x, y), scale=0.75)
            else:
                paint.path(sign.d, stroke=ink, width=sign.width, at=(x, y), scale=0.75, cap="round")
