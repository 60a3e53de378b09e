"""``torch.nn.utils``: gradients, parameters and weights of whole models."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradviz.engine.nn.utils import parametrizations, parametrize, rnn
from gradviz.engine.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from gradviz.engine.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from gradviz.engine.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from gradviz.engine.nn.utils.init import skip_init
from gradviz.engine.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from gradviz.engine.nn.utils.weight_norm import remove_weight_norm, weight_norm


def __getattr__(name: str) -> Any:
    if name in ("prune", "stateless"):
        return import_module(f"{__name__}.{name}")
    from gradviz.engine.missing import error

    raise error("torch.nn.utils", name)


__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "fuse_conv_bn_eval",
           "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights", "get_total_norm",
           "parameters_to_vector", "parametrizations", "parametrize", "prune", "remove_spectral_norm",
           "remove_weight_norm", "rnn", "skip_init", "spectral_norm", "vector_to_parameters", "weight_norm"]
