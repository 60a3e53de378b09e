"""Breakpoints: a condition on events, worked out over the whole run at once.

    kind == "op" and name == "softmax"      line == 31        line 31        MulBackward0
    norm(grad(w1)) > 100                    isnan(out)        norm(out) > 1e3 and function == "forward"

The words of an event are ``kind``, ``name`` (of the op or the backward node), ``line``, ``file``, ``function``,
``module`` and ``iteration``. A tensor is ``out`` (what an op made), ``grad`` (what entered a node, or was accumulated),
``grad(w1)``, or a name: the events at which it is made. Numbers of it: ``norm``, ``isnan``, ``isinf``. Where an event
has no such tensor, every comparison is false. Conditions are read into a tree of a few harmless forms; nothing is run.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gradviz.events import BY_CODE
from gradviz.replay import Replay, values
from gradviz.replay.tables import Relation
from gradviz.ui.search import node_rows

LONGEST: Final = 500
"""Characters of a condition."""
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge}
_REACH: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_SHORT = re.compile(r"line\s+(\d+)")
_SPOKEN = frozenset(("kind", "name", "line", "file", "function", "module", "iteration", "out", "grad", "True", "False"))
_WORD = re.compile(r"[A-Za-z_]\w*")


class BadCondition(ValueError):
    """A condition that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class _Words:
    """A text an event."""

    index: NDArray[np.int64]
    texts: list[str]

    def where(self, hit: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.array([hit(text) for text in self.texts], bool)[self.index]


@dataclass(frozen=True)
class _Tensor:
    """Rows that hold a tensor's facts or a gradient, each with its event."""

    seq: NDArray[np.int64]
    relation: Relation
    rows: NDArray[np.int64]


class Conditions:
    """What conditions on a run may speak of."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay

    def hits(self, text: str) -> list[int]:
        """The events at which one would stop. Raises BadCondition."""
        if len(text) > LONGEST:
            raise BadCondition(f"A condition has at most {LONGEST} characters.")
        if short := _SHORT.fullmatch(text.strip()):
            text = f"line == {short[1]}"
        elif _WORD.fullmatch(text.strip()) and text.strip() not in _SPOKEN:
            text = f"kind == {text.strip()!r} or name == {text.strip()!r}"
        try:
            tree = ast.parse(text.strip(), mode="eval")
            found = self._value(tree.body)
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            raise error if isinstance(error, BadCondition) else BadCondition(f"This cannot be read: {text}") from None
        if not isinstance(found, np.ndarray) or found.dtype != np.bool_:
            raise BadCondition("This is not a condition: compare it with something.")
        stops = np.zeros(self.replay.n, bool)
        stops[self.replay.steppable] = True
        seqs: list[int] = np.flatnonzero(found & stops).tolist()
        return seqs

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        """The largest norm of what an event made or was handed, NaN where none was kept."""
        made = self._figure("norm", self._tensor(ast.Name("out")))
        return np.asarray(np.fmax(made, self._figure("norm", self._gradients())))

    # --- the few forms -----------------------------------------------------------------------------------------------
    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.BoolOp(op=how, values=parts):
                flags = [self._flags(part) for part in parts]
                return (np.logical_and if isinstance(how, ast.And) else np.logical_or).reduce(flags)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return ~self._flags(part)
            case ast.UnaryOp(op=ast.USub(), operand=part):
                return -self._number(part)
            case ast.BinOp(left=left, op=how, right=right) if type(how) in _REACH:
                with np.errstate(all="ignore"):
                    return _REACH[type(how)](self._number(left), self._number(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                return np.logical_and.reduce([self._compare(sides[i], how, sides[i + 1]) for i, how in enumerate(ops)])
            case ast.Constant(value=bool() | int() | float() | str() as constant):
                return constant
            case ast.Name(id=name) if name in ("kind", "name", "file", "function", "module"):
                return getattr(self, name)
            case ast.Name(id=name) if name in ("line", "iteration"):
                return getattr(self, name)
            case ast.Call(func=ast.Name(id=name), args=[one], keywords=[]) if name in ("norm", "isnan", "isinf"):
                return self._figure(name, self._tensor(one))
            case ast.Call(func=ast.Name(id="abs"), args=[one], keywords=[]):
                return np.abs(self._number(one))
        raise BadCondition(f"{ast.unparse(node)} is not known here: norm(grad(w1)) > 100, isnan(out), line == 31, "
                           "kind == \"op\" are.")

    def _flags(self, node: ast.expr) -> NDArray[np.bool_]:
        found = self._value(node)
        if isinstance(found, np.ndarray) and found.dtype == np.bool_:
            return found
        raise BadCondition(f"{ast.unparse(node)} is neither true nor false.")

    def _number(self, node: ast.expr) -> Any:
        found = self._value(node)
        if isinstance(found, (int, float)) or (isinstance(found, np.ndarray) and found.dtype != np.bool_):
            return found
        raise BadCondition(f"{ast.unparse(node)} is no number.")

    def _compare(self, left: ast.expr, how: ast.cmpop, right: ast.expr) -> NDArray[np.bool_]:
        a, b = self._value(left), self._value(right)
        if isinstance(how, (ast.In, ast.NotIn)) and isinstance(a, str) and isinstance(b, _Words):
            found = b.where(lambda text: a in text)
            return ~found if isinstance(how, ast.NotIn) else found
        words = {ast.Eq: operator.eq, ast.NotEq: operator.ne}.get(type(how))
        if isinstance(b, _Words) and isinstance(a, str):
            a, b = b, a
        if isinstance(a, _Words) and isinstance(b, str) and words:
            return a.where(lambda text: words(text, b))
        if type(how) in _COMPARE and not isinstance(a, (_Words, str)) and not isinstance(b, (_Words, str)):
            with np.errstate(invalid="ignore"):
                found = _COMPARE[type(how)](a, b) & ~(np.isnan(a) | np.isnan(b))
            return np.broadcast_to(np.asarray(found, bool), self.replay.n)
        raise BadCondition(f"{ast.unparse(left)} and {ast.unparse(right)} cannot be compared so.")

    # --- words of an event -------------------------------------------------------------------------------------------
    @cached_property
    def kind(self) -> _Words:
        return _Words(self.replay.tables.kinds.astype(np.int64),
                      [BY_CODE[code].name if code in BY_CODE else "" for code in range(256)])

    @cached_property
    def name(self) -> _Words:
        index = self.replay.index
        ops, nodes = index.ops.texts("name"), index.nodes.texts("name")
        found = np.zeros(self.replay.n, np.int64)
        found[index.ops.seq] = ops.index + 1
        seqs, rows = node_rows(self.replay, (index.steps, index.errors, index.accumulates))
        found[seqs] = nodes.index[rows] + 1 + len(ops.texts)
        return _Words(found, ["", *ops.texts, *nodes.texts])

    def _spans(self, what: Callable[[Any], str]) -> _Words:
        return _Words(self._span, [what(span) for span in self.replay.spans])

    @cached_property
    def _span(self) -> NDArray[np.int64]:
        return self._common("span")

    def _common(self, field: str) -> NDArray[np.int64]:
        found = np.zeros(self.replay.n, np.int64)
        for code in np.unique(self.replay.tables.kinds):
            relation = self.replay.tables.relation(BY_CODE[int(code)].name)
            found[relation.seq] = relation.ints(field)
        return found

    @cached_property
    def line(self) -> NDArray[np.float64]:
        return np.array([span.line or np.nan for span in self.replay.spans], float)[self._span]

    @cached_property
    def file(self) -> _Words:
        return self._spans(lambda span: re.split(r"[\\/]", span.file)[-1])

    @cached_property
    def function(self) -> _Words:
        return self._spans(lambda span: span.function)

    @cached_property
    def module(self) -> _Words:
        scopes = self.replay.tables.relation("scope")
        paths = scopes.texts("path")
        of = dict(zip(scopes.ints("id").tolist(), [paths.texts[i] for i in paths.index.tolist()], strict=True))
        ids, index = np.unique(self._common("scope"), return_inverse=True)
        return _Words(index, [of.get(id, "") for id in ids.tolist()])

    @cached_property
    def iteration(self) -> NDArray[np.float64]:
        calls = np.array([graph.call > 0 for graph in self.replay.graphs])
        number: NDArray[np.float64] = np.where(calls, np.cumsum(calls), np.nan)
        firsts = [graph.first for graph in self.replay.graphs]
        at = np.searchsorted(firsts, np.arange(self.replay.n), side="right") - 1
        return number[np.maximum(at, 0)]

    # --- tensors -----------------------------------------------------------------------------------------------------
    def _tensor(self, node: ast.expr) -> list[_Tensor]:
        match node:
            case ast.Name(id="out"):
                facts = self.replay.index.outputs
                return [_Tensor(facts.seq, facts, np.arange(len(facts)))]
            case ast.Name(id="grad"):
                return self._gradients()
            case ast.Call(func=ast.Name(id="grad"), args=[one], keywords=[]):
                return self._gradients_of(self._named(one))
            case ast.Name() | ast.Attribute() | ast.Constant(value=str()) | ast.Subscript():
                facts = self.replay.index.facts
                rows = np.flatnonzero(np.isin(facts.ints("tid"), list(self._named(node))))
                return [_Tensor(facts.seq[rows], facts, rows)]
        raise BadCondition(f"{ast.unparse(node)} is no tensor: out, grad, grad(w1) and names are.")

    def _named(self, node: ast.expr) -> set[int]:
        """The tensors that were ever called so."""
        name = str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)
        names = self.replay.index.names
        texts = names.texts("name")
        wanted = np.array([text == name for text in texts.texts], bool)
        found = set(names.ints("tid")[wanted[texts.index]].tolist()) if len(names) else set()
        if not found:
            raise BadCondition(f"No tensor of this run is called {name}.")
        return found

    def _gradients(self) -> list[_Tensor]:
        index = self.replay.index
        taken, kept = index.steps.flatten("grads_in"), index.gradients
        return [_Tensor(taken.seq, taken, np.arange(len(taken))), _Tensor(kept.seq, kept, np.arange(len(kept)))]

    def _gradients_of(self, tids: set[int]) -> list[_Tensor]:
        """``.grad`` as it was accumulated, and for what an op made also what enters its node."""
        index = self.replay.index
        rows = np.flatnonzero(np.isin(index.accumulates.ints("tid"), list(tids)))
        facts = index.facts
        made = np.isin(facts.ints("tid"), list(tids)) & (facts.ints("grad_fn") > 0)
        nids = facts.ints("grad_fn")[made]
        taken = index.steps.flatten("grads_in")
        first = np.flatnonzero(np.diff(taken.parent, prepend=-1))
        own = first[np.isin(index.steps.ints("nid")[taken.parent[first]], nids)]
        return [_Tensor(index.gradients.seq[rows], index.gradients, rows), _Tensor(taken.seq[own], taken, own)]

    def _figure(self, name: str, tensors: list[_Tensor]) -> NDArray[Any]:
        """The largest figure of an event; NaN (no figure at all) or False where it has no such tensor."""
        flag = name != "norm"
        found = np.full(self.replay.n, np.nan)
        for tensor in tensors:
            for seq, row in zip(tensor.seq.tolist(), tensor.rows.tolist(), strict=True):
                figure = self._of(name, tensor.relation, row)
                if figure is not None:
                    found[seq] = np.fmax(found[seq], figure)
        return found == 1.0 if flag else found

    def _of(self, name: str, relation: Relation, row: int) -> float | None:
        number = int(relation.ints("value")[row])
        key = name, number
        if number and key not in self._known:
            one = relation.row(row)
            self._known[key] = _figure(name, self.replay.value(number), one.shape, one.dtype)
        return self._known[key] if number else None

    @cached_property
    def _known(self) -> dict[tuple[str, int], float | None]:
        return {}


def _figure(name: str, value: Any, shape: Any, dtype: str) -> float | None:
    if name == "norm":
        return values.norm(value, shape, dtype)
    content = values.array(value, shape, dtype)
    if content is not None:
        check = np.isnan if name == "isnan" else np.isinf
        return float(content.dtype.kind in "fc" and bool(check(content).any()))
    counted = values.statistics(value).get("nans" if name == "isnan" else "infs")
    if counted is not None:
        return float(counted > 0)
    return 0.0 if values.finite(value, shape, dtype) else None
