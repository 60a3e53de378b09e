"""Gradients of complex numbers: the conjugate Wirtinger derivative, by finite differences in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch

STEP = 1e-6
Z = [[1 + 2j, -0.5 + 0.3j], [0.2 - 1j, 0.7 + 0.4j]]
W = [[0.3 - 1j, 2 + 0.5j], [1.1 + 0.1j, -0.6 + 0.9j]]
R = [[1.5, 0.5], [0.25, 2.0]]
UNARY = [
    "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "rsqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "asin", "acos", "atan", "asinh", "acosh", "atanh", "sigmoid", "reciprocal", "square", "neg", "abs", "angle",
    "sgn", "conj", "sum", "mean", "prod", "norm", "var", "std", "cumsum", "cumprod",
]
LINALG = ("inv", "det", "pinv", "matrix_exp", "norm")
DIM = {"cumsum": (0,), "cumprod": (1,)}
TWO: dict[str, Callable[..., Any]] = {
    "add": lambda z, w, r: z + w, "sub": lambda z, w, r: r - z, "mul": lambda z, w, r: z * w,
    "div": lambda z, w, r: z / w, "pow": lambda z, w, r: z ** w, "real times complex": lambda z, w, r: r * z,
    "real over complex": lambda z, w, r: r / z, "number": lambda z, w, r: (1 + 2j) / z + z * (2 - 1j) + 2 ** z,
    "power of a real": lambda z, w, r: r ** w, "matmul": lambda z, w, r: z @ w, "mv": lambda z, w, r: torch.mv(z, w[0]),
    "dot": lambda z, w, r: torch.dot(z[0], w[0]), "vdot": lambda z, w, r: torch.vdot(z[0], w[0]),
    "addmm": lambda z, w, r: torch.addmm(z, w, z), "linear": lambda z, w, r: torch.nn.functional.linear(z, w),
    "einsum": lambda z, w, r: torch.einsum("ij,jk->ik", z, w), "solve": lambda z, w, r: torch.linalg.solve(z, w),
    "cholesky": lambda z, w, r: torch.linalg.cholesky(z @ z.mH + 3 * torch.eye(2)),
    "parts": lambda z, w, r: z.real * w.imag, "complex": lambda z, w, r: torch.complex(r, r * 2) * z,
    "polar": lambda z, w, r: torch.polar(r, r * 2) * z, "size": lambda z, w, r: (z * w).abs().sum(),
    "square of the size": lambda z, w, r: (z * z.conj()).real,
    "view_as_real": lambda z, w, r: torch.view_as_real(z * w),
    "in place": lambda z, w, r: z.clone().mul_(w).exp_(), "slice in place": lambda z, w, r: _slice(z, w),
    "cast": lambda z, w, r: r.to(torch.complex128) * z, "where": lambda z, w, r: torch.where(r > 1, z * z, w),
    "addcdiv": lambda z, w, r: torch.addcdiv(z, w, z), "det of a singular one": lambda z, w, r: torch.linalg.det(
        torch.stack([z[0] * w[0, 0], z[0]])),
}
CASES = {name: (lambda z, w, r, name=name: getattr(z, name)(*DIM.get(name, ()))) for name in UNARY}
CASES |= {"linalg." + name: (lambda z, w, r, name=name: getattr(torch.linalg, name)(z)) for name in LINALG} | TWO


def _slice(z: Any, w: Any) -> Any:
    out = z * 1
    out[0].mul_(w[1])
    return out


def weighed(y: Any) -> Any:
    """A real number of all that ``y`` has, which weighs every part differently."""
    parts = torch.view_as_real(y) if y.is_complex() else y
    return (parts * torch.linspace(0.3, 2.1, parts.numel(), dtype=torch.float64).reshape(parts.shape)).sum()


def differences(loss: Callable[..., Any], arrays: list[Any]) -> list[Any]:
    found = []
    for array in arrays:
        slope = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            for unit in (1, 1j) if array.dtype.kind == "c" else (1,):
                kept, ends = array[place], []
                for step in (STEP, -STEP):
                    array[place] = kept + step * unit
                    ends.append(loss(*map(torch.tensor, arrays)).item())
                array[place] = kept
                slope[place] += unit * (ends[0] - ends[1]) / (2 * STEP)
        found.append(slope)
    return found


@pytest.mark.parametrize("name", CASES)
def test_first_order(name: str) -> None:
    arrays = [np.array(Z), np.array(W), np.array(R)]
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    grads = torch.autograd.grad(weighed(CASES[name](*leaves)), leaves, allow_unused=True)
    expected = differences(lambda *t: weighed(CASES[name](*t)), arrays)
    for leaf, g, slope in zip(leaves, grads, expected, strict=True):
        assert g is None or g.dtype is leaf.dtype
        np.testing.assert_allclose(0 if g is None else g.numpy(), slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["mul", "div", "exp", "sgn", "abs", "linalg.inv", "matmul", "vdot", "pow", "polar"])
def test_second_order(name: str) -> None:
    def loss(*leaves: Any) -> Any:
        grads = torch.autograd.grad(weighed(CASES[name](*leaves)), leaves, create_graph=True, allow_unused=True)
        return sum((g.abs() ** 2).sum() for g in grads if g is not None)

    arrays = [np.array(Z), np.array(W), np.array(R)]
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    grads = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True)
    expected = differences(lambda *t: loss(*(x.requires_grad_() for x in t)), arrays)
    for g, slope in zip(grads, expected, strict=True):
        np.testing.assert_allclose(0 if g is None else g.numpy(), slope, rtol=1e-4, atol=1e-4)


def test_a_gradient_is_made_for_real_numbers_only() -> None:
    z = torch.tensor(1 + 2j, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"created only for real scalar outputs but got torch\.complex64"):
        (z * 2).backward()
    (z * z).backward(torch.tensor(1 + 0j))
    assert z.grad.item() == 2 - 4j


def test_a_users_function_gets_the_gradient_as_it_is() -> None:
    class Times(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Any) -> Any:
            return z * 1j

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * -1j

    z = torch.tensor([1 + 2j], requires_grad=True)
    Times.apply(z).exp().abs().sum().backward()
    y = z.detach() * 1j
    assert torch.allclose(z.grad, y.real.exp() * -1j)
