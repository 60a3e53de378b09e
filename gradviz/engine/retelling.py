"""What a recording that stops, or goes on after a pause, has to be told anew."""

from __future__ import annotations

from gradviz import probe
from gradviz.engine import fingerprint, observe
from gradviz.engine.identity import alive
from gradviz.engine.xp import xp


def forget() -> None:
    """Nobody listens any more: the next recording is told of everything that it meets."""
    fingerprint.forget()
    for number, watch in list(alive.values()):
        thing = watch()
        if thing is not None:
            if number > 0:
                thing._tid = 0
            else:
                thing.nid = 0


def tell() -> None:
    """A pause is over, in which anything may have changed. Leaves that require a gradient are told of at once, with
    it; other tensors, under the numbers that they had, when they are used again."""
    sink = probe.sink
    assert sink is not None
    fingerprint.forget()
    tensors = []
    for number, watch in list(alive.values()):
        tensor = watch() if number > 0 else None
        if tensor is not None and tensor._tid > 0:
            tensor._tid = -number
            tensors.append(tensor)
    for tensor in tensors:
        if tensor._edge is None and tensor._requires:
            tid, grad = observe.tensor_id(tensor), tensor._grad
            to = "none" if grad is None else "value" if xp.count_nonzero(grad._array) else "zeroed"
            sink.grad_set(tid, to, None if grad is None else observe.gradient(grad))


probe.producers.append((forget, tell))
