"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from gradviz.engine.ops.operators import add_
from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import ByParameter, check_fused, decayed, number
from gradviz.engine.tensor import Tensor


class SGD(ByParameter):
    """``p -= lr * grad``, or the running sum of gradients in its place."""

    __module__ = "torch.optim.sgd"
    _real = False

    def __init__(self, params: Any, lr: Any = 0.001, momentum: float = 0, dampening: float = 0,
                 weight_decay: Any = 0, nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("learning rate", lr), ("momentum value", momentum), ("weight_decay value", weight_decay)):
            if value < 0.0:
                raise ValueError(f"Invalid {name}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused})
        check_fused(fused, foreach, differentiable)

    def _state_of(self, p: Tensor, group: Group) -> dict[str, Any]:
        if group["fused"]:
            self._check_device(p, group)
        return self.state[p] if group["momentum"] != 0 else {}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        decay, momentum, lr = group["weight_decay"], group["momentum"], group["lr"]
        if isinstance(decay, Tensor) and decay.requires_grad:
            grad = grad.addcmul_(p.clone(), decay)
        elif decay != 0:
            grad = decayed(p, grad, group)
        if momentum != 0:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.detach().clone()
            else:
                buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        if isinstance(lr, Tensor) and lr.requires_grad:
            p.addcmul_(grad, lr.squeeze(), value=-1)
        else:
            add_(p, grad, alpha=-number(lr))
