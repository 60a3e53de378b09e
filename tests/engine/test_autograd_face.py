"""Anomaly mode, inference tensors, functional, gradcheck, graph: what torch.autograd says and gives."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch

F = torch.autograd.functional
V = torch.tensor([1.0, 2.0])


def cube(x: Any) -> Any:
    return (x ** 3).sum()


# --- anomaly mode ----------------------------------------------------------------------------------------------------
def test_a_nan_is_named_with_the_place_of_its_forward() -> None:
    x = torch.tensor([0.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = x / x  # the place
        told = r"(?s)Error detected in DivBackward0. Traceback of forward call.*# the place"
        with pytest.warns(UserWarning, match=told), \
                pytest.raises(RuntimeError, match=r"^Function 'DivBackward0' returned nan values in its 1th output\.$"):
            (y * 2).sum().backward()
    assert not torch.is_anomaly_enabled()


def test_a_failed_backward_is_named_and_nan_may_be_let_through() -> None:
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        x = torch.tensor([0.0], requires_grad=True)
        (x / x).sum().backward()
        y = torch.ones(2, requires_grad=True).exp()
        y.add_(1)
        with pytest.warns(UserWarning, match="Error detected in ExpBackward0"), \
                pytest.raises(RuntimeError, match="Hint: the backtrace further above shows the operation"):
            y.sum().backward()
    assert x.grad.isnan().all()


def test_a_forward_outside_the_mode_has_no_place() -> None:
    x = torch.tensor([-1.0], requires_grad=True)
    y = x.sqrt()
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        region = torch.autograd.detect_anomaly()
    with region, pytest.warns(UserWarning, match="No forward pass information available"), \
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th output"):
        y.backward()


# --- inference tensors -----------------------------------------------------------------------------------------------
def made() -> Any:
    with torch.inference_mode():
        return torch.ones(2)


def test_inference_tensors_are_not_saved_and_not_written() -> None:
    x, w = made(), torch.ones(2, requires_grad=True)
    assert x.is_inference()
    assert x.view(2).is_inference()
    assert not (x + 1).is_inference()
    assert (w + x).requires_grad
    with pytest.raises(RuntimeError, match=r"^Inference tensors cannot be saved for backward. Please do not use"):
        w * x
    with pytest.raises(RuntimeError, match=r"^Inplace update to inference tensor outside InferenceMode is not"):
        x.view(2).add_(1)
    with pytest.raises(RuntimeError, match=r"^Inference tensors do not track version counter.$"):
        _ = x._version
    with pytest.raises(RuntimeError, match=r"^Setting requires_grad=True on inference tensor outside InferenceMode"):
        x.requires_grad_()


def test_inside_the_mode_everything_may_be_written() -> None:
    w = torch.ones(2, requires_grad=True)
    normal = torch.ones(2)
    with torch.inference_mode():
        x = w * 2
        x.add_(1)
        x[0] = 7
        normal.add_(1)
        assert w.view(2).requires_grad
        assert not w.view(2).is_inference()
    assert (x.tolist(), x.requires_grad, normal._version) == ([7.0, 3.0], False, 1)


def test_another_thread_makes_normal_tensors() -> None:
    found = []
    with torch.inference_mode():
        other = threading.Thread(target=lambda: found.append(torch.ones(1).is_inference()))
        other.start()
        other.join()
    assert found == [False]
    assert not torch.ones(1).is_inference()


# --- functional ------------------------------------------------------------------------------------------------------
def test_jacobians_and_hessians() -> None:
    assert F.jacobian(lambda x: x ** 2, V).tolist() == [[2, 0], [0, 4]]
    both = F.jacobian(lambda a, b: (a * b, a + b), (V, V))
    assert [[t.tolist() for t in row] for row in both] == [[[[1, 0], [0, 2]]] * 2, [[[1, 0], [0, 1]]] * 2]
    assert F.hessian(cube, V).tolist() == [[6, 0], [0, 12]]
    assert F.hessian(lambda a, b: (a * b).sum(), (V, V))[0][1].tolist() == [[1, 0], [0, 1]]


def test_products_with_vectors() -> None:
    assert [t.tolist() for t in F.vjp(lambda x: x ** 2, V, V)] == [[1, 4], [2, 8]]
    assert [t.tolist() for t in F.jvp(lambda x: x ** 2, V, V)] == [[1, 4], [2, 8]]
    assert [t.tolist() for t in F.vhp(cube, V, V)] == [9, [6, 24]]
    assert [t.tolist() for t in F.hvp(cube, V, V)] == [9, [6, 24]]


@pytest.mark.parametrize(("call", "text"), [
    (lambda: F.jacobian(lambda x: torch.ones(2), V, strict=True), r"Output 0 of the user-provided function does not"),
    (lambda: F.jacobian(lambda a, b: a, (V, V), strict=True), r"Output 0 of the user-provided function is independent"),
    (lambda: F.hessian(lambda x: x.sum(), V, strict=True), r"the jacobian of the user-provided function with respect"),
    (lambda: F.hessian(lambda x: x, V), r"The Tensor returned by the function given to hessian should contain a"),
    (lambda: F.vjp(lambda x: x, V), r"The vector v can only be None if the user-provided function returns a single"),
    (lambda: F.vjp(lambda x: x, V, torch.ones(3)), r"v has invalid size: should be torch.Size\(\[2\]\) but got"),
])
def test_what_functional_refuses(call: Any, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        call()


# --- gradcheck -------------------------------------------------------------------------------------------------------
class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 3


def test_gradcheck() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: t ** 2, x)
    assert torch.autograd.gradgradcheck(lambda t: t ** 3, x)
    assert not torch.autograd.gradcheck(Wrong.apply, x, raise_exception=False)
    expected = ("Jacobian mismatch for output 0 with respect to input 0,\nnumerical:tensor([[2.0000, 0.0000],\n"
                "        [0.0000, 2.0000]], dtype=torch.float64)\nanalytical:tensor([[3., 0.],\n        [0., 3.]], "
                "dtype=torch.float64)\n")
    with pytest.raises(RuntimeError) as caught:
        torch.autograd.gradcheck(Wrong.apply, x)
    assert str(caught.value) == expected
    with pytest.raises(ValueError, match="gradcheck expects at least one input tensor to require gradient"):
        torch.autograd.gradcheck(lambda t: t, V)


# --- graph -----------------------------------------------------------------------------------------------------------
def test_a_hook_on_several_gradients_waits_for_all_that_come() -> None:
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    seen: list[Any] = []
    handle = torch.autograd.graph.register_multi_grad_hook(
        [a, b], lambda grads: seen.append([None if g is None else g.tolist() for g in grads]))
    (a * 2 + b).sum().backward()
    (a * 3).sum().backward()
    handle.remove()
    (a * 4).sum().backward()
    assert seen == [[[2, 2], [1, 1]], [[3, 3], None]]


def test_edges_may_be_asked_for() -> None:
    x = torch.ones(2, requires_grad=True)
    edge = torch.autograd.graph.get_gradient_edge(x)
    assert torch.autograd.grad((x * x).sum(), edge)[0].tolist() == [2, 2]
    assert isinstance((x * x).grad_fn, torch.autograd.graph.Node)


def test_a_batch_of_upstream_gradients() -> None:
    x = torch.ones(2, requires_grad=True)
    rows, = torch.autograd.grad(x * 2, x, torch.eye(2), is_grads_batched=True)
    assert rows.tolist() == [[2, 0], [0, 2]]


def test_eigenvalues_have_a_first_derivative() -> None:
    matrix = np.array([[2.0, 0.3, -0.4], [0.1, -1.0, 0.5], [0.7, 0.2, 0.5]])

    def size(a: Any) -> Any:
        values, vectors = torch.linalg.eig(a)
        return values.abs().sum() + vectors.abs()[0].sum()

    x = torch.tensor(matrix, requires_grad=True)
    size(x).backward()
    for i in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i] = 1e-6
        slope = (size(torch.tensor(matrix + step)) - size(torch.tensor(matrix - step))).item() / 2e-6
        assert x.grad[i].item() == pytest.approx(slope, abs=1e-6)


def test_no_warnings_are_left_on() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.ones(1, requires_grad=True).sum().backward()
