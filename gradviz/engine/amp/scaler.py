"""``torch.amp.GradScaler``: multiplies a loss so that small gradients survive, skips steps whose gradients overflow."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine import devices, dtypes
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.ops.table import FUNCTIONS as OPS
from gradviz.engine.tensor import Tensor


class GradScaler:
    """The scale, how many steps ago it last changed, and what each optimizer's gradients went through in this one."""

    def __init__(self, device: str = "cuda", init_scale: float = 2.0 ** 16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        if enabled and device == "cuda" and not devices.count():
            warnings.warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._enabled = enabled
        self._factor = init_scale
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._steps = 0
        self._scale: Any = None
        self._found: dict[int, bool] = {}
        """By the id of an optimizer whose gradients were unscaled: whether one was not finite."""
        self._stepped: set[int] = set()

    def scale(self, outputs: Any) -> Any:
        """A tensor, or a list or tuple of them, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._scale = OPS["full"]((), self._factor, dtype=dtypes.NAMES["float32"])
            return outputs * self._scale
        if isinstance(outputs, list | tuple):
            return type(outputs)(map(self.scale, outputs))
        if hasattr(outputs, "__iter__"):
            return map(self.scale, outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide an optimizer's gradients by the scale, to look at them or to clip them before the step."""
        if not self._enabled:
            return
        self._check_scaled("unscale_")
        if id(optimizer) in self._stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if id(optimizer) in self._found:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        found = False
        with no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    if p.grad.dtype is dtypes.NAMES["float16"]:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    found = found or not bool(OPS["isfinite"](p.grad).all())
                    p.grad.mul_(1 / self._factor)
        self._found[id(optimizer)] = found

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step()``, unless a gradient is not finite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scaled("step")
        if id(optimizer) in self._stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if id(optimizer) not in self._found:
            self.unscale_(optimizer)
        self._stepped.add(id(optimizer))
        return None if self._found[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Shrink the scale after gradients that overflowed, let it grow after many that did not."""
        if not self._enabled:
            return
        self._check_scaled("update")
        if new_scale is not None:
            self._factor = float(new_scale)
        else:
            if not self._found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(self._found.values()):
                self._factor, self._steps = self._factor * self._backoff_factor, 0
            else:
                self._steps += 1
                if self._steps == self._growth_interval:
                    self._factor, self._steps = self._factor * self._growth_factor, 0
        self._scale.fill_(self._factor)
        self._found, self._stepped = {}, set()

    def _check_scaled(self, verb: str) -> None:
        if self._scale is None:
            raise AssertionError(f"Attempted {verb} but _scale is None.  This may indicate your script did not use "
                                 f"scaler.scale(loss or outputs) earlier in the iteration.")

    def get_scale(self) -> float:
        return self._factor if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        if not self._enabled:
            return {}
        return {"scale": self._factor, "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance "
                               "of GradScaler.")
        self._factor, self._steps = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor, self._growth_interval = (
            state_dict[key] for key in ("growth_factor", "backoff_factor", "growth_interval"))
        if self._scale is not None:
            self._scale.fill_(self._factor)


GradScaler.__module__ = "torch.amp.grad_scaler"
