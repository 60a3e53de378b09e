"""The vocabulary of a trace: every event kind, its fields and their types.

One table serves everybody: the argument order of a :class:`gradviz.probe.Sink` method is the field order here, and
that is the column order in the file. A value of a struct type travels as a plain tuple in the order of its fields
(the named tuples below may be used; a bare tuple is as good and faster).

Ids (``tid`` tensor, ``sid`` storage, ``cid`` version counter, ``nid`` node, ``call`` backward call, ``id`` of an op,
step, hook call or Function.apply) count from 1 and are never reused; 0 means "none" or "not known".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

FORMAT_VERSION: Final = 2


# --- types of fields -------------------------------------------------------------------------------------------------
class Scalar(NamedTuple):
    """A column of one number or text a row: ``int``, ``float``, ``bool``, ``str``, ``value`` or ``site``.

    ``value`` is what :data:`Value` describes and is stored apart, so that reading an index never decodes it. ``site``
    is written by a producer as ``(code, lasti)`` or None, and read as a span id (0 = none).
    """

    code: str


class ListOf(NamedTuple):
    item: Type


class Struct(NamedTuple):
    name: str
    fields: tuple[tuple[str, Type], ...]
    missing: tuple[object, ...] | None = None
    """What stands for None in a column; None where the struct is never absent."""


Type = Scalar | ListOf | Struct

INT, FLOAT, BOOL, STR = Scalar("int"), Scalar("float"), Scalar("bool"), Scalar("str")
VALUE, SITE = Scalar("value"), Scalar("site")
INTS = ListOf(INT)

Value = bytes | tuple[float, ...] | None
"""What is kept of a tensor's content.

* None: nothing was kept.
* bytes: the whole content, C order, in the dtype of the facts or gradient that it belongs to.
* tuple: statistics in the order of :data:`STATISTICS`; NaN where a figure was not taken.
"""
STATISTICS: Final = ("norm", "nonfinite", "nans", "infs", "first_bad", "min", "max", "mean", "zeros")
"""``norm`` L2 norm; ``nonfinite`` 1.0 when NaN or Inf is in it; ``first_bad`` flat index of the first, -1 if none."""


class Facts(NamedTuple):
    """What is known of a tensor at one moment.

    ``version`` is its counter's; ``grad_fn`` is a nid and ``output`` which of that node's outputs it is; ``how`` is
    one of created, op, view, detach, data, external; ``base`` is the tid that it is a view of.
    """

    tid: int
    sid: int
    cid: int
    shape: Sequence[int]
    stride: Sequence[int]
    offset: int
    dtype: str
    device: str
    requires_grad: bool
    is_leaf: bool
    base: int
    version: int
    grad_fn: int
    output: int
    how: str
    value: Value


class Gradient(NamedTuple):
    """A gradient on its way. ``tid`` 0: it never was a tensor (raw array), -1: there is none (None was passed)."""

    tid: int
    sid: int
    shape: Sequence[int]
    dtype: str
    value: Value


class Saved(NamedTuple):
    """A tensor kept for backward under torch's field name. ``version`` -1: packed by saved_tensors_hooks."""

    field: str
    tid: int
    sid: int
    cid: int
    version: int


class Node(NamedTuple):
    """A backward node. ``leaf`` is the tid of an AccumulateGrad; ``edges`` are (nid, slot), (0, 0) for none;
    ``order`` 1 = made by the forward, 2 = made while a create_graph backward ran; ``site`` of a Python backward."""

    nid: int
    name: str
    leaf: int
    edges: Sequence[tuple[int, int]]
    saved: Sequence[Saved]
    order: int
    site: object


class Write(NamedTuple):
    """A storage was written in place through ``tid``; its counter ``cid`` went from ``before`` to ``after``."""

    sid: int
    cid: int
    tid: int
    before: int
    after: int
    value: Value


class Root(NamedTuple):
    tid: int
    nid: int
    output: int
    grad: Gradient | None


NO_GRADIENT: Final = Gradient(-1, 0, (), "", None)

_facts = Struct("Facts", (
    ("tid", INT), ("sid", INT), ("cid", INT), ("shape", INTS), ("stride", INTS), ("offset", INT), ("dtype", STR),
    ("device", STR), ("requires_grad", BOOL), ("is_leaf", BOOL), ("base", INT), ("version", INT), ("grad_fn", INT),
    ("output", INT), ("how", STR), ("value", VALUE)))
_gradient = Struct("Gradient", (("tid", INT), ("sid", INT), ("shape", INTS), ("dtype", STR), ("value", VALUE)),
                   missing=NO_GRADIENT)
_edge = Struct("Edge", (("nid", INT), ("slot", INT)))
_input = Struct("Input", (("tid", INT), ("version", INT)))
_saved = Struct("Saved", (("field", STR), ("tid", INT), ("sid", INT), ("cid", INT), ("version", INT)))
_node = Struct("Node", (("nid", INT), ("name", STR), ("leaf", INT), ("edges", ListOf(_edge)),
                        ("saved", ListOf(_saved)), ("order", INT), ("site", SITE)))
_write = Struct("Write", (("sid", INT), ("cid", INT), ("tid", INT), ("before", INT), ("after", INT), ("value", VALUE)))
_root = Struct("Root", (("tid", INT), ("nid", INT), ("output", INT), ("grad", _gradient)))
_group = Struct("Group", (("name", STR), ("lr", FLOAT), ("tids", INTS)))


TUPLES: Final[dict[str, Callable[[Iterable[object]], tuple[object, ...]]]] = {
    "Facts": Facts._make, "Gradient": Gradient._make, "Saved": Saved._make, "Node": Node._make, "Write": Write._make,
    "Root": Root._make}
"""How a struct's fields become its named tuple when a row is read."""


# --- kinds -----------------------------------------------------------------------------------------------------------
class Kind(NamedTuple):
    name: str
    code: int
    fields: tuple[tuple[str, Type], ...]
    steppable: bool = False


KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (
    # An op has run, or failed. `outputs`: facts of new tensors and of every tensor whose grad_fn it changed.
    # `args`: scalars and keywords as short text. `mode`: grad, no_grad or inference. Ops that leave the graph
    # (item, numpy, tolist, bool) have no outputs.
    Kind("op", 1, (("id", INT), ("name", STR), ("args", STR), ("inputs", ListOf(_input)), ("outputs", ListOf(_facts)),
                   ("nodes", ListOf(_node)), ("writes", ListOf(_write)), ("mode", STR), ("ok", BOOL)), steppable=True),
    # A tensor first seen outside an op.
    Kind("tensor", 2, (("facts", _facts),)),
    # Only a write that no op explains; `seen`: id of the last op, step or hook call that saw the old content.
    Kind("write", 3, (("write", _write), ("reason", STR), ("seen", INT)), steppable=True),
    # A tensor got another storage, counter, grad_fn or requires_grad outside an op. `nodes`: those of a new grad_fn.
    Kind("rebind", 4, (("facts", _facts), ("nodes", ListOf(_node)), ("reason", STR))),
    # `role` parameter, buffer or state: then `path` is what the optimizer calls it and the tid of the parameter.
    Kind("owner", 5, (("tid", INT), ("path", STR), ("role", STR), ("training", BOOL))),
    Kind("optimizer", 6, (("id", INT), ("cls", STR), ("groups", ListOf(_group)))),
    # `target` tensor, node, module or accumulate; `ref` its tid or nid;
    # `type` tensor, node_pre, node_post or post_accumulate.
    Kind("hook_add", 7, (("hook", INT), ("target", STR), ("ref", INT), ("type", STR), ("function", STR),
                         ("site", SITE))),
    Kind("hook_remove", 8, (("hook", INT),)),
    # `grad_out` None: unchanged. `site`: of the return.
    Kind("hook_call", 9, (("id", INT), ("hook", INT), ("call", INT), ("tid", INT), ("nid", INT),
                          ("grad_in", _gradient), ("grad_out", _gradient), ("edited", BOOL), ("site", SITE)),
         steppable=True),
    Kind("retain_grad", 10, (("tid", INT),)),
    Kind("mode", 11, (("mode", STR), ("entered", BOOL))),
    Kind("scope", 12, (("id", INT), ("parent", INT), ("path", STR), ("cls", STR), ("entered", BOOL))),
    # `phase` begin, end or failed; `method` backward or grad; `inputs` tids.
    Kind("backward", 13, (("call", INT), ("phase", STR), ("roots", ListOf(_root)), ("inputs", INTS),
                          ("retain_graph", BOOL), ("create_graph", BOOL), ("method", STR)), steppable=True),
    # One event when the node has run: gradients in per output (after tensor pre-hooks) and out per edge.
    # `begin` in ns on the trace's clock. Without retain_graph its saved tensors are freed here.
    Kind("step", 14, (("id", INT), ("call", INT), ("nid", INT), ("grads_in", ListOf(_gradient)),
                      ("grads_out", ListOf(_gradient)), ("begin", INT), ("ok", BOOL), ("site", SITE)), steppable=True),
    # `.grad` of `tid` was written by backward. `was` none, added or retained. `nid` 0 for a retained gradient.
    Kind("accumulate", 15, (("call", INT), ("nid", INT), ("tid", INT), ("was", STR), ("added", _gradient),
                            ("grad", _gradient)), steppable=True),
    # `.grad` of `tid` was set by the script. `to` none, value or zeroed.
    Kind("grad_set", 16, (("tid", INT), ("to", STR), ("grad", _gradient))),
    Kind("grad_read", 17, (("tid", INT),)),
    Kind("dead", 18, (("tids", INTS), ("nids", INTS))),
    Kind("print", 19, (("text", STR), ("stream", STR))),
    # `number` counts exceptions: the same one seen again keeps it. `op`: id of the op or step that raised.
    # nid, field, sid and the versions are those of the saved tensor that was found changed (versions -1: none was).
    # `uncaught`: it left the script.
    Kind("error", 20, (("number", INT), ("type", STR), ("message", STR), ("op", INT), ("nid", INT), ("field", STR),
                       ("sid", INT), ("saved", INT), ("found", INT), ("uncaught", BOOL)), steppable=True),
    # A late value for (id of an op or step, slot); `slot` e.g. "outputs.0" or "grads_out.1".
    Kind("value", 21, (("id", INT), ("slot", STR), ("value", VALUE))),
    Kind("gradcheck", 22, (("nid", INT), ("slot", INT), ("analytic", FLOAT), ("numeric", FLOAT), ("tolerance", FLOAT),
                           ("skipped", STR))),
    Kind("mark", 23, (("text", STR),), steppable=True),
    Kind("gap", 24, (("reason", STR), ("dropped", INT))),
)}

BY_CODE: Final[dict[int, Kind]] = {kind.code: kind for kind in KINDS.values()}



class Record(NamedTuple):
    """An event in its most common form, which a producer packs as it happens: numbers in the letters of ``struct``, and
    values. A reader gives it back in full, under the kind of the same name."""

    name: str
    code: int
    numbers: tuple[tuple[str, str], ...]
    values: tuple[str, ...]

    @property
    def format(self) -> str:
        return "<" + "".join(letter for _, letter in self.numbers)


_PLACE: Final = (("t", "q"), ("thread", "I"), ("scope", "I"), ("within", "I"))
"""``t``: what ``perf_counter_ns`` gives."""
BRIEF: Final[dict[int, Record]] = {record.code: record for record in (
    # An op on one or two tensors has made one: its tensor, counter, storage and node have its own number. `name`,
    # `args`, `node`, `layout` are numbers of words, 0 for none. `second` 0: there is no such input; `counter` is the
    # version counter of an input. `form`, from its lowest bits on: two for what the node saved under its first field
    # (0 nothing, 1 the first input, 2 the second, 3 the result), two for the second field, then the number of edges;
    # `edge` 0 leads nowhere. `mode` is an index into MODES.
    Record("op", 65, (*_PLACE, ("id", "I"), ("name", "I"), ("args", "I"), ("node", "I"), ("mode", "B"),
                      ("first", "I"), ("version", "I"), ("counter", "I"),
                      ("second", "I"), ("second_version", "I"), ("second_counter", "I"), ("form", "B"),
                      ("edge", "I"), ("slot", "H"), ("second_edge", "I"), ("second_slot", "H"), ("layout", "I")),
           ("value",)),
    # A node of one output and one or two edges has run on plain arrays; a share of no layout is none.
    Record("step", 78, (*_PLACE, ("id", "I"), ("call", "I"), ("nid", "I"), ("begin", "q"), ("edges", "B"),
                        ("layout", "I"), ("share", "I"), ("second_share", "I")),
           ("value", "share_value", "second_value")),
)}
BRIEF_DEAD: Final = 82
"""Code of what died with the next event of the chunk, or else its last, and has no common columns of its own."""
MODES: Final = ("grad", "no_grad", "inference")
Word = str | tuple[Sequence[int], Sequence[int], str]
"""What brief records name by number: a text; a node's name and the fields that it saved, with blanks between; a layout,
which is shape, stride in elements, dtype."""

COMMON: Final[tuple[tuple[str, Type], ...]] = (
    ("t", INT), ("thread", INT), ("span", INT), ("caller", INT), ("scope", INT), ("within", INT))
"""Columns that every kind has before its own. ``t``: ns since the trace began; ``span``, ``caller``: span ids (0 =
none; ``caller`` only where the result is returned at once, so that the name is found one frame up); ``scope``: id of
the module call or mark; ``within``: id of the enclosing hook call, step, op or Function.apply."""


class Span(NamedTuple):
    """Where in the source: 1-based line, 0-based column in characters, end exclusive; ``names``: what the expression's
    value is bound to there ("l1", "self.w"), in order for an unpacking; ``returned``: the value is returned at once."""

    id: int
    file: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int
    names: Sequence[str]
    returned: bool
