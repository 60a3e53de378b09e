"""``import torch`` answered by the engine: a finder that comes before all others."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

ENGINE = "gradviz.engine"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def install(roots: Iterable[str], quiet: bool) -> None:
    """From now on ``torch`` is the engine. ``roots``: the script's folders; other importers are named on stderr."""
    sys.meta_path.insert(0, Finder(tuple(os.path.join(root, "") for root in roots), quiet))


class Finder(MetaPathFinder):
    """Maps ``torch`` and its submodules to the engine's."""

    def __init__(self, roots: tuple[str, ...], quiet: bool) -> None:
        self._roots = roots
        self._quiet = quiet
        self._said = False
        self._named: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None,
                  ) -> ModuleSpec | None:
        if name != "torch" and not name.startswith("torch."):
            return None
        own = ENGINE + name.removeprefix("torch")
        if importlib.util.find_spec(own) is None:
            return None
        return ModuleSpec(name, _Alias(own, self), is_package=True)

    def imported(self) -> None:
        """Say who plays torch, once, and name a library that is not the script's, once each."""
        if self._quiet:
            return
        if not self._said:
            self._said = True
            print("[gradviz] torch is played by gradviz.engine", file=sys.stderr)
        library = self._library()
        if library and library not in self._named:
            self._named.add(library)
            print(f"[gradviz] {library} imports torch and gets gradviz.engine, which may lack what it needs",
                  file=sys.stderr)

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
