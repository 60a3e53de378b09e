"""Rules that are ops of their own under ``create_graph``, as PyTorch's backward functions are.

Most rules are differentiated through the operators that they are written in. Two kinds cannot be: those whose result is
constant in what was saved, but must still depend on it in the graph, and those that PyTorch cannot differentiate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.autograd.node import node_class
from gradviz.engine.ops.build import Op, op, run
from gradviz.engine.tensor import Tensor


def piecewise(name: str, node: str, rule: Callable[..., Any], saves: str = "self", key: str = "",
              transpose: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A rule that is linear in the gradient and constant, between kinks, in what was saved.

    ``transpose`` takes the gradient of the rule's result to that of the gradient: for a pointwise rule, itself.
    """

    def again(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
        return (transpose or rule)(ns, ctx, g, *saved), ns.zeros(ns.plain(saved[0]).shape, g) if ctx.needs(1) else None

    row = op(name, lambda g, *rest: rule(raw, rest[-1], g, *rest[:-1]), node, again, saves, "grad_output " + saves,
             key="graph." + (key or name))
    row.differentiable = (0, 1)

    def whole(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
        if ns is raw:
            return rule(ns, ctx, g, *saved)
        return run(row, (g, *saved), (ctx,), "", ctx.args)

    return whole


def underived(name: str, message: str, error: type[Exception] = RuntimeError) -> Callable[..., Any]:
    """For a rule that PyTorch cannot differentiate: its result, with a node that says so."""

    def refuse(ns: Any, ctx: Any, g: Any) -> Any:
        raise error(message)

    row = Op(name, lambda g, x, value: value, node_class("NotImplemented", refuse), (), ("grad", "self"))

    def result(g: Any, x: Any, value: Any) -> Any:
        return run(row, (g, x), (value,)) if isinstance(g, Tensor) else value

    return result
