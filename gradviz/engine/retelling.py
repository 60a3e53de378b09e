"""What a recording that stops, or goes on after a pause, has to be told anew."""

from __future__ import annotations

from gradviz import probe
from gradviz.engine import fingerprint, observe
from gradviz.engine.identity import known_tensors
from gradviz.engine.xp import xp


def forget() -> None:
    """Nobody listens any more: the next recording is told of everything that it meets."""
    fingerprint.forget()
    nodes = []
    for tensor in known_tensors():
        tensor._tid = 0
        if tensor._edge is not None:
            nodes.append(tensor._edge[0])
    while nodes:  # what is behind a node that was told of was told of, too
        node = nodes.pop()
        if node is not None and node.nid:
            node.nid = 0
            nodes += [after for after, _ in node.next]


def tell() -> None:
    """A pause is over, in which anything may have changed. Leaves that require a gradient are told of at once, with
    it; other tensors, under the numbers that they had, when they are used again."""
    sink = probe.sink
    assert sink is not None
    fingerprint.forget()
    tensors = []
    for tensor in known_tensors():
        if tensor._tid > 0:
            tensor._tid = -tensor._tid
            tensors.append(tensor)
    for tensor in tensors:
        if tensor._edge is None and tensor._requires:
            tid, grad = observe.tensor_id(tensor), tensor._grad
            to = "none" if grad is None else "value" if xp.count_nonzero(grad._array) else "zeroed"
            sink.grad_set(tid, to, None if grad is None else observe.gradient(grad))


probe.producers.append((forget, tell))
