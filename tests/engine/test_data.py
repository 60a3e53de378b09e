"""``x.data = ...`` swaps the memory; the version counter stays, and stays shared, as in PyTorch 2.13."""

from __future__ import annotations

import pytest

import gradviz.engine as torch


def test_a_write_after_data_was_set_is_still_counted_for_what_was_saved() -> None:
    w = torch.ones(3, requires_grad=True)
    y = w.exp()
    y.data += 1
    y.mul_(2)
    with pytest.raises(RuntimeError, match="output 0 of Exp, is at version 1; expected version 0"):
        y.sum().backward()


def test_a_detached_alias_shares_the_counter_and_not_the_new_memory() -> None:
    p = torch.ones(2)
    q = p.detach()
    p.data = torch.zeros(2)
    p.add_(1)
    assert (p._version, q._version) == (1, 1)
    p.add_(1)
    assert q.tolist() == [1.0, 1.0]
    assert p.tolist() == [2.0, 2.0]


def test_an_update_through_data_is_not_counted() -> None:
    w = torch.ones(2, requires_grad=True)
    (w * w).sum().backward()
    w.data -= 0.1 * w.grad
    assert w._version == 0
    assert w.tolist() == [pytest.approx(0.8)] * 2
