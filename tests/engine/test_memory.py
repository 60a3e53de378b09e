"""Training does not gather memory: what one step makes is gone after it."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

import gradviz.engine as torch


@pytest.mark.slow
def test_a_thousand_steps_end_with_the_memory_of_ten() -> None:
    nn, functional = torch.nn, torch.nn.functional
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1),
                          nn.Linear(4 * 6 * 6, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, target = torch.randn(8, 1, 8, 8), torch.randint(0, 5, (8,))

    def steps(n: int) -> int:
        for _ in range(n):
            loss = functional.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early, late = steps(10), steps(990)
    finally:
        tracemalloc.stop()
    assert late - early < 60_000
