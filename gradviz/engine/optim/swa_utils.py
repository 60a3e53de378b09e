"""Averages of a model's weights over the course of its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import gradviz.engine as torch
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.optim.optimizer import Optimizer
from gradviz.engine.optim.scheduling import LRScheduler, per_group

Average = Callable[[Any, Any, Any], Any]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """An average in which what is older counts less."""
    _check_decay(decay)
    return no_grad()(lambda average, value, n: decay * average + (1 - decay) * value)


def get_swa_avg_fn() -> Average:
    """The mean of all."""
    return no_grad()(lambda average, value, n: average + (value - average) / (n + 1))


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """``get_ema_avg_fn`` for lists of tensors, in place."""
    _check_decay(decay)

    def update(averages: Any, values: Any, n: Any) -> None:
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(average * decay + value * (1 - decay))

    return no_grad()(update)


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """``get_swa_avg_fn`` for lists of tensors, in place."""

    def update(averages: Any, values: Any, n: Any) -> None:
        for average, value in zip(averages, values, strict=True):
            average.lerp_(value, 1 / (int(n) + 1))

    return no_grad()(update)


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of those that it is shown."""

    __module__ = "torch.optim.swa_utils"

    def __init__(self, model: Any, device: Any = None, avg_fn: Average | None = None,
                 multi_avg_fn: Callable[..., None] | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model) if device is None else deepcopy(model).to(device)
        self.register_buffer("n_averaged", torch.zeros((), dtype=torch.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Take the model's parameters into the averages."""
        def tensors(of: Any) -> list[Any]:
            more = of.buffers() if self.use_buffers else ()
            return [tensor.detach() for tensor in chain(of.parameters(), more)]

        averages, values = tensors(self.module), tensors(model)
        if self.n_averaged == 0:
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(averages, values, self.n_averaged)
        else:
            mean = self.avg_fn or get_swa_avg_fn()
            for average, value in zip(averages, values, strict=True):
                average.copy_(mean(average, value, self.n_averaged))
        if not self.use_buffers:
            for mine, its in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.detach().copy_(its.detach())
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Have the batch norms of a model see the data again, whose statistics fit no averaged weights."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta, training = [norm.momentum for norm in norms], model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for batch in loader:
        x = batch[0] if isinstance(batch, list | tuple) else batch
        model(x if device is None else x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(training)


SHAPES: dict[str, Callable[[float], float]] = {"linear": lambda t: t,
                                               "cos": lambda t: (1 - math.cos(math.pi * t)) / 2}


class SWALR(LRScheduler):
    """From the rates at hand to a constant one."""

    __module__ = "torch.optim.swa_utils"

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: Any = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1) -> None:
        for lr, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in SHAPES:
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._asked()
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, now = (SHAPES[self._anneal_strategy](max(0, min(1, n / max(1, self.anneal_epochs))))
                       for n in (step - 1, step))
        result = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            result.append(end * now + start * (1 - now))
        return result


__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]
