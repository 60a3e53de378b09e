"""Random programs of ops, views, writes, hooks and backward calls, a line at a time."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import gradviz.engine as torch

OPS = ("add", "mul", "exp", "relu", "row", "view", "detach", "data", "setitem", "mul_", "fill_", "no_grad_write",
       "hook", "retain", "backward", "clear")
programs = st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=25)
Program = list[tuple[str, int, int]]


def begin() -> list[Any]:
    """What a program holds before its first line."""
    return [torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), torch.ones(2, 2)]


def run_line(op: str, held: list[Any], i: int, j: int) -> None:
    """One line of a program on the tensors that it holds; what PyTorch's rules refuse is left out."""
    a, b = held[i % len(held)], held[j % len(held)]
    made: Any = None
    try:
        if op in ("add", "mul"):
            made = a + b if op == "add" else a * b
        elif op in ("exp", "relu"):
            made = (a * 0.1).exp() if op == "exp" else a.relu()
        elif op == "row":
            made = a[j % a.shape[0]] if a.dim() > 1 else a.view(2, 2)
        elif op == "view":
            made = a.view(-1)
        elif op == "detach":
            made = a.detach()
        elif op == "data":
            made = a.data
        elif op == "setitem":
            a[0] = float(j)
        elif op == "mul_":
            a.mul_(0.5)
        elif op == "fill_":
            a.detach().fill_(float(j))
        elif op == "no_grad_write":
            with torch.no_grad():
                a.add_(1.0)
        elif op == "hook" and a.requires_grad:
            a.register_hook(lambda grad: grad * 2)
        elif op == "retain" and a.requires_grad:
            a.retain_grad()
        elif op == "backward" and a.requires_grad:
            a.sum().backward(retain_graph=j % 2 == 0)
        elif op == "clear" and a.is_leaf:
            a.grad = None
    except RuntimeError:
        return
    if made is not None:
        held.append(made)
