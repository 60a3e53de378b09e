"""RMSprop."""

from __future__ import annotations

from typing import Any

from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import (
    ByParameter,
    check,
    check_lr,
    counter,
    decayed,
    number,
    raised,
    squeezed,
    zeros,
)
from gradviz.engine.tensor import Tensor


class RMSprop(ByParameter):
    """``p -= lr * grad / (sqrt(mean of squares) + eps)``; centered: their variance."""

    __module__ = "torch.optim.rmsprop"

    def __init__(self, params: Any, lr: Any = 0.01, alpha: float = 0.99, eps: float = 1e-08, weight_decay: float = 0,
                 momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        check("epsilon value", eps)
        check("momentum value", momentum)
        check("weight_decay value", weight_decay)
        check("alpha value", alpha)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "square_avg": zeros(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros(p)
        if group["centered"]:
            state["grad_avg"] = zeros(p)

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        alpha, lr = group["alpha"], number(squeezed(group["lr"]))
        state["step"] += 1
        grad = decayed(p, grad, group)
        square = state["square_avg"].mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(grad, 1 - alpha)
            square = square.addcmul(mean, mean, value=-1)
        scale = raised(square.sqrt(), group["eps"], group)
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, scale)
            p.add_(buffer, alpha=-lr)
        else:
            p.addcdiv_(grad, scale, value=-lr)
