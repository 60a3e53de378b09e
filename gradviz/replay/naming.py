"""What the user calls tensors: where a result is bound, where a function hands it back to, whose parameter it is; and
of a tensor that was bound nowhere in sight (a function's argument, a loop's target) what it is called where it is used.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradviz.events import INT, STR, Span, Struct
from gradviz.replay.tables import Relation, among
from gradviz.trace.columns import Ints, Table, Texts

if TYPE_CHECKING:
    from gradviz.replay.index import Index

Names = tuple[Ints, Ints, list[str]]
"""Of each name: the tensor, the event from which it holds, and the text."""


def names(index: Index, sources: Mapping[str, str]) -> Relation:
    """(tid, name) by event. A tensor keeps all its names; the newest at an event is its label there."""
    scripts = _Scripts(sources)
    given = [*_of_results(index), _of_owners(index, scripts),
             *(_of_first_seen(index, kind) for kind in ("tensor", "rebind"))]
    given.append(_of_states(index, given))
    gradients = [index.gradients.ints("tid"), index.hooked.ints("tid")]  # are called by what they are the gradient of
    known = np.unique(np.concatenate([tids for tids, _, _ in given] + gradients))
    given.append(_of_uses(index, known, scripts))
    tids, seqs = (np.concatenate([one[place] for one in given]) for place in (0, 1))
    texts = [text for one in given for text in one[2]]
    order = np.argsort(seqs, kind="stable")
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    numbers = np.array([distinct[text] for text in texts], np.int64)[order]
    table: Table = {"tid": tids[order], "name": Texts(list(distinct), numbers)}
    return Relation(table, Struct("Name", (("tid", INT), ("name", STR))), seqs[order], order)


def grad_of(label: str) -> str:
    """``.grad`` of what a label names; an expression goes into parentheses."""
    return f"{label}.grad" if re.fullmatch(r"\w[\w.]*(\[[\w, :-]*\][\w.]*)*", label) else f"({label}).grad"


# --- results ---------------------------------------------------------------------------------------------------------
def _of_results(index: Index) -> tuple[Names, Names]:
    """Names that results got where they were bound, and those that they got later where they were handed back to.

    A step inside a composite (1 / x is reciprocal, then mul, at one place in the source) is not what the name is for:
    a result that the next op at the same place takes in gets none, unless that is the same op, as in a loop. In a
    module call it gets none if any op of the call takes it in. Neither does a tensor written through an index.
    """
    ops, outputs, inputs, spans = index.ops, index.outputs, index.inputs, index.spans
    own, caller = ops.ints("span"), ops.ints("caller")
    named = np.array([bool(span.names) for span in spans], np.bool_) if spans else np.zeros(1, np.bool_)
    span = np.where(named[own], own, np.where(caller > 0, caller, own))
    kinds = ops.texts("name")
    through, grad = (np.array([name == one for name in kinds.texts], np.bool_) for one in ("setitem", "grad"))
    graded = grad[kinds.index] if len(grad) else np.zeros(len(ops), np.bool_)
    candidate = named[span] & ~(through[kinds.index] if len(through) else False)
    candidate &= ~(among(own, index.backwards.ints("span")) & ~graded)  # a node's op, under create_graph
    counts = np.bincount(outputs.parent, minlength=len(ops)) if len(outputs) else np.zeros(len(ops), np.int64)
    counts[np.unique(ops.flatten("writes").parent)] = 1
    rows = np.flatnonzero(candidate & (counts > 0) & among(np.arange(len(ops)), outputs.parent))
    words = ops.texts("args")
    asked = np.where(graded, words.index, -1)
    cases, which = _distinct(span[rows], counts[rows], asked[rows])
    spread = [_spread(spans[one].names, count, words.texts[args] if args >= 0 else "")
              for one, count, args in cases]
    lengths = np.array([len(one) for one in spread], np.int64)
    many = lengths[which]
    row = np.repeat(rows, many)
    place = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    tids = outputs.ints("tid")[np.searchsorted(outputs.parent, row) + place]
    base = int(max(outputs.ints("tid").max(initial=0), inputs.ints("tid").max(initial=0))) + 1
    after = np.minimum(row + 1, len(ops) - 1)
    passed_on = (after > row) & (own[after] == own[row]) & (kinds.index[after] != kinds.index[row])
    taken = inputs.parent * base + inputs.ints("tid")
    passed_on[passed_on] = among(after[passed_on] * base + tids[passed_on], taken)
    calls = calls_of(index, ops)
    within = calls[inputs.parent]
    passed_on |= (calls[row] > 0) & among(calls[row] * base + tids, (within * base + inputs.ints("tid"))[within > 0])
    flat = [name for one in spread for name in one]
    text = ((np.cumsum(lengths) - lengths)[np.repeat(which, many)] + place)
    kept = np.flatnonzero(~passed_on & np.array([bool(name) for name in flat] or [False], np.bool_)[text])
    back = kept[named[own[row[kept]]] & (caller[row[kept]] > 0) & (place[kept] == 0)]
    return (tids[kept], ops.seq[row[kept]], [flat[i] for i in text[kept].tolist()]), _handed_back(
        index, tids[back], row[back])


def calls_of(index: Index, events: Relation) -> Ints:
    """Of each event the outermost module call, made at its place in the source, that it is in; 0 for none."""
    scopes = index.tables.relation("scope")
    places: dict[int, tuple[int, int]] = {}
    if len(scopes):
        rows = zip(scopes.ints("id").tolist(), scopes.ints("parent").tolist(), scopes.ints("span").tolist(),
                   scopes.flags("entered").tolist(), strict=True)
        for number, parent, span, entered in rows:
            if entered:
                above, call = places.get(parent, (0, 0))
                places[number] = span, call if above == span else number
    pairs, which = np.unique(np.stack((events.ints("scope"), events.ints("span"))), axis=1, return_inverse=True)
    found = [places.get(scope, (0, 0)) for scope in pairs[0].tolist()]
    calls = [call if place == span else 0 for (place, call), span in zip(found, pairs[1].tolist(), strict=True)]
    return np.array(calls, np.int64)[which.reshape(-1)]


def _spread(given: Sequence[str], count: int, which: str) -> list[str]:
    """The names of an op's results: one each, several of one name by their number, and the rest under a star.

    ``which``: of autograd.grad, for which of the inputs there is a gradient, where not for all.
    """
    if which.startswith("inputs "):
        places = [int(place) for place in which[7:].split(",")]
        names = _spread(given, places[-1] + 1, "")
        return [names[place] if place < len(names) else "" for place in places]
    star = next((place for place, name in enumerate(given) if name.startswith("*")), -1)
    if star >= 0:
        after = len(given) - star - 1
        rest = [f"{given[star][1:]}[{i}]" for i in range(count - star - after)]
        return [*given[:star], *rest, *given[star + 1:]][:count]
    return [f"{given[0]}[{i}]" for i in range(count)] if len(given) == 1 and count > 1 else list(given[:count])


def _handed_back(index: Index, tids: Ints, rows: Ints) -> Names:
    """A result that had a name in a function gets another where that returns it: from the next event there on. Of
    several that were bound at one place, in a loop, it is the last."""
    ops, spans = index.ops, index.spans
    callers = ops.ints("caller")[rows]
    places = {(span.file, span.function): number for number, span in enumerate(spans)}
    function = np.array([places[span.file, span.function] for span in spans] or [0], np.int64)
    here = np.concatenate((function[ops.ints("span")], function[index.backwards.ints("span")]))
    seqs = np.concatenate((ops.seq, index.backwards.seq))
    then = np.zeros(len(rows), np.int64)
    for number in np.unique(function[callers]).tolist():
        mine = function[callers] == number
        ahead = np.append(np.sort(seqs[here == number]), seqs.max() + 1)
        then[mine] = ahead[np.searchsorted(ahead[:-1], ops.seq[rows[mine]], "right")]
    found = {(caller, seq): tid for caller, seq, tid in zip(callers.tolist(), then.tolist(), tids.tolist(), strict=True)
             if spans[caller].names}
    texts = [str(spans[caller].names[0]) for caller, _ in found]
    return np.array(list(found.values()), np.int64), np.array([seq for _, seq in found], np.int64), texts


def _of_owners(index: Index, scripts: _Scripts) -> Names:
    """A parameter's path in the module that is called. Where tensors of several modules have the same (two networks, or
    layers that are called one by one), it stands behind what is called there: ``critic.0.weight``."""
    owners = index.tables.relation("owner")
    rows = np.flatnonzero(~_states(owners))
    paths, tids, seqs, spans = owners.texts("path"), *(column[rows] for column in (
        owners.ints("tid"), owners.seq, owners.ints("span")))
    texts = [paths.texts[i] for i in paths.index[rows]]
    having: dict[str, set[int]] = {}
    for tid, text in zip(tids.tolist(), texts, strict=True):
        having.setdefault(text, set()).add(tid)
    shared = {text for text, found in having.items() if len(found) > 1}
    if shared:
        called = [scripts.called(index.spans[span]) for span in spans.tolist()]
        texts = [f"{call}.{text}" if call and text in shared else text
                 for call, text in zip(called, texts, strict=True)]
    return tids, seqs, texts


def _states(owners: Relation) -> NDArray[np.bool_]:
    """Which rows tell of an optimizer's state."""
    roles = owners.texts("role")
    return np.array([text == "state" for text in roles.texts] or [False], np.bool_)[roles.index]


def _of_states(index: Index, given: Sequence[Names]) -> Names:
    """What an optimizer keeps of a parameter, from when it is first seen: ``exp_avg of l1.weight``."""
    owners = index.tables.relation("owner")
    rows = np.flatnonzero(_states(owners))
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), []
    names = {tid: text for tids, _, texts in reversed(given) for tid, text in zip(tids.tolist(), texts, strict=True)}
    paths, tids, facts = owners.texts("path"), owners.ints("tid")[rows], index.facts
    words = [paths.texts[i].rpartition(" ") for i in paths.index[rows]]
    texts = [f"{kept} of {names.get(int(of), f'tensor {of}')}" for kept, _, of in words]
    return tids, np.array([facts.seq[facts.where("tid", tid)[0]] for tid in tids.tolist()], np.int64), texts


def _of_first_seen(index: Index, kind: str) -> Names:
    """What is bound at the place at which a tensor is first seen, unless it is an operand there, or told of because a
    module is called there: as a parameter, or from inside the call; or kept there by the node of an op that made it for
    itself."""
    relation, owners = index.tables.relation(kind), index.tables.relation("owner")
    facts, spans = relation.part("facts"), relation.ints("span")
    reads, roots, saved = index.inputs, index.roots, index.saved
    owned = set(zip(owners.ints("tid").tolist(), owners.ints("span").tolist(), strict=True)) if len(owners) else set()
    calls = calls_of(index, relation) if len(relation) else spans
    bound: list[int] = []
    for row in range(len(facts)):
        tid, span = int(facts.ints("tid")[row]), int(spans[row])
        if index.spans[span].names and (tid, span) not in owned and not calls[row]:
            read = index.ops.ints("span")[reads.parent[reads.where("tid", tid)]]
            begun = index.backwards.ints("span")[roots.parent[roots.where("tid", tid)]]
            kept = index.ops.ints("span")[np.searchsorted(index.ops.seq, saved.seq[saved.where("tid", tid)])
                                          .clip(max=max(0, len(index.ops) - 1))]
            if not ((read == span).any() or (begun == span).any() or (kept == span).any()):
                bound.append(row)
    return facts.ints("tid")[bound], facts.seq[bound], [index.spans[int(spans[row])].names[0] for row in bound]


# --- uses ------------------------------------------------------------------------------------------------------------
def _of_uses(index: Index, known: Ints, scripts: _Scripts) -> Names:
    """What tensors that have no name are called in the expression that uses them first."""
    found: list[Names] = []
    ops, kinds = index.ops, index.ops.texts("name")
    made, first_made = np.unique(index.outputs.ints("tid"), return_index=True)
    maker = ops.ints("span")[index.outputs.parent[first_made]]
    late = index.tables.relation("tensor").part("facts")
    met, first_met = np.unique(late.ints("tid"), return_index=True)
    uses = ((index.inputs, ops.ints("span"), kinds), (index.roots, index.backwards.ints("span"), None))
    for reads, spans, words in uses:
        tids, rows = np.unique(reads.ints("tid"), return_index=True)
        rows = rows[(tids > 0) & ~among(tids, known)]
        tids, parents = reads.ints("tid")[rows], reads.parent[rows]
        here, by = spans[parents], _looked_up(tids, made, maker)
        places = rows - np.searchsorted(reads.parent, parents)
        counts = np.bincount(reads.parent)[parents] if len(rows) else parents
        numbers = words.index[parents] if words is not None else np.full(len(rows), -1)
        other = here != by  # else a step of the same expression made it
        cases, which = _distinct(here[other], places[other], counts[other], numbers[other])
        names: list[str] = []
        for span, place, count, number in cases:
            op = str(words.texts[number]) if words is not None else "backward"
            names.append(scripts.of(index.spans[span]).name(index.spans[span], place, count, op))
        tids, rows = tids[other], rows[other]
        named = np.array([bool(name) for name in names] or [False], np.bool_)[which] if names else np.zeros(0, np.bool_)
        born = _looked_up(tids, met, late.seq[first_met])
        seqs = np.where(born >= 0, born, reads.seq[rows])
        found.append((tids[named], seqs[named], [names[case] for case in which[named].tolist()]))
        known = np.union1d(known, tids[named])
    return (np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found]),
            [text for one in found for text in one[2]])


def _distinct(*columns: Ints) -> tuple[list[tuple[int, ...]], Ints]:
    """The different rows of some columns, and which of them each row is."""
    packed = columns[0]
    for column in columns[1:]:
        packed = packed * (int(column.max(initial=0)) + 2) + column + 1
    _, first, which = np.unique(packed, return_index=True, return_inverse=True)
    return list(zip(*(column[first].tolist() for column in columns), strict=True)), which


def _looked_up(keys: Ints, known: Ints, values: Ints) -> Ints:
    """The value of each key, -1 where there is none. ``known`` is sorted."""
    if not len(known):
        return np.full(len(keys), -1)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], -1)


class _Scripts:
    """The sources of a trace, each parsed when a span of it is asked about first."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._parsed: dict[str, _Operands] = {}

    def of(self, span: Span) -> _Operands:
        if span.file not in self._parsed:
            self._parsed[span.file] = _Operands(self._sources.get(span.file, ""))
        return self._parsed[span.file]

    def called(self, span: Span) -> str:
        """What is called at a span, as the script writes it; empty if that is no plain name."""
        return self.of(span).called(span)


class _Operands:
    """The source of a file: which expressions an op's operands are."""

    def __init__(self, text: str) -> None:
        self._lines = [line.encode() for line in text.splitlines(keepends=True)]
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError):
            nodes = []
        self._modules = {(alias.asname or alias.name).split(".")[0] for node in nodes
                         if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names} | {"torch"}
        self._at: dict[tuple[int, int, int, int], ast.AST] = {}
        for node in nodes:
            if isinstance(node, ast.expr | ast.AugAssign):
                end = node.end_lineno or node.lineno
                self._at.setdefault((node.lineno, self._column(node.lineno, node.col_offset), end,
                                     self._column(end, node.end_col_offset or 0)), node)

    def _column(self, line: int, column: int) -> int:
        return len(self._lines[line - 1][:column].decode(errors="replace"))

    def _node(self, span: Span) -> ast.AST | None:
        return self._at.get((span.line, span.column, span.end_line, span.end_column))

    def called(self, span: Span) -> str:
        node = self._node(span)
        function = node.func if isinstance(node, ast.Call) else None
        return ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute | ast.Subscript) else ""

    def name(self, span: Span, place: int, count: int, op: str) -> str:
        """What an op's operand number ``place`` of ``count`` is called at a span; empty if that is not sure."""
        node = self._node(span)
        operands = [] if node is None else self._operands(node, op)
        sure = len(operands) == count or (place == 0 and isinstance(node, ast.Call | ast.Subscript))
        if not sure or place >= len(operands):
            return ""
        operand = operands[place]
        return ast.unparse(operand) if isinstance(operand, ast.Name | ast.Attribute | ast.Subscript) else ""

    def _operands(self, node: ast.AST, op: str) -> list[ast.expr]:
        found: list[ast.expr] = []
        if isinstance(node, ast.Name | ast.Attribute) and op == "unbind":
            found = [node]
        elif isinstance(node, ast.BinOp):
            found = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            found = [node.left, *node.comparators]
        elif isinstance(node, ast.UnaryOp):
            found = [node.operand]
        elif isinstance(node, ast.AugAssign):
            found = [node.target, node.value]
        elif isinstance(node, ast.Attribute | ast.Subscript):
            found = [node.value]
        elif isinstance(node, ast.Call):
            found = list(node.args)
            if len(found) == 1 and isinstance(found[0], ast.List | ast.Tuple):  # torch.stack([a, b])
                found = list(found[0].elts)
            function = node.func
            first = _first_name(function)
            if isinstance(function, ast.Attribute) and first not in self._modules:
                if function.attr.rstrip("_") == op.rstrip("_"):
                    found = [function.value, *node.args]
                elif first != "self":
                    found = []  # a method of a tensor by another name than its op's, or a module that is called?
        return [one for one in found if not isinstance(one, ast.Constant)]


def _first_name(node: ast.AST) -> str:
    """The name that a dotted one begins with; none where a call's result comes before the dot: that is a tensor's."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
