"""The base of the schedulers of learning rates: what they keep, when they are stepped, and how rates are written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any
from weakref import ref

from gradviz.engine.optim.optimizer import Group, Optimizer
from gradviz.engine.optim.stepping import number
from gradviz.engine.tensor import Tensor

EPOCH = ("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please "
         "use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the "
         "closed form is used instead of the new chainable form, where available. Please open an issue if you are "
         "unable to replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose.")
SEE = " See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
OVERRIDDEN = ("Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, "
              "make sure to call `optimizer.step()` before `lr_scheduler.step()`." + SEE)
EARLY = ("Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should "
         "call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will "
         "result in PyTorch skipping the first value of the learning rate schedule." + SEE)


class LRScheduler:
    """Sets the learning rates of an optimizer's groups, anew at each ``step()``."""

    __module__ = "torch.optim.lr_scheduler"
    _get_lr_called_within_step = False
    _is_initial = False
    _last_lr: list[Any]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                               "last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume training "
                               "from a checkpoint but haven't properly loaded the optimizer state\n2. You're using "
                               "last_epoch >= 0 for a fresh training run (not recommended)")
        self.base_lrs = rates(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All that it keeps but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what another's ``state_dict()`` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates that it set last."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates to set now."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next rates."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warnings.warn(OVERRIDDEN, UserWarning, stacklevel=2)
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn(EARLY, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        closed = getattr(self, "_get_closed_form_lr", None)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set(self.get_lr if epoch is None or closed is None else closed)

    def _set(self, get: Callable[[], list[Any]]) -> None:
        self._get_lr_called_within_step = True
        try:
            values = get()
        finally:
            self._get_lr_called_within_step = False
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            write(group, value)
        self._last_lr = rates(self.optimizer)

    def _asked(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                          UserWarning, stacklevel=3)

    def _times(self, factor: float) -> list[Any]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def own(value: Any) -> Any:
    """A rate that nobody else changes."""
    return value.clone() if isinstance(value, Tensor) else value


def rates(optimizer: Optimizer, key: str = "lr") -> list[Any]:
    return [own(group[key]) for group in optimizer.param_groups]


def write(group: Group, value: Any, key: str = "lr") -> None:
    """Set a group's option; one that is a tensor is written in place."""
    if isinstance(group[key], Tensor):
        group[key].fill_(number(value))
    else:
        group[key] = value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """An option for each group: a list as it is, a number for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        value = [value] * groups
    elif len(value) != groups:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
                         f"param_groups has {groups}.")
    return [own(v) for v in value]


def _watch(optimizer: Any) -> None:
    """Have the optimizer note that it was stepped."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    step, keep = optimizer.step.__func__, ref(optimizer)

    @wraps(step)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        self: Any = keep()
        self._opt_called = True
        return step.__get__(self, type(self))(*args, **kwargs)

    wrapper._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = wrapper


def callable_state(function: Any) -> Any:
    """What a callable object keeps; functions keep nothing that could be saved."""
    return None if isinstance(function, FunctionType) else function.__dict__.copy()
