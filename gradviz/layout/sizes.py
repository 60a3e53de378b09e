"""How much room a glyph takes: the widest that it ever gets, so that stepping moves nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gradviz.layout.measure import width
from gradviz.scene.model import Edge, Node
from gradviz.scene.style import Font, Kind, Pill, shortened, style


def size(node: Node) -> tuple[int, int]:
    """Width and height of a node in px, both even, over all its labels and states."""
    kind = style().kinds[node.kind]
    wide = _ARRANGED[kind.arrange](node, kind)
    if "failed" in {state for _, state in node.states}:
        wide = max(wide, _widest(node.label, kind.label) + 46)
    return _even(wide), _even(kind.height)


def compartment(node: Node) -> float:
    """Width of the gradient compartment in px; 0 where there is none."""
    if not node.grad or style().kinds[node.kind].arrange != "stack":
        return 0.0
    grad = style().grad
    font = Font(**grad["text"])
    widest = max(width(text, font) for _, _, text in node.grad)
    return float(_even(max(grad["width"], widest + 2 * grad["pad"])))


def pill_width(edge: Edge) -> float:
    """Width of the widest label that an edge ever bears."""
    pill = pill_of(edge)
    return max(width(shortened(text), font_of(pill)) for _, text in edge.label) + 2 * pill.pad


def pill_of(edge: Edge) -> Pill:
    """How the label of an edge looks at rest."""
    pills = style().pills
    if edge.kind in ("needs", "finds"):
        return pills["story"]
    return pills["gradient" if edge.kind == "gradient" else "data"]


def font_of(pill: Pill) -> Font:
    return Font(pill.family, pill.size, pill.weight)


def _even(length: float) -> int:
    return 2 * math.ceil(length / 2)


def _widest(track: Iterable[tuple[int, str]], font: Font) -> float:
    return max((width(shortened(text), font) for _, text in track), default=0.0)


def _stack(node: Node, kind: Kind) -> float:
    words = max(_widest(node.label, kind.label), _widest(node.sub, kind.sub))
    least = kind.least if node.grad else kind.alone
    return max(least, words + 2 * kind.pad) + compartment(node)


def _sign(node: Node, kind: Kind) -> float:
    sign = kind.sign["width"] + kind.sign["gap"] if node.glyph or node.kind == "write" else 0.0
    sub = _widest(node.sub, kind.sub)
    return max(kind.least, sign + _widest(node.label, kind.label) + (sub + 6 if sub else 0.0) + 2 * kind.pad)


def _line(node: Node, kind: Kind) -> float:
    return max(kind.least, _widest(node.label, kind.label) + 2 * kind.pad)


def _value(node: Node, kind: Kind) -> float:
    value = max((width(text, kind.value or kind.label) for _, _, text in node.grad), default=0.0)
    first = _widest(node.label, kind.label) + (value + 10 if value else 0.0)
    return max(kind.least, max(first, _widest(node.sub, kind.sub)) + 2 * kind.pad)


def _chip(node: Node, kind: Kind) -> float:
    sub = _widest(node.sub, kind.sub)
    return max(kind.least, _widest(node.label, kind.label) + (sub + kind.gap if sub else 0.0) + 2 * kind.pad)


_ARRANGED = {"stack": _stack, "sign": _sign, "line": _line, "value": _value, "chip": _chip}
