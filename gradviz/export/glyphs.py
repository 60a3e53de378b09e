"""One glyph: shape, compartment, words, sign, badges."""

from __future__ import annotations

from gradviz.export.moment import Moment
from gradviz.export.paint import Paint
from gradviz.export.shapes import outline, rounded, stripes
from gradviz.layout.measure import width
from gradviz.layout.sizes import compartment
from gradviz.scene.model import Node, Position, at, grad_at
from gradviz.scene.style import Font, Kind, Look, look, shortened, style


def draw(paint: Paint, moment: Moment, node: Node, position: Position) -> None:
    """A node at a moment. Its halo is drawn here too: it lies under its own glyph and over edges."""
    seen, tone, rank = looks(moment, node)
    x, y, w, h = position.x, position.y, position.w, position.h
    d = outline(seen.shape, x, y, w - 1, h - 1)
    table = style()
    if rank:
        halo = table.now if rank == "now" else table.twin
        paint.path(d, stroke=tone, width=halo["halo"], opacity=halo["halo_opacity"])
    paint.path(d, fill=seen.fill, opacity=seen.opacity)
    if seen.hatch:
        paint.path(stripes(seen.shape, x, y, w - 1, h - 1), stroke=seen.hatch, width=table.hatch["width"],
                   opacity=table.hatch["opacity"])
    room = _compartment(paint, moment, node, position, seen)
    paint.path(d, stroke=seen.stroke, width=seen.width, dash=seen.dash, opacity=seen.opacity)
    _ARRANGED[table.kinds[node.kind].arrange](paint, moment, node, position, seen, room)
    if seen.mark:
        mark(paint, seen.mark, x - w / 2 + 2, y - h / 2 + 2)
    _badges(paint, moment, node, position)


def looks(moment: Moment, node: Node) -> tuple[Look, str, str]:
    """Look of a node with what the current step adds; the tone; "now", "twin" or ""."""
    seen, table, step = look(node.kind, moment.state[node.id]), style(), moment.step
    if step is None or moment.state[node.id] == "future":
        return seen, "", ""
    tone = table.tones[step.phase]
    if node.id in step.focus:
        if node.kind == "node" and step.phase == "backward" and seen.shape == "hexagon":
            seen = replace_look(seen, fill=table.now["node_fill"], ink=table.now["node_ink"])
        return replace_look(seen, stroke=tone, width=max(seen.width, table.now["width"]), dash=()), tone, "now"
    if node.id in step.twins:
        return replace_look(seen, width=max(seen.width, table.twin["width"])), tone, "twin"
    return seen, "", ""


def replace_look(seen: Look, **changes: object) -> Look:
    return Look(**{**{name: getattr(seen, name) for name in seen.__struct_fields__}, **changes})


def _compartment(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look) -> float:
    """The gradient at the right of a tensor; how much room it takes, also before there is one."""
    room = compartment(node)
    found = grad_at(node, moment.seq)
    if not room or found is None or moment.state[node.id] == "future":
        return room
    state, text = found
    grad = style().grad
    states = grad["states"]
    there = grad["awaited_on_leaf"] if state == "awaited" and node.kind == "leaf" else states[state]
    left, top = position.x + position.w / 2 - room, position.y - position.h / 2
    if there["fill"]:
        table = style().shapes[seen.shape]
        radius = min(table.get("radius", position.h / 2), position.h / 2) - 0.5
        paint.path(rounded(left, top + 0.5, room - 0.5, position.h - 1, radius, right_only=True), fill=there["fill"])
    paint.path(f"M{left:g} {top + 1:g}L{left:g} {top + position.h - 1:g}", stroke=there["rule"], width=1,
               opacity=there["rule_opacity"])
    middle = left + room / 2 - (2 if seen.shape == "stadium" else 0)
    sign = Font(grad["sign"]["family"], grad["sign"]["size"], grad["sign"]["weight"])
    if text:
        paint.text("∇", middle, position.y - 7, sign, there["ink"])
        paint.text(text, middle, position.y + 6.5, Font(**grad["text"]), there["ink"])
    else:
        paint.text("∇", middle, position.y, Font(sign.family, grad["sign"]["alone"], sign.weight), there["ink"])
    return room


def _stack(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, room: float) -> None:
    kind = style().kinds[node.kind]
    x = position.x - room / 2 + (2 if room and seen.shape == "stadium" else 0)
    sub = moment.sub(node)
    paint.text(shortened(moment.label(node)), x, position.y - (6.5 if sub else 0), kind.label, seen.ink,
               opacity=seen.text_opacity)
    paint.text(shortened(sub), x, position.y + 8.5, kind.sub, seen.sub, opacity=seen.text_opacity)


def _sign(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind = style().kinds[node.kind]
    label, sub = shortened(moment.label(node)), shortened(moment.sub(node))
    sign = kind.sign["width"] if node.glyph or seen.sign else 0.0
    gap = kind.sign["gap"] if sign and label else 0.0
    wide, tail = width(label, kind.label), width(sub, kind.sub)
    x = position.x - (sign + gap + wide + (tail + 6 if tail else 0)) / 2
    if seen.sign:
        _draw_sign(paint, seen.sign, x + sign / 2, position.y, seen.ink, seen.text_opacity)
    elif node.glyph:
        font = Font(kind.sign["family"], kind.sign["size"], kind.sign["weight"])
        paint.text(node.glyph, x + sign / 2, position.y, font, seen.ink, opacity=seen.text_opacity)
    x += sign + gap
    paint.text(label, x, position.y, kind.label, seen.ink, anchor="start", opacity=seen.text_opacity)
    paint.text(sub, x + wide + 6, position.y, kind.sub, seen.sub, anchor="start", opacity=seen.text_opacity)


def _line(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind = style().kinds[node.kind]
    if seen.sign:
        _draw_sign(paint, seen.sign, position.x - position.w / 2 + 13, position.y, seen.stroke, 1.0)
    paint.text(shortened(moment.label(node)), position.x + (7 if seen.sign else 0), position.y, kind.label, seen.ink,
               opacity=seen.text_opacity)


def _value(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind = style().kinds[node.kind]
    found = grad_at(node, moment.seq)
    label, sub = shortened(moment.label(node)), moment.sub(node)
    if found is None or not found[1]:
        paint.text(label, position.x, position.y - (6.5 if sub else 0), kind.label, seen.ink, opacity=seen.text_opacity)
    else:
        half = position.w / 2 - kind.pad
        paint.text(label, position.x - half, position.y - 6.5, kind.label, seen.ink, anchor="start")
        paint.text(found[1], position.x + half, position.y - 6.5, kind.value or kind.label, seen.value, anchor="end")
    paint.text(sub, position.x, position.y + 8.5, kind.sub, seen.sub, opacity=seen.text_opacity)


def _chip(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind: Kind = style().kinds[node.kind]
    label, sub = shortened(moment.label(node)), shortened(moment.sub(node))
    first, second = width(label, kind.label), width(sub, kind.sub)
    total = first + (kind.gap + second if sub else 0)
    x = position.x - total / 2
    paint.text(label, x, position.y, kind.label, seen.ink, anchor="start", opacity=seen.text_opacity)
    paint.text(sub, x + first + kind.gap, position.y, kind.sub, seen.sub, anchor="start")


_ARRANGED = {"stack": _stack, "sign": _sign, "line": _line, "value": _value, "chip": _chip}


def _draw_sign(paint: Paint, name: str, x: float, y: float, ink: str, opacity: float, *, scale: float = 1.0,
               how: str = "") -> None:
    sign = style().signs[name]
    if (how or sign.paint) == "fill":
        paint.path(sign.d, fill=ink, at=(x, y), scale=scale, opacity=opacity)
    else:
        paint.path(sign.d, stroke=ink, width=sign.width, at=(x, y), scale=scale, opacity=opacity, cap="round")


def mark(paint: Paint, name: str, x: float, y: float, scale: float = 1.0) -> None:
    """A small shape with a sign: NaN."""
    table = style().marks[name]
    size = table["size"] * scale
    d = outline(table["shape"], x, y, size, size)
    paint.path(d, fill=table["fill"], stroke=table["stroke"], width=table["width"])
    _draw_sign(paint, table["sign"], x, y, table["ink"], 1.0, scale=scale)


def badge(paint: Paint, kind: str, state: str, x: float, y: float, scale: float = 1.0, count: int = 1) -> float:
    """A disc with a bookmark or a hook, a capsule with a count in it; (x, y) is the middle of its right end.

    Returns how far it reaches beyond a disc to the left.
    """
    table = style().badges
    there = table[kind].get(state, table[kind]["idle"])
    r = table["radius"] * scale
    font = Font(**table["count"])
    extra = width(str(count), font) + 1 if count > 1 else 0.0
    if extra:
        d = rounded(x - r - extra, y - r, 2 * r + extra, 2 * r, r)
        paint.path(d, fill=there["fill"], stroke=there["stroke"], width=table["width"])
        paint.text(str(count), x + r - 4, y, font, there["ink"], anchor="end")
    else:
        paint.circle(x, y, r, fill=there["fill"], stroke=there["stroke"], width=table["width"])
    _draw_sign(paint, there["sign"], x - extra, y, there["ink"], 1.0, scale=scale, how=there["paint"])
    return extra


def _badges(paint: Paint, moment: Moment, node: Node, position: Position) -> None:
    table = style().badges
    shown = [(one, state) for one in node.badges if (state := at(one.states, moment.seq)) not in ("", "future")]
    scale = table["on_chip"] if style().kinds[node.kind].height < 30 else 1.0
    x, y = position.x + position.w / 2 - table["inset"], position.y - position.h / 2 + 0.5
    if len(shown) > 1:
        y -= table["lift"]
    for one, state in shown:
        x -= 2 * table["radius"] * scale + table["gap"] + badge(paint, one.kind, state, x, y, scale, one.count)


__all__ = ["badge", "draw", "looks", "mark"]
