"""Adam and its kin: steps measured by running averages of the gradient and of its square."""

from __future__ import annotations

from typing import Any

import gradviz.engine as torch
from gradviz.engine.optim.optimizer import Group, Optimizer, scalar
from gradviz.engine.optim.stepping import (
    ByParameter,
    check,
    check_betas,
    check_fused,
    check_lr,
    counter,
    decayed,
    number,
    raised,
    squeezed,
    with_grad,
    zeros,
)
from gradviz.engine.tensor import Tensor

Betas = tuple[Any, Any]


class Adam(ByParameter):
    """``p -= lr * mean / (sqrt(mean of squares) + eps)``, the means corrected for their start at zero."""

    __module__ = "torch.optim.adam"

    def __init__(self, params: Any, lr: Any = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:
        each = foreach and not capturable
        if isinstance(lr, Tensor) and each:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_lr(lr)
        check("epsilon value", eps)
        check_betas(betas)
        check("weight_decay value", weight_decay)
        if not ((isinstance(betas[0], float) and isinstance(betas[1], float)) or
                (isinstance(betas[0], Tensor) and isinstance(betas[1], Tensor))):
            raise ValueError("betas must be either both floats or both Tensors")
        for i in (0, 1):
            if isinstance(betas[i], Tensor):
                if each:
                    raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
                if betas[i].numel() != 1:
                    raise ValueError(f"Tensor betas[{i}] must be 1-element")
        super().__init__(params, {
            "lr": lr, "betas": tuple(map(squeezed, betas)), "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused, "decoupled_weight_decay": decoupled_weight_decay})
        check_fused(fused, foreach, differentiable)

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros(p)

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        beta1, beta2 = group["betas"]
        lr, eps = squeezed(group["lr"]), group["eps"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        if group["decoupled_weight_decay"]:
            if group["weight_decay"] != 0:
                p.mul_(1 - lr * group["weight_decay"])
        else:
            grad = decayed(p, grad, group)
        _average(mean, square, grad, beta1, beta2)
        if group["amsgrad"]:
            square = _largest(state, square, group)
        if group["differentiable"]:
            step = state["step"]
            size = (lr / (1 - beta1 ** step)).neg()
            denominator = (square.sqrt() / ((1 - beta2 ** step).sqrt() * size)).add_(eps / size)
            p.addcdiv_(mean.clone(), denominator)
        else:
            step = number(state["step"])
            size = lr / (1 - beta1 ** step)
            denominator = (square.sqrt() / (1 - beta2 ** step) ** 0.5).add_(eps)
            p.addcdiv_(mean, denominator, value=-number(size))


def _average(mean: Any, square: Any, grad: Any, beta1: Any, beta2: Any) -> None:
    """Bring the running averages up to date; rates that are tensors may want a gradient themselves."""
    if isinstance(beta1, Tensor) and beta1.requires_grad:
        mean.mul_(beta1).add_(grad * (1 - beta1))  # type: ignore[operator]
    else:
        mean.lerp_(grad, number(1 - beta1))
    if isinstance(beta2, Tensor) and beta2.requires_grad:
        square.mul_(beta2).add_(grad * grad * (1 - beta2))  # type: ignore[operator]
    else:
        square.mul_(beta2).addcmul_(grad, grad, value=1 - number(beta2))


def _largest(state: dict[str, Any], square: Any, group: Group) -> Any:
    """The largest average of squares so far."""
    largest = state["max_exp_avg_sq"]
    if group["differentiable"]:
        return largest.copy_(torch.maximum(largest.clone(), square))
    return torch.maximum(largest, square, out=largest)


class AdamW(Adam):
    """Adam that shrinks the weights by themselves, not through the gradient."""

    __module__ = "torch.optim.adamw"

    def __init__(self, params: Any, lr: Any = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 weight_decay: float = 0.01, amsgrad: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in state.get("param_groups", ()):
            group["decoupled_weight_decay"] = True


class Adamax(ByParameter):
    """Adam with the largest of the decaying gradients in place of their mean square."""

    __module__ = "torch.optim.adamax"

    def __init__(self, params: Any, lr: Any = 0.002, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        _check(lr, eps, betas, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "exp_avg": zeros(p), "exp_inf": zeros(p)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        beta1, beta2 = group["betas"]
        mean, largest = state["exp_avg"], state["exp_inf"]
        state["step"] += 1
        grad = decayed(p, grad, group)
        mean.lerp_(grad, 1 - beta1)
        if group["differentiable"]:
            both = torch.stack([largest.mul_(beta2), raised(grad.abs(), group["eps"], group)])
            largest.copy_(torch.amax(both, 0))
        else:
            torch.maximum(largest.mul_(beta2), grad.abs().add_(group["eps"]), out=largest)
        size = squeezed(group["lr"]) / (1 - beta1 ** number(state["step"]))
        p.addcdiv_(mean, largest, value=-number(size))


class NAdam(ByParameter):
    """Adam with Nesterov's momentum, whose strength is scheduled."""

    __module__ = "torch.optim.nadam"
    _on_device = "params, mu_products and state_steps"

    def __init__(self, params: Any, lr: Any = 0.002, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 weight_decay: float = 0, momentum_decay: float = 0.004, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        _check(lr, eps, betas, weight_decay)
        check("momentum_decay value", momentum_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "mu_product": scalar(1.0), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        beta1, beta2 = group["betas"]
        lr, slowing = squeezed(group["lr"]), group["momentum_decay"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        step = number(state["step"])
        grad = _decayed(p, grad, lr, group)
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * slowing))
        after = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * slowing))
        product = state["mu_product"]
        product *= mu
        _average(mean, square, grad, beta1, beta2)
        denominator = raised(square.div(1 - beta2 ** step).sqrt(), group["eps"], group)
        if group["differentiable"]:
            p.addcdiv_(grad * (-lr * (1.0 - mu) / (1.0 - product)), denominator)
            p.addcdiv_(mean * (-lr * after / (1.0 - product * after)), denominator)
        else:
            made = number(product)
            p.addcdiv_(grad, denominator, value=number(-lr * (1.0 - mu) / (1.0 - made)))
            p.addcdiv_(mean, denominator, value=number(-lr * after / (1.0 - made * after)))


class RAdam(ByParameter):
    """Adam that adapts its steps only once enough squares have been averaged."""

    __module__ = "torch.optim.radam"

    def __init__(self, params: Any, lr: Any = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        _check(lr, eps, betas, weight_decay)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable})

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        state |= {"step": counter(group), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        beta1, beta2 = group["betas"]
        lr = squeezed(group["lr"])
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        step = number(state["step"])
        grad = _decayed(p, grad, lr, group)
        _average(mean, square, grad, beta1, beta2)
        rest = 1 - beta2 ** step
        change = mean / (1 - beta1 ** step) * lr
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2 ** step / rest
        if length > 5.0:
            trust = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
            change = change * (rest ** 0.5 / raised(square.sqrt(), group["eps"], group)) * trust
        p.add_(change, alpha=-1.0)


def _check(lr: Any, eps: float, betas: Betas, weight_decay: float) -> None:
    check_lr(lr)
    check("epsilon value", eps)
    check_betas(betas)
    check("weight_decay value", weight_decay)


def _decayed(p: Any, grad: Any, lr: Any, group: Group) -> Any:
    """The gradient with the penalty in it, or, decoupled from it, the weights made smaller."""
    if not group["decoupled_weight_decay"]:
        return decayed(p, grad, group)
    if group["weight_decay"] != 0:
        p.mul_(1 - lr * group["weight_decay"])
    return grad


class SparseAdam(Optimizer):
    """Adam for sparse gradients, of which this engine has none: it refuses the others, as PyTorch's does."""

    __module__ = "torch.optim.sparse_adam"

    def __init__(self, params: Any, lr: Any = 0.001, betas: Betas = (0.9, 0.999), eps: float = 1e-08,
                 maximize: bool = False) -> None:
        check_lr(lr)
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        pairs = [[i, j] for i, group in enumerate(self.param_groups)
                 for j, p in enumerate(group["params"]) if p.is_complex()]
        if pairs:
            raise ValueError(f"Complex params at indices {pairs}: SparseAdam does not support complex parameters")

    def step(self, closure: Any = None) -> Any:
        """Refuse, where there is a gradient."""
        loss = None if closure is None else with_grad(closure)
        if all(p._grad is None for group in self.param_groups for p in group["params"]):
            return loss
        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")


__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam"]
