"""torch.linalg: what it refuses, in PyTorch's words, and what has a shape or a name of its own."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz.engine as torch

L = torch.linalg
EYE, ZERO, WIDE, VECTOR = torch.eye(2), torch.zeros(2, 2), torch.ones(2, 3), torch.ones(3)
BATCH = torch.stack([torch.eye(2), torch.zeros(2, 2)])


@pytest.mark.parametrize(("call", "text"), [
    (lambda: L.inv(ZERO), ("linalg.inv: The diagonal element 1 is zero, the inversion could not be completed because "
                          "the input matrix is singular.")),
    (lambda: L.inv(BATCH), ("linalg.inv: (Batch element 1): The diagonal element 1 is zero, the inversion could not be "
                           "completed because the input matrix is singular.")),
    (lambda: L.solve(ZERO, WIDE), "torch.linalg.solve: The solver failed because the input matrix is singular."),
    (lambda: L.cholesky(-EYE), ("linalg.cholesky: The factorization could not be completed because the input is not "
                               "positive-definite (the leading minor of order 1 is not positive-definite).")),
    (lambda: L.svd(EYE * float("nan")), ("linalg.svd: The algorithm failed to converge because the input matrix "
                                        "contained non-finite values.")),
])
def test_matrices_that_fail(call: Any, text: str) -> None:
    with pytest.raises(L.LinAlgError) as caught:
        call()
    assert str(caught.value) == text
    assert (type(caught.value).__module__, type(caught.value).__name__) == ("torch._C", "_LinAlgError")


@pytest.mark.parametrize(("call", "text"), [
    (lambda: L.inv(WIDE), "linalg.inv: A must be batches of square matrices, but they are 2 by 3 matrices"),
    (lambda: L.det(VECTOR), "linalg.det: The input tensor A must have at least 2 dimensions."),
    (lambda: L.inv(EYE.long()), "linalg.inv: Expected a floating point or complex tensor as input. Got Long"),
    (lambda: L.solve(EYE, torch.ones(3, 2)), ("linalg.solve: Incompatible shapes of A and B for the equation AX = B "
                                             "(2x2 and 3x2)")),
    (lambda: L.lu_factor(ZERO), ("torch.linalg.lu_factor: U[1,1] is zero and using it on lu_solve would result in a "
                                "division by zero. If you still want to perform the factorization, consider calling "
                                "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")),
    (lambda: L.norm(EYE, 3), "linalg.matrix_norm: Order 3 not supported."),
    (lambda: torch.matrix_rank(EYE), ("This function was deprecated since version 1.9 and is now removed.\nPlease use "
                                     "the `torch.linalg.matrix_rank` function instead. The parameter 'symmetric' was "
                                     "renamed in `torch.linalg.matrix_rank()` to 'hermitian'.")),
    (lambda: torch.einsum("ij,jk->ik", EYE, torch.ones(3, 2)), ("einsum(): subscript j has size 3 for operand 1 which "
                                                               "does not broadcast with previously seen size 2")),
])
def test_what_is_refused(call: Any, text: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        call()
    assert str(caught.value) == text


def test_what_fails_may_be_reported_instead() -> None:
    assert L.inv_ex(BATCH).info.tolist() == [0, 1]
    assert L.cholesky_ex(-EYE).info.item() == 1
    assert repr(L.slogdet(EYE)) == "torch.return_types.linalg_slogdet(\nsign=tensor(1.),\nlogabsdet=tensor(0.))"


def test_the_gradient_of_a_determinant_that_is_zero_is_its_cofactors() -> None:
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    L.det(x).backward()
    assert x.grad.numpy() == pytest.approx(torch.tensor([[4.0, -2.0], [-2.0, 1.0]]).numpy(), abs=1e-5)


def test_a_chain_is_multiplied_in_the_cheapest_order() -> None:
    a, b, c = (torch.ones(shape, requires_grad=True) for shape in ((10, 100), (100, 5), (5, 50)))
    product = L.multi_dot([a, b, c]).grad_fn.next_functions[0][0]
    assert type(product.next_functions[0][0]).__name__ == "MmBackward0"
    assert type(product.next_functions[1][0]).__name__ == "AccumulateGrad"


def test_einsum_is_composed_as_in_pytorch() -> None:
    x, y = torch.ones(2, 3, requires_grad=True), torch.ones(3, 4, requires_grad=True)
    names, node = [], torch.einsum("ij,jk->ik", x, y).grad_fn
    while node.next_functions:
        names.append(type(node).__name__)
        node = node.next_functions[0][0]
    assert names == ["ViewBackward0", "PermuteBackward0", "ViewBackward0", "BmmBackward0", "ViewBackward0",
                     "PermuteBackward0", "PermuteBackward0", "UnsqueezeBackward0"]


def test_vecdot_conjugates_its_first_operand() -> None:
    x = torch.tensor([[1j, 2.0]])
    assert torch.linalg.vecdot(x, x).tolist() == [5]
