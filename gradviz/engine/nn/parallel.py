"""``torch.nn.parallel``: on a machine without GPUs a model is called as it is."""

from __future__ import annotations

from typing import Any

from gradviz.engine.nn.modules.module import Module


class DataParallel(Module):
    """Would spread a batch over GPUs; there are none, so it calls its module."""

    __module__ = "torch.nn.parallel.data_parallel"

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
