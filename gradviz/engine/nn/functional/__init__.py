"""``torch.nn.functional``: a file for each family; a family's ``FUNCTIONS`` is what it gives."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradviz.engine.nn.functional.steps import STEPS, stepped
from gradviz.engine.ops.out import with_out
from gradviz.engine.ops.refusal import guarded

FAMILIES: tuple[str, ...] = ("activation", "distance", "loss", "linear", "embedding", "dropout",
                             "conv", "pool", "norm", "vision", "attention",
                             "multihead")
for _family in FAMILIES:
    globals().update(import_module(f"{__name__}.{_family}").FUNCTIONS)
for _name in ("avg_pool2d", "avg_pool3d", "gelu", "hardshrink", "softplus", "softshrink"):
    globals()[_name] = with_out(_name, globals()[_name])
logsigmoid = with_out("log_sigmoid", globals()["logsigmoid"])
for _name in ("adaptive_avg_pool1d", "avg_pool1d", "bilinear", "celu_", "channel_shuffle", "conv1d", "conv2d", "conv3d",
              "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "elu_", "hardtanh_",
              "leaky_relu_", "linear", "one_hot", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle",
              "prelu", "relu_", "rrelu_", "scaled_dot_product_attention", "selu_", "threshold_"):
    globals()[_name] = guarded(_name, globals()[_name])  # the others are written in Python there too
for _name in STEPS:
    globals()[_name] = stepped(_name, globals()[_name])


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.nn.functional", name)
