"""What PyTorch refuses is refused in its words, and what it makes of odd arguments is made of them."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz.engine as torch

BOOL_MINUS = ("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
              "use the `~` or `logical_not()` operator instead.")
TWO_BOOLS_MINUS = ("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                   "`logical_xor()` operator instead.")
NORMAL = "\"normal_kernel_cpu\" not implemented for 'Long'"
UNIFORM = "\"check_uniform_bounds\" not implemented for 'Long'"
REFUSED: list[tuple[str, type[Exception], str]] = [
    *((f"torch.tensor([True]).{name}()", NotImplementedError, f"\"{kernel}\" not implemented for 'Bool'")
      for name, kernel in {"floor": "floor_vml_cpu", "ceil": "ceil_vml_cpu", "trunc": "trunc_vml_cpu", "abs": "abs_cpu",
                           "round": "round_vml_cpu", "frac": "frac_cpu"}.items()),
    ("torch.tensor([1]).frac()", NotImplementedError, "\"frac_cpu\" not implemented for 'Long'"),
    ("torch.tensor([True]) - 1.5", RuntimeError, BOOL_MINUS),
    ("torch.tensor([1.0]) - torch.tensor([True])", RuntimeError, BOOL_MINUS),
    ("torch.tensor([1.0]) - True", RuntimeError, BOOL_MINUS),
    *((source, RuntimeError, BOOL_MINUS) for source in (
        "torch.tensor([1]) - torch.tensor([True])", "torch.tensor([True]) - 1", "1 - torch.tensor([True])",
        "torch.tensor([1.0]).sub_(torch.tensor([True]))", "torch.tensor([True]).sub_(1)",
        "torch.sub(torch.tensor([1]), torch.tensor([True]), alpha=2)")),
    *((source, RuntimeError, TWO_BOOLS_MINUS) for source in (
        "torch.tensor([True]) - torch.tensor([False])", "torch.tensor([True]) - True", "True - torch.tensor([True])",
        "torch.tensor([True]).sub_(torch.tensor([True]))", "torch.tensor([True]).sub(torch.tensor([True]), alpha=2)")),
    *((source, RuntimeError, "For integral input tensors, argument alpha must not be a floating point number.")
      for source in ("torch.tensor([1]).add(torch.tensor([1]), alpha=0.5)",
                     "torch.rsub(torch.tensor([1]), 2, alpha=0.5)",
                     "torch.tensor([1]).sub_(torch.tensor([1]), alpha=0.5)")),
    ("torch.sub(torch.tensor([1.0]), torch.tensor([1.0]), alpha=1j)", RuntimeError,
     "For non-complex input tensors, argument alpha must not be a complex number."),
    ("torch.add(torch.tensor([1.0]), torch.tensor([1.0]), alpha=False)", RuntimeError,
     "Boolean alpha only supported for Boolean results."),
    ("torch.multinomial(torch.tensor([0.0, 0.0]), 1)", RuntimeError,
     "invalid multinomial distribution (sum of probabilities <= 0)"),
    ("torch.multinomial(torch.tensor([-1.0, 1.0]), 1)", RuntimeError,
     "probability tensor contains either `inf`, `nan` or element < 0"),
    ("torch.multinomial(torch.ones(2), 3)", RuntimeError,
     "cannot sample n_sample > prob_dist.size(-1) samples without replacement"),
    ("torch.multinomial(torch.ones(2), 0)", RuntimeError, "cannot sample n_sample <= 0 samples"),
    ("torch.multinomial(torch.tensor([1, 1]), 1)", RuntimeError,
     "multinomial only supports floating-point dtypes for input, got: Long"),
    ("torch.multinomial(torch.ones(2, 2, 2), 1)", RuntimeError, "prob_dist must be 1 or 2 dim"),
    ("torch.ones(3, 2).index_copy_(0, torch.tensor(1), torch.zeros(2))", IndexError,
     ("index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
      "dimensionality (1), destination dimensionality (2)")),
    ("torch.tensor([1, 2]).exponential_()", RuntimeError,
     ("Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
     "specified Long")),
    ("torch.tensor([1, 2]).normal_()", NotImplementedError, NORMAL),
    ("torch.randn(2, dtype=torch.int64)", NotImplementedError, NORMAL),
    ("torch.tensor([1, 2]).uniform_()", NotImplementedError, UNIFORM),
    ("torch.rand(2, dtype=torch.int64)", NotImplementedError, UNIFORM),
    ("torch.rand_like(torch.tensor([1, 2]))", NotImplementedError, UNIFORM),
    ("torch.ones(2).normal_(0, -1)", RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("torch.normal(0.0, -1.0, (2,))", RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("torch.ones(2).uniform_(2, 1)", RuntimeError,
     "uniform_ expects to return a [from, to) range, but found from=2 > to=1"),
    ("torch.ones(2).exponential_(0)", RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    ("torch.ones(2).bernoulli_(2)", RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=2"),
    ("torch.bernoulli(torch.tensor([1, 0]))", NotImplementedError,
     "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'"),
    ("torch.randint(3, 1, (2,))", RuntimeError,
     "random_ expects 'from' to be less than 'to', but got from=3 >= to=1"),
    ("torch.randperm(-1)", RuntimeError, "Trying to create tensor with negative dimension -1: [-1]"),
    ("torch.addmm(torch.ones(2, 2), torch.ones(2, 2).double(), torch.ones(2, 2))", RuntimeError,
     "mat1 and mat2 must have the same dtype, but got Double and Float"),
    ("torch.bmm(torch.ones(1, 2, 2), torch.ones(1, 2, 2).double())", RuntimeError,
     "expected scalar type Float but found Double"),
    ("torch.mv(torch.ones(2, 2), torch.ones(2).double())", RuntimeError,
     "addmv input tensors must have the same dtype, but got Double, Float, and Double"),
    ("torch.cat(3)", TypeError, "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not int"),
    ("torch.zeros()", TypeError, 'zeros() missing 1 required positional arguments: "size"'),
    ("torch.zeros('a')", TypeError, "zeros(): argument 'size' (position 1) must be tuple of ints, not str"),
    ("torch.ones(2.5)", TypeError, "ones(): argument 'size' (position 1) must be tuple of ints, not float"),
]


@pytest.mark.parametrize(("source", "error", "text"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusal(source: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        eval(source, {"torch": torch})
    assert type(caught.value) is error
    assert str(caught.value) == text


def test_an_inference_tensor_is_no_parameter_that_learns() -> None:
    with torch.inference_mode():
        x = torch.ones(2)
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor outside InferenceMode"):
        torch.nn.Parameter(x)
    assert not torch.nn.Parameter(x, requires_grad=False).requires_grad


@pytest.mark.parametrize(("source", "expected"), [
    ("torch.tensor([True, False]).sign()", [True, False]),
    ("torch.tensor([True, False]).sgn()", [True, False]),
    ("torch.add(torch.tensor([True, False]), torch.tensor([True, False]), alpha=2)", [True, False]),
    ("torch.add(torch.tensor([1]), torch.tensor([0.5]), alpha=0.5)", [1.25]),
    ("torch.ones(2, 2).index_copy_(0, torch.tensor(1), torch.zeros(1, 2))", [[1.0, 1.0], [0.0, 0.0]]),
    ("torch.ones(2, 2).index_add_(0, torch.tensor(1), torch.ones(1, 2))", [[1.0, 1.0], [2.0, 2.0]]),
    ("torch.ones(2).index_copy_(0, torch.tensor(1), torch.tensor(5.0))", [1.0, 5.0]),
    ("torch.multinomial(torch.tensor([1.0, 0.0]), 2)", [0, 1]),
])
def test_result(source: str, expected: Any) -> None:
    assert eval(source, {"torch": torch}).tolist() == expected


def test_nodes_with_a_number_have_names_of_their_own() -> None:
    x, y = torch.ones(2, requires_grad=True), torch.ones(2)
    names = [f(x, other).grad_fn.name() for f in (torch.remainder, torch.fmod) for other in (2, y)]
    assert names == ["RemainderBackward0", "RemainderBackward1", "FmodBackward0", "FmodBackward1"]


def test_draws_without_replacement_follow_the_weights() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([1.0, 2.0, 7.0]).expand(20000, 3)
    first = torch.multinomial(weights, 2)
    share = (first[:, 0].unsqueeze(1) == torch.arange(3)).double().mean(0)
    assert torch.allclose(share, torch.tensor([0.1, 0.2, 0.7]).double(), atol=0.02)
    assert bool((first[:, 0] != first[:, 1]).all())


def test_pictures_of_bytes_are_resized_and_other_integers_refused() -> None:
    """Numbers and words of PyTorch 2.13."""
    picture = (torch.arange(16) * 3).reshape(1, 1, 4, 4)
    resize = torch.nn.functional.interpolate
    found = resize(picture.to(torch.uint8), size=(5, 5), mode="bilinear").flatten()[:9]
    assert found.tolist() == [0, 2, 5, 7, 9, 8, 10, 13, 15]
    for mode, kernel in (("nearest", "upsample_nearest2d_channels_last"), ("bicubic", "compute_indices_weights_cubic"),
                         ("bilinear", "upsample_bilinear2d_channels_last")):
        with pytest.raises(NotImplementedError, match=f'"{kernel}" not implemented for \'Long\''):
            resize(picture, size=(5, 5), mode=mode)
