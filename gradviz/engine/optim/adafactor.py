"""Adafactor."""

from __future__ import annotations

from typing import Any

import gradviz.engine as torch
from gradviz.engine.optim.optimizer import Group, scalar
from gradviz.engine.optim.stepping import ByParameter, number, squeezed, zeros
from gradviz.engine.tensor import Tensor


class Adafactor(ByParameter):
    """Squares of the gradient averaged by rows and by columns only, and steps as large as the parameter is."""

    __module__ = "torch.optim"

    def __init__(self, params: Any, lr: Any = 0.01, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 0.001), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for good, words, value in (
                (lr >= 0.0, "Learning rate should be >= 0", lr),
                (beta2_decay <= 0.0, "beta2_decay should be <= 0", beta2_decay),
                (eps[0] is None or eps[0] >= 0.0, "epsilon1 should be >= 0", eps[0]),
                (eps[1] >= 0.0, "epsilon2 should be >= 0", eps[1]),
                (d >= 1.0, "Clipping threshold d should be >= 1", d),
                (weight_decay >= 0.0, "weight_decay should be >= 0", weight_decay)):
            if not good:
                raise ValueError(f"{words} but is: {value}")
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                                  "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        state["step"] = scalar(0.0)
        if p.ndim > 1:
            *outer, rows, columns = p.shape
            state |= {"row_var": p.new_zeros([*outer, rows, 1]), "col_var": p.new_zeros([*outer, 1, columns])}
        else:
            state["variance"] = zeros(p)

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        lr, (least, smallest) = squeezed(group["lr"]), group["eps"]
        if least is None:
            least = torch.finfo(p.dtype).eps
        state["step"] += 1
        step = number(state["step"])
        new = step ** group["beta2_decay"]
        size = max(smallest, number(p.norm(2)) / p.numel() ** 0.5) * min(lr, 1 / step ** 0.5)
        if group["weight_decay"] != 0:
            p.mul_(1 - lr * group["weight_decay"])
        if p.ndim > 1:
            rows, columns = state["row_var"], state["col_var"]
            for average, dim in ((rows, -1), (columns, -2)):
                average.lerp_(torch.norm(grad, dim=dim, keepdim=True).square_().div_(grad.size(dim)), new)
            square = (rows @ columns).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))
        else:
            square = state["variance"].lerp_(grad * grad, new).clone()
        change = square.clamp_(min=least * least).rsqrt_().mul_(grad)
        length = max(1.0, number(change.norm(2)) / (change.numel() ** 0.5 * group["d"]))
        p.add_(change, alpha=-number(size / length))
