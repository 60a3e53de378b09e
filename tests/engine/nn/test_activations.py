"""Activations and distances: values, graphs, gradients of both orders, errors, warnings and repr are PyTorch's.

The expectations are captured by ``outcomes.py``: of every activation at its kinks, far out, in all float types.
"""

from __future__ import annotations

import json

import pytest

import gradviz.engine as engine
from tests.engine.nn.outcomes import FOLDER, agree, cases, outcome

EXPECTED = json.loads((FOLDER / "activations.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", cases("activations.txt"))
def test_as_in_pytorch(source: str) -> None:
    found = json.loads(json.dumps(outcome(source, engine)))
    assert agree(found, EXPECTED[source]), f"{found}\n{EXPECTED[source]}"


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    for source in cases("activations.txt"):
        assert agree(json.loads(json.dumps(outcome(source, torch))), EXPECTED[source]), source


def test_rrelu_draws_a_slope_for_every_negative_element() -> None:
    engine.manual_seed(0)
    x = engine.linspace(-2, 2, 1000, dtype=engine.float64, requires_grad=True)
    y = engine.nn.functional.rrelu(x, 0.1, 0.4, training=True)
    y.sum().backward()
    slopes = x.grad.numpy()
    assert (slopes[500:] == 1).all()
    assert ((slopes[:500] >= 0.1) & (slopes[:500] <= 0.4)).all()
    assert slopes[:500].mean() == pytest.approx(0.25, abs=0.02)
    assert (y.detach().numpy() == x.detach().numpy() * slopes).all()


def test_gumbel_softmax_draws_what_the_logits_say() -> None:
    engine.manual_seed(0)
    logits = engine.tensor([0.5, 0.3, 0.2]).log().expand(4000, 3)
    hard = engine.nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)
    assert hard.sum(1).eq(1).all()
    assert hard.mean(0).tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
