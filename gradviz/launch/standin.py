"""``import torch`` answered by the engine: a finder that comes before all others."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType
from typing import Any, Final

ENGINE: Final = "gradviz.engine"
_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MODULES: Final = frozenset((
    "accelerator", "amp", "ao", "autograd", "backends", "compiler", "contrib", "cpu", "cuda", "distributed",
    "distributions", "export", "fft", "func", "functional", "futures", "fx", "hub", "jit", "library", "linalg",
    "masked", "monitor", "mps", "mtia", "multiprocessing", "nativert", "nested", "nn", "numa", "onnx", "optim",
    "overrides", "package", "profiler", "quantization", "quasirandom", "random", "return_types",
    "serialization", "signal", "sparse", "special", "storage", "testing", "torch_version", "types", "utils",
    "version", "xpu.split"))
"""The public modules directly under torch, as of 2.13."""


def install(roots: Iterable[str], quiet: bool) -> None:
    """From now on ``torch`` is the engine. ``roots``: the script's folders; other importers are named on stderr."""
    sys.meta_path.insert(0, Finder(tuple(os.path.join(root, "") for root in roots), quiet))
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        _teach_children(util)


class Finder(MetaPathFinder):
    """Maps ``torch`` and its submodules to the engine's."""

    def __init__(self, roots: tuple[str, ...], quiet: bool) -> None:
        self._roots = roots
        self._quiet = quiet
        self._said: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None,
                  ) -> ModuleSpec | None:
        if name == "multiprocessing.util":
            return _taught(name, path)
        if name != "torch" and not name.startswith("torch."):
            return None
        own = ENGINE + name.removeprefix("torch")
        if importlib.util.find_spec(own) is None:
            if name.split(".")[1] in _MODULES:
                raise ModuleNotFoundError(f"gradviz.engine, which plays torch, has no {name}", name=name)
            return None
        return ModuleSpec(name, _Alias(own, self), is_package=True)

    def imported(self) -> None:
        """Say who plays torch, and name a library that is not the script's, each once."""
        self._say("torch is played by gradviz.engine")
        library = self._library()
        if library:
            self._say(f"{library} imports torch and gets gradviz.engine, which may lack what it needs")

    def _say(self, words: str) -> None:
        if not self._quiet and words not in self._said:
            self._said.add(words)
            sys.stderr.write(f"[gradviz] {words}\n")  # in one piece: the recorder knows our words by their beginning

    def _library(self) -> str:
        """The package that imports, when it lies outside the script's folders."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            name = str(frame.f_globals.get("__name__", ""))
            if not file.startswith(("<frozen importlib", _PACKAGE)) and not name.startswith("importlib"):
                inside = file.startswith(("<", *self._roots)) and "site-packages" not in file
                return "" if inside else name.partition(".")[0]
            frame = frame.f_back
        return ""


class _Alias(Loader):
    """Gives a module that is there under another name."""

    def __init__(self, own: str, finder: Finder) -> None:
        self._own = own
        self._finder = finder
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._own)
        self._spec = module.__spec__
        if spec.name == "torch":
            self._finder.imported()
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put its own there


# --- children that multiprocessing starts ----------------------------------------------------------------------------
class _Taught(Loader):
    """Loads ``multiprocessing.util`` as ever, and then teaches it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        _teach_children(module)

    def __getattr__(self, name: str) -> Any:  # tracebacks and inspect ask a loader for the source
        return getattr(self._real, name)


def _taught(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, path)
    if spec is not None and spec.loader is not None:
        spec.loader = _Taught(spec.loader)
    return spec


def _teach_children(util: ModuleType) -> None:
    """A child that is started afresh, not forked, imports the script again: its torch must be the parent's."""
    start: Callable[..., int] = vars(util)["spawnv_passfds"]

    def spawnv_passfds(path: Any, args: Any, passfds: Any) -> int:
        if getattr(sys.modules.get("torch"), "__name__", "") == ENGINE:
            args = [f"from {__name__} import install; install((), True); {part}"
                    if isinstance(part, str) and part.startswith(("from multiprocessing.spawn import",
                                                                  "from multiprocessing.forkserver import"))
                    else part for part in args]
        return start(path, args, passfds)

    vars(util)["spawnv_passfds"] = spawnv_passfds
