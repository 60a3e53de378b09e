"""The smallest change of the line that wrote: proposed only where it is certain to be the same program otherwise."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from gradviz.replay import Replay

Lines = list[tuple[str, str]]
"""A diff at the line: ("+", "-" or " ", line)."""


def statement_at(replay: Replay, seq: int) -> tuple[ast.stmt | None, str]:
    """The statement that holds an event's expression, and its text as it stands in the source (without indentation)."""
    span = replay.span(seq)
    source = replay.sources.get(span.file, "")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None, replay.line(span.file, span.line).strip()
    inside = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= span.line
              and span.end_line <= (node.end_lineno or node.lineno) and not hasattr(node, "body")
              and (node.lineno, node.col_offset) <= (span.line, span.column)]
    if not inside:
        return None, replay.line(span.file, span.line).strip()
    found = max(inside, key=lambda node: (node.lineno, node.col_offset))
    return found, textwrap.dedent(ast.get_source_segment(source, found) or "")


def out_of_place(statement: ast.stmt | None, name: str) -> str:
    """The statement with a new tensor instead of the write; empty where that is not sure to mean the same.

    ``name``: what the written tensor is called: a method is rewritten only on that very name.
    """
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name | ast.Attribute):
        target = ast.Name(ast.unparse(statement.target))
        return ast.unparse(ast.Assign([target], ast.BinOp(target, statement.op, statement.value), lineno=0))
    call = statement.value if isinstance(statement, ast.Expr) else None
    if (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == name
            and call.func.attr.endswith("_") and call.func.attr not in ("zero_", "fill_", "copy_", "set_", "resize_")):
        func = ast.Attribute(call.func.value, call.func.attr[:-1])
        return f"{name} = {ast.unparse(ast.Call(func, call.args, call.keywords))}"
    return ""


def clone_first(statement: ast.stmt | None, name: str) -> str:
    """The line that makes a copy to write to; empty where the written tensor has no name that can be bound again."""
    path = name.split(".")
    if statement is None or not all(part.isidentifier() for part in path) or name not in _names(statement):
        return ""
    return f"{name} = {name}.clone()"


def _names(statement: ast.stmt) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(statement) if isinstance(node, ast.Name | ast.Attribute)}


def rewritten(replay: Replay, seq: int, name: str) -> tuple[str, Lines]:
    """The write made out of place, in words and as a diff; both empty where that is not sure."""
    statement, text = statement_at(replay, seq)
    line = out_of_place(statement, name)
    removed: Lines = [("-", part) for part in text.splitlines()]
    return (f"make a new tensor instead of writing in place: {line}", [*removed, ("+", line)]) if line else ("", [])


def copied(replay: Replay, seq: int, names: Sequence[str]) -> tuple[str, Lines]:
    """The write made to a copy of the first of ``names`` that the statement uses; in words only where there is none."""
    statement, text = statement_at(replay, seq)
    for line in filter(None, (clone_first(statement, name) for name in names)):
        kept: Lines = [(" ", part) for part in text.splitlines()]
        return f"write to a copy: {line} before this line", [("+", line), *kept]
    return "write to a clone() of it, or do the write after backward", []
