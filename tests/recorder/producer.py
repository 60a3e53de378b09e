"""A producer of two dozen lines, in place of an engine: operators that tell the probe what they do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gradviz
from gradviz import probe

SOURCE = '''
class Fake:
    """Acts like a tensor: every operator is an op event."""

    def _op(self, name, result=None):
        if probe.sink is not None:
            probe.sink.op(probe.new_id(), name, "", [], [], [], [], "grad", True)
        return Fake() if result is None else result

    def __add__(self, other): return self._op("add")
    __radd__ = __add__
    def __mul__(self, other): return self._op("mul")
    def __iadd__(self, other): return self._op("add_", self)
    def __neg__(self): return self._op("neg")
    def __setitem__(self, index, value): self._op("setitem")
    def __getitem__(self, index): return self._op("select")
    def __lt__(self, other): return self._op("lt")
    def __iter__(self): return iter(self._op("unbind", [Fake(), Fake()]))
    def sum(self): return self._op("sum")
    def chunk(self, n): return self._op("chunk", [Fake() for _ in range(n)])
    @property
    def T(self): return self._op("t")


class Module:
    def __call__(self, *args): return self.forward(*args)


def fail(message, number, reported=True):
    error = RuntimeError(message)
    if reported:
        try:
            raise error
        except RuntimeError:
            probe.sink.error(number, "RuntimeError", message, 5, 6, "self", 7, 0, 1, False)
    raise error
'''


def _make() -> dict[str, Any]:
    """Compiled as if it lay in our package: its frames are ours, as an engine's are."""
    file = os.path.join(os.path.dirname(gradviz.__file__), "engine", "fake.py")
    namespace: dict[str, Any] = {"probe": probe, "__name__": "gradviz.engine.fake"}
    exec(compile(SOURCE, file, "exec"), namespace)
    return namespace


_made = _make()
Fake: Callable[[], Any] = _made["Fake"]
Module: Any = _made["Module"]
fail: Callable[..., None] = _made["fail"]
