"""Batch normalisation, with its running statistics."""

from __future__ import annotations

from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.dtypes import int64
from gradviz.engine.nn import functional as F
from gradviz.engine.nn import init
from gradviz.engine.nn.modules.lazy import LazyModuleMixin
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from gradviz.engine.ops.args import words
from gradviz.engine.ops.create import FUNCTIONS

_empty, _zeros, _ones, _tensor = (FUNCTIONS[name] for name in ("empty", "zeros", "ones", "tensor"))


class _NormBase(Module):
    """Parameters and statistics per channel; ``_ndims`` are the numbers of dimensions that an input may have."""

    _version = 2
    _ndims: tuple[int, ...] = ()

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, there in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(_empty(num_features, device=device, dtype=dtype)) if there else None
            self.register_parameter(name, made)
        tracked = track_running_stats
        self.register_buffer("running_mean", _zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", _ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", _tensor(0, dtype=int64) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() not in self._ndims:
            raise ValueError(f"expected {' or '.join(f'{n}D' for n in self._ndims)} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        version = local_metadata.get("version", None)
        if (version is None or version < 2) and self.track_running_stats:  # from before there was a counter
            state_dict.setdefault(prefix + "num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input: Any) -> Any:
        self._check_input_dim(input)
        counts = self.training and self.track_running_stats and self.num_batches_tracked is not None
        if probe.sink is None or not counts:
            return self._normalized(input, counts)
        given = tuple([t for t in (input, self.weight, self.bias, self.running_mean, self.running_var)
                       if t is not None])
        written = tuple([t for t in (self.num_batches_tracked, self.running_mean, self.running_var) if t is not None])
        text = words(training=True, momentum=self.momentum)
        with observe.composite("batch_norm", given, text, written) as event:
            return event(self._normalized(input, counts))

    def _normalized(self, input: Any, counts: bool) -> Any:
        momentum = 0.0 if self.momentum is None else self.momentum
        if counts:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked._array)
        training = self.training or (self.running_mean is None and self.running_var is None)
        mean, var = (self.running_mean, self.running_var) if not self.training or self.track_running_stats else (
            None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, training, momentum, self.eps)


class _LazyNormBase(LazyModuleMixin):
    """``num_features`` is learnt from the first input."""

    def __init__(self: Any, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = _tensor(0, dtype=int64)

    def reset_parameters(self: Any) -> None:
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Any) -> None:
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for t in (self.weight, self.bias, self.running_mean, self.running_var):
                if t is not None:
                    t.materialize((self.num_features,))
            self.reset_parameters()


class BatchNorm1d(_BatchNorm):
    """Normalises channels of (N, C) or (N, C, L)."""

    _ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalises channels of (N, C, H, W)."""

    _ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalises channels of (N, C, D, H, W)."""

    _ndims = (5,)


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    cls_to_become = BatchNorm3d


class SyncBatchNorm(_BatchNorm):
    """In one process, which is all there is here, a batch norm for inputs of any number of dimensions."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, process_group: Any = None, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")


__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d",
           "SyncBatchNorm"]
