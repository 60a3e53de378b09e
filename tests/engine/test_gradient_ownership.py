"""Whether a leaf's ``.grad`` is the array that backward made or a copy shows in its version, as in PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradviz.engine as torch
from gradviz.recorder import Recorder


@pytest.mark.parametrize("recorded", [False, True])
def test_a_gradient_that_nobody_else_has_is_taken_as_it_is(tmp_path: Path, recorded: bool) -> None:
    recorder = Recorder(tmp_path / "t.gvt") if recorded else None
    if recorder is not None:
        recorder.start()
    try:
        w, b, c = torch.ones(3, 4), torch.zeros(4), torch.ones(4)
        u, v, t, s = (torch.ones(3) for _ in range(4))
        for leaf in (w, b, c, u, v, t, s):
            leaf.requires_grad_()
        ((torch.ones(2, 3) @ w + b) * c).sum().backward()
        (v.exp() + u * 2 + t + (-s)).sum().backward()
    finally:
        if recorder is not None:
            recorder.stop()
    assert [leaf.grad._version for leaf in (w, b, c)] == [0, 0, 0]
    assert [leaf.grad._version for leaf in (v, u, t, s)] == [0, 0, 1, 0]
