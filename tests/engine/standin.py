"""``import torch`` gives the engine while a test runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gradviz.launch.standin import Finder


@contextmanager
def played() -> Iterator[None]:
    """What was imported as torch before, PyTorch itself perhaps, is so again afterwards."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torch"}
    for name in before:
        del sys.modules[name]
    finder = Finder((), True)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
            del sys.modules[name]
        sys.modules.update(before)
