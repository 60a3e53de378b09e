"""Layers of configurations drawn at random against PyTorch: values, gradients, their gradients and graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz.engine as engine
from gradviz.engine.ops import columns
from tests.engine.nn.outcomes import walk

pytestmark = pytest.mark.slow


def results(torch: Any, f: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = f(torch.nn.functional, *leaves)
    outs = out if isinstance(out, tuple) else (out,)
    first = outs[0]
    loss = (first * torch.tensor(np.cos(np.arange(first.numel())).reshape(tuple(first.shape)))).sum()
    grads = torch.autograd.grad(loss, leaves, create_graph=True)
    again = sum((g * torch.tensor(np.sin(1.0 + np.arange(g.numel())).reshape(tuple(g.shape)))).sum() for g in grads)
    second = torch.autograd.grad(again, leaves, allow_unused=True) if again.requires_grad else [None] * len(leaves)
    numbers = [*outs, *grads, *[torch.zeros(leaf.shape) if g is None else g for g, leaf in zip(second, leaves,
                                                                                              strict=True)]]
    return [t.detach().numpy() for t in numbers], walk(first.grad_fn)


def compare(f: Callable[..., Any], *arrays: Any) -> None:
    torch = pytest.importorskip("torch")
    theirs, graph = results(torch, f, arrays)
    ours, found = results(engine, f, arrays)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
    assert found == graph


def some(rng: Any, low: int, high: int, n: int) -> tuple[int, ...]:
    return tuple(int(i) for i in rng.randint(low, high, n))


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_convolutions(n: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BLOCK", 40 * 3 ** (seed % 4))
    rng = np.random.RandomState(seed)
    groups = int(rng.choice([1, 1, 2, 3]))
    into, out = groups * rng.randint(1, 3), groups * rng.randint(1, 3)
    kernel, stride, padding, dilation = some(rng, 1, 4, n), some(rng, 1, 4, n), some(rng, 0, 3, n), some(rng, 1, 3, n)
    extra = tuple(int(rng.randint(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    least = [max(d * (k - 1) + 1 - 2 * p, 2 * p + 1) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    x = rng.randn(rng.randint(1, 5), into, *[rng.randint(k, k + 5) for k in least])
    x = x[0] if seed % 5 == 0 else x
    bias = [rng.randn(out)] if seed % 2 else []
    compare(lambda F, x, w, b=None: getattr(F, f"conv{n}d")(x, w, b, stride, padding, dilation, groups), x,
            rng.randn(out, into // groups, *kernel), *bias)
    compare(lambda F, x, w, b=None: getattr(F, f"conv_transpose{n}d")(x, w, b, stride, padding, extra, groups,
                                                                      dilation),
            x, rng.randn(into, out // groups, *kernel), *bias)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_pooling(n: int, seed: int) -> None:
    rng = np.random.RandomState(seed)
    x = rng.permutation(np.linspace(-2, 2, 6 * (7 * 6 * 5 if n == 3 else 42 if n == 2 else 7)))
    x = x.reshape(2, 3, *(7, 6, 5)[:n])[seed % 4 == 0:]
    kernel, stride, dilation = some(rng, 1, 4, n), some(rng, 1, 4, n), some(rng, 1, 3, n)
    padding = tuple(int(rng.randint(0, k // 2 + 1)) for k in kernel)
    ceil, inside, size = bool(rng.randint(2)), bool(rng.randint(2)), some(rng, 2, 9, n)
    compare(lambda F, x: getattr(F, f"max_pool{n}d")(x, kernel, stride, padding, dilation, ceil, return_indices=True),
            x)
    compare(lambda F, x: getattr(F, f"avg_pool{n}d")(x, kernel, stride, padding, ceil, inside), x)
    asked = size if n > 1 else size[0]
    compare(lambda F, x: getattr(F, f"adaptive_avg_pool{n}d")(x, asked), x)
    compare(lambda F, x: getattr(F, f"adaptive_max_pool{n}d")(x, asked, return_indices=True), x)
    if n > 1:
        samples, out = rng.rand(len(x), 3, n), some(rng, 1, 3, n)

        def fractional(F: Any, x: Any) -> Any:
            given = (engine if F is engine.nn.functional else pytest.importorskip("torch")).tensor(samples)
            return getattr(F, f"fractional_max_pool{n}d")(x, kernel, out, return_indices=True, _random_samples=given)

        compare(fractional, x)


MODES = {1: ("nearest", "nearest-exact", "linear"), 2: ("nearest", "nearest-exact", "bilinear", "bicubic"),
         3: ("nearest", "nearest-exact", "trilinear")}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_images(n: int, seed: int) -> None:
    rng = np.random.RandomState(seed)
    size = some(rng, 3, 7, n)
    x = rng.randn(2, 2, *size)
    around = some(rng, -1, 3, 2 * n)
    for mode in ("constant", "reflect", "replicate"):
        compare(lambda F, x, mode=mode: F.pad(x, around, mode), x)
    out = some(rng, 2, 9, n)
    factors = tuple(float(rng.choice([0.5, 2, 1.7, 0.7, 3])) for _ in range(n))
    for mode in MODES[n]:
        for corners in (None,) if "nearest" in mode else (False, True):
            compare(lambda F, x, m=mode, c=corners: F.interpolate(x, size=out, mode=m, align_corners=c), x)
            compare(lambda F, x, m=mode, c=corners: F.interpolate(x, scale_factor=factors, mode=m, align_corners=c), x)
    if n > 1:
        places = rng.uniform(-1.9, 1.9, (2, *some(rng, 1, 4, n), n))
        for mode in ("bilinear", "bicubic")[:4 - n]:
            for rest in ("zeros", "border", "reflection"):
                compare(lambda F, x, g, m=mode, p=rest: F.grid_sample(x, g, m, p, seed % 2 == 0), x, places)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 5), (2, 4, 3, 2), (2, 4, 3, 2, 3)])
def test_norms(shape: tuple[int, ...]) -> None:
    rng = np.random.RandomState(0)
    x, w, b = rng.randn(*shape), rng.randn(shape[1]), rng.randn(shape[1])
    compare(lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True), x, w, b)
    for groups in (1, shape[1]):
        compare(lambda F, x, w, b, k=groups: F.group_norm(x, k, w, b), x, w, b)
    if len(shape) > 2:
        compare(lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b), x, w, b)
        compare(lambda F, x: F.local_response_norm(x, 3, 0.1, 0.6, 1.2), x)
    for k in range(1, len(shape) + 1):
        size = shape[-k:]
        compare(lambda F, x, w, b, s=size: F.layer_norm(x, s, w, b), x, rng.randn(*size), rng.randn(*size))
        compare(lambda F, x, w, s=size: F.rms_norm(x, s, w), x, rng.randn(*size))
