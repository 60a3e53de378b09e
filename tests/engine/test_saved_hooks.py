"""Hooks on saved tensors: who gets what when, what comes back, and what is refused, as PyTorch does it."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz.engine as torch
from gradviz.engine.autograd.modes import regions

hooks = torch.autograd.graph.saved_tensors_hooks


@pytest.fixture
def a() -> Any:
    return torch.tensor([1.0, 2.0], requires_grad=True)


def test_both_operands_are_packed_with_their_place_in_the_graph(a: Any) -> None:
    seen: list[Any] = []
    with hooks(lambda t: seen.append(t) or t.detach().clone(), lambda t: t):
        y = a * a.exp()
    assert [t.grad_fn and t.grad_fn.name() for t in seen] == ["ExpBackward0", "ExpBackward0", None]
    assert seen[2] is a
    y.sum().backward()
    assert torch.allclose(a.grad, (1 + a.detach()) * a.detach().exp())


def test_what_unpack_gives_is_what_backward_uses(a: Any) -> None:
    with hooks(lambda t: None, lambda _: torch.full((2,), 10.0)):
        y = a * a
    y.sum().backward()
    assert a.grad.tolist() == [20.0, 20.0]


def test_second_derivatives_go_through_what_was_unpacked(a: Any) -> None:
    with hooks(lambda t: t.detach(), lambda t: t):
        y = (a.exp() * a ** 3).sum()
    g, = torch.autograd.grad(y, a, create_graph=True)
    again, = torch.autograd.grad(g.sum(), a)
    x = a.detach()
    assert torch.allclose(again, x.exp() * (x ** 3 + 6 * x ** 2 + 6 * x))


def test_a_write_to_what_was_copied_is_no_error(a: Any) -> None:
    with hooks(lambda t: t.clone(), lambda t: t):
        b = a * 1
        c = b.sin()
        b.add_(1)
    assert torch.allclose(torch.autograd.grad(c.sum(), a)[0], a.detach().cos())


def test_the_innermost_region_packs(a: Any) -> None:
    seen: list[str] = []
    with hooks(lambda t: seen.append("outer") or t, lambda t: t):
        with hooks(lambda t: seen.append("inner") or t, lambda t: t):
            a.sin()
        a.sin()
    a.sin()
    assert seen == ["inner", "outer"]
    assert regions.packs == 0


def test_in_place_ops_pack_too(a: Any) -> None:
    seen: list[list[float]] = []
    b = a.clone()
    with hooks(lambda t: seen.append(t.tolist()) or t.clone(), lambda t: t):
        b.exp_()
        b.mul_(a)
        b.pow_(2)
    b.sum().backward()
    e1, e2 = 2.7182817459106445, 7.389056205749512
    assert [pytest.approx(row) for row in seen] == [[e1, e2], [1.0, 2.0], [e1, e2], [e1, 2 * e2]]
    x = a.detach()
    assert torch.allclose(a.grad, 2 * x * (2 * x).exp() * (1 + x))


def test_layers_pack_what_they_save() -> None:
    layer, x = torch.nn.Conv2d(2, 3, 3), torch.ones(1, 2, 4, 4)
    shapes: list[Any] = []
    with hooks(lambda t: shapes.append(tuple(t.shape)) or t.detach(), lambda t: t):
        y = layer(x)
    assert sorted(shapes) == [(1, 2, 4, 4), (3, 2, 3, 3)]
    y.sum().backward()
    assert layer.weight.grad.unique().tolist() == [4.0]


def test_a_function_unpacks_when_its_backward_asks(a: Any) -> None:
    told: list[str] = []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 2
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            told.append("backward")
            _, y = ctx.saved_tensors
            assert y.grad_fn is not None
            return g * 2

    with hooks(lambda t: told.append("pack") or t.detach(), lambda t: told.append("unpack") or t):
        y = Double.apply(a)
    y.sum().backward()
    assert told == ["pack", "pack", "backward", "unpack", "unpack"]


@pytest.mark.parametrize(("pack", "unpack", "error", "text"), [
    (lambda t: t, lambda t: 3, TypeError,
     "Output of saved tensor unpack_hook expected to be a Tensor but got result of type int"),
    (lambda t: t.add_(1), lambda t: t, RuntimeError, "A saved tensor pack hook is modifying its input in place."),
    (lambda t: 1 / 0, lambda t: t, ZeroDivisionError, "division by zero"),
])
def test_refusals(a: Any, pack: Any, unpack: Any, error: Any, text: str) -> None:
    def program() -> None:
        with hooks(pack, unpack):
            y = (a * 1) * (a * 2)
        y.sum().backward()

    with pytest.raises(error, match=text):
        program()
    assert regions.packs == 0


def test_disabled_hooks_say_why(a: Any) -> None:
    disabled = torch.autograd.graph.disable_saved_tensors_hooks
    with disabled("not here"), pytest.raises(RuntimeError, match="not here"), hooks(lambda t: t, lambda t: t):
        pass
    with hooks(lambda t: t, lambda t: t), pytest.raises(RuntimeError, match="not here"), disabled("not here"):
        pass
    with hooks(lambda t: t, lambda t: t):
        a.sin()


def test_save_on_cpu_is_a_copy_at_most(a: Any) -> None:
    with torch.autograd.graph.save_on_cpu():
        y = a.sin()
    y.sum().backward()
    assert torch.allclose(a.grad, a.detach().cos())


def test_one_saved_tensor_gets_hooks_of_its_own(a: Any) -> None:
    y = a.exp()
    raw = y.grad_fn._raw_saved_result
    seen: list[Any] = []
    raw.register_hooks(lambda t: seen.append(t.requires_grad) or t, lambda t: t + 1)
    assert seen == [False]
    assert torch.equal(y.grad_fn._saved_result, y + 1)
    assert y.grad_fn._saved_result.grad_fn is y.grad_fn
    with pytest.raises(RuntimeError, match="whose hooks have already been set"):
        raw.register_hooks(lambda t: t, lambda t: t)
    y.sum().backward()
    assert torch.allclose(a.grad, y.detach() + 1)
    with pytest.raises(RuntimeError, match="after it has been freed"):
        raw.register_hooks(lambda t: t, lambda t: t)


def test_a_leaf_comes_back_as_a_leaf_with_the_same_gradient(a: Any) -> None:
    with hooks(lambda t: t.detach(), lambda t: t):
        y = a * a
    back = y.grad_fn._saved_self
    assert back is not a
    assert (back.is_leaf, back.requires_grad) == (True, True)
    (back * 3).sum().backward()
    assert a.grad.tolist() == [3.0, 3.0]


def test_a_checkpoint_keeps_nothing_for_hooks_around_it(a: Any) -> None:
    seen: list[Any] = []
    with hooks(lambda t: seen.append(t) or t, lambda t: t):
        y = torch.utils.checkpoint.checkpoint(lambda x: x.sin().exp(), a, use_reentrant=False)
        assert not seen
    y.sum().backward()
    assert torch.allclose(a.grad, a.detach().cos() * a.detach().sin().exp())
