"""Adagrad."""

from __future__ import annotations

from typing import Any

import gradviz.engine as torch
from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import (
    ByParameter,
    check,
    check_fused,
    check_lr,
    counter,
    decayed,
    number,
    raised,
    squeezed,
)
from gradviz.engine.tensor import Tensor


class Adagrad(ByParameter):
    """``p -= lr * grad / (sqrt(sum of squares) + eps)``."""

    __module__ = "torch.optim.adagrad"

    def __init__(self, params: Any, lr: Any = 0.01, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        check_lr(lr)
        check("lr_decay value", lr_decay)
        check("weight_decay value", weight_decay)
        check("initial_accumulator_value value", initial_accumulator_value)
        check("epsilon value", eps)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused})
        check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            for p in group["params"]:
                self._start(p, self.state[p], group)

    def _state_of(self, p: Tensor, group: Group) -> dict[str, Any]:
        if group["fused"]:
            self._check_device(p, group)
        return super()._state_of(p, group)

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        first = self.defaults["initial_accumulator_value"]
        state |= {"step": counter(group),
                  "sum": torch.full_like(p, complex(first, first) if p.is_complex() else first)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        state["step"] += 1
        grad = decayed(p, grad, group)
        lr = squeezed(group["lr"]) / (1 + (number(state["step"]) - 1) * group["lr_decay"])
        square = state["sum"].addcmul_(grad, grad, value=1)
        p.addcdiv_(grad, raised(square.sqrt(), group["eps"], group), value=-number(lr))
