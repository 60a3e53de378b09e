"""One glyph: shape, compartment, words, sign, badges."""

from __future__ import annotations

from gradviz.export import regions
from gradviz.export.moment import Moment
from gradviz.export.paint import Paint
from gradviz.export.shapes import outline, rounded, stripes
from gradviz.layout.measure import width
from gradviz.layout.sizes import LOW, compartment, fitted, lines, small
from gradviz.scene.model import Node, Position, at, grad_at
from gradviz.scene.style import Font, Kind, Look, kind_of, look, shortened, style


def draw(paint: Paint, moment: Moment, node: Node, position: Position) -> None:
    """A node at a moment. Its halo is drawn here too: it lies under its own glyph and over edges."""
    seen, tone, rank = looks(moment, node)
    x, y, w, h = position.x, position.y, position.w, position.h
    d = outline(seen.shape, x, y, w - 1, h - 1)
    table = style()
    regions.behind(paint, node, position, seen)
    if rank:
        halo = table.now if rank == "now" else table.twin
        paint.path(d, stroke=tone, width=halo["halo"], opacity=halo["halo_opacity"])
    paint.path(d, fill=seen.fill, opacity=seen.opacity)
    if seen.hatch:
        paint.path(stripes(seen.shape, x, y, w - 1, h - 1), stroke=seen.hatch, width=table.hatch["width"],
                   opacity=table.hatch["opacity"])
    room = _compartment(paint, moment, node, position, seen)
    paint.path(d, stroke=seen.stroke, width=seen.width, dash=seen.dash, opacity=seen.opacity)
    _ARRANGED[kind_of(node).arrange](paint, moment, node, position, seen, room)
    regions.before(paint, node, position, seen)
    if seen.mark:
        mark(paint, seen.mark, x - w / 2 + 2, y - h / 2 + 2)
    _badges(paint, moment, node, position)


def looks(moment: Moment, node: Node) -> tuple[Look, str, str]:
    """Look of a node with what the current step adds; the tone; "now", "twin" or ""."""
    seen, table, step = look(node.kind, moment.state[node.id]), style(), moment.step
    if node.glyph == "one" and node.kind == "group" and moment.state[node.id] == "done":
        seen = replace_look(seen, **table.one)
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
    back = node.kind == "mirror"
    left, top = position.x + position.w / 2 * (-1 if back else 1) - (0 if back else room), position.y - position.h / 2
    if there["fill"]:
        paint.path(_part(position, room, seen, back), fill=there["fill"])
    rule = left + room if back else left
    paint.path(f"M{rule:g} {top + 1:g}L{rule:g} {top + position.h - 1:g}", stroke=there["rule"], width=1,
               opacity=there["rule_opacity"])
    middle = left + room / 2 + (3 if back else -2 if seen.shape == "stadium" else 0)
    sign = Font(grad["sign"]["family"], grad["sign"]["size"], grad["sign"]["weight"])
    if text and position.h <= LOW:
        paint.text(text, middle, position.y, Font(**grad["text"]), there["ink"])
    elif text:
        paint.text("∇", middle, position.y - 7, sign, there["ink"])
        paint.text(text, middle, position.y + 6.5, Font(**grad["text"]), there["ink"])
    else:
        paint.text("∇", middle, position.y, Font(sign.family, grad["sign"]["alone"], sign.weight), there["ink"])
    return room


def _part(position: Position, room: float, seen: Look, back: bool) -> str:
    """The compartment's ground: at the right, or at the left of a hexagon."""
    x, y, w, h = position.x, position.y, position.w, position.h
    top = y - h / 2 + 0.5
    if back:
        cut, left = style().shapes["hexagon"]["cut"], x - w / 2 + 0.5
        return f"M{left + cut:g} {top:g}H{left + room:g}V{top + h - 1:g}H{left + cut:g}L{left:g} {y:g}Z"
    radius = min(style().shapes[seen.shape].get("radius", h / 2), h / 2) - 0.5
    return rounded(x + w / 2 - room, top, room - 0.5, h - 1, radius, right_only=True)


def _stack(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, room: float) -> None:
    flat = position.h <= LOW
    kind = style().kinds[node.kind]
    font = small(kind.label) if flat else kind.label
    x = position.x - room / 2 + (2 if room and seen.shape == "stadium" else 0)
    sub = "" if flat else moment.sub(node)
    label = fitted(moment.label(node), font, position.w - room - 2 * kind.pad + 8)
    paint.text(label, x, position.y - (6.5 if sub else 0), font, seen.ink, opacity=seen.text_opacity)
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
    label = fitted(moment.label(node), kind.label, position.w - (38 if seen.sign else 8))
    paint.text(label, position.x + (7 if seen.sign else 0), position.y, kind.label, seen.ink,
               opacity=seen.text_opacity)


def _value(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind = style().kinds[node.kind]
    found = grad_at(node, moment.seq)
    flat = position.h <= LOW
    font, sub = (small(kind.label), "") if flat else (kind.label, moment.sub(node))
    half, y = position.w / 2 - kind.pad, position.y - (6.5 if sub else 0)
    if found is None or not found[1]:
        paint.text(fitted(moment.label(node), font, 2 * half + 4), position.x, y, font, seen.ink,
                   opacity=seen.text_opacity)
    else:
        value = kind.value or kind.label
        label = fitted(moment.label(node), font, 2 * half - width(found[1], value) - 6)
        paint.text(label, position.x - half, y, font, seen.ink, anchor="start")
        paint.text(found[1], position.x + half, y, value, seen.value, anchor="end")
    paint.text(sub, position.x, position.y + 8.5, kind.sub, seen.sub, opacity=seen.text_opacity)


def _chip(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, _: float) -> None:
    kind: Kind = style().kinds[node.kind]
    sub = shortened(moment.sub(node))
    second = width(sub, kind.sub)
    label = fitted(moment.label(node), kind.label, position.w - 18 - (kind.gap + second if sub else 0))
    first = width(label, kind.label)
    total = first + (kind.gap + second if sub else 0)
    x = position.x - total / 2
    paint.text(label, x, position.y, kind.label, seen.ink, anchor="start", opacity=seen.text_opacity)
    paint.text(sub, x + first + kind.gap, position.y, kind.sub, seen.sub, anchor="start")


def _bar(paint: Paint, moment: Moment, node: Node, position: Position, seen: Look, room: float) -> None:
    """Name and class, and under it or after it how much is within; on the backward side all of it mirrored."""
    kind, back, low = kind_of(node), node.side == "backward", position.h <= LOW
    x, y = position.x - position.w / 2 + kind.pad + (room if back else kind.gap), position.y
    space = position.w - room - kind.gap - 2 * kind.pad
    classes, rest = lines(node, moment.sub(node))
    label = fitted(moment.label(node), kind.label, space)
    first = width(label, kind.label)
    fits = [text for text in ("  ".join([*classes, rest]) if low else "".join(classes), rest if low else "")
            if text.strip() and first + 6 + width(text, kind.sub) <= space]
    after = fits[0].strip() if fits else ""
    if low:
        x += max(0.0, space - first - (6 + width(after, kind.sub) if after else 0)) / 2
    high = y - 6.5 if rest and not low else y
    paint.text(label, x, high, kind.label, seen.ink, anchor="start", opacity=seen.text_opacity)
    paint.text(after, x + first + 6, high, kind.sub, seen.sub, anchor="start", opacity=seen.text_opacity)
    if rest and not low:
        short = rest if width(rest, kind.sub) <= space else rest.removesuffix(" params")
        paint.text(short, x, y + 7.5, kind.sub, seen.sub, anchor="start", opacity=seen.text_opacity)


_ARRANGED = {"bar": _bar, "stack": _stack, "sign": _sign, "line": _line, "value": _value, "chip": _chip}


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
    scale = table["on_chip"] if position.h < 30 else 1.0
    x, y = position.x + position.w / 2 - table["inset"], position.y - position.h / 2 + 0.5
    if len(shown) > 1:
        y -= table["lift"]
    for one, state in shown:
        x -= 2 * table["radius"] * scale + table["gap"] + badge(paint, one.kind, state, x, y, scale, one.count)


__all__ = ["badge", "draw", "looks", "mark"]
