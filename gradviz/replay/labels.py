"""What an op and a tensor without a name are called: by the expression at their place only where its value is theirs.

A call of the script is one place for all the ops in it: ``model(x)`` for each layer's, ``optimizer.step()`` for the
arithmetic. Only what the call gives may be called by it; the rest is told by the module or the op that made it.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradviz.replay import values

if TYPE_CHECKING:
    from gradviz.replay.index import Index
    from gradviz.replay.replay import Event, Replay

LONGEST = 24
"""Characters of an expression that stands for a tensor without a name."""
COPIES = frozenset({
    "ViewBackward0", "ReshapeAliasBackward0", "UnsafeViewBackward0", "AliasBackward0", "TBackward0",
    "TransposeBackward0", "PermuteBackward0", "SqueezeBackward0", "SqueezeBackward1", "UnsqueezeBackward0",
    "ExpandBackward0", "CloneBackward0", "ToCopyBackward0"})
"""Nodes that hand on what they get, moved at most; one that adds up (an expand to more elements) is no copy."""
_FORMS = {"TBackward0": ".T"}


def label(replay: Replay, tid: int, seq: int | None) -> str:
    """A name for a tensor, whatever happens: the user's, else the expression that it is the value of, else the module
    or the op that made it; a view that no event made is called after what it is a view of."""
    if name := replay.name(tid, seq):
        return name
    maker = replay.maker(tid)
    if maker < 0:
        return (_of_gradient(replay, tid, seq) or _of_view(replay, tid, seq) or _later(replay, tid)
                or _held(replay, tid) or f"tensor {tid}")
    event = replay.event(maker)
    text = expression(replay, event)
    if not text or len(replay.index.backwards.where("span", event.span)):
        return f"{event.name}(…)"
    if not is_value(replay, event):
        return f"{_module(replay, event) or event.name}(…)"
    return shortened(text)


def shortened(text: str) -> str:
    """An expression, cut where it is too long to be a name."""
    return text if len(text) <= LONGEST else text[:LONGEST - 1] + "…"


def expression(replay: Replay, event: Event) -> str:
    """The source at an event on one line; of a loop its head."""
    span = replay.spans[event.span]
    if span.end_line > span.line and (head := replay.line(span.file, span.line)[span.column:]).startswith("for "):
        return head.partition("#")[0].rstrip(": ")
    return replay.source_text(span)


def is_value(replay: Replay, event: Event) -> bool:
    """Whether an op's result is the value of the expression at its place: not that of a step within a call."""
    text = expression(replay, event)
    function = called(text).rpartition(".")[2]
    if function and function.rstrip("_") == event.name.rstrip("_"):
        return True
    if text.startswith("for ") or _of_optimizer(replay, event):
        return False
    index = replay.index
    row = int(np.searchsorted(index.ops.seq, event.seq))
    if function and event.writes and not event.outputs and not index.calls[row]:
        return False
    return bool(index.giving[row])


def giving(index: Index) -> NDArray[np.bool_]:
    """Of each op, whether it is the kind of op that a module call, or an unbroken row of ops at one place, ends with.
    In a module call none of its ops takes in what the last one gave; in a row it may: a loop has one place, too."""
    ops, calls = index.ops, index.calls
    if not len(ops):
        return np.zeros(0, np.bool_)
    span, kind = ops.ints("span"), ops.texts("name").index
    starts = np.append(True, (span[1:] != span[:-1]) | (calls[1:] != calls[:-1]))
    groups = np.where(calls > 0, -calls, np.cumsum(starts))
    _, which = np.unique(groups, return_inverse=True)
    last = np.zeros(int(which.max()) + 1, np.int64)
    np.maximum.at(last, which, np.arange(len(ops)))
    ends = last[which]
    return np.asarray((kind[ends] == kind) & ((calls == 0) | (ends == np.arange(len(ops)))), np.bool_)


@lru_cache(4096)
def called(text: str) -> str:
    """What an expression calls, as it is written; empty if it is no call."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _of_optimizer(replay: Replay, event: Event) -> bool:
    path, cls, _ = _scope(replay, event.scope)
    return bool(cls) and path == f"{cls}.step"


def _scope(replay: Replay, number: int) -> tuple[str, str, int]:
    """The path, class and parent of a module call."""
    scopes = replay.index.tables.relation("scope")
    rows = scopes.where("id", number)
    if not number or not len(rows):
        return "", "", 0
    entered = replay.event(int(scopes.seq[rows[0]]))
    return entered.path, entered.cls, entered.parent


def _module(replay: Replay, event: Event) -> str:
    """The module whose call an op ends; empty if that is none."""
    path, _, parent = _scope(replay, event.scope)
    ops = replay.index.ops
    if not path or _of_optimizer(replay, event) or ops.seq[ops.where("scope", event.scope)[-1]] != event.seq:
        return ""
    return _placed(replay, path, parent)


def _placed(replay: Replay, path: str, parent: int) -> str:
    """A module's path; a bare number stands behind what the script called: ``model.1``."""
    if not path[0].isdigit():
        return path
    outer = parent
    while above := _scope(replay, outer)[2]:
        outer = above
    owner = module(replay, outer)
    return f"{owner}.{path}" if owner else path


def module(replay: Replay, scope: int) -> str:
    """What a module that is called is called: its path, else what the script writes before the brackets."""
    scopes = replay.index.tables.relation("scope")
    rows = scopes.where("id", scope)
    if not scope or not len(rows):
        return ""
    entered = replay.event(int(scopes.seq[rows[0]]))
    path = _placed(replay, entered.path, entered.parent) if entered.path and entered.parent else str(entered.path)
    return path or called(expression(replay, entered)) or str(entered.cls)


# --- what no event made ----------------------------------------------------------------------------------------------
def _of_gradient(replay: Replay, tid: int, seq: int | None) -> str:
    """A tensor that is somebody's gradient is called so; empty if it is not."""
    index = replay.index
    for gradients, owners, form in ((index.gradients, index.accumulates, "{}.grad"),
                                    (index.hooked, index.hook_calls, "∇{}")):
        rows = gradients.where("tid", tid)
        owner = int(owners.ints("tid")[rows[0]]) if len(rows) else 0
        if owner and owner != tid:
            return form.format(label(replay, owner, seq))
    return ""


def _of_view(replay: Replay, tid: int, seq: int | None) -> str:
    """An operand in the form in which a step within an op takes it: ``weight.T``, ``x as 12×16``. Its source is found
    behind nodes that only copy; a result in such a form is called by what is a view of it."""
    facts = replay.facts_at(tid, replay.n if seq is None else max(seq, replay.born(tid)))
    if facts is None:
        return ""
    source, form = facts.base, ""
    node = replay.node(facts.grad_fn) if facts.grad_fn else None
    while node is not None and node.name in COPIES and len(node.edges) == 1 and node.edges[0][0]:
        form = form or _FORMS.get(node.name, "")
        nid, slot = node.edges[0]
        node = replay.node(nid)
        source = node.leaf if node is not None and node.leaf else replay.output_of(nid, slot)
        if source or node is None:
            break
    if not source:
        known = replay.index.facts
        over = known.ints("tid")[known.where("base", tid)]
        source = int(over[0]) if len(over) and replay.maker(int(over[0])) >= 0 else 0
    if not source or source == tid:
        return ""
    of = replay.facts_at(source, replay.n)
    same = of is not None and tuple(of.shape) == tuple(facts.shape)
    return f"{label(replay, source, seq)}{form or ('' if same else f' as {values.shape_text(facts.shape)}')}"


def _later(replay: Replay, tid: int) -> str:
    """The first name that a tensor gets after all: a parameter's, that the script had before it called the module."""
    names = replay.index.names
    rows = names.where("tid", tid)
    texts = names.texts("name")
    return texts.texts[int(texts.index[rows[0]])] if len(rows) else ""


def _held(replay: Replay, tid: int) -> str:
    """A tensor that an op of several steps made for itself and its node keeps, as a dropout its mask; else empty."""
    saved = replay.index.saved
    rows = saved.where("tid", tid)
    if not len(rows):
        return ""
    event = replay.event(int(saved.seq[rows[0]]))
    if event.kind != "op" or tid in [one for one, _ in event.inputs]:
        return ""
    return f"{event.name.replace('_', ' ')} mask" if event.name.endswith("dropout") else f"{event.name}(…)"
