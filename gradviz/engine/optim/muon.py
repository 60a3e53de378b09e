"""Muon: momentum made orthogonal, for the matrices of hidden layers."""

from __future__ import annotations

from math import sqrt
from typing import Any

import gradviz.engine as torch
from gradviz.engine.optim.optimizer import Group
from gradviz.engine.optim.stepping import ByParameter, number, squeezed, zeros
from gradviz.engine.tensor import Tensor


class Muon(ByParameter):
    """``p -= lr * orthogonal(momentum)``, all singular values of the step near 1."""

    __module__ = "torch.optim._muon"

    def __init__(self, params: Any, lr: Any = 0.001, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
                 eps: float = 1e-07, ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn})
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError("Muon only supports 2D parameters whereas we found a parameter with size: "
                                     f"{p.size()}")

    _real = False

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        state["momentum_buffer"] = zeros(p)

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        lr, momentum, (rows, columns) = squeezed(group["lr"]), group["momentum"], p.shape
        mean = state["momentum_buffer"].lerp_(grad, 1 - momentum)
        step = _orthogonal(grad.lerp(mean, momentum) if group["nesterov"] else mean, group)
        wider = 0.2 * sqrt(max(rows, columns)) if group["adjust_lr_fn"] == "match_rms_adamw" else \
            sqrt(max(1, rows / columns))
        p.mul_(1 - lr * group["weight_decay"])
        p.add_(step, alpha=-number(lr * wider))


def _orthogonal(matrix: Any, group: Group) -> Any:
    """The nearest orthogonal matrix, roughly: steps of a Newton-Schulz iteration, in bfloat16."""
    if group["ns_steps"] >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(group["ns_coefficients"]) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = group["ns_coefficients"]
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.bfloat16()
    x = x.T if tall else x
    x.div_(x.norm().clamp(min=group["eps"]))
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
