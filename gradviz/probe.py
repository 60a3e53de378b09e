"""The seam between a producer (our engine, an adapter of real PyTorch) and a recorder.

A producer asks ``if probe.sink is not None`` and then calls one method of it; with no recorder that test is all it
costs. A sink keeps no object that it is handed. The user's source position is not passed: the sink reads it from the
call stack.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from gradviz.events import Facts, Gradient, Node, Root, Value, Write

Grad = Gradient | tuple[object, ...] | None
Row = tuple[object, ...]


alive: dict[int, tuple[int, weakref.ref[Any]]] = {}
"""What a recording has met and what has not died, by the id of a weak reference that calls ``sink.died``: its tid, or
its nid with a minus, and that reference. The sink takes out what has died."""


class Sink(Protocol):
    """Receives what happens, one method an event kind; arguments in the order of :data:`gradviz.events.KINDS`."""

    values: str
    """The policy: auto, none, stats or full. A producer's ``observe.py`` obeys it."""
    died: Callable[[weakref.ref[Any]], object]
    """What the references in :data:`alive` call; what has died is told with the place in time at which it did."""

    def op(self, id: int, name: str, args: str, inputs: Sequence[tuple[int, int]], outputs: Sequence[Facts | Row],
           nodes: Sequence[Node | Row], writes: Sequence[Write | Row], mode: str, ok: bool) -> None: ...
    def tensor(self, facts: Facts | Row) -> None: ...
    def write(self, write: Write | Row, reason: str, seen: int) -> None: ...
    def rebind(self, facts: Facts | Row, nodes: Sequence[Node | Row], reason: str) -> None: ...
    def owner(self, tid: int, path: str, role: str, training: bool) -> None: ...
    def optimizer(self, id: int, cls: str, groups: Sequence[tuple[str, float, Sequence[int]]]) -> None: ...
    def hook_add(self, hook: int, target: str, ref: int, type: str, function: str, site: object) -> None: ...
    def hook_remove(self, hook: int) -> None: ...
    def hook_call(self, id: int, hook: int, call: int, tid: int, nid: int, grad_in: Grad, grad_out: Grad,
                  edited: bool, site: object) -> None: ...
    def retain_grad(self, tid: int) -> None: ...
    def mode(self, mode: str, entered: bool) -> None: ...
    def scope(self, id: int, parent: int, path: str, cls: str, entered: bool) -> None: ...
    def backward(self, call: int, phase: str, roots: Sequence[Root | Row], inputs: Sequence[int], retain_graph: bool,
                 create_graph: bool, method: str) -> None: ...
    def step(self, id: int, call: int, nid: int, grads_in: Sequence[Grad], grads_out: Sequence[Grad], begin: int,
             ok: bool, site: object) -> None: ...
    def accumulate(self, call: int, nid: int, tid: int, was: str, added: Grad, grad: Grad) -> None: ...
    def grad_set(self, tid: int, to: str, grad: Grad) -> None: ...
    def grad_read(self, tid: int) -> None: ...
    def dead(self, tids: Sequence[int], nids: Sequence[int]) -> None: ...
    def print(self, text: str, stream: str) -> None: ...
    def error(self, number: int, type: str, message: str, op: int, nid: int, field: str, sid: int, saved: int,
              found: int, uncaught: bool) -> None: ...
    def value(self, id: int, slot: str, value: Value) -> None: ...
    def gradcheck(self, nid: int, slot: int, analytic: float, numeric: float, tolerance: float,
                  skipped: str) -> None: ...
    def mark(self, text: str) -> None: ...
    def gap(self, reason: str, dropped: int) -> None: ...

    def clock(self) -> int:
        """Now, in ns on the trace's clock."""


sink: Sink | None = None
"""The recorder that listens, or None. Set by the recorder alone."""

new_tid = count(1).__next__
new_sid = new_cid = count(1).__next__
new_nid = count(1).__next__
new_call = count(1).__next__
new_hook = count(1).__next__
new_id = count(1).__next__
"""Ids of ops, steps, hook calls and Function.apply: one count, taken at entry."""


class Position(threading.local):
    """Where this thread is: what ``within`` and ``scope`` of its next event are. A producer sets and restores them."""

    within: int = 0
    scope: int = 0


position = Position()

# --- parts of a run --------------------------------------------------------------------------------------------------
producers: list[tuple[Callable[[], object], Callable[[], object]]] = []
"""Of each producer: what it does when a recording has ended, so that the next one is told all anew; and what it tells
when a recording goes on after a pause, in which anything may have changed."""
unheard: Callable[[], object] | None = None
"""Called when an outermost backward call has ended of which no sink was told: a paused recorder counts them."""
