"""Pooling layers."""

from __future__ import annotations

from typing import Any

from gradviz.engine.nn import functional as F
from gradviz.engine.nn.modules.conv import _ntuple
from gradviz.engine.nn.modules.module import Module


class _Pool(Module):
    """``_function`` of torch.nn.functional is called with the attributes that ``_told`` names and prints."""

    _function = ""
    _told: tuple[str, ...] = ("kernel_size", "stride", "padding")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._told)


class _MaxPoolNd(_Pool):
    _told = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Any) -> Any:
        return getattr(F, self._function)(input, self.kernel_size, self.stride, self.padding, self.dilation,
                                          ceil_mode=self.ceil_mode, return_indices=self.return_indices)


class MaxPool1d(_MaxPoolNd):
    """The largest of every window of a sequence."""

    _function = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """The largest of every window of an image."""

    _function = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """The largest of every window of a volume."""

    _function = "max_pool3d"


class _MaxUnpoolNd(_Pool):
    _dims = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        n = self._dims
        self.kernel_size, self.padding = _ntuple(kernel_size, n), _ntuple(padding, n)
        self.stride = self.kernel_size if stride is None else _ntuple(stride, n)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return getattr(F, f"max_unpool{self._dims}d")(input, indices, self.kernel_size, self.stride, self.padding,
                                                      output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Zeros with the input where :class:`MaxPool1d` found it."""

    _dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Zeros with the input where :class:`MaxPool2d` found it."""

    _dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Zeros with the input where :class:`MaxPool3d` found it."""

    _dims = 3


class AvgPool1d(_Pool):
    """The mean of every window of a sequence."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size, self.padding = _ntuple(kernel_size, 1), _ntuple(padding, 1)
        self.stride = self.kernel_size if stride is None else _ntuple(stride, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Any:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPoolNd(_Pool):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        return getattr(F, self._function)(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                          self.count_include_pad, self.divisor_override)


class AvgPool2d(_AvgPoolNd):
    """The mean of every window of an image."""

    _function = "avg_pool2d"


class AvgPool3d(_AvgPoolNd):
    """The mean of every window of a volume."""

    _function = "avg_pool3d"


class _FractionalMaxPoolNd(_Pool):
    _dims = 0
    _told = ()

    def __init__(self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                 return_indices: bool = False, _random_samples: Any = None) -> None:
        super().__init__()
        n, name = self._dims, type(self).__name__
        if any(k <= 0 for k in _ntuple(kernel_size, n)):
            raise ValueError(f"kernel_size must greater than zero for all spatial dimensions, but got {kernel_size}")
        self.kernel_size, self.return_indices = _ntuple(kernel_size, n), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else _ntuple(output_size, n)
        self.output_ratio = None if output_ratio is None else _ntuple(output_ratio, n)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Any) -> Any:
        return getattr(F, f"fractional_max_pool{self._dims}d")(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest of windows of an image that lie at random distances."""

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest of windows of a volume that lie at random distances."""

    _dims = 3


class _LPPoolNd(_Pool):
    _told = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Any) -> Any:
        return getattr(F, self._function)(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """The p-norm of every window of a sequence."""

    _function = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """The p-norm of every window of an image."""

    _function = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """The p-norm of every window of a volume."""

    _function = "lp_pool3d"


class _AdaptiveMaxPoolNd(_Pool):
    _told = ("output_size",)

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Any) -> Any:
        return getattr(F, self._function)(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest of as many windows of a sequence as asked."""

    _function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest of as many windows of an image as asked."""

    _function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest of as many windows of a volume as asked."""

    _function = "adaptive_max_pool3d"


class _AdaptiveAvgPoolNd(_Pool):
    _told = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return getattr(F, self._function)(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The mean of as many windows of a sequence as asked."""

    _function = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The mean of as many windows of an image as asked."""

    _function = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The mean of as many windows of a volume as asked."""

    _function = "adaptive_avg_pool3d"


__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]
