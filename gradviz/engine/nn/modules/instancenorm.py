"""Instance normalisation."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine.nn import functional as F
from gradviz.engine.nn.modules.batchnorm import _LazyNormBase, _NormBase


class _InstanceNorm(_NormBase):
    """``_ndims`` are the numbers of dimensions without and with a batch."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _apply_instance_norm(self, input: Any) -> Any:
        return F.instance_norm(input, self.running_mean, self.running_var, self.weight, self.bias,
                               self.training or not self.track_running_stats,
                               0.0 if self.momentum is None else self.momentum, self.eps)

    def forward(self, input: Any) -> Any:
        self._check_input_dim(input)
        alone = input.dim() == self._ndims[0]
        dim = 0 if alone else 1
        if input.size(dim) != self.num_features:
            if self.affine:
                raise ValueError(f"expected input's size at dim={dim} to match num_features ({self.num_features}), but "
                                 f"got: {input.size(dim)}.")
            warnings.warn(f"input's size at dim={dim} does not match num_features. You can silence this warning by not "
                          "passing in num_features, which is not used because affine=False", stacklevel=2)
        return self._apply_instance_norm(input.unsqueeze(0)).squeeze(0) if alone else self._apply_instance_norm(input)


class InstanceNorm1d(_InstanceNorm):
    """Normalises channels of every sequence."""

    _ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalises channels of every image."""

    _ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalises channels of every volume."""

    _ndims = (4, 5)


class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d):
    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d):
    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d):
    cls_to_become = InstanceNorm3d


__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
           "LazyInstanceNorm3d"]
