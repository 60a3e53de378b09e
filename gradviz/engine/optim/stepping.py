"""What the optimizers' steps share: one loop over the parameters, and the checks of options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz.engine as torch
from gradviz.engine.autograd import modes
from gradviz.engine.optim.optimizer import Group, Optimizer, scalar
from gradviz.engine.tensor import Tensor
from gradviz.engine.xp import quiet

FUSED_DEVICES = ["mps", "cuda", "xpu", "hpu", "cpu", "mtia", "privateuseone"]


class ByParameter(Optimizer):
    """An optimizer that changes each parameter by itself.

    ``_start`` gives a parameter's state before its first step, ``_update`` is the rule; complex parameters come to it
    as pairs of real numbers.
    """

    _real = True
    _on_device = "params and state_steps"
    _captured_by: tuple[str, ...] = ("cuda", "xpu", "hpu", "privateuseone", "xla")

    def step(self, closure: Any = None) -> Any:
        """Change every parameter that has a gradient; ``closure`` computes the loss anew."""
        before = modes.switch("grad" if self.defaults.get("differentiable") else "no_grad")
        try:
            loss = None if closure is None else with_grad(closure)
            with quiet():
                for group in self.param_groups:
                    for p in group["params"]:
                        if p._grad is not None:
                            self._change(p, p._grad, group)
            return loss
        finally:
            modes.switch(before)

    def _change(self, p: Tensor, grad: Any, group: Group) -> None:
        state = self._state_of(p, group)
        if group.get("maximize"):
            grad = -grad
        if self._real and p._array.dtype.kind == "c":
            p, grad = torch.view_as_real(p), torch.view_as_real(grad)
            state = {key: torch.view_as_real(value) if value.is_complex() else value for key, value in state.items()}
        self._update(p, grad, state, group)

    def _state_of(self, p: Tensor, group: Group) -> dict[str, Any]:
        state: dict[str, Any] = self.state[p]
        if not state:
            self._check_device(p, group)
            self._start(p, state, group)
        return state

    def _check_device(self, p: Tensor, group: Group) -> None:
        """Refuse what PyTorch's kernels do not take: integers where they are fused, the CPU for CUDA graphs."""
        if group.get("fused") and not p.is_floating_point():
            raise RuntimeError("`fused=True` requires all the params to be floating point Tensors of supported "
                               f"devices: {FUSED_DEVICES} but {p.dtype} and {p.device.type}")
        devices = list(self._captured_by)
        if group.get("capturable") and p.device.type not in devices:
            raise AssertionError(f"If capturable=True, {self._on_device} must be on supported devices: {devices}.")

    def _start(self, p: Tensor, state: dict[str, Any], group: Group) -> None:
        raise NotImplementedError

    def _update(self, p: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        raise NotImplementedError


def with_grad(closure: Callable[[], Any]) -> Any:
    """The closure's loss; its ops record."""
    before = modes.switch("grad")
    try:
        return closure()
    finally:
        modes.switch(before)


def counter(group: Group) -> Tensor:
    """The number of steps made, which is state too."""
    return scalar(0.0, group.get("fused"))


def zeros(p: Tensor) -> Any:
    return torch.zeros_like(p)


def number(value: Any) -> Any:
    """A Python number, where an option may be a tensor of one element."""
    return value._array.item() if isinstance(value, Tensor) else value


def squeezed(value: Any) -> Any:
    """An option that may be a tensor, without dimensions."""
    return value.squeeze() if isinstance(value, Tensor) and value.ndim else value


def raised(x: Any, eps: float, group: Group) -> Any:
    """``x + eps``; in place where no backward will want ``x``."""
    return x.add(eps) if group["differentiable"] else x.add_(eps)


def decayed(p: Any, grad: Any, group: Group) -> Any:
    """The gradient of the loss with the penalty of large weights in it."""
    decay = group["weight_decay"]
    return grad.add(p, alpha=decay) if decay != 0 else grad


# --- checks ----------------------------------------------------------------------------------------------------------
def check_lr(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check("learning rate", lr)


def check(name: str, value: Any) -> None:
    """Refuse a negative option."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def check_betas(betas: Any) -> None:
    for i in (0, 1):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def check_fused(fused: Any, foreach: Any, differentiable: bool) -> None:
    """``fused`` and ``foreach`` choose a kernel in PyTorch; here they change nothing but exclude each other too."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")



