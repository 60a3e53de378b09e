"""What an expression's value is bound to, read from the source around it."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

Where = tuple[int, int, int, int]
"""Line, column, end line, end column as the compiler notes them: columns in bytes of UTF-8."""


Path = tuple[tuple[int, int] | str, ...]
"""Where in what is returned a value lies: (index, of how many) in a tuple or a key in a dict, from the outside in."""
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Binding(NamedTuple):
    """``names`` in order for an unpacking or a chain of targets; ``returned``: the value is returned, at once where it
    has no name, as the part of what is returned that ``path`` says. ``owner``: the argument that a method calls its
    object by, where a name begins with that: the object has another name where the method was called."""

    names: tuple[str, ...]
    returned: bool
    path: Path = ()
    owner: str = ""

    @property
    def settled(self) -> bool:
        """Nothing can be learnt of its names where the function was called."""
        return not (self.returned or self.owner)


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
        if node is None:
            return NOTHING
        names = tuple(self._names(node))
        path = self._returned(node, names)
        return Binding(names, path is not None, path or (), self._owner(node, names))

    def arrived(self, where: Where, path: Path) -> str:
        """The name that a part of a call's value gets; empty if none."""
        node = self._nodes.get(where) or self._chained(where)
        if node is None:
            return ""
        while isinstance(parent := self._parents.get(node), ast.Await):
            node = parent
        if isinstance(parent, ast.NamedExpr):
            return self._part(parent.target, path)
        targets = self._targets(node, parent)
        if targets:
            return self._part(targets[0], path)
        names = self._names(node)
        return names[0] + self._tail(path) if names else ""

    def whose(self, where: Where, made: bool) -> tuple[str, str]:
        """Whose method a call is of: ``net`` of ``net.grow(x)``, of ``net(x)`` and, when one is ``made``, of
        ``net = Net()``; and what the method around it calls its own object by, if that is how the name begins."""
        node, owner = self._nodes.get(where) or self._chained(where), self.called_by(where)
        function = node.func if isinstance(node, ast.Call) else None
        if not made and function is not None:
            whose = self._segment(function.value if isinstance(function, ast.Attribute) else function)
        elif isinstance(function, ast.Attribute) and function.attr == "__init__":  # super().__init__()
            whose = owner
        else:
            whose = self.arrived(where, ())
        return whose, owner if owner and f"{whose}.".startswith(f"{owner}.") else ""

    def called_by(self, where: Where) -> str:
        """The argument that the method around a place calls its object by; empty outside of methods."""
        node = self._nodes.get(where)
        function = None if node is None else self._up(node)
        if not isinstance(function, ast.FunctionDef) or not isinstance(self._parents.get(function), ast.ClassDef):
            return ""
        arguments = function.args.posonlyargs + function.args.args
        return arguments[0].arg if arguments else ""

    def _owner(self, node: ast.AST, names: tuple[str, ...]) -> str:
        if not any("." in name for name in names):
            return ""
        owner = self.called_by(_where(node))
        return owner if owner and any(name.startswith(f"{owner}.") for name in names) else ""

    def _up(self, node: ast.AST | None) -> ast.AST | None:
        """The function that something is in."""
        while node is not None and not isinstance(node, _FUNCTIONS):
            node = self._parents.get(node)
        return node

    # --- what is returned --------------------------------------------------------------------------------------------
    def _returned(self, node: ast.AST, names: tuple[str, ...]) -> Path | None:
        """Where in what its function returns a value lies; None if it is not known to be returned."""
        if not names:
            return self._displayed(node)
        function = self._up(node)
        if len(names) != 1 or not names[0].isidentifier() or not isinstance(function, ast.FunctionDef):
            return None
        for use in ast.walk(function):
            if isinstance(use, ast.Name) and use.id == names[0] and isinstance(use.ctx, ast.Load):
                path = self._displayed(use)
                if path is not None and self._up(use) is function and self._reaches(node, use, function):
                    return path
        return None

    def _displayed(self, node: ast.AST) -> Path | None:
        """The same for an expression in a return statement: the value itself, or an element of a display."""
        path: Path = ()
        while True:
            parent = self._parents.get(node)
            if isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and node is parent.body):
                return path
            if isinstance(parent, ast.Tuple | ast.List):
                if any(isinstance(element, ast.Starred) for element in parent.elts):
                    return None
                path = ((parent.elts.index(node), len(parent.elts)), *path)  # type: ignore[arg-type]
            elif isinstance(parent, ast.Dict) and (key := self._index(node, parent)):
                path = (key, *path)
            elif not (isinstance(parent, ast.Await) or (isinstance(parent, ast.IfExp) and node is not parent.test) or
                      (isinstance(parent, ast.BoolOp) and node is parent.values[-1])):
                return None
            node = parent

    def _reaches(self, node: ast.AST, use: ast.expr, function: ast.AST) -> bool:
        """Whether what is bound at ``node`` may be what a later ``use`` of the name reads: nothing that surely runs
        between binds it again."""
        if _start(node) > _start(use):
            return False
        around = set()
        above: ast.AST | None = use
        while above is not None and above is not function:
            around.add(above)
            above = self._parents.get(above)
        for other in ast.walk(function):
            if isinstance(other, ast.Name) and other.id == getattr(use, "id", "") and isinstance(other.ctx, ast.Store):
                statement: Any = other
                while not isinstance(statement, ast.stmt):
                    statement = self._parents[statement]
                beside = self._parents[statement]
                if _end(node) < _start(statement) < _start(use) and (beside is function or beside in around):
                    return False
        return True

    # --- targets -----------------------------------------------------------------------------------------------------
    def _targets(self, node: ast.AST, parent: ast.AST | None) -> list[ast.expr]:
        """What a statement binds an expression's value to."""
        if isinstance(parent, ast.Assign):
            if node is parent.value:
                return parent.targets
            return [node] if isinstance(node, ast.Tuple | ast.List) else []  # an unpacked tensor: its rows are here
        if isinstance(parent, ast.AnnAssign) and node is parent.value:
            return [parent.target]
        if isinstance(parent, ast.withitem) and parent.optional_vars is not None:
            return [parent.optional_vars]
        statement = self._parents.get(parent) if parent is not None else None
        if not isinstance(parent, ast.Tuple | ast.List) or not isinstance(statement, ast.Assign) or (
                statement.value is not parent):
            return []
        number, n = next(i for i, one in enumerate(parent.elts) if one is node), len(parent.elts)
        return [target.elts[number] for target in statement.targets
                if isinstance(target, ast.Tuple | ast.List) and len(target.elts) == n
                and not any(isinstance(one, ast.Starred) for one in target.elts)]

    def _part(self, target: ast.expr, path: Path) -> str:
        """The name of a part of what is bound to a target."""
        for place, key in enumerate(path):
            if isinstance(key, str) or not isinstance(target, ast.Tuple | ast.List):
                return self._segment(target) + self._tail(path[place:])
            index, n = key
            star = next((i for i, one in enumerate(target.elts) if isinstance(one, ast.Starred)), len(target.elts))
            after = len(target.elts) - star - 1
            if index < star:
                target = target.elts[index]
            elif star < len(target.elts) and index < n - after:
                rest = target.elts[star]
                assert isinstance(rest, ast.Starred)
                return self._segment(rest.value) + self._tail(((index - star, 0), *path[place + 1:]))
            elif star < len(target.elts):
                target = target.elts[index - n]
            else:
                return ""
        return "" if isinstance(target, ast.Tuple | ast.List) else self._segment(target)

    @staticmethod
    def _tail(path: Path) -> str:
        return "".join(f"[{key if isinstance(key, str) else key[0]}]" for key in path)

    def _chained(self, where: Where) -> ast.AST | None:
        """The call of a method on another line than its object: Python 3.12 has it begin at the method's name."""
        for node in reversed(self._ends.get(where[2:], [])):
            if (node.lineno, node.col_offset) <= where[:2]:
                return node
        return None

    def _names(self, node: ast.AST) -> list[str]:
        names: list[str] = []
        if isinstance(node, ast.AugAssign):
            return [self._segment(node.target)]
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
                return names + self._bound(node, parent)
            node = parent
        return names

    def _bound(self, node: ast.AST, parent: ast.AST | None) -> list[str]:
        targets = self._targets(node, parent)
        if targets:
            unpacked = next((target for target in targets if isinstance(target, ast.Tuple | ast.List)), None)
            return [self._segment(target) for target in (unpacked.elts if unpacked is not None else targets)]
        if isinstance(parent, ast.Tuple | ast.List | ast.Dict | ast.ListComp):
            return self._element(node, parent)
        return []

    def _element(self, node: ast.AST, parent: ast.Tuple | ast.List | ast.Dict | ast.ListComp) -> list[str]:
        """Of ``d = {"loss": x}`` it is ``d["loss"]``, of ``w = [x, y]`` ``w[0]`` and ``w[1]``, and of a comprehension
        ``w[…]``, as the source does not tell which it is."""
        statement = self._parents.get(parent)
        if not isinstance(statement, ast.Assign) or statement.value is not parent:
            return []
        plain = [self._segment(target) for target in statement.targets if isinstance(target, ast.Name | ast.Attribute)]
        place = self._index(node, parent)
        return [f"{name}[{place}]" for name in plain] if place else []

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


def _where(node: Any) -> Where:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _start(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset
