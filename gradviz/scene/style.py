"""How everything on the picture looks: the one table ``style.json``, typed for Python, served as it is to the page.

The table is declarative, so that two renderers (SVG here, canvas in the browser) cannot disagree:

``themes``      colour of each token, per theme. All other colours in the table are token names; "" paints nothing.
``families``    font stacks; ``least`` is the smallest text size on the canvas, whatever the zoom;
                of labels longer than ``most`` characters the middle gives way to an ellipsis (:func:`shortened`).
``shapes``      ``radius``: corners; ``cut``: how far a hexagon's or octagon's corners are cut; ``grow``: by how much
                the shape is larger on each side than its place. Stadium and pill have ends of half their height.
``kinds``       per node kind: height, least width (of the words' part; ``alone`` where there is no compartment),
                padding at left and right, fonts, and how the words stand:

                - stack: label 6.5 px above the middle, sub 8.5 px below it; left of the gradient compartment
                - sign:  operator (or the look's sign) and label, side by side, centred together; then sub
                - line:  the label alone, centred; with a sign 13 px from the left, 7 px to the right of the middle
                - value: as stack; the text of ``Node.grad`` stands right-aligned in the label's line
                - chip:  label, ``gap``, sub, side by side and centred together
                - bar:   label and class, and under them (low glyphs: after them) what is within, from the left, after
                  a chevron of ``gap``; ``alone``: most of that. What has no room gives way: class, then the rest

                A glyph that a compact picture makes lower than its kind has no sub.

``look``        what a look has when it does not say otherwise. ``looks[kind][state]``: fill, stroke, ink (label),
                sub and value (other words), dash, hatch (token of the stripes), width, opacity, text_opacity, sign (a
                path drawn in the glyph), mark (a small shape with a sign at the top left corner).
``one``         on top of a closed group's look where it is one op, closed as it made many nodes.
``grad``        the compartment at the right of leaf and tensor: sign ``∇`` over the text, or alone while awaited.
``edge``        default of ``edges[kind][state]``; ``head``: arrow (triangle 1.5 x 1.6 head sizes), cut (arrow, and
                the sign "cut" across the middle), cross (the sign at the end), none. ``edge_variants`` go on top of
                rest and flowed: ``from_input`` (source kind input; data), ``to_none`` (target kind none; gradient),
                ``broken_write`` (source or target is a write in state broken; data).
``pills``       edge labels: gradient and data; ``gradient_now`` on an edge of the current step; saved for needs and
                finds in state rest or flowed, story for them later.
``badges``      discs centred ``inset`` left of the top right corner, side by side from there to the left, ``gap``
                apart; several stand ``lift`` higher, so that they cover no words. Over 1, a hook's count stands in
                the disc at the right of its sign and the disc grows to the left into a capsule.
``signs``       SVG path strings around (0, 0), as Path2D takes them; ``paint`` fill or stroke with ``width``.
``tones``       token of each phase. ``now``: halo in the tone (width 9 at 22 %), then the outline in the tone; a
                backward node that runs takes ``node_fill`` and ``node_ink``. ``twin``: the paler version.
``tie``         dotted line across the axis between the focus and its twin, with a knot on the axis.
``view``        second outline of a tensor that is the source of a view edge, drawn behind it.
``frames``      around groups; ``before``: opacity until the group's event.
``region``      around open groups, with a title ``head`` px high; ``fills`` by turns from the outside in.
``legend``      in order; what to draw for the entry, its word and its meaning.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from gradviz.scene.model import Node

THEMES: Final = ("light", "dark")


class Font(Struct, frozen=True):
    """Words: ``family`` mono or ui, size in px."""

    family: str
    size: float
    weight: int


class Sign(Struct, frozen=True):
    """A path around (0, 0)."""

    d: str
    paint: str
    width: float


class Kind(Struct, frozen=True):
    """Measures and fonts of a node kind."""

    arrange: str
    height: float
    least: float
    pad: float
    label: Font
    sub: Font
    value: Font | None = None
    sign: dict[str, Any] = field(default_factory=dict)
    gap: float = 0.0
    alone: float = 0.0


class Look(Struct, frozen=True):
    """How a glyph of one kind looks in one state."""

    shape: str
    fill: str
    stroke: str
    ink: str
    sub: str
    value: str
    dash: tuple[float, ...]
    hatch: str
    width: float
    opacity: float
    text_opacity: float
    sign: str
    mark: str


class Line(Struct, frozen=True):
    """How an edge of one kind looks in one state."""

    stroke: str
    width: float
    dash: tuple[float, ...]
    head: str
    head_size: float
    opacity: float


class Pill(Struct, frozen=True):
    """How an edge's label looks."""

    family: str
    size: float
    weight: int
    height: float
    pad: float
    fill: str
    stroke: str
    ink: str


class Entry(Struct, frozen=True):
    """One mark of the legend."""

    key: str
    label: str
    kind: str
    state: str
    text: str


class Style(Struct, frozen=True):
    """The whole table; parts that one renderer reads in one place stay plain dictionaries."""

    version: int
    themes: dict[str, dict[str, str]]
    families: dict[str, str]
    least: float
    most: int
    widths: dict[str, float]
    shapes: dict[str, dict[str, float]]
    kinds: dict[str, Kind]
    look: dict[str, Any]
    looks: dict[str, dict[str, dict[str, Any]]]
    one: dict[str, str]
    grad: dict[str, Any]
    edge: dict[str, Any]
    edges: dict[str, dict[str, dict[str, Any]]]
    edge_variants: dict[str, dict[str, Any]]
    pills: dict[str, Pill]
    badges: dict[str, Any]
    signs: dict[str, Sign]
    marks: dict[str, dict[str, Any]]
    hatch: dict[str, float]
    tones: dict[str, str]
    now: dict[str, Any]
    twin: dict[str, float]
    tie: dict[str, Any]
    selected: dict[str, Any]
    path: dict[str, Any]
    view: dict[str, Any]
    stop: dict[str, Any]
    frames: dict[str, dict[str, Any]]
    region: dict[str, Any]
    legend: list[Entry]


def source() -> bytes:
    """The table as it lies on disk: what the page gets."""
    return files(__package__).joinpath("style.json").read_bytes()


@cache
def style() -> Style:
    """The table, read once and checked against the types above."""
    return msgspec.json.decode(source(), type=Style)


def kind_of(node: Node) -> Kind:
    """Measures and fonts of a node: a closed module of a few ops is lower than other groups."""
    return style().kinds["module" if node.glyph in ("module", "one") else node.kind]


@cache
def look(kind: str, state: str) -> Look:
    """How a glyph looks; an unknown state looks like the future, so that a new one is seen and not hidden."""
    table = style()
    states = table.looks[kind]
    return msgspec.convert({**table.look, **states.get(state, states["future"])}, Look)


@cache
def line(kind: str, state: str, variant: str = "") -> Line:
    """How an edge looks; ``variant`` names an entry of ``edge_variants`` and counts in the states rest and flowed."""
    table = style()
    states = table.edges[kind]
    over = table.edge_variants[variant] if variant and state in ("rest", "flowed") else {}
    return msgspec.convert({**table.edge, **states.get(state, states["future"]), **over}, Line)


def shortened(text: str, most: int = 0) -> str:
    """A label as it is drawn: one line, and of a long one its beginning and its end."""
    text, most = " ".join(text.split()), most or style().most
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[:most - 1 - tail]}…{text[-tail:]}"


@cache
def colours(theme: str) -> dict[str, str]:
    """Token to colour; "" and "none" paint nothing. Raises ValueError for a theme that is not there."""
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, not {theme!r}")
    return {**style().themes[theme], "": "none", "none": "none"}
