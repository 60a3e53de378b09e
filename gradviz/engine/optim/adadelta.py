"""Adadelta."""

from __future__ import annotations

from typing import Any

from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import ByParameter, check, check_lr, counter, decayed, number, squeezed, zeros
from gradviz.engine.tensor import Tensor


class Adadelta(ByParameter):
    """Steps as long as the last ones were, measured by the gradients' size."""

    __module__ = "torch.optim.adadelta"
    _captured_by = ("cuda", "xpu", "hpu", "privateuseone")

    def __init__(self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-06, weight_decay: float = 0,
                 foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "square_avg": zeros(p), "acc_delta": zeros(p)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        rho, eps, lengths = group["rho"], group["eps"], state["acc_delta"]
        state["step"] += 1
        grad = decayed(p, grad, group)
        square = state["square_avg"].mul_(rho).addcmul_(grad, grad, value=1 - rho)
        size = square.add(eps).sqrt_()
        change = lengths.add(eps).sqrt_()
        if group["differentiable"]:
            change = change.clone()
        change.div_(size).mul_(grad)
        lengths.mul_(rho).addcmul_(change, change, value=1 - rho)
        p.add_(change, alpha=-number(squeezed(group["lr"])))
