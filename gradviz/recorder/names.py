"""What an expression's value is bound to, read from the source around it."""

from __future__ import annotations

import ast
from typing import NamedTuple

Where = tuple[int, int, int, int]
"""Line, column, end line, end column as the compiler notes them: columns in bytes of UTF-8."""


class Binding(NamedTuple):
    """``names`` in order for an unpacking or a chain of targets; ``returned``: the value is returned at once."""

    names: tuple[str, ...]
    returned: bool


NOTHING = Binding((), False)


class Source:
    """A source file: its lines and, when it parses, its expressions by their place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.splitlines(keepends=True)
        self._bytes = [line.encode("utf-8", "replace") for line in self._lines]
        self._nodes: dict[Where, ast.AST] = {}
        self._ends: dict[tuple[int, int], list[ast.expr]] = {}
        self._parents: dict[ast.AST, ast.AST] = {}
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        for parent in ast.walk(tree):  # outer nodes first
            for node in ast.iter_child_nodes(parent):
                self._parents[node] = parent
                if isinstance(node, ast.expr | ast.AugAssign):
                    end = (node.end_lineno or 0, node.end_col_offset or 0)
                    self._nodes.setdefault((node.lineno, node.col_offset, *end), node)
                    if isinstance(node, ast.Call | ast.Attribute):
                        self._ends.setdefault(end, []).append(node)

    def column(self, line: int, column: int) -> int:
        """A column in bytes as one in characters."""
        if not 0 < line <= len(self._bytes):
            return column
        return len(self._bytes[line - 1][:column].decode("utf-8", "replace"))

    def extent(self, line: int) -> tuple[int, int]:
        """The columns of the code on a line, in characters."""
        if not 0 < line <= len(self._lines):
            return 0, 0
        text = self._lines[line - 1].rstrip()
        return len(text) - len(text.lstrip()), len(text)

    def statement(self, where: Where) -> Where:
        """What stores into a target (``b[0]``) is all of ``b[0] = x``, unless that has several targets."""
        node = self._nodes.get(where)
        parent = None if node is None else self._parents.get(node)
        if isinstance(parent, ast.AugAssign) or (isinstance(parent, ast.Assign) and parent.targets == [node]):
            return parent.lineno, parent.col_offset, parent.end_lineno or 0, parent.end_col_offset or 0
        return where

    def binding(self, where: Where) -> Binding:
        node = self._nodes.get(where) or self._chained(where)
        return NOTHING if node is None else self._climb(node)

    def _chained(self, where: Where) -> ast.AST | None:
        """The call of a method on another line than its object: Python 3.12 has it begin at the method's name."""
        for node in reversed(self._ends.get(where[2:], [])):
            if (node.lineno, node.col_offset) <= where[:2]:
                return node
        return None

    def _climb(self, node: ast.AST) -> Binding:
        names: list[str] = []
        if isinstance(node, ast.AugAssign):
            return Binding((self._segment(node.target),), False)
        while True:
            parent = self._parents.get(node)
            if isinstance(parent, ast.NamedExpr):
                names.append(parent.target.id)
            elif isinstance(parent, ast.IfExp):
                if node is parent.test:
                    break
            elif isinstance(parent, ast.BoolOp):
                if node is not parent.values[-1]:
                    break
            elif not isinstance(parent, ast.Await):
                return self._bound(node, parent, names)
            node = parent
        return Binding(tuple(names), False)

    def _bound(self, node: ast.AST, parent: ast.AST | None, names: list[str]) -> Binding:
        returned = isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and node is parent.body)
        if isinstance(parent, ast.Assign):
            if node is parent.value:
                names += self._targets(parent.targets)
            elif isinstance(node, ast.Tuple | ast.List):  # a tensor that is unpacked: its rows are made here
                names += self._targets([node])
        elif isinstance(parent, ast.AnnAssign) and node is parent.value:
            names += self._targets([parent.target])
        elif isinstance(parent, ast.withitem) and parent.optional_vars is not None:
            names += self._targets([parent.optional_vars])
        elif isinstance(parent, ast.Tuple | ast.List | ast.Dict | ast.ListComp):
            names += self._element(node, parent)
        return Binding(tuple(names), returned)

    def _targets(self, targets: list[ast.expr]) -> list[str]:
        unpacked = next((target for target in targets if isinstance(target, ast.Tuple | ast.List)), None)
        return [self._segment(target) for target in (unpacked.elts if unpacked is not None else targets)]

    def _element(self, node: ast.AST, parent: ast.Tuple | ast.List | ast.Dict | ast.ListComp) -> list[str]:
        """``a, b = x * 2, y * 3``: each has its own name; of ``d = {"loss": x}`` it is ``d["loss"]``, of ``w = [x, y]``
        ``w[0]`` and ``w[1]``, and of a comprehension ``w[…]``, as the source does not tell which it is."""
        statement = self._parents.get(parent)
        if not isinstance(statement, ast.Assign) or statement.value is not parent:
            return []
        plain = [self._segment(target) for target in statement.targets if isinstance(target, ast.Name | ast.Attribute)]
        if plain:
            place = self._index(node, parent)
            return [f"{name}[{place}]" for name in plain] if place else []
        if not isinstance(parent, ast.Tuple | ast.List):
            return []
        number = next(i for i, element in enumerate(parent.elts) if element is node)
        return [self._segment(target.elts[number]) for target in statement.targets
                if isinstance(target, ast.Tuple | ast.List) and len(target.elts) == len(parent.elts)
                and not any(isinstance(element, ast.Starred) for element in target.elts)]

    def _index(self, node: ast.AST, parent: ast.Tuple | ast.List | ast.Dict | ast.ListComp) -> str:
        """Under which index or key an element lies in a display."""
        if isinstance(parent, ast.ListComp):
            return "…" if node is parent.elt else ""
        if isinstance(parent, ast.Dict):
            key = next((key for key, value in zip(parent.keys, parent.values, strict=True) if value is node), None)
            return "" if key is None else self._segment(key)
        return str(next(i for i, element in enumerate(parent.elts) if element is node))

    def _segment(self, node: ast.expr) -> str:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if first == last:
            return self._bytes[first][node.col_offset:node.end_col_offset].decode("utf-8", "replace")
        return ast.unparse(node)
