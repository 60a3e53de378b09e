"""Which statement of the script wrote through NumPy: nothing tells of it when it runs, so it is found in the source.

The recorder knows the op that saw the old content last and the one that found the new. Between them, the statements
that store into the exported array, under any of its names, are the candidates; mostly there is one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradviz.events import Span
from gradviz.replay.replay import Replay

_SHARING = ("numpy", "to_dlpack", "from_numpy", "as_tensor", "asarray", "from_dlpack", "frombuffer")
"""Ops by which a storage comes to be shared with NumPy."""
_VIEWS = {"T", "mT", "flat", "real", "imag", "base", "data"}
_VIEWING = {"reshape", "ravel", "view", "transpose", "squeeze", "swapaxes", "diagonal", "asarray", "ascontiguousarray",
            "atleast_1d", "atleast_2d", "from_dlpack", "frombuffer", "memoryview"}
_STORING = {"fill", "sort", "partition", "put", "itemset", "resize", "setfield"}
_STORING_INTO = {"copyto", "put", "putmask", "place", "put_along_axis", "fill_diagonal", "shuffle", "readinto", "at"}
_HARMLESS = {"np", "numpy", "torch", "plt", "math", "print", "len", "float", "int", "sum", "list", "tuple", "max",
             "min", "repr", "str", "id", "type", "isinstance", "enumerate", "zip", "sorted", "any", "all", "abs"}
"""What is called by these names, or of the modules with them, does not write into what it is handed."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Statement:
    """A piece of the source, as a span has it."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Outside:
    """A write that no op did, found at event ``seq``; event ``seen`` saw the old content last (-1: not known).

    ``statements``: those of the script that may have done it; where it is one, that did it.
    """

    seq: int
    seen: int
    statements: tuple[Statement, ...]
    where: str

    @property
    def line(self) -> int:
        """The line of the statement that did it; 0 where several may have."""
        return self.statements[0].line if len(self.statements) == 1 else 0


def outside(replay: Replay, seq: int) -> Outside:
    """Which statement did what a ``write`` event found."""
    event, found = replay.event(seq), replay.span(seq)
    seen = replay.thing(event.seen) if event.seen else -1
    since = replay.span(seen) if seen >= 0 else None
    shared = _shared(replay, event.write.sid, seq)
    statements = [Statement(file, *place, _short(replay.source_text(Span(0, file, "", *place, (), False))))
                  for file in dict.fromkeys(span.file for span in shared) if file in replay.sources
                  for place in _candidates(replay.sources[file], tuple(s for s in shared if s.file == file),
                                           since if since is not None and since.file == file else None,
                                           found if found.file == file else None)]
    return Outside(seq, seen, tuple(statements), _where(statements, since, found))


def written_by(replay: Replay, seq: int) -> tuple[str, int]:
    """Who wrote at an event, an op or what is outside of all, and at which line of the script."""
    event = replay.event(seq)
    if event.kind == "op":
        return str(event.name), replay.line_of(seq)
    by = "NumPy" if event.reason == "numpy" else f"a write outside an op ({event.reason})"
    return by, outside(replay, seq).line or replay.line_of(seq)


def _shared(replay: Replay, sid: int, seq: int) -> list[Span]:
    """Where the script shared a storage with NumPy, up to an event."""
    index, found = replay.index, dict[int, Span]()
    known = index.facts
    for tid in np.unique(known.ints("tid")[known.where("sid", sid)]).tolist():
        for relation in (index.inputs, index.outputs):
            for at in relation.seq[relation.where("tid", tid)].tolist():
                if at <= seq and replay.kind(at) == "op" and replay.event(at).name in _SHARING:
                    found[at] = replay.span(at)
    return [found[at] for at in sorted(found)]


def _where(statements: list[Statement], since: Span | None, found: Span) -> str:
    if len(statements) == 1:
        return f"at line {statements[0].line} ({statements[0].text})"
    if statements:
        *most, last = dict.fromkeys(str(one.line) for one in statements)
        return f"at line {', '.join(most)} or {last}" if most else f"at line {last}"
    if since is not None and since.line and found.line:
        return f"between line {since.line} and line {found.line}"
    return f"before line {found.line}" if found.line else ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


@lru_cache(maxsize=256)
def _candidates(text: str, shared: tuple[Span, ...], since: Span | None, found: Span | None,
                ) -> list[tuple[int, int, int, int]]:
    try:
        script = _Script(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    for span in shared:
        script.follow(span)
    first, last = (None if span is None else script.at(span) for span in (since, found))
    for stores in (script.stores, script.handed):
        possible = [node for node in stores() if script.possible(node, first, last)]
        if possible:
            return list(dict.fromkeys(script.place(node) for node in possible))
    return []


class _Script:
    """The source of a file, and the names under which it knows the shared array."""

    def __init__(self, text: str) -> None:
        self.lines = [line.encode() for line in text.splitlines(keepends=True)]
        self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.functions = {node.name: node for node in self.nodes if isinstance(node, ast.FunctionDef)}
        self.bound = {(self.scope(node), name) for node in self.nodes if (name := _binds(node))}
        self.roots: set[ast.AST] = set()
        self.names: set[tuple[ast.AST | None, str]] = set()

    # --- places ------------------------------------------------------------------------------------------------------
    def place(self, node: ast.AST) -> tuple[int, int, int, int]:
        """Where something is, columns in characters."""
        assert isinstance(node, ast.stmt | ast.expr)
        end = node.end_lineno or node.lineno
        return (node.lineno, self._column(node.lineno, node.col_offset), end,
                self._column(end, node.end_col_offset or 0))

    def _column(self, line: int, column: int) -> int:
        return len(self.lines[line - 1][:column].decode(errors="replace"))

    def at(self, span: Span) -> ast.AST | None:
        """The expression of a span: the innermost that holds it all."""
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        holding = [node for node in self.nodes if isinstance(node, ast.expr | ast.stmt)
                   and (where := self.place(node))[:2] <= start and end <= where[2:]]
        return max(holding, key=lambda node: (self.place(node)[:2], [-n for n in self.place(node)[2:]]), default=None)

    def up(self, node: ast.AST | None, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """What is around something."""
        while node is not None:
            node = self.parents.get(node)
            if isinstance(node, kinds):
                yield node

    def scope(self, node: ast.AST) -> ast.AST | None:
        """The function that something is in; None at the top of the file."""
        return next(self.up(node, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), None)

    def statement(self, node: ast.AST) -> ast.AST:
        """The simple statement that something is part of; of a compound one only the expression."""
        whole = node if isinstance(node, ast.stmt) else next(self.up(node, ast.stmt))
        return node if hasattr(whole, "body") else whole

    # --- names -------------------------------------------------------------------------------------------------------
    def follow(self, span: Span) -> None:
        """Find all names of the array that is shared at a span."""
        node = self.at(span)
        if not isinstance(node, ast.Call):
            return
        name = _called(node)
        self.roots.add(node)
        if name in _SHARING[2:] and node.args:
            self._know(node.args[0])
        known = -1
        while known != len(self.names):
            known = len(self.names)
            for one in self.nodes:
                self._bind(one)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._pair(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._pair(node.target, node.value)
        elif isinstance(node, ast.For) and self.is_array(node.iter):
            self._know(node.target)
        elif isinstance(node, ast.Call) and (function := self.functions.get(_called(node))) is not None:
            names = [argument.arg for argument in function.args.posonlyargs + function.args.args]
            names = names[1:] if isinstance(node.func, ast.Attribute) and names[:1] == ["self"] else names
            handed = [*zip(names, node.args), *((word.arg, word.value) for word in node.keywords)]
            self.names |= {(function, name) for name, value in handed if name and self.is_array(value)}

    def _pair(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._pair(one, other)
        elif self.is_array(value):
            self._know(target)
        elif isinstance(target, ast.Name | ast.Attribute) and self.is_array(target):
            self._know(value)

    def _know(self, node: ast.expr) -> None:
        """An expression is the array, or a view of it: so is what it is a view of."""
        while (inner := _viewed(node)) is not None:
            node = inner
        if isinstance(node, ast.Name | ast.Attribute):
            self.names.add(self._key(node))

    def _key(self, node: ast.Name | ast.Attribute) -> tuple[ast.AST | None, str]:
        if isinstance(node, ast.Attribute):
            return None, ast.unparse(node)
        scope = self.scope(node)
        while scope is not None and (scope, node.id) not in self.bound:
            scope = self.scope(scope)
        return scope, node.id

    def is_array(self, node: ast.AST) -> bool:
        """Whether an expression is the shared array or a view of it."""
        if node in self.roots or (isinstance(node, ast.Name | ast.Attribute) and self._key(node) in self.names):
            return True
        if isinstance(node, ast.Call) and (function := self.functions.get(_called(node))) is not None:
            return any(isinstance(one, ast.Return) and one.value is not None and self.is_array(one.value)
                       for one in ast.walk(function))
        inner = _viewed(node)
        return inner is not None and self.is_array(inner)

    # --- stores ------------------------------------------------------------------------------------------------------
    def stores(self) -> Iterator[ast.AST]:
        """The statements that store into the array."""
        for node in self.nodes:
            into: list[ast.expr] = []
            if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
                into = [node.value] if isinstance(node, ast.Subscript) or node.attr in _VIEWS else []
            elif isinstance(node, ast.AugAssign):
                into = [node.target]
            elif isinstance(node, ast.Call):
                into = list(_written(node))
            if any(self.is_array(one) for one in into):
                yield self.statement(node)

    def handed(self) -> Iterator[ast.AST]:
        """The statements that hand the array to something whose source is not here."""
        for node in self.nodes:
            if not isinstance(node, ast.Call) or _called(node) in self.functions or (
                    _first_name(node.func) in _HARMLESS):
                continue
            if any(self.is_array(one) for one in [*node.args, *(word.value for word in node.keywords)]):
                yield self.statement(node)

    # --- time --------------------------------------------------------------------------------------------------------
    def possible(self, node: ast.AST, first: ast.AST | None, last: ast.AST | None,
                 asked: frozenset[ast.AST] = frozenset()) -> bool:
        """Whether a statement can have run after ``first`` and before ``last``."""
        scope, ends = self.scope(node), self.place(node)[2:]
        straight = first is not None and last is not None and self.scope(first) is self.scope(last) and (
            self.place(first)[2:] < self.place(last)[2:])
        for end, early in ((first, True), (last, False)):
            if end is not None and scope is self.scope(end) and (straight or not self._loop(node, end)) and (
                    ends <= self.place(end)[2:] if early else ends >= self.place(end)[2:]):
                return False
        here = {self.scope(one) for one in (first, last) if one is not None}
        if not isinstance(scope, ast.FunctionDef) or scope in here | asked:
            return True
        callers = [one for one in self.nodes if isinstance(one, ast.Call) and _called(one) == scope.name]
        return not callers or any(self.possible(one, first, last, asked | {scope}) for one in callers)

    def _loop(self, one: ast.AST, other: ast.AST) -> bool:
        """Whether a loop is around both."""
        loops = ast.For, ast.AsyncFor, ast.While
        return bool(set(self.up(one, *loops)) & set(self.up(other, *loops)))


def _binds(node: ast.AST) -> str:
    """The name that a node gives a meaning in its function."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return node.id
    return node.arg if isinstance(node, ast.arg) else ""


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(
        function, ast.Name) else ""


def _first_name(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _viewed(node: ast.AST) -> ast.expr | None:
    """What an expression is a view of."""
    if isinstance(node, ast.Subscript | ast.Starred | ast.NamedExpr) or (
            isinstance(node, ast.Attribute) and node.attr in _VIEWS):
        return node.value
    if isinstance(node, ast.Call) and _called(node) in _VIEWING:
        if isinstance(node.func, ast.Attribute) and _first_name(node.func) not in _HARMLESS:
            return node.func.value
        return node.args[0] if node.args else None
    return None


def _written(node: ast.Call) -> Iterator[ast.expr]:
    """What a call of NumPy's writes into."""
    name = _called(node)
    if isinstance(node.func, ast.Attribute) and name in _STORING:
        yield node.func.value
    if name in _STORING_INTO and node.args:
        yield node.args[0]
    for word in node.keywords:
        if word.arg == "out":
            yield from word.value.elts if isinstance(word.value, ast.Tuple) else [word.value]
    ufunc = getattr(np, name, None) if _first_name(node.func) in ("np", "numpy") else None
    if isinstance(ufunc, np.ufunc):
        yield from node.args[ufunc.nin:]
