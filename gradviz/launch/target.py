"""What is to be run: a script, a folder or archive with a ``__main__``, a module, a piece of code or the input.

The ``__main__`` module, ``sys.argv`` and ``sys.path`` are made as the interpreter makes them (CPython's
``Modules/main.c`` and ``Python/pythonrun.c``).
"""

from __future__ import annotations

import builtins
import errno
import os
import pkgutil
import re
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import BuiltinImporter, PathFinder, SourceFileLoader, SourcelessFileLoader
from types import ModuleType
from typing import Any, Literal

from gradviz.trace.pack import writable

CODE_FILE = "<string>"
INPUT_FILE = "<stdin>"


class NoTarget(Exception):
    """There is nothing to run of this name. The text is the interpreter's, and so is the exit status."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Target:
    """``name`` is the path, the module's name, the code itself, or "-" for the input."""

    kind: Literal["script", "module", "code", "input"]
    name: str

    @property
    def words(self) -> list[str]:
        """How a command line names it."""
        flag = {"module": ["-m"], "code": ["-c"]}.get(self.kind, [])
        return [*flag, self.name]

    @property
    def stem(self) -> str:
        """What a trace of it is called."""
        if self.kind == "code":
            return "code"
        if self.kind == "input":
            return "stdin"
        if self.kind == "module":
            return self.name.rpartition(".")[2].lstrip("-") or "module"
        name = os.path.splitext(os.path.basename(os.path.abspath(self.name)))[0]
        return name.lstrip("-") or "script"  # a trace that begins with a dash would be taken for an option

    @property
    def title(self) -> str:
        """What a person calls it."""
        return writable([{"module": f"-m {self.name}", "code": "-c"}.get(self.kind, self.name)])[0]

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
        """The source of what has no file that could be read again."""
        if self.kind == "code":
            return {CODE_FILE: self.name}
        if self.flowing is None:
            return {}
        text = self.flowing.decode("utf-8", "replace")
        return {self.path: text}

    @property
    def path(self) -> str:
        """Of a script, as the interpreter has it: not normalised."""
        return INPUT_FILE if self.kind == "input" else os.path.join(os.getcwd(), self.name)

    @cached_property
    def flowing(self) -> bytes | None:
        """A source that can be read only once: the input, or a pipe. None for all others."""
        if self.kind == "input":
            return sys.stdin.buffer.read() if sys.stdin is not None else b""
        if self.kind == "script" and not os.path.isfile(self.name) and not os.path.isdir(self.name):
            with open(self.path, "rb") as file:
                return file.read()
        return None

    def check(self) -> None:
        """Raises NoTarget when a script is not there or cannot be read, or there is no module of that name."""
        if self.kind == "module" and self.name.isidentifier():  # of one in a package, the package would have to run
            found = (finder.find_spec(self.name, None) for finder in sys.meta_path)
            if not any(found) and PathFinder.find_spec(self.name, [os.getcwd()]) is None:
                raise NoTarget(f"No module named {self.name}", 1)
        if self.kind != "script":
            return
        try:
            mode = os.stat(self.path).st_mode
            if stat.S_ISREG(mode):
                with open(self.path, "rb"):
                    pass
            elif not os.access(self.path, os.R_OK):  # opening a pipe would take what is in it
                raise PermissionError(errno.EACCES, "")
        except OSError as error:
            raise NoTarget(f"can't open file {self.path!r}: [Errno {error.errno}] "
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
    path = target.path
    _look([target.name, *args], "" if target.kind == "input" else os.path.dirname(os.path.realpath(target.name)))
    compiled = path.endswith(".pyc")
    main.__dict__.update(__file__=path, __cached__=None,
                         __loader__=(SourcelessFileLoader if compiled else SourceFileLoader)("__main__", path))

    def script() -> None:
        if compiled:
            code: Any = SourcelessFileLoader("__main__", path).get_code("__main__")
        else:
            code = _compiled(target.flowing, path)
        exec(code, main.__dict__)

    return script


def _compiled(source: bytes | None, path: str) -> Any:
    if source is None:
        with open(path, "rb") as file:
            source = file.read()
    line, byte = _undecodable(source)
    if line:  # of bytes, the interpreter says less than of a file
        words = (f"Non-UTF-8 code starting with '\\x{byte:02x}' in file {path} on line {line}, but no encoding "
                 "declared; see https://peps.python.org/pep-0263/ for details")
        raise SyntaxError(words)
    return compile(source, path, "exec", dont_inherit=True)


def _undecodable(source: bytes) -> tuple[int, int]:
    """The first line that is not UTF-8, from 1, and its first such byte; zeros where there is none."""
    lines = source.split(b"\n")
    if any(re.match(rb"[ \t\f]*#.*?coding[:=]", line) for line in lines[:2]):
        return 0, 0
    for number, line in enumerate(lines, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return number, line[error.start]
    return 0, 0


def _look(argv: list[str], entry: str, always: bool = False) -> None:
    sys.argv = argv
    if not sys.flags.safe_path:
        sys.path[0] = entry
    elif always:  # a folder or an archive is found although paths are not trusted
        sys.path.insert(0, entry)
