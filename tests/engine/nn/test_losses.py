"""Losses: values, graphs, gradients of both orders, errors, warnings and repr are PyTorch's.

The expectations are captured by ``outcomes.py``: of every loss with every way to reduce it and every option.
"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

import gradviz.engine as engine
from tests.engine.nn.outcomes import FOLDER, agree, cases, outcome

F = engine.nn.functional
EXPECTED = json.loads((FOLDER / "losses.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", cases("losses.txt"))
def test_as_in_pytorch(source: str) -> None:
    found = json.loads(json.dumps(outcome(source, engine)))
    assert agree(found, EXPECTED[source]), f"{found}\n{EXPECTED[source]}"


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    for source in cases("losses.txt"):
        assert agree(json.loads(json.dumps(outcome(source, torch))), EXPECTED[source]), source


def collapsed(path: tuple[int, ...]) -> list[int]:
    """The labels that an alignment stands for: without repetitions, then without blanks."""
    return [label for label, _ in itertools.groupby(path) if label]


@pytest.mark.parametrize("labels", [[1], [1, 2], [1, 1], [2, 1, 2], []])
def test_ctc_is_the_sum_over_all_alignments(labels: list[int]) -> None:
    probabilities = np.random.RandomState(0).dirichlet(np.ones(3), 5)
    total = sum(math.prod(probabilities[t, c] for t, c in enumerate(path))
                for path in itertools.product(range(3), repeat=5) if collapsed(path) == labels)
    found = F.ctc_loss(engine.tensor(probabilities).log(), engine.tensor(labels, dtype=engine.int64),
                       engine.tensor(5), engine.tensor(len(labels)), reduction="sum")
    assert found.item() == pytest.approx(-math.log(total), rel=1e-12)


def test_a_class_that_is_ignored_gets_no_gradient_even_from_nan() -> None:
    logits = engine.tensor([[1.0, 2.0], [float("nan"), 0.0]], requires_grad=True)
    F.nll_loss(logits, engine.tensor([0, -100])).backward()
    assert logits.grad.tolist() == [[-1.0, 0.0], [0.0, 0.0]]
