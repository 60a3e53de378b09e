"""Brief records (``events.BRIEF``) on their way to the file: the words that they name, and what they say in full."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from threading import RLock
from typing import Any, Final

from gradviz import probe
from gradviz.events import BRIEF, MODES, NO_GRADIENT, Word

OP, STEP = (next(code for code, record in BRIEF.items() if record.name == name) for name in ("op", "step"))
_MOST: Final = 100_000
"""Words: a script that names its ops by ever new numbers must not fill the memory."""
_unpack_op: Final = Struct(BRIEF[OP].format).unpack
_unpack_step: Final = Struct(BRIEF[STEP].format).unpack


class Words:
    """Numbers words from 1 on. ``numbers`` is by what a producer has at hand, ``all`` are as they are written."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.all: list[Word] = []
        self._lock = RLock()  # a finaliser of the script may run an op in here

    def new(self, key: Any) -> int:
        """The number of a word that is not there yet; 0 when there are too many."""
        word = _written(key)
        with self._lock:
            if key not in self.numbers and len(self.all) < _MOST:
                self.all.append(word)
                self.numbers[key] = len(self.all)
            return self.numbers.get(key, 0)


def _written(key: Any) -> Word:
    if isinstance(key, str):
        return key
    if isinstance(key, type):
        return " ".join((key.__name__, *getattr(key, "saves", ())))
    shape, *strides, dtype = key
    return shape, tuple([n // dtype.itemsize for of in strides for n in of]), probe.dtypes[dtype]


def op(numbers: bytes, value: Any, words: list[Word]) -> list[Any]:
    """The fields of an op in full."""
    (_, _, _, _, number, name, args, node, mode, first, version, counter, second, second_version, second_counter, form,
     edge, slot, second_edge, second_slot, layout) = _unpack_op(numbers)
    shape, stride, dtype = words[layout - 1]
    inputs = [(first, version), (second, second_version)][:1 + (second > 0)]
    nodes = []
    if node:
        node_name, *fields = str(words[node - 1]).split(" ")
        holders = {1: (first, counter, version), 2: (second, second_counter, second_version), 3: (number, number, 0)}
        saved = []
        for field, which in zip(fields, (form & 3, form >> 2 & 3), strict=False):
            if which:
                tid, cid, at = holders[which]
                saved.append((field, tid, cid, cid, at))
        edges = [(edge, slot), (second_edge, second_slot)][:form >> 4]
        nodes.append((number, node_name, 0, edges, saved, 1, None))
    facts = (number, number, number, shape, stride, 0, dtype, "cpu", bool(node), not node, 0, 0, number if node else 0,
             0, "op", value)
    return [number, words[name - 1], words[args - 1] if args else "", inputs, [facts], nodes, [], MODES[mode], True]


def step(numbers: bytes, values: Sequence[Any], words: list[Word]) -> list[Any]:
    """The fields of a step in full, ``begin`` as it was noted."""
    _, _, _, _, number, call, nid, begin, edges, *layouts = _unpack_step(numbers)
    came, *out = [_gradient(words[layout - 1], value) if layout else tuple(NO_GRADIENT)
                  for layout, value in zip(layouts, values, strict=True)]
    return [number, call, nid, [came], out[:edges], begin, True, None]


def _gradient(layout: Word, value: Any) -> tuple[Any, ...]:
    return 0, 0, layout[0], layout[-1], value
