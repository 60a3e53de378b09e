"""``torch.backends``: the settings that scripts make at their head. They are kept and read back; on NumPy none of them
changes what is computed."""

from __future__ import annotations

from typing import Any

from gradviz.engine.backends import cuda, cudnn, mkl, mkldnn, mps, openmp


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.backends", name)


__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
