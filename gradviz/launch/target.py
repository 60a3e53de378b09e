"""What is to be run: a script, a folder or archive with a ``__main__``, a module or a piece of code.

The ``__main__`` module, ``sys.argv`` and ``sys.path`` are made as the interpreter makes them (CPython's
``Modules/main.c`` and ``Python/pythonrun.c``).
"""

from __future__ import annotations

import builtins
import errno
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader
from types import ModuleType
from typing import Any, Literal

from gradviz.trace.pack import writable

CODE_FILE = "<string>"


class NoTarget(Exception):
    """There is nothing to run at this path. The text is the interpreter's."""


@dataclass(frozen=True)
class Target:
    """``name`` is the path, the module's name or the code itself."""

    kind: Literal["script", "module", "code"]
    name: str

    @property
    def stem(self) -> str:
        """What a trace of it is called."""
        if self.kind == "code":
            return "code"
        if self.kind == "module":
            return self.name.rpartition(".")[2] or "module"
        return os.path.splitext(os.path.basename(os.path.abspath(self.name)))[0] or "script"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return writable([{"script": self.name, "module": f"-m {self.name}", "code": "-c"}[self.kind]])[0]

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders whose files are the user's own."""
        if self.kind == "script":
            path = os.path.realpath(self.name)
            return (path if os.path.isdir(path) else os.path.dirname(path), os.path.dirname(os.path.abspath(self.name)))
        return (os.getcwd(),)

    @property
    def by_runpy(self) -> bool:
        """A module, or a folder or archive with a ``__main__``: the interpreter leaves these to runpy."""
        return self.kind == "module" or (self.kind == "script" and pkgutil.get_importer(self.name) is not None)

    @property
    def texts(self) -> Mapping[str, str]:
        return {CODE_FILE: self.name} if self.kind == "code" else {}

    def check(self) -> None:
        """Raises NoTarget when a script is not there or cannot be read."""
        if self.kind != "script":
            return
        path = os.path.join(os.getcwd(), self.name)
        try:
            if os.path.isdir(path):
                return
            with open(path, "rb"):
                pass
        except OSError as error:
            raise NoTarget(f"can't open file {path!r}: [Errno {error.errno}] "
                           f"{os.strerror(error.errno or errno.ENOENT)}") from None


def prepare(target: Target, args: Sequence[str]) -> Callable[[], object]:
    """Make the interpreter look as it does before its first line; what is returned runs it."""
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __loader__=BuiltinImporter)
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    if target.kind == "code":
        _look(["-c", *args], "")
        return lambda: exec(compile(target.name, CODE_FILE, "exec", dont_inherit=True), main.__dict__)
    import runpy

    run_module = vars(runpy)["_run_module_as_main"]  # what ``python -m`` calls, so that its own frames show as there
    if target.kind == "module":
        _look(["-m", *args], os.getcwd())
        return lambda: run_module(target.name)
    if target.by_runpy:
        _look([target.name, *args], os.path.abspath(target.name), always=True)
        return lambda: run_module("__main__", False)
    path = os.path.join(os.getcwd(), target.name)  # not normalised, as the interpreter has it
    _look([target.name, *args], os.path.dirname(os.path.realpath(target.name)))
    compiled = path.endswith(".pyc")
    main.__dict__.update(__file__=path, __cached__=None,
                         __loader__=(SourcelessFileLoader if compiled else SourceFileLoader)("__main__", path))

    def script() -> None:
        if compiled:
            code: Any = SourcelessFileLoader("__main__", path).get_code("__main__")
        else:
            with open(path, "rb") as file:
                source = file.read()
            code = compile(source, path, "exec", dont_inherit=True)
        exec(code, main.__dict__)

    return script


def _look(argv: list[str], entry: str, always: bool = False) -> None:
    sys.argv = argv
    if not sys.flags.safe_path:
        sys.path[0] = entry
    elif always:  # a folder or an archive is found although paths are not trusted
        sys.path.insert(0, entry)
