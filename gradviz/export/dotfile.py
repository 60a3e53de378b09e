"""A moment as Graphviz text: positions are given, so ``neato -n2`` and friends draw the same picture."""

from __future__ import annotations

from typing import cast

import graphviz

from gradviz.export.glyphs import looks
from gradviz.export.moment import Moment
from gradviz.layout import GAP
from gradviz.scene.model import Edge, Node, Placed, Position, Scene, at, grad_at
from gradviz.scene.style import colours, line, shortened, style

SHAPES = {"stadium": ("box", "rounded"), "rect": ("box", ""), "rounded": ("box", "rounded"), "hexagon": ("hexagon", ""),
          "octagon": ("octagon", ""), "pill": ("box", "rounded"), "diamond": ("diamond", ""), "disc": ("circle", "")}
INCH = 72.0


def dot(scene: Scene, placed: Placed, seq: int, graph: str = "both", theme: str = "light") -> str:
    """The scene at event ``seq`` as DOT. Labels are plain text: nothing in them is markup."""
    moment, palette = Moment(scene, seq), colours(theme)
    sheet = graphviz.Digraph("gradviz", engine="neato", graph_attr={
        "inputscale": "72", "splines": "true", "bgcolor": palette["pane"], "outputorder": "edgesfirst",
        "fontname": "DejaVu Sans"}, node_attr={"fixedsize": "true"}, edge_attr={"fontname": "DejaVu Sans Mono",
                                                                            "fontsize": "10"})
    sides = ("forward", "backward") if graph == "both" else (graph,)
    shift = placed.width + GAP if graph == "both" else 0.0
    for node in scene.nodes:
        if node.side in sides:
            _node(sheet, moment, node, placed, shift if node.side == "backward" else 0.0, palette)
    for edge in scene.edges:
        if moment.nodes[edge.source].side in sides and moment.nodes[edge.target].side in sides:
            _edge(sheet, moment, edge, palette)
    return str(sheet.source)


def name(glyph: str) -> str:
    """A node's name: without the colon that DOT reads as a port."""
    return glyph.replace(":", "_")


def text(*lines: str) -> str:
    """A label that DOT takes letter by letter: neither escapes nor HTML."""
    escaped = (shortened(line_).replace("\\", "\\\\") for line_ in lines if line_)
    return cast(str, graphviz.nohtml("\\n".join(escaped)))  # a str that the quoting knows


def _node(sheet: graphviz.Digraph, moment: Moment, node: Node, placed: Placed, shift: float,
          palette: dict[str, str]) -> None:
    seen, _, _ = looks(moment, node)
    position: Position = placed.nodes[node.id]
    shape, rounded = SHAPES[seen.shape]
    found = grad_at(node, moment.seq)
    label = f"{node.glyph} {moment.label(node)}" if node.glyph else moment.label(node)
    styles = ["filled", *([rounded] if rounded else []), *(["dashed"] if seen.dash else [])]
    grad = f"∇ {found[1]}" if found and found[1] else ""
    sheet.node(name(node.id), text(label, f"{moment.sub(node)} {grad}".strip()),
               pos=f"{position.x + shift:g},{placed.height - position.y:g}!", width=f"{position.w / INCH:.3f}",
               height=f"{position.h / INCH:.3f}", shape=shape, style=",".join(styles), fillcolor=palette[seen.fill],
               color=palette[seen.stroke], fontcolor=palette[seen.ink], penwidth=f"{seen.width:g}",
               fontname="DejaVu Sans Mono", fontsize=f"{style().kinds[node.kind].label.size - 2:g}",
               tooltip=text(f"{node.kind}, {moment.state[node.id]}"))


def _edge(sheet: graphviz.Digraph, moment: Moment, edge: Edge, palette: dict[str, str]) -> None:
    state = moment.edge_state(edge)
    seen = line(edge.kind, state, moment.variant(edge))
    dash = "dotted" if state == "future" or seen.dash == (1.0, 3.0) else "dashed" if seen.dash else "solid"
    says = at(edge.label, moment.seq) if state != "future" else ""
    sheet.edge(name(edge.source), name(edge.target), text(says) if says else None, color=palette[seen.stroke],
               fontcolor=palette[seen.stroke], penwidth=f"{seen.width:g}", style=dash, arrowsize="0.6",
               arrowhead="tee" if seen.head in ("cut", "cross") else "normal")
