"""The methods of a sink: each notes what it is told, with the time, the thread and the place."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns as now
from typing import Any, Final

from gradviz import probe
from gradviz.events import KINDS, Kind
from gradviz.recorder.brief import Words
from gradviz.recorder.pump import Pump
from gradviz.recorder.sites import NOWHERE, Above, At, Place

OF_A_CALL: Final = ("step", "accumulate", "hook_call")
"""What a backward call does: its place is that of the call, and need not be looked for each time."""
BEGINS: Final[dict[str, Callable[[tuple[Any, ...]], bool]]] = {
    "scope": lambda fields: fields[4], "backward": lambda fields: fields[1] == "begin"}
"""Kinds that tell of a beginning and of an end, which has the place of the beginning, by their first field."""
Find = Callable[[], At]
Failed = Callable[[Exception], None]


def noter(pump: Pump, failed: Failed) -> Callable[[tuple[Any, ...]], None]:
    """What takes the row of an event."""
    order = pump.order
    append = order.append

    def note(row: tuple[Any, ...]) -> None:
        try:
            append(row)
            if len(order) >= pump.urgent:
                pump.urge()
        except Exception as error:
            failed(error)

    return note


def emitter(kind: Kind, note: Callable[[tuple[Any, ...]], None], find: Find, calls: dict[int, Place],
            failed: Failed) -> Callable[..., None]:
    """The sink's method for one kind. ``calls``: the backward calls that run, and where they were called."""
    number, position = kind.code, probe.position
    names = [name for name, _ in kind.fields]
    arity, is_backward, begins = len(names), kind.name == "backward", BEGINS.get(kind.name)
    begun: dict[int, At] = {}
    of_call = names.index("call") if kind.name in OF_A_CALL else -1

    def emit(*fields: Any, **named: Any) -> None:
        try:
            if named:
                fields += tuple(named[name] for name in names[len(fields):])
            if len(fields) != arity:
                raise TypeError(f"{kind.name}: {len(fields)} fields where {arity} are due")
            at: At | None = calls.get(fields[of_call]) if of_call >= 0 else None
            begin = begins is not None and begins(fields)
            if begins is not None and not begin:
                at = begun.pop(fields[0], None)
            if at is None:
                at = find()
            if begin:
                begun[fields[0]] = at
            note((number, at, now(), position.here, *fields))
            if is_backward:
                place = at[0] if isinstance(at, Above) else at
                if begin and place is not NOWHERE:
                    calls[fields[0]] = place
                else:
                    calls.pop(fields[0], None)
        except Exception as error:
            failed(error)

    emit.__name__ = kind.name
    return emit


def methods(note: Callable[[tuple[Any, ...]], None], words: Words, find: Find, find_with_stack: Find,
            stacked: frozenset[int], failed: Failed) -> dict[str, Any]:
    """All of them, by name."""
    calls: dict[int, Place] = {}
    made: dict[str, Any] = {
        kind.name: emitter(kind, note, find_with_stack if kind.code in stacked else find, calls, failed)
        for kind in KINDS.values() if kind.name != "dead"}
    made["brief"], made["words"], made["word"] = note, words.numbers, words.new
    made["site"] = find_with_stack if KINDS["op"].code in stacked else find
    made["site_of"] = lambda call: calls.get(call, NOWHERE)
    return made
