"""A sample for each rule of convolutions, pooling, norms, padding and images: op -> function and shapes, as
``test_gradients`` checks them. Numbers lie between 0.3 and 2.4 and are all different."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz.engine as torch

F = torch.nn.functional
Sample = tuple[Callable[..., Any], list[tuple[int, ...]]]
IMAGE = {1: (1, 2, 4), 2: (1, 2, 4, 3), 3: (1, 1, 3, 2, 3)}
MASK = torch.tensor([[True, False, True], [False, True, True]])
PLACES = torch.tensor(np.random.RandomState(5).uniform(-0.93, 0.93, (1, 2, 2, 2)))


def conv(n: int) -> Sample:
    f = getattr(F, f"conv{n}d")
    return lambda x, w, b: f(x, w, b, stride=2, padding=1), [IMAGE[n], (2, IMAGE[n][1], *(2,) * n), (2,)]


def transposed(n: int) -> Sample:
    f = getattr(F, f"conv_transpose{n}d")
    size = (1, 2, *(2,) * n)
    return lambda x, w, b: f(x, w, b, stride=2, output_padding=1), [size, (2, 1, *(2,) * n), (1,)]


def image(n: int, name: str, *args: Any, **options: Any) -> Sample:
    return lambda x: getattr(F, name)(x, *args, **options), [IMAGE[n]]


def unpooled(n: int) -> Sample:
    index = torch.tensor([1, 3]).reshape((1, 1, *(1,) * (n - 1), 2))
    size = (1, 1, *(1,) * (n - 1), 2)
    return lambda x: getattr(F, f"max_unpool{n}d")(x * x, index, 2, output_size=(2,) * (n - 1) + (4,)), [size]


def fractional(n: int) -> Sample:
    samples = torch.tensor(np.linspace(0.1, 0.9, IMAGE[n][1] * n).reshape(1, IMAGE[n][1], n))
    kernel, size = ((1, 2), (2, 2)) if n == 2 else (1, (2, 1, 2))
    return image(n, f"fractional_max_pool{n}d", kernel, output_size=size, _random_samples=samples)


def resized(n: int, mode: str, **options: Any) -> Sample:
    return image(n, "interpolate", size=(3, 5, 2)[:n], mode=mode, **options)


def sampled(n: int) -> Sample:
    """Bilinear, cubic and nearest, in and out of the image, away from where they have kinks."""
    grid = (1, *(1,) * (n - 1), 3, n)

    def f(x: Any, at: Any) -> Any:
        at = at - 1.3
        out = F.grid_sample(x, at, align_corners=False) + F.grid_sample(x, at, "nearest", "border", True)
        out = out + F.grid_sample(x, at, padding_mode="reflection", align_corners=True)
        return out + F.grid_sample(x, at, "bicubic", align_corners=False) if n == 2 else out

    return f, [IMAGE[n], grid]


def attention(**options: Any) -> Sample:
    size = (1, 1, 3, 2)
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options), [(1, 2, 2, 2), size, size]


def with_plain(samples: dict[str, Sample], *endings: str) -> dict[str, Sample]:
    """What a rule calls is checked by the second order of the op's own sample."""
    return {name + ending: sample for name, sample in samples.items() for ending in ("", *endings)}


LAYERS: dict[str, Sample] = {
    **{f"conv{n}d": conv(n) for n in (1, 2, 3)}, **{f"conv_transpose{n}d": transposed(n) for n in (1, 2, 3)},
    **{f"convolution.{part}": conv(2) for part in ("input", "weight", "plain")},
    "im2col": image(2, "unfold", 2, padding=1), "col2im": (lambda x: F.fold(x ** 2, (3, 3), 2), [(1, 4, 4)]),
    **with_plain({f"max_pool{n}d.{n}": image(n, f"max_pool{n}d", 2, 1) for n in (2, 3)}, ".backward", ".twice"),
    **with_plain({f"adaptive_max_pool{n}d.{n}": image(n, f"adaptive_max_pool{n}d", 2) for n in (2, 3)}, ".backward",
                 ".twice"),
    **with_plain({f"fractional_max_pool{n}d.{n}": fractional(n) for n in (2, 3)}, ".backward", ".twice"),
    **{f"max_unpool.{n}": unpooled(n) for n in (2, 3)},
    **with_plain({f"avg_pool{n}d": image(n, f"avg_pool{n}d", 2, 1, padding=1, count_include_pad=False)
                  for n in (2, 3)}, ".backward"),
    **with_plain({f"adaptive_avg_pool{n}d": image(n, f"adaptive_avg_pool{n}d", 2) for n in (2, 3)}, ".backward"),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)
                   + F.batch_norm(x, torch.full((2,), 0.2).double(), torch.full((2,), 1.7).double(), w, b),
                   [(3, 2, 2), (2,), (2,)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b), [(2, 3), (3,), (3,)]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [(2, 4, 2), (4,), (4,)]),
    "pad": image(2, "pad", (1, -1, 0, 2), value=3.0),
    **with_plain({f"pad.{kind}.{n}": image(n, "pad", (1,) * (2 * n), mode) for n in (1, 2, 3)
                  for kind, mode in (("Reflection", "reflect"), ("Replication", "replicate"))}, ".backward"),
    **with_plain({f"interpolate.{kind}{n}": resized(n, mode) for n in (1, 2, 3)
                  for kind, mode in (("Nearest", "nearest"), ("NearestExact", "nearest-exact"))}, ".backward"),
    **with_plain({"interpolate.Linear1": resized(1, "linear"), "interpolate.Bilinear2": resized(2, "bilinear"),
                  "interpolate.Trilinear3": resized(3, "trilinear", align_corners=True),
                  "interpolate.Bicubic2": resized(2, "bicubic"),
                  **{f"interpolate.{kind}2Aa": resized(2, kind.lower(), antialias=True)
                     for kind in ("Bilinear", "Bicubic", "Lanczos")}}, ".backward"),
    **{f"grid_sample.{n}": sampled(n) for n in (2, 3)},
    "affine_grid": (lambda x: F.affine_grid(x, (1, 1, 2, 3), align_corners=False), [(1, 2, 3)]),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), [(1, 4, 1, 2)]),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), [(1, 1, 2, 4)]),
    "channel_shuffle": (lambda x: F.channel_shuffle(x, 2), [(1, 6, 2)]),
    "scaled_dot_product_attention": attention(attn_mask=MASK, enable_gqa=True),
    "_safe_softmax": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=-0.7),
                      [(2, 3), (3, 3), (3, 2)]),
}
LAYERS_ONCE = {"scaled_dot_product_attention"}
"""What PyTorch cannot differentiate twice."""
