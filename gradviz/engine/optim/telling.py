"""What a recorder is told of an optimizer: its groups, and where a step begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.tensor import Tensor


@contextmanager
def step(optimizer: Any) -> Iterator[None]:
    """A step is a scope: the ops in it are the optimizer's."""
    sink: Any = probe.sink
    cls = type(optimizer).__name__
    groups = _groups(optimizer)
    if optimizer.__dict__.get("_told") != groups:
        optimizer._number = optimizer.__dict__.get("_number") or probe.new_id()
        optimizer._told = groups
        sink.optimizer(optimizer._number, cls, groups)
    number, position = probe.new_id(), probe.position
    parent = position.scope
    sink.scope(number, parent, f"{cls}.step", cls, True)
    position.scope = number
    try:
        yield
    finally:
        position.scope = parent
        if probe.sink is not None:
            _states(optimizer)
            probe.sink.scope(number, parent, f"{cls}.step", cls, False)


def _states(optimizer: Any) -> None:
    """Whose state the tensors are that the optimizer keeps: ``exp_avg 12`` is that of tensor 12. Each is told once."""
    told: set[int] = optimizer.__dict__.setdefault("_named", set())
    sink: Any = probe.sink
    for p, state in optimizer.state.items():
        for name, value in state.items() if isinstance(state, dict) else ():
            if isinstance(value, Tensor) and value._tid not in told:
                tid = observe.tensor_id(value)
                told.add(tid)
                sink.owner(tid, f"{name} {observe.tensor_id(p)}", "state", False)


def _groups(optimizer: Any) -> tuple[Any, ...]:
    """The groups as the event wants them. Numbers of tensors are never used again, so another recording's differ."""
    return tuple((group.get("name", str(i)), float(group.get("lr", 0.0)),
                  tuple([observe.tensor_id(p) for p in group["params"]]))
                 for i, group in enumerate(optimizer.param_groups))
