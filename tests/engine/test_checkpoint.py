"""Checkpoints: the same gradients, computed by a forward that runs twice."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import pytest

import gradviz.engine as torch
from tests.engine.test_events import Ear, ear  # noqa: F401 - a fixture

C: Any = import_module("gradviz.engine.utils.checkpoint")
both = pytest.mark.parametrize("reentrant", [True, False])


def inputs() -> tuple[Any, Any]:
    return (torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, requires_grad=True),
            torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True))


class Counted:
    """A function that knows how often it ran."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.function(*args, **kwargs)


def wave(x: Any, y: Any, scale: float = 2.0) -> Any:
    return (torch.exp(x) * y).sin() * scale


@both
def test_gradients(reentrant: bool) -> None:
    function = Counted(wave)
    x, y = inputs()
    (C.checkpoint(function, x * 2, y, use_reentrant=reentrant) ** 2).sum().backward()
    assert function.calls == 2
    a, b = inputs()
    (wave(a * 2, b) ** 2).sum().backward()
    assert x.grad.tolist() == pytest.approx(a.grad.tolist(), rel=1e-14)
    assert y.grad.tolist() == pytest.approx(b.grad.tolist(), rel=1e-14)


@both
def test_random_numbers_come_again_and_go_on(reentrant: bool) -> None:
    x = torch.ones(5, requires_grad=True)
    torch.manual_seed(1)
    out = C.checkpoint(lambda a: (a * torch.rand(5)).exp(), x, use_reentrant=reentrant)
    after = torch.rand(1)
    out.sum().backward()
    rest = torch.rand(1)
    factor = out.detach().log()
    assert torch.allclose(x.grad, factor * factor.exp(), rtol=1e-3)
    torch.manual_seed(1)
    torch.rand(5)
    assert (torch.rand(1).item(), torch.rand(1).item()) == (after.item(), rest.item())


def test_the_graph_keeps_its_names() -> None:
    x, y = inputs()
    assert type(C.checkpoint(wave, x, y, use_reentrant=False).grad_fn).__name__ == "MulBackward0"
    assert type(C.checkpoint(wave, x, y, use_reentrant=True).grad_fn).__name__ == "CheckpointFunctionBackward"


def test_keywords_and_gradients_of_gradients() -> None:
    x, y = inputs()
    g, = torch.autograd.grad(C.checkpoint(wave, x, y, use_reentrant=False, scale=3.0).sum(), x, create_graph=True)
    g.sum().backward()
    a, b = inputs()
    h, = torch.autograd.grad(wave(a, b, 3.0).sum(), a, create_graph=True)
    h.sum().backward()
    assert x.grad.tolist() == pytest.approx(a.grad.tolist(), rel=1e-13)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        C.checkpoint(wave, x, y, use_reentrant=True, scale=3.0)


def test_nothing_inside_is_kept() -> None:
    """Between forward and backward, no node holds what it saved."""
    x, y = inputs()
    out = C.checkpoint(wave, x, y, use_reentrant=False)
    sine = out.grad_fn.next_functions[0][0]
    assert sine.saved == ()
    out.sum().backward()
    assert x.grad is not None


@both
def test_a_second_backward_is_refused(reentrant: bool) -> None:
    x, y = inputs()
    loss = C.checkpoint(wave, x, y, use_reentrant=reentrant).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


@both
def test_nested_and_in_sequence(reentrant: bool) -> None:
    x, _ = inputs()
    a, _ = inputs()

    def outer(v: Any) -> Any:
        return C.checkpoint(lambda w: (w * w).exp(), v, use_reentrant=reentrant).sin()

    parts = [outer, torch.cos, lambda v: v * v]
    C.checkpoint_sequential(parts, 3, x, use_reentrant=reentrant).sum().backward()
    ((a * a).exp().sin().cos() ** 2).sum().backward()
    assert x.grad.tolist() == pytest.approx(a.grad.tolist(), rel=1e-13)


def test_a_forward_that_does_something_else() -> None:
    function = Counted(lambda v: (v * v).exp() if function.calls == 1 else v * 2)
    x, _ = inputs()
    out = C.checkpoint(function, x, use_reentrant=False)
    with pytest.raises(C.CheckpointError, match="A different number of tensors was saved during the original forward "
                                                "and recomputation"):
        out.sum().backward()


def test_what_comes_after_all_that_was_saved_does_not_matter() -> None:
    """As in PyTorch, which stops there; unless it is told to go on."""
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    function = Counted(lambda v: v.sin() if function.calls == 1 else v.sin().cos())
    C.checkpoint(function, x, use_reentrant=False).sum().backward()
    assert x.grad.tolist() == pytest.approx([math.cos(1)] * 2)
    for early in (lambda: C.set_checkpoint_early_stop(False), nullcontext):
        function.calls = 0
        with early():
            out = C.checkpoint(function, x, use_reentrant=False, early_stop=early is not nullcontext)
        with pytest.raises(C.CheckpointError, match="trying to save more tensors during recomputation"):
            out.sum().backward()


def test_what_is_not_said_is_warned_about() -> None:
    x, y = inputs()
    with pytest.warns(UserWarning, match="the use_reentrant parameter should be passed explicitly"):
        C.checkpoint(wave, x, y)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True. Gradients will be None"):
        C.checkpoint(wave, x.detach(), y.detach(), use_reentrant=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        C.checkpoint(wave, x, y, use_reentrant=False)


@both
def test_ops_that_run_again_are_told_as_part_of_backward(reentrant: bool, ear: Ear) -> None:  # noqa: F811
    x, y = inputs()
    loss = C.checkpoint(wave, x, y, use_reentrant=reentrant).sum()
    ear.heard.clear()
    loss.backward()
    again = [op for op in ear.of("op") if op.name in ("exp", "mul", "sin")]
    assert [op.name for op in again] == ["exp", "mul", "sin", "mul"]
    assert all(op.within for op in again)
