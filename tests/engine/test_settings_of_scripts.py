"""What scripts ask and set before they begin: accelerators that are not there, switches of libraries that are not used.

The values are those of PyTorch's build for CPUs, but for the libraries that it has and the engine has not.
"""

from __future__ import annotations

import pytest

import gradviz.engine as torch


def test_no_accelerator_is_told_and_the_cpu_is_taken() -> None:
    device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
    assert device == "cpu"
    assert torch.accelerator.current_accelerator() is None
    assert torch.accelerator.device_count() == 0
    with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is available"):
        torch.accelerator.synchronize()
    assert not any(torch.backends.__dict__[name].is_available() for name in ("cudnn", "mps"))
    assert not torch.backends.mps.is_built()
    assert (torch.version.cuda, torch.version.hip) == (None, None)


def test_switches_are_kept() -> None:
    cudnn = torch.backends.cudnn
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32) == (True, False, False, True)
    with cudnn.flags(enabled=False, benchmark=True):
        assert (cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit) == (False, True, 10)
    assert (cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit) == (True, False, None)
    assert torch.backends.cuda.matmul.allow_tf32 is False
    torch.backends.cuda.matmul.allow_tf32 = True
    assert torch.backends.cuda.matmul.allow_tf32 is True
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("name", ["nnpack", "opt_einsum"])
def test_what_is_missing_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"torch\.backends.*{name}|has no torch\.backends\.{name}"):
        getattr(torch.backends, name)
