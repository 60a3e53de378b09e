"""What is alive, as it was told last: a trace whose oldest events are dropped tells it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from gradviz.events import BRIEF_DEAD, KINDS, NO_GRADIENT, Facts, Node, Word, Write
from gradviz.probe import position
from gradviz.recorder import brief
from gradviz.recorder.sites import NOWHERE, Above, At, Place

_CODE: Final = {name: kind.code for name, kind in KINDS.items()}
_KIND: Final = {kind.code: name for name, kind in KINDS.items()}
_CID, _VERSION, _GRAD_FN, _VALUE = map(Facts._fields.index, ("cid", "version", "grad_fn", "value"))
_EDGES: Final = Node._fields.index("edges")
_FEW: Final = 10_000


class Living:
    """Takes in every event that was written, and gives rows that tell of what is left of it."""

    def __init__(self) -> None:
        self._tensors: dict[int, tuple[Place, tuple[Any, ...]]] = {}
        self._nodes: dict[int, Any] = {}
        self._many = _FEW  # from so many nodes on, a look at which are alive is due
        self._versions: dict[int, int] = {}
        self._grads: dict[int, Any] = {}
        self._kept: dict[tuple[str, int], tuple[Any, ...]] = {}

    def take(self, kinds: bytes, rows: Mapping[int, list[Any]], dead: Sequence[int], lengths: Sequence[int],
             words: list[Word]) -> None:
        """Events in order, as the pump holds them; ``dead``: what died, so many at a time."""
        following = {code: iter(noted) for code, noted in rows.items()}
        died, many = iter(dead), iter(lengths)
        for code in kinds:
            if code == BRIEF_DEAD:
                self._died(islice(died, next(many)))
                continue
            _, at, *fields = next(following[code])
            if code == brief.OP:
                self._one("op", at, brief.op(fields[0], fields[1], words))
            elif code != brief.STEP:
                self._one(_KIND[code], at, fields[2:])
        if len(self._nodes) > self._many:
            self._bury_nodes()
            self._many = 2 * len(self._nodes) + _FEW

    def _one(self, kind: str, at: At, fields: Sequence[Any]) -> None:
        place, above = (at[0], at[1:]) if isinstance(at, Above) else (at, ())
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
            self._died(fields[0])

    def _died(self, tids: Iterable[int]) -> None:
        for tid in tids:
            self._tensors.pop(tid, None)
            self._grads.pop(tid, None)
            for of in ("owner", "retain_grad"):
                self._kept.pop((of, tid), None)

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

    def told(self, clock: int, dropped: int, reason: str) -> tuple[bytes, dict[int, list[Any]]]:
        """A gap, and then all that is alive: kinds and rows, as the pump holds them."""
        kinds = bytearray()
        rows: dict[int, list[Any]] = {}
        here = position.here

        def tell(kind: str, place: Place, *fields: Any) -> None:
            code = _CODE[kind]
            kinds.append(code)
            rows.setdefault(code, []).append((code, place if place.span else NOWHERE, clock, here, *fields))

        tell("gap", NOWHERE, reason, dropped)
        carrier: tuple[Any, ...] | None = None
        used = {facts[_CID] for _, facts in self._tensors.values()}
        self._versions = {cid: version for cid, version in self._versions.items() if cid in used}
        for _, (place, facts) in sorted(self._tensors.items()):
            version = self._versions[facts[_CID]]
            carrier = facts if version == facts[_VERSION] else _at(facts, version, None)  # an alias was written
            tell("tensor", place, carrier)
        self._bury_nodes()
        if self._nodes and carrier is not None:
            tell("rebind", NOWHERE, carrier, list(self._nodes.values()), "told again")
        for tid, grad in self._grads.items():
            to = "none" if grad is None or tuple(grad) == NO_GRADIENT else "value"
            tell("grad_set", NOWHERE, tid, to, grad)
        for (kind, _), fields in self._kept.items():
            tell(kind, NOWHERE, *fields)
        return bytes(kinds), rows

    def _bury_nodes(self) -> None:
        """A node lives as long as a tensor that it made, or a node that leads to it: nobody tells of its end."""
        waiting = {facts[_GRAD_FN] for _, facts in self._tensors.values()}
        reached: dict[int, Any] = {}
        while waiting:
            nid = waiting.pop()
            if nid in self._nodes and nid not in reached:
                reached[nid] = self._nodes[nid]
                waiting.update(after for after, _ in reached[nid][_EDGES])
        self._nodes = {nid: node for nid, node in self._nodes.items() if nid in reached}


def _at(facts: tuple[Any, ...], version: int, value: Any) -> tuple[Any, ...]:
    return (*facts[:_VERSION], version, *facts[_VERSION + 1:_VALUE], value)
