"""The gradient table on a CUDA device against the CPU: results, gradients, and gradients of gradients.

Where there is no device, a stand-in for CuPy takes its place (``device_double``), which refuses what CuPy refuses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch
from gradviz.engine import devices
from tests.engine import device_double, layer_samples, loss_samples, matrix_samples, test_gradients
from tests.engine.layer_samples import LAYERS_ONCE
from tests.engine.loss_samples import ONCE
from tests.engine.test_gradients import DOMAIN, MORE, PAIRS, ROWS, SAMPLES, binary, values

Case = tuple[Callable[..., Any], list[Any]]


def cases() -> dict[str, Case]:
    made: dict[str, Case] = {}
    for name, (f, shapes) in {**SAMPLES, **MORE}.items():
        made[name] = f, [values(shape, 0.3, 2.4, i) for i, shape in enumerate(shapes)]
    for row in ROWS:
        low, high = DOMAIN.get(row.name, (-1.7, 1.6))
        made[f"unary {row.name}"] = getattr(torch, row.name), [values((2, 3), low, high)]
        if hasattr(torch.Tensor, row.name + "_") and row.name not in ("asinh", "acosh", "atanh"):
            made[f"unary {row.name}_"] = in_place(row.name), [values((4,), low, high)]
    one, two = values((2, 3), 0.3, 2.4, 1), values((3,), 0.55, 1.9, 2)
    for row in PAIRS:
        made[f"binary {row.name}"] = getattr(torch, row.name), [one, two]
        made[f"binary {row.name} number"] = with_number(row.name), [one]
        made[f"binary {row.name}_"] = written(row.name), [one, two]
    return made


def in_place(name: str) -> Callable[..., Any]:
    return lambda x: getattr(x.clone(), name + "_")()


def with_number(name: str) -> Callable[..., Any]:
    return lambda x: binary.OPERATORS[name](x, 0.77)


def written(name: str) -> Callable[..., Any]:
    return lambda x, y: binary.INPLACE[name + "_"](x.clone(), y)


CASES = cases()
HOLDS_CONSTANTS = {"binary_cross_entropy_with_logits.weight", "binary_cross_entropy_with_logits.pos_weight",
                   "binary_cross_entropy_with_logits.weight.pos_weight", "max_unpool.2", "max_unpool.3", "batch_norm",
                   "scaled_dot_product_attention"}
"""Samples that hold a tensor of the CPU, which no other device may meet."""


@contextlib.contextmanager
def constants_on(device: str) -> Iterator[None]:
    """The samples' tensors on a device, as the tensors that they make."""
    places: list[tuple[ModuleType, str, Any]] = [
        (module, name, value) for module in (layer_samples, loss_samples, matrix_samples, test_gradients)
        for name, value in vars(module).items() if isinstance(value, torch.Tensor)]
    torch.set_default_device(device)
    for module, name, value in places:
        setattr(module, name, value.to(device))
    try:
        yield
    finally:
        torch.set_default_device(None)
        for module, name, value in places:
            setattr(module, name, value)


def everything(case: Case, twice: bool, device: str) -> list[Any]:
    """The results of a sample, its gradients and theirs, as NumPy's arrays."""
    f, arrays = case
    inputs = [torch.tensor(a, requires_grad=True, device=device) for a in arrays]

    def weighted(several: Any, wave: Any, phase: int) -> Any:
        return sum((t * torch.tensor(wave(phase + i + np.arange(t.numel())).reshape(tuple(t.shape)),
                                     device=device)).sum() for i, t in enumerate(several))

    def outputs() -> list[Any]:
        torch.manual_seed(1)
        out = f(*[x * 1 for x in inputs])
        return list(out) if isinstance(out, tuple | list) else [out]

    found = outputs()
    assert {str(t.device) for t in found} == {device}
    weighted([t for t in found if t.dtype.is_floating_point], np.cos, 0).backward()
    all_of_it = [*found, *[x.grad for x in inputs]]
    if twice:
        total = weighted([t for t in outputs() if t.dtype.is_floating_point], np.cos, 0)
        grads = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
        again = weighted([g for g in grads if g is not None], np.sin, 1)
        if getattr(again, "requires_grad", False):
            all_of_it += torch.autograd.grad(again, inputs, allow_unused=True)
    return [None if t is None else t.detach().cpu().numpy() for t in all_of_it]


def compare(name: str, tolerance: float) -> None:
    twice = name not in ONCE | LAYERS_ONCE
    want = everything(CASES[name], twice, "cpu")
    with constants_on("cuda:0"):
        got = everything(CASES[name], twice, "cuda:0")
    for a, b in zip(want, got, strict=True):
        if a is None:
            assert b is None
        else:
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [name for name in CASES if name not in HOLDS_CONSTANTS])
def test_the_stand_in_gives_what_the_cpu_gives(name: str) -> None:
    with device_double.device():
        compare(name, 1e-9)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in CASES if name not in HOLDS_CONSTANTS])
def test_a_device_gives_what_the_cpu_gives(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    compare(name, 1e-5 if name == "to" else 1e-7)


@pytest.mark.parametrize("name", [
    "sum", "mean.dim", "softmax", "log_softmax", "view", "permute", "select", "slice", "cat", "stack", "mm", "bmm",
    "addmm", "matmul batched", "where", "embedding", "nll_loss", "mse_loss", "binary_cross_entropy", "gather",
    "index_select", "masked_fill", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "max_pool2d.2", "avg_pool2d",
    "adaptive_avg_pool2d", "layer_norm", "group_norm", "gelu", "silu", "leaky_relu", "softplus", "pad",
    "unary relu", "unary tanh", "unary sigmoid", "unary exp", "binary add", "binary mul", "binary div number", "clamp"])
def test_common_ops_never_leave_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither op nor rule falls back to the host, at first order."""
    def refuse(*args: Any, **named: Any) -> Any:
        raise AssertionError("computed on the host")

    monkeypatch.setattr(devices, "second", refuse)
    monkeypatch.setattr(devices, "rule_on_host", refuse)
    with device_double.device(), constants_on("cuda:0"):
        everything(CASES[name], False, "cuda:0")
