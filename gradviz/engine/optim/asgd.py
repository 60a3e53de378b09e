"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from gradviz.engine.optim.optimizer import Group, scalar
from gradviz.engine.optim.stepping import ByParameter, check, check_lr, counter, decayed, number, squeezed, zeros
from gradviz.engine.tensor import Tensor


class ASGD(ByParameter):
    """Gradient descent whose rate decays, and beside it the average ``ax`` of the parameters passed through."""

    __module__ = "torch.optim.asgd"
    _on_device = "params, mus, etas, and state_steps"

    def __init__(self, params: Any, lr: Any = 0.01, lambd: float = 0.0001, alpha: float = 0.75, t0: float = 1000000.0,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        check_lr(lr)
        check("weight_decay value", weight_decay)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "eta": scalar(number(group["lr"])), "mu": scalar(1.0), "ax": zeros(p)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        lambd, lr, average, mu = group["lambd"], squeezed(group["lr"]), state["ax"], number(state["mu"])
        state["step"] += 1
        step, eta = number(state["step"]), number(state["eta"])
        grad = decayed(p, grad, group)
        p.mul_(1 - lambd * eta)
        p.add_(grad, alpha=-eta)
        if mu == 1:
            average.copy_(p)
        else:
            average.add_(p.sub(average).mul_(mu))
        state["eta"].fill_(number(lr / (1 + lambd * lr * step) ** group["alpha"]))
        state["mu"].fill_(1 / max(1, step - group["t0"]))
