"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import gradviz.engine as torch
from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import ByParameter, check_lr, counter, number, zeros
from gradviz.engine.tensor import Tensor


class Rprop(ByParameter):
    """Steps by the gradient's sign alone, longer while it stays and shorter when it turns."""

    __module__ = "torch.optim.rprop"

    def __init__(self, params: Any, lr: Any = 0.01, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-06, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        lr = number(group["lr"])
        state |= {"step": counter(group), "prev": zeros(p),
                  "step_size": torch.full_like(p, complex(lr, lr) if p.is_complex() else lr)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        shrink, grow = group["etas"]
        before, size = state["prev"], state["step_size"]
        state["step"] += 1
        turn = grad.mul(before.clone() if group["differentiable"] else before).sign()
        factor = torch.where(turn.gt(0), grow, torch.where(turn.lt(0), shrink, torch.ones_like(turn)))
        size.mul_(factor).clamp_(*group["step_sizes"])
        grad = torch.where(turn.lt(0), 0, grad)
        p.addcmul_(grad.sign(), size, value=-1)
        before.copy_(grad)
