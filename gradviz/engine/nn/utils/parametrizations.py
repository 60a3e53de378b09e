"""Parametrizations that are there to use: lengths and directions, singular values of one, orthogonal matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.nn.utils import parametrize
from gradviz.engine.nn.utils.spectral_norm import as_matrix, output_dim, unit
from gradviz.engine.ops import weightnorm as ops
from gradviz.engine.ops.table import FUNCTIONS as OPS
from gradviz.engine.tensor import Tensor


class _WeightNorm(Module):
    __module__ = "torch.nn.utils.parametrizations"

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return ops.weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Any) -> Any:
        return ops.norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int = 0) -> Any:
    """Have a parameter be a length times a direction."""
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def renamed(state_dict: Any, prefix: str, *rest: Any) -> None:
        """States of the old weight_norm may be loaded."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(renamed)
    return module


class _SpectralNorm(Module):
    __module__ = "torch.nn.utils.parametrizations"

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        n = weight.ndim
        if dim >= n or dim < -n:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{n}, {n - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.dim, self.eps = dim % n, eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            for name, size in (("_u", matrix.shape[0]), ("_v", matrix.shape[1])):
                self.register_buffer(name, unit(OPS["randn"](size, dtype=weight.dtype), eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Any, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._u.copy_(unit(matrix.mv(self._v), self.eps))
            self._v.copy_(unit(matrix.t().mv(self._u), self.eps))

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return unit(weight, self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Any:
    """Have a parameter be divided by its largest singular value."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    norm = _SpectralNorm(weight, n_power_iterations, output_dim(module, dim), eps)
    return parametrize.register_parametrization(module, name, norm)


def __getattr__(name: str) -> Any:
    if name == "orthogonal":  # it needs linear algebra, which most programs do not
        from gradviz.engine.nn.utils.orthogonal import orthogonal

        return orthogonal
    raise AttributeError(f"module 'torch.nn.utils.parametrizations' has no attribute '{name}'")


__all__ = ["spectral_norm", "weight_norm"]
