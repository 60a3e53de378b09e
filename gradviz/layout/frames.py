"""Frames around groups: only where nothing foreign would stand in them."""

from __future__ import annotations

from gradviz.layout.measure import width
from gradviz.scene.model import Position, Scene
from gradviz.scene.style import Font, style

Frame = tuple[float, float, float, float]


def frames(scene: Scene, nodes: dict[str, Position], total: float) -> dict[str, Frame]:
    """Left, top, width and height of each group's frame. A group whose box would hold others gets none."""
    side = {node.id: node.side for node in scene.nodes}
    found: dict[str, Frame] = {}
    for group in scene.groups:
        members = [member for member in group.members if member in nodes]
        if not members:
            continue
        look = style().frames[group.kind]
        inner = _around([nodes[member] for member in members])
        words = width(group.label, Font(look["family"], look["size"], look["weight"])) + 2 * look["pad"]
        frame = _padded(inner, look["pad"], look["top"], words, total)
        mine = set(members)
        foreign = any(_meets(frame, nodes[node]) for node in nodes
                      if node not in mine and side[node] == side[members[0]])
        if not foreign and not any(_overlap(frame, other) for other in found.values()):
            found[group.id] = frame
    return found


def _around(positions: list[Position]) -> Frame:
    left = min(p.x - p.w / 2 for p in positions)
    top = min(p.y - p.h / 2 for p in positions)
    right = max(p.x + p.w / 2 for p in positions)
    bottom = max(p.y + p.h / 2 for p in positions)
    return left, top, right, bottom


def _padded(inner: Frame, pad: float, top: float, words: float, total: float) -> Frame:
    left, right = inner[0] - pad, inner[2] + pad
    right = max(right, min(left + words, total - 4))
    return left, inner[1] - top, right - left, inner[3] + pad - inner[1] + top


def _meets(frame: Frame, p: Position) -> bool:
    return _overlap(frame, (p.x - p.w / 2, p.y - p.h / 2, p.w, p.h))


def _overlap(a: Frame, b: Frame) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
