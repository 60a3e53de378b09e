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


class Watch(weakref.ref[Any]):
    """A weak reference to a tensor that a recording has met, with its tid."""

    __slots__ = ("number",)
    number: int


alive: dict[int, Watch] = {}
"""What a recording has met and what has not died, by its tid. Each calls ``sink.died``; the sink takes it out."""


class Late:
    """A value that is not there yet, in an event's place for one: a device computes it. It is asked for in writing."""

    __slots__ = ()

    @staticmethod
    def settle(those: list[Any]) -> list[Any]:
        """What several of a class hold, in one go."""
        raise NotImplementedError


class Sink(Protocol):
    """Receives what happens, one method an event kind; arguments in the order of :data:`gradviz.events.KINDS`."""

    values: str
    """The policy: auto, none, stats or full. A producer's ``observe.py`` obeys it."""
    died: Callable[[Watch], object]
    """What the references in :data:`alive` call; what has died is told with the place in time at which it did."""
    brief: Callable[[Row], object]
    """Takes an event as a tuple: a code of :data:`gradviz.events.BRIEF`, what ``site`` or ``site_of`` gave, its numbers
    packed, its values."""
    words: dict[Any, int]
    """The numbers of words that brief records may name, by what a producer has at hand: a text, a node's class (its
    ``saves`` are names of fields), or shape, strides in bytes and dtype (one of :data:`dtypes`)."""

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
    def word(self, key: Any) -> int:
        """The number of a new one, or 0: there are too many, and the event has to be told in full."""
    def site(self) -> object:
        """Where the script is, for ``brief``. To be called two functions above it, as ``op`` and its like are."""
    def site_of(self, call: int) -> object:
        """Where a backward call that runs was called."""


sink: Sink | None = None
"""The recorder that listens, or None. Set by the recorder alone."""

new_id = new_tid = new_sid = new_cid = new_nid = count(1).__next__
"""Numbers of everything in a graph, and of ops, steps, hook calls and Function.apply, taken at entry. One count: an
op may give its one number to all that it makes."""
new_call = count(1).__next__
new_hook = count(1).__next__
_new_thread = count(1).__next__
dtypes: dict[Any, str] = {}
"""What the types of a producer are called, which know their ``itemsize``."""


class Position(threading.local):
    """Where this thread is: what ``within`` and ``scope`` of its next event are. A producer sets and restores them."""

    def __init__(self) -> None:
        self.here = _new_thread(), 0, 0
        """Thread, scope, within: noted as it is. Threads are numbered as they come; the system reuses its numbers."""

    @property
    def scope(self) -> int:
        return self.here[1]

    @scope.setter
    def scope(self, number: int) -> None:
        thread, _, within = self.here
        self.here = thread, number, within

    @property
    def within(self) -> int:
        return self.here[2]

    @within.setter
    def within(self, number: int) -> None:
        thread, scope, _ = self.here
        self.here = thread, scope, number


position = Position()

# --- parts of a run --------------------------------------------------------------------------------------------------
producers: list[tuple[Callable[[], object], Callable[[], object]]] = []
"""Of each producer: what it does when a recording has ended, so that the next one is told all anew; and what it tells
when a recording goes on after a pause, in which anything may have changed."""
unheard: Callable[[], object] | None = None
"""Called when an outermost backward call has ended of which no sink was told: a paused recorder counts them."""
