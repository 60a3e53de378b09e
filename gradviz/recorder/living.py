"""What is alive, as it was told last: a trace whose oldest events are dropped tells it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gradviz.events import KINDS, NO_GRADIENT, Facts, Write
from gradviz.recorder.sites import NOWHERE, Place

_CODE: Final = {name: kind.code for name, kind in KINDS.items()}
_KIND: Final = {kind.code: name for name, kind in KINDS.items()}
_CID, _VERSION, _VALUE = (Facts._fields.index(name) for name in ("cid", "version", "value"))
Flat = Mapping[int, list[Any]]


class Living:
    """Takes in every event that was written, and gives rows that tell of what is left of it."""

    def __init__(self) -> None:
        self._tensors: dict[int, tuple[Place, tuple[Any, ...]]] = {}
        self._nodes: dict[int, Any] = {}
        self._versions: dict[int, int] = {}
        self._grads: dict[int, Any] = {}
        self._kept: dict[tuple[str, int], tuple[Any, ...]] = {}

    def take(self, kinds: bytes, rows: Flat, widths: Mapping[int, int]) -> None:
        """Events in order, as the pump holds them."""
        following = {code: iter(range(0, len(flat), widths[code])) for code, flat in rows.items()}
        for code in kinds:
            at = next(following[code])
            flat = rows[code]
            self._one(_KIND[code], flat[at + 2], flat[at + 3], flat[at + 6:at + widths[code]])

    def _one(self, kind: str, place: Place, above: tuple[Place, ...], fields: list[Any]) -> None:
        if kind == "op":
            if not (place.settled or place.binding.names):
                outer = next((outer for outer in above if outer.settled), NOWHERE)
                place = NOWHERE if place.binding.path else outer
            for number, facts in enumerate(fields[4]):
                self._met(facts, NOWHERE if number else place)
            self._nodes.update((node[0], node) for node in fields[5])
            for write in fields[6]:
                self._written(Write._make(write))
        elif kind == "tensor":
            self._met(fields[0], place)
        elif kind == "rebind":
            self._met(fields[0], place)
            self._nodes.update((node[0], node) for node in fields[1])
        elif kind == "write":
            self._written(Write._make(fields[0]))
        elif kind == "accumulate":
            self._grads[fields[2]] = fields[5]
        elif kind == "grad_set":
            self._grads[fields[0]] = fields[2]
        elif kind in ("owner", "hook_add", "retain_grad", "optimizer"):
            self._kept[kind, fields[0]] = tuple(fields)
        elif kind == "hook_remove":
            self._kept.pop(("hook_add", fields[0]), None)
        elif kind == "backward":
            if fields[1] == "begin":
                self._kept[kind, fields[0]] = tuple(fields)
            else:
                self._kept.pop((kind, fields[0]), None)
        elif kind == "dead":
            for tid in fields[0]:
                self._tensors.pop(tid, None)
                self._grads.pop(tid, None)
                for of in ("owner", "retain_grad"):
                    self._kept.pop((of, tid), None)
            for nid in fields[1]:
                self._nodes.pop(nid, None)

    def _met(self, facts: Any, place: Place) -> None:
        before = self._tensors.get(facts[0])
        if before is not None and before[0] is not NOWHERE:
            place = before[0]
        self._tensors[facts[0]] = place, tuple(facts)
        self._versions[facts[_CID]] = facts[_VERSION]

    def _written(self, write: Write) -> None:
        self._versions[write.cid] = write.after
        known = self._tensors.get(write.tid)
        if known is not None:
            self._tensors[write.tid] = known[0], _at(known[1], write.after, write.value)

    def told(self, t: int, thread: int, dropped: int, reason: str) -> tuple[bytes, dict[int, list[Any]]]:
        """A gap, and then all that is alive: kinds and rows, as the pump holds them."""
        kinds = bytearray()
        rows: dict[int, list[Any]] = {}

        def tell(kind: str, place: Place, *fields: Any) -> None:
            code = _CODE[kind]
            kinds.append(code)
            rows.setdefault(code, []).extend((t, thread, place if place.span else NOWHERE, (), 0, 0, *fields))

        tell("gap", NOWHERE, reason, dropped)
        carrier: tuple[Any, ...] | None = None
        used = {facts[_CID] for _, facts in self._tensors.values()}
        self._versions = {cid: version for cid, version in self._versions.items() if cid in used}
        for _, (place, facts) in sorted(self._tensors.items()):
            version = self._versions[facts[_CID]]
            carrier = facts if version == facts[_VERSION] else _at(facts, version, None)  # an alias was written
            tell("tensor", place, carrier)
        if self._nodes and carrier is not None:
            tell("rebind", NOWHERE, carrier, list(self._nodes.values()), "told again")
        for tid, grad in self._grads.items():
            to = "none" if grad is None or tuple(grad) == NO_GRADIENT else "value"
            tell("grad_set", NOWHERE, tid, to, grad)
        for (kind, _), fields in self._kept.items():
            tell(kind, NOWHERE, *fields)
        return bytes(kinds), rows


def _at(facts: tuple[Any, ...], version: int, value: Any) -> tuple[Any, ...]:
    return (*facts[:_VERSION], version, *facts[_VERSION + 1:_VALUE], value)
