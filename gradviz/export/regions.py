"""Groups on paper: titled regions, what shows that a glyph is a closed group, and where gradients add up."""

from __future__ import annotations

from gradviz.export.moment import Moment
from gradviz.export.paint import Paint
from gradviz.export.shapes import outline, rounded
from gradviz.layout.measure import width
from gradviz.scene.model import Node, Placed, Position
from gradviz.scene.style import Font, Look, kind_of, style


def grounds(paint: Paint, moment: Moment, placed: Placed, side: str) -> None:
    """Frames of the open groups, sunken and pane by turns."""
    table = style().region
    for region in moment.scene.regions:
        if region.id in placed.regions:
            x, y, w, h = _frame(placed, region.id, side)
            fill = table["fills"][region.id.count(".") % len(table["fills"])]
            paint.path(rounded(x, y, w, h, table["radius"]), fill=fill, stroke=table["stroke"], width=table["width"])


def titles(paint: Paint, moment: Moment, placed: Placed, side: str) -> None:
    """Name, class and count of each open group, over the edges that run through."""
    table = style().region
    name, about = Font(**table["name"]), Font(**table["about"])
    for region in moment.scene.regions:
        if region.id not in placed.regions:
            continue
        x, y, w, _ = _frame(placed, region.id, side)
        fill = table["fills"][region.id.count(".") % len(table["fills"])]
        label = f"{region.label} ×{region.times}" if region.kind == "roll" and "–" not in region.label else region.label
        many, word = (region.ops, "op") if side == "forward" else (region.nodes, "node")
        count = f"{many:,} {word}{'s' if many != 1 else ''}"
        first, middle = width(label, name), y + table["head"] / 2
        said = first + (6 + width(region.about, about) if region.about else 0)
        counted = width(count, about)
        if counted >= w - 44 - said:
            count, counted = "", 0.0
        for left, wide in ((x + 6, 22 + said), *([(x + w - counted - 14, counted + 8)] if count else [])):
            paint.path(f"M{left:g} {y + 4:g}h{wide:g}v{table['head'] - 7:g}h{-wide:g}Z", fill=fill)
        chevron(paint, x + 14, middle, table["quiet"], down=True)
        paint.text(label, x + 24, middle, name, table["ink"], anchor="start")
        paint.text(region.about, x + 30 + first, middle, about, table["quiet"], anchor="start")
        paint.text(count, x + w - 10, middle, about, table["quiet"], anchor="end")


def _frame(placed: Placed, id: str, side: str) -> tuple[float, float, float, float]:
    x, y, w, h = placed.regions[id]
    return (placed.width - x - w if side == "backward" else x), y, w, h


def chevron(paint: Paint, x: float, y: float, ink: str, *, down: bool = False) -> None:
    """Says that a group can be opened, or closed."""
    d = f"M{x - 4:g} {y - 2:g}L{x:g} {y + 2.5:g}L{x + 4:g} {y - 2:g}" if down else \
        f"M{x - 2:g} {y - 4:g}L{x + 2.5:g} {y:g}L{x - 2:g} {y + 4:g}"
    paint.path(d, stroke=ink, width=1.6, cap="round")


def behind(paint: Paint, node: Node, position: Position, seen: Look) -> None:
    """Two more outlines behind a roll."""
    if node.kind in ("group", "mirror") and node.glyph == "roll":
        for off in (6, 3):
            d = outline(seen.shape, position.x, position.y + off, position.w - 1 - 2 * off, position.h - 1)
            paint.path(d, fill="pane", stroke=seen.stroke, width=1)


def before(paint: Paint, node: Node, position: Position, seen: Look) -> None:
    """The chevron of a closed group; the letter of an alias, and of what it is another place of."""
    back = node.side == "backward"
    if node.kind in ("group", "mirror") and kind_of(node).gap:
        x = position.x + position.w / 2 - 15 if back else position.x - position.w / 2 + 12
        chevron(paint, x, position.y - 6.5, seen.stroke)
    if node.letter:
        table = style().badges
        x, y = position.x + (position.w / 2 - 4) * (1 if back else -1), position.y - position.h / 2 + 2
        paint.circle(x, y, table["letter"], fill="pane", stroke=seen.stroke, width=1)
        paint.text(node.letter, x, y, Font(**table["count"]), seen.ink)


def joins(paint: Paint, moment: Moment, placed: Placed) -> None:
    """Hollow dots where the edges meet whose gradients add up."""
    for id, (x, y) in placed.joins.items():
        state = moment.state[id]
        if state != "future":
            paint.circle(x, y, 3, fill="pane", stroke="line2" if state == "waiting" else "flow", width=1.5)
