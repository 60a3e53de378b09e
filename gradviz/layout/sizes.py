"""How much room a glyph takes: the widest that it ever gets, so that stepping moves nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from gradviz.layout.measure import width
from gradviz.scene.model import Edge, Node
from gradviz.scene.style import Font, Kind, Pill, kind_of, shortened, style

LOW = 26
"""Height of a glyph whose small line is left out."""
SCALE = 0.76
"""The least scale at which a picture is first shown."""
SIDE, SMALL, TENSOR = 104.0, 132.0, 170.0
"""Width that a flat input, the words of another flat glyph, and those of a tensor or its gradient get at most."""
FLAT = frozenset(("leaf", "input", "tensor", "accumulate"))
"""Kinds that are flat in a compact picture."""
NAMED = FLAT | {"alias", "gradient"}
"""Kinds that in a compact picture have room for their last name only."""


def size(node: Node, compact: bool = False, most: float = float("inf")) -> tuple[int, int]:
    """Width and height of a node in px, both even, over all its labels and states; at most ``most`` wide."""
    kind = kind_of(node)
    flat = compact and node.kind in FLAT
    if compact and node.kind in NAMED:
        node = msgspec.structs.replace(node, label=node.label[-1:], sub=[] if flat else node.sub)
    if flat:
        kind = msgspec.structs.replace(kind, least=kind.least - 12, alone=kind.alone - 24)
        kind = msgspec.structs.replace(kind, label=small(kind.label))
        words = SIDE if node.kind == "input" else SMALL
        most = min(most, words + (36 if node.kind == "accumulate" and node.grad else compartment(node)))
    elif node.kind in ("tensor", "gradient"):
        most = min(most, TENSOR + compartment(node))
    wide = _ARRANGED[kind.arrange](node, kind)
    if "failed" in {state for _, state in node.states}:
        wide = max(wide, _widest(node.label, kind.label) + 46)
    return _even(min(wide, most)), LOW if flat else _even(kind.height)


def small(font: Font) -> Font:
    """The font of a flat glyph."""
    return Font(font.family, min(font.size, 11.5), font.weight)


def compartment(node: Node) -> float:
    """Width of the gradient compartment in px; 0 where there is none."""
    if not node.grad or kind_of(node).arrange not in ("stack", "bar"):
        return 0.0
    grad = style().grad
    font = Font(**grad["text"])
    widest = max(width(text, font) for _, _, text in node.grad)
    if node.kind == "mirror":
        most = f"{node.ref['nodes']:,}"
        widest = max(widest, width(f"{most}/{most}", font))
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


def fitted(text: str, font: Font, room: float) -> str:
    """A label as it is drawn where there is ``room``: of a longer one the middle gives way to an ellipsis."""
    said = shortened(text)
    for most in range(len(said) - 1, 3, -1):
        if width(said, font) <= room:
            break
        said = shortened(text, most)
    return said


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


def _bar(node: Node, kind: Kind) -> float:
    """A closed group: name and class, and under it or after it how much is within."""
    first, second = lines(node, node.sub[-1][1] if node.sub else "")
    kind = msgspec.structs.replace(kind, label=_seen(kind.label), sub=_seen(kind.sub))
    name = _widest(node.label, kind.label)
    wide = [name + sum(width(text, kind.sub) + 6 for text in first if text), width(second, kind.sub)]
    words = max(wide) if kind.height > LOW else sum(wide) + (6 if second else 0)
    return max(kind.least, min(words + 4 + 2 * kind.pad + kind.gap, kind.alone)) + compartment(node)


def _seen(font: Font) -> Font:
    """A font as it is drawn at the least scale, where words do not shrink any more."""
    return Font(font.family, max(font.size, style().least / SCALE), font.weight)


def lines(node: Node, sub: str) -> tuple[list[str], str]:
    """Of a closed group what stands after its name and what under it: its class, and how much is within."""
    first, _, rest = sub.partition(" · ")
    if first[:1].isdigit():
        return [], sub
    if node.glyph == "module":
        last = rest.rpartition(" · ")[2]
        return [first], last.removesuffix(" params") if last.endswith(" params") else ""
    return [first], rest


def _value(node: Node, kind: Kind) -> float:
    value = max((width(text, kind.value or kind.label) for _, _, text in node.grad), default=0.0)
    first = _widest(node.label, kind.label) + (value + 10 if value else 0.0)
    return max(kind.least, max(first, _widest(node.sub, kind.sub)) + 2 * kind.pad)


def _chip(node: Node, kind: Kind) -> float:
    sub = _widest(node.sub, kind.sub)
    return max(kind.least, _widest(node.label, kind.label) + (sub + kind.gap if sub else 0.0) + 2 * kind.pad)


_ARRANGED = {"stack": _stack, "sign": _sign, "line": _line, "value": _value, "chip": _chip, "bar": _bar}
