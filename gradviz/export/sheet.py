"""The whole picture as one SVG: title, two sides and the axis between them, legend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil

from gradviz.export import glyphs, legend, links, regions
from gradviz.export.moment import Moment
from gradviz.export.paint import Paint, clean, wrapped
from gradviz.export.shapes import outline, rounded
from gradviz.layout import GAP
from gradviz.layout.measure import width as measured
from gradviz.scene.model import Node, Placed, Position, Scene, Stop
from gradviz.scene.style import Font, style

GRAPHS = ("both", "forward", "backward")
PAD = 20.0
HEAD = 30.0
LEAST = 420.0
MOST = 900.0
"""Words alone do not make a picture wider than this."""
TITLE = Font("mono", 14, 700)
SMALL = Font("ui", 11, 400)
SENTENCE = Font("ui", 12.5, 400)
CAPITALS = Font("ui", 10.5, 700)


@dataclass(frozen=True)
class Caption:
    """The words over the picture: the trace's name, and what happens at the event. Plain text."""

    name: str = ""
    event: str = ""
    sentence: str = ""


def svg(scene: Scene, placed: Placed, seq: int, graph: str = "both", theme: str = "light",
        caption: Caption | None = None) -> str:
    """The scene at event ``seq``; ``graph`` both, forward or backward. Raises ValueError for other words."""
    if graph not in GRAPHS:
        raise ValueError(f"graph must be one of {', '.join(GRAPHS)}, not {graph!r}")
    caption = caption or Caption()
    moment, paint = Moment(scene, seq), Paint(theme)
    sides = frozenset(("forward", "backward") if graph == "both" else (graph,))
    content = 2 * placed.width + GAP if graph == "both" else placed.width
    width = max(content + 2 * PAD, LEAST, _head_room(scene, graph))
    title = _title(caption, width - 2 * PAD)
    top = title.height + HEAD
    rows = legend.lines(legend.entries(moment, sides), width - 2 * PAD)
    foot = legend.ROW * len(rows) + 20 if rows else 0.0
    height = ceil(top + placed.height + foot)
    left = (width - content) / 2
    paint.path(f"M0 0H{width:g}V{height:g}H0Z", fill="pane")
    _draw_title(paint, title, width)
    _heads(paint, scene, placed, graph, left, width, title.height, top + placed.height)
    paint.out.append(f'<g transform="translate({left:g} {top:g})">')
    if "forward" in sides:
        _side(paint, moment, placed, "forward", 0.0)
    if "backward" in sides:
        _side(paint, moment, placed, "backward", placed.width + GAP if graph == "both" else 0.0)
    if graph == "both":
        links.tie(paint, moment, placed)
        links.story(paint, moment, placed)
        _stops(paint, moment, placed, {"forward": 0.0, "backward": placed.width + GAP})
    else:
        _stops(paint, moment, placed, {graph: 0.0})
    paint.end()
    if rows:
        y = top + placed.height
        paint.path(f"M0 {y:g}H{width:g}", stroke="line", width=1)
        legend.draw(paint, moment, rows, PAD, y + 10)
    return _document(paint, caption, seq, width, height)


def _document(paint: Paint, caption: Caption, seq: int, width: float, height: float) -> str:
    about = {"trace": caption.name, "event": seq, "theme": paint.theme, "generator": "gradviz"}
    w, h = f"{width:g}", f"{height:g}"
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img">',
        f"<title>{clean(f'{caption.name}, event {seq}' if caption.name else f'event {seq}')}</title>",
        f"<desc>{clean(caption.sentence)}</desc>",
        f"<metadata>{clean(json.dumps(about, ensure_ascii=False))}</metadata>",
        *paint.out, "</svg>", ""])


# --- title and heads -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Title:
    first: str
    event: str
    lines: list[str]
    height: float


def _title(caption: Caption, room: float) -> _Title:
    if not (caption.name or caption.event or caption.sentence):
        return _Title("", "", [], 0.0)
    lines = wrapped(caption.sentence, SENTENCE, room) if caption.sentence else []
    return _Title(caption.name, caption.event, lines, 44.0 + 18 * len(lines))


def _draw_title(paint: Paint, title: _Title, width: float) -> None:
    if not title.height:
        return
    name = wrapped(title.first, TITLE, width - 2 * PAD - 140)[0]
    paint.text(name if name == title.first else f"{name[:-1]}…", PAD, 24, TITLE, "ink", anchor="start")
    paint.text(title.event, width - PAD, 24, SMALL, "ink3", anchor="end")
    for number, line in enumerate(title.lines):
        paint.text(line, PAD, 47 + 18 * number, SENTENCE, "ink", anchor="start")
    paint.path(f"M0 {title.height:g}H{width:g}", stroke="line", width=1)


def _head_room(scene: Scene, graph: str) -> float:
    """How wide the sheet must be for its pane heads to say all they have to."""
    panes = [measured(side.upper(), CAPITALS) + measured(says, SMALL) + 2 * PAD + 24
             for side, says in zip(("forward", "backward"), scene.heads, strict=True) if graph in ("both", side)]
    return min(len(panes) * max(panes), MOST)


def _heads(paint: Paint, scene: Scene, placed: Placed, graph: str, left: float, width: float, top: float,
           bottom: float) -> None:
    """Pane heads, and the axis of the mirror."""
    y = top + HEAD / 2
    paint.path(f"M0 {top + HEAD:g}H{width:g}", stroke="line", width=1)
    axis = left + placed.width + GAP / 2
    if graph == "both":
        paint.path(f"M{axis:g} {top:g}V{bottom:g}", stroke="line", width=1)
    panes = {"forward": (PAD, axis if graph == "both" else width, scene.heads[0]),
             "backward": (axis + 16 if graph == "both" else PAD, width, scene.heads[1])}
    for side, (start, end, says) in panes.items():
        if graph in ("both", side):
            paint.text(side.upper(), start, y, CAPITALS, "ink2", anchor="start")
            room = end - start - measured(side.upper(), CAPITALS) - 36
            text = wrapped(says, SMALL, room)[0] if says else ""
            whole = text == " ".join(says.split())
            paint.text(text if whole else f"{text} …", end - 16, y, SMALL, "ink3", anchor="end")


# --- one side --------------------------------------------------------------------------------------------------------
def _side(paint: Paint, moment: Moment, placed: Placed, side: str, shift: float) -> None:
    paint.out.append(f'<g id="{side}" transform="translate({shift:g} 0)">')
    nodes = [node for node in moment.scene.nodes if node.side == side]
    mine = {node.id for node in nodes}
    regions.grounds(paint, moment, placed, side)
    _frames(paint, moment, placed, mine)
    edges = [edge for edge in moment.scene.edges if edge.id in placed.routes and edge.source in mine]
    for edge in sorted(edges, key=lambda edge: links.order(moment, edge)):
        links.draw(paint, moment, edge, placed.routes[edge.id])
    views = {edge.source for edge in edges if edge.kind == "view"}
    for node in nodes:
        if node.id in views:
            _second(paint, moment, node, placed.nodes[node.id])
        paint.group(f"node-{node.id}", moment.label(node))
        glyphs.draw(paint, moment, node, placed.nodes[node.id])
        paint.end()
    if side == "backward":
        regions.joins(paint, moment, placed)
    regions.titles(paint, moment, placed, side)
    for edge in edges:
        if edge.id in placed.labels:
            links.words(paint, moment, edge, placed.labels[edge.id])
    paint.end()


def _second(paint: Paint, moment: Moment, node: Node, position: Position) -> None:
    """The outline behind a view."""
    seen, _, _ = glyphs.looks(moment, node)
    view = style().view
    if moment.state[node.id] != "future":
        x, y = position.x + view["dx"], position.y + view["dy"]
        paint.path(outline(seen.shape, x, y, position.w - 1, position.h - 1), fill="pane", stroke=view["stroke"],
                   width=view["width"], dash=tuple(view["dash"]))


def _frames(paint: Paint, moment: Moment, placed: Placed, mine: set[str]) -> None:
    for group in moment.scene.groups:
        if group.id not in placed.frames or not mine.intersection(group.members):
            continue
        look = style().frames[group.kind]
        left, top, w, h = placed.frames[group.id]
        faint = 1.0 if moment.seq >= group.since else look["before"]
        d = rounded(left, top, w, h, look["radius"])
        paint.path(d, fill=look["fill"], opacity=faint)
        paint.path(d, stroke=look["stroke"], width=look["width"], dash=tuple(look["dash"]), opacity=faint)
        font = Font(look["family"], look["size"], look["weight"])
        paint.text(group.label, left + w - 10, top + 12, font, look["ink"], anchor="end", opacity=faint)


def _stops(paint: Paint, moment: Moment, placed: Placed, shift: dict[str, float]) -> None:
    """Numbered discs of the story at the corner of what they speak of, away from the axis on the forward side."""
    used: dict[str, int] = {}
    for stop in moment.stops:
        for glyph in stop.nodes[:1]:
            node = moment.nodes.get(glyph)
            if node is None or node.side not in shift:
                continue
            position = placed.nodes[glyph]
            count = used[glyph] = used.get(glyph, 0) + 1
            away = -1 if node.side == "forward" else 1
            x = position.x + shift[node.side] + away * (position.w / 2 + 1) - away * 21 * (count - 1)
            disc(paint, stop, x, position.y - position.h / 2 - 1, current=stop.number == moment.current)


def disc(paint: Paint, stop: Stop, x: float, y: float, *, current: bool) -> None:
    """One numbered stop."""
    look = style().stop
    there = look["now" if current else "rest"]
    paint.circle(x, y, look["radius"] + look["ring"], fill="pane")
    paint.circle(x, y, look["radius"], fill=there["fill"], stroke=there["stroke"], width=look["width"])
    paint.text(str(stop.number), x, y, Font(look["family"], look["size"], look["weight"]), there["ink"])
