"""What is on the picture: a Scene has no positions and no colours, only things, links and the events that change them.

Time is an interval: a *track* is a list of ``(seq, what)``, sorted; at event ``k`` the last entry with ``seq <= k``
holds. Nothing holds before the first entry. Every renderer (canvas, SVG, DOT) reads the same Scene, and finds how a
``(kind, state)`` looks in ``style.json``.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TypeVar

from msgspec import Struct, field

T = TypeVar("T")
Track = list[tuple[int, str]]


class Badge(Struct, frozen=True):
    """A disc at the top right. ``kind``: retain (states idle, kept) or hook (idle, running; ``count`` hooks)."""

    kind: str
    states: Track
    count: int = 1


class Node(Struct):
    """A glyph.

    ==========  ===========  ======================================  ====================================
    kind        side         is                                      states
    ==========  ===========  ======================================  ====================================
    leaf        forward      leaf or parameter that takes a gradient future live lost overwritten nan
    input       forward      tensor that takes no gradient           future live lost overwritten nan
    tensor      forward      intermediate tensor                     future live lost overwritten nan
    op          forward      op                                      future done failed nan nan_on
    write       forward      in-place op                             future done broken
    node        backward     backward node                           future waiting ran released failed nan_on
    accumulate  backward     AccumulateGrad of a leaf                future waiting done
    gradient    backward     gradient of an intermediate tensor      future awaited partial complete nan
    none        backward     no gradient goes there                  future idle
    alias       either       another place of ``alias_of``           future live tensor quiet
    group       forward      closed group of ops                     future running done nan nan_on
    mirror      backward     the backward nodes of a closed group    future waiting running ran released failed nan_on
    ==========  ===========  ======================================  ====================================

    ``nan``: made here; ``nan_on``: came from elsewhere. An alias is live for a leaf, tensor for an intermediate tensor
    or its gradient, quiet for what takes no gradient.

    ``id`` is stable over time and unique in the scene. ``label`` is the user's word, ``sub`` the small line under it
    (shape, "AccumulateGrad", "2 · v0"). ``glyph``: operator sign of an op; of a closed group
    roll, module (of a few ops), one (op that made many nodes) or "". ``grad``: the compartment at the right, a
    track of ``(seq, state, text)`` with states awaited, passed, kept. ``twin``: the node that it faces on the other
    side. ``event``: the seq where it was made. ``ref``: ids for the inspector, e.g. ``{"tid": 17}`` or ``{"nid": 4}``.
    ``letter``: of an alias and of what it is another place of.
    ``home``: the region in which it stands, "" for none. ``saved``: of a backward node, what it holds: glyph and words.
    """

    id: str
    side: str
    kind: str
    label: Track
    sub: Track
    states: Track
    event: int
    span: int = 0
    glyph: str = ""
    grad: list[tuple[int, str, str]] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    twin: str = ""
    alias_of: str = ""
    letter: str = ""
    home: str = ""
    ref: dict[str, int] = field(default_factory=dict)
    saved: list[tuple[str, str]] = field(default_factory=list)


class Edge(Struct):
    """A link from ``source`` to ``target`` in the direction in which things flow (backward edges point to inputs).

    ``kind``: data (forward), gradient (backward), view (tensor to its base), cut (detach or no_grad between),
    needs / finds (story: from the failing node to the lost and to the overwritten version). States: future, rest,
    flowed, stale, cut. ``label``: a pill on the edge (norm of what flowed, "needs version 0").
    """

    id: str
    source: str
    target: str
    kind: str
    states: Track
    label: Track = field(default_factory=list)


class Group(Struct):
    """A frame around glyphs: ``kind`` storage (versions and aliases of one storage; members stand in one row, in this
    order) or no_grad. Visible from ``since``."""

    id: str
    kind: str
    label: str
    members: list[str]
    since: int


class Region(Struct, frozen=True):
    """An open group, on both sides: a module call, a function, a roll of equal stretches, a turn of a loop or a part
    of something long. ``id``: "2.0" is within "2", and alike in every iteration. ``about``: class or line. ``ops`` and
    ``nodes``: how many are within, shown or not; ``first`` and ``last``: events of its first and last op."""

    id: str
    kind: str
    label: str
    about: str
    times: int
    ops: int
    nodes: int
    first: int
    last: int


class Inside(Struct, frozen=True):
    """Which closed group each event happens in that one stops at: ``runs`` of (first event, code), the code standing
    for ``glyphs[code - 1]``, 0 for none."""

    glyphs: list[str]
    runs: list[tuple[int, int]]


class Stop(Struct, frozen=True):
    """A numbered stop of a finding's story: where to go (``seq``), what to mark (``nodes``, ``span``), what to say."""

    number: int
    seq: int
    title: str
    text: str
    span: int
    nodes: list[str]


class Step(Struct, frozen=True):
    """What a steppable event does on the picture. ``focus`` get the halo and ``twins`` the pale one; along ``edges``
    something flows. ``phase``: forward, backward, hook, write, error or mark: the tone."""

    seq: int
    phase: str
    focus: list[str]
    twins: list[str]
    edges: list[str]


class Scene(Struct):
    """The picture of one graph: that of one backward call, or of the forward after the last one.

    ``graph``: its number; ``call``: the backward call's number, 0 if none; ``first`` and ``last``: the events during
    which it is shown; ``heads``: what the two pane heads say; ``regions``: outer ones first; ``shown`` of ``total``
    ops, nodes and groups. ``compact``: tensors are folded into their edges, and all is closer and smaller.
    """

    graph: int
    call: int
    first: int
    last: int
    heads: tuple[str, str]
    nodes: list[Node]
    edges: list[Edge]
    groups: list[Group]
    stops: list[Stop]
    steps: list[Step]
    regions: list[Region] = field(default_factory=list)
    inside: Inside = Inside([], [])
    shown: int = 0
    total: int = 0
    compact: bool = False


class Position(Struct, frozen=True):
    """Centre and size in CSS pixels at scale 1, in the coordinates of its side: x to the right, y down, from (0, 0)."""

    x: float
    y: float
    w: float
    h: float


class Placed(Struct, frozen=True):
    """Where everything stands. Both sides measure ``width`` x ``height``; twins share y and have mirrored x.

    ``routes``: per edge id a path of points: start, then (control, control, end) a cubic, as often as needed. An edge
    between the sides (needs, finds) has no route: it is drawn across the axis by the renderer's own rule.
    ``labels``: where an edge's pill stands. ``frames``: per group id (x, y, w, h), top left; ``regions``: the same per
    region id, of its forward side; ``joins``: per backward node where the edges meet whose gradients add up.
    """

    width: float
    height: float
    nodes: dict[str, Position]
    routes: dict[str, list[tuple[float, float]]]
    labels: dict[str, tuple[float, float]]
    frames: dict[str, tuple[float, float, float, float]]
    regions: dict[str, tuple[float, float, float, float]] = {}
    joins: dict[str, tuple[float, float]] = {}


def at(track: list[tuple[int, str]], seq: int, default: str = "") -> str:
    """What a track says at event ``seq``."""
    place = bisect_right(track, seq, key=lambda entry: entry[0])
    return track[place - 1][1] if place else default


def grad_at(node: Node, seq: int) -> tuple[str, str] | None:
    """State and text of the gradient compartment at event ``seq``; None where there is none."""
    place = bisect_right(node.grad, seq, key=lambda entry: entry[0])
    return node.grad[place - 1][1:] if place else None
