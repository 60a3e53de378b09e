"""A view made under ``no_grad`` may be written and read there; its history may not be asked for afterwards."""

from __future__ import annotations

import pytest

import gradviz.engine as torch

FORBIDDEN = "A view was created in no_grad mode and its base or another view of its base has been modified inplace"


def test_written_twice() -> None:
    p = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        view = p.view(-1)
        view.mul_(2)
        view.add_(1)
        assert not (view * 1).requires_grad
    assert p.tolist() == [3.0, 3.0]
    assert view.requires_grad
    with pytest.raises(RuntimeError, match=FORBIDDEN):
        _ = view.grad_fn
    with pytest.raises(RuntimeError, match=FORBIDDEN):
        _ = view * 1


def test_its_base_written() -> None:
    x = torch.ones(2, requires_grad=True) * 2
    with torch.no_grad():
        view = x.view(-1)
    x.mul_(2)
    with torch.no_grad():
        assert view.mul_(2).tolist() == [8.0, 8.0]
    assert view.requires_grad
    with pytest.raises(RuntimeError, match=FORBIDDEN):
        _ = view * 1
