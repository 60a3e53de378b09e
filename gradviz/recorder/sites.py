"""Where in the user's source something happened: from frames and code objects to spans.

A frame is met on the hot path and noted as its :class:`Place`, known by its code and f_lasti. All else, the exact
sub-expression, its names, the source text, is found once per site, by the writer.
"""

from __future__ import annotations

import linecache
import os
import site
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from opcode import opname
from types import CodeType, FrameType
from typing import Any, Final

from gradviz import probe
from gradviz.events import Span
from gradviz.recorder.names import NOTHING, Source, Where

OURS: Final = 0
LIBRARY: Final = 1
USER: Final = 2

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SAMPLES: Final = os.path.join(_PACKAGE, "samples") + os.sep
_LONGEST: Final = 4_000_000  # characters of a source file that is kept
_HIGHEST: Final = 4
"""Frames that are noted above one that returns its value at once."""


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages())
    folders.add(site.getusersitepackages())
    folders |= {os.path.realpath(folder) for folder in folders} | {os.path.dirname(os.path.realpath(os.__file__))}
    return tuple(folder.rstrip(os.sep) + os.sep for folder in folders)


class Place:
    """An instruction of a code object. ``span`` is found by the writer, 0 until then; then, too, ``binding`` says what
    its value is bound to, and ``settled`` that nothing more can be learnt of that from the frames above."""

    __slots__ = ("binding", "code", "lasti", "settled", "span", "where")

    def __init__(self, code: CodeType | None, lasti: int) -> None:
        self.code, self.lasti = code, lasti
        self.span = 0
        self.settled = False
        self.binding = NOTHING
        self.where: Where | None = None


NOWHERE: Final = Place(None, 0)


class Above(tuple[Place, ...]):
    """A place whose value may be returned at once, and the user's places above it, where the name may be."""

    __slots__ = ()


At = Place | Above


class Code:
    """What is known of a code object."""

    __slots__ = ("code", "places", "role", "user")

    def __init__(self, code: CodeType, role: int) -> None:
        self.code = code  # kept alive, so that its id stays its own
        self.role = role
        self.user = role == USER
        self.places: dict[int, Place] = {}

    def place(self, lasti: int) -> Place:
        known = self.places.get(lasti)
        if known is None:
            known = self.places.setdefault(lasti, Place(self.code, lasti))
        return known


class Roles:
    """Whose code is it? Ours, a library's or the user's."""

    def __init__(self, roots: Iterable[str], texts: Iterable[str]) -> None:
        self._texts = frozenset(texts)
        self._libraries = _library_folders()
        folders = (os.path.join(os.path.abspath(root), "") for root in roots)
        # a script's folder that holds a library does not make that the user's, but a script may lie in a library
        self._roots = tuple(folder for folder in folders if self._in_library(folder))
        self.codes: dict[int, Code] = {}

    def learn(self, code: CodeType) -> Code:
        known = self.codes.get(id(code))
        if known is None:
            known = self.codes[id(code)] = Code(code, self._role(code.co_filename))
        return known

    def disown(self, frame: FrameType | None) -> None:
        """This frame and those below it run a script and are not of it: a launcher may lie in any folder."""
        while frame is not None:
            self.codes[id(frame.f_code)] = Code(frame.f_code, OURS)
            frame = frame.f_back

    def _role(self, file: str) -> int:
        if file.startswith("<"):
            if file.startswith("<frozen "):  # runpy below the script, the import system
                return OURS
            # "<string>" is also what dataclasses and namedtuples are made of
            user = file in self._texts or file.startswith(("<stdin", "<ipython", "<python-input"))
            return USER if user else LIBRARY
        path = os.path.abspath(file)
        if path.startswith(_PACKAGE):
            return USER if path.startswith(_SAMPLES) else OURS
        if not self._in_library(path):
            return USER
        return USER if path.startswith(self._roots) else LIBRARY

    def _in_library(self, path: str) -> bool:
        packages = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
        return path.startswith(self._libraries) or any(folder in path for folder in packages)


def site_finder(roles: Roles, whole: Callable[[FrameType, Place, Roles], At] | None,
                failed: Callable[[Exception], None]) -> Callable[[], At]:
    """What tells where the script is, at least three frames up: a producer never is it. All that it needs is at hand,
    as it runs once an event. ``whole`` makes a stack of it."""
    known, learn, frame_at, position = roles.codes.get, roles.learn, sys._getframe, probe.position

    def find() -> At:
        try:
            inner: FrameType | None = frame_at(3)
            frame = inner
            while frame is not None:
                code = known(id(frame.f_code)) or learn(frame.f_code)
                if code.user:
                    lasti = frame.f_lasti
                    place = code.places.get(lasti) or code.place(lasti)
                    if whole is not None:
                        return whole(frame, place, roles)
                    return place if place.settled or position.here[2] else _above(frame, place, roles)
                frame = frame.f_back
            return outside(inner, roles)
        except ValueError:  # nothing is below it: a thread that C has started
            return NOWHERE
        except Exception as error:
            failed(error)
            return NOWHERE

    return find


def _above(frame: FrameType, place: Place, roles: Roles) -> At:
    """A place with the user's frames above it, up to one that is known not to return its value."""
    found = [place]
    outer = frame.f_back
    while outer is not None and len(found) <= _HIGHEST:
        code = roles.learn(outer.f_code)
        if code.user:
            found.append(code.place(outer.f_lasti))
            if found[-1].settled:
                break
        outer = outer.f_back
    return Above(found) if len(found) > 1 else place


def outside(frame: FrameType | None, roles: Roles) -> Place:
    """The innermost frame that is not ours: for what no frame of the user's is under.

    Nowhere where we have called it, as we let :mod:`traceback` print what left the script.
    """
    found = NOWHERE
    while frame is not None:
        code = roles.learn(frame.f_code)
        if code.role != OURS:
            found = code.place(frame.f_lasti) if found is NOWHERE else found
        elif found is not NOWHERE:
            return NOWHERE if code.code.co_filename.startswith(_PACKAGE) else found
        frame = frame.f_back
    return found


class Spans:
    """Numbers spans. What is new since the last look lies in ``fresh`` and ``sources``."""

    def __init__(self, roles: Roles, texts: Mapping[str, str]) -> None:
        self._roles = roles
        self._texts = dict(texts)
        self._files: dict[str, tuple[str, Source | None]] = {}
        self.fresh: list[Span] = []
        self.sources: list[tuple[str, str]] = []
        self._known: dict[int, Span] = {}
        self._parts: dict[tuple[Place, str], int] = {}

    def __call__(self, site: tuple[CodeType, int]) -> int:
        """The span of a site that a producer noted itself."""
        return self.of(self._roles.learn(site[0]).place(site[1]))

    def of(self, place: Place) -> int:
        return place.span or (self._new(place, place.code) if place.code is not None else 0)

    def columns(self, ats: Sequence[At]) -> tuple[Sequence[int], Sequence[int]]:
        """The spans of places, and of where their values arrive at last that are returned at once."""
        simple = set(map(type, ats)) == {Place}
        places: Sequence[Any] = ats if simple else [at[0] if isinstance(at, Above) else at for at in ats]
        spans = [place.span for place in places]
        if 0 in spans:
            spans = [self.of(place) for place in places]
        if simple:
            return spans, [0] * len(spans)
        return spans, [self.caller(place, at[1:]) if isinstance(at, Above) and not place.settled else 0
                       for place, at in zip(places, ats, strict=True)]

    def _new(self, place: Place, code: CodeType) -> int:
        lasti = place.lasti
        file, source = self._file(code.co_filename)
        line, end_line, column, end_column = next(islice(code.co_positions(), max(lasti, 0) // 2, None),
                                                  (code.co_firstlineno,) * 2 + (None, None))
        line = line or code.co_firstlineno
        end_line = end_line or line
        binding = NOTHING
        if column is None or end_column is None:  # python -X no_debug_ranges
            column, end_column = source.extent(line) if source is not None else (0, 0)
        elif source is not None:
            where = place.where = line, column, end_line, end_column
            binding = source.binding(where)
            if opname[code.co_code[lasti]].startswith("STORE_"):
                line, column, end_line, end_column = source.statement(where)
            column, end_column = source.column(line, column), source.column(end_line, end_column)
        place.binding, place.settled = binding, binding.settled
        place.span = self._add(Span(0, file, code.co_qualname, line, column, end_line, end_column, binding.names,
                                    binding.returned))
        return place.span

    def _add(self, span: Span) -> int:
        number = len(self._known) + 1
        self._known[number] = span._replace(id=number)
        self.fresh.append(self._known[number])
        return number

    def caller(self, place: Place, above: Iterable[Place]) -> int:
        """Where a value arrives that is returned, perhaps several times over, or is kept by an object that has another
        name there: a span with the name that it gets; 0 where none does."""
        binding, code = place.binding, place.code
        path, owned, found = binding.path, "", 0
        if binding.owner:
            owned = next(name for name in binding.names if name.startswith(f"{binding.owner}."))[len(binding.owner):]
        for outer in above:
            self.of(outer)
            source = self._files[outer.code.co_filename][1] if outer.code is not None else None
            if source is None or outer.where is None:
                break
            if not owned:
                found = self._named(outer, source.arrived(outer.where, path)) or found
                if not outer.binding.returned:
                    break
                path = (*outer.binding.path, *path)
                continue
            whose, owner = source.whose(outer.where, code is not None and code.co_name == "__init__")
            if not whose:
                break
            found, owned, code = self._named(outer, whose + owned), whose[len(owner):] + owned, outer.code
            if not owner:
                break
        return found

    def _named(self, place: Place, name: str) -> int:
        """A span at a place for a value that gets a name of its own there."""
        if not name or (name,) == place.binding.names:
            return place.span if name else 0
        number = self._parts.get((place, name))
        if number is None:
            number = self._parts[place, name] = self._add(self._known[place.span]._replace(names=(name,)))
        return number

    def _file(self, name: str) -> tuple[str, Source | None]:
        known = self._files.get(name)
        if known is None:
            text = self._texts.get(name) or _read(name)
            file = name if name.startswith("<") else os.path.abspath(name)
            known = self._files[name] = (file, None if text is None else Source(text))
            if text is not None:
                self.sources.append((file, text))
        return known


def _read(name: str) -> str | None:
    """Read afresh: linecache would keep for the script what the script may be about to change."""
    try:
        if os.path.isfile(name) and os.path.getsize(name) <= _LONGEST:  # a pipe has been read
            with tokenize.open(name) as file:
                return file.read()
    except (OSError, SyntaxError, UnicodeError, ValueError):
        entry: Any = linecache.cache.get(name)  # a notebook's cell
        if entry is not None and len(entry) == 4:
            return "".join(entry[2])
    return None
