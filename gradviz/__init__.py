"""A time-travel debugger for autograd.

``with gradviz.record("run.gvt"): ...`` records, ``gradviz.open("run.gvt")`` gives the recorded run as data, and
``gradviz.mark("epoch 3")`` puts a mark into it. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz.recorder.session import mark, record
    from gradviz.replay import Replay

__version__ = "0.1.0"
__all__ = ["__version__", "mark", "open", "record"]


def open(path: str) -> Replay:
    """The recorded run in the trace at ``path``, as data. Raises :class:`gradviz.trace.BadTrace` when it is none.

    ``replay.n`` events; ``replay.event(seq)`` has the fields of :mod:`gradviz.events` by name, ``replay.events("op")``
    gives the numbers of all of a kind, ``replay.records("op")`` gives them as dictionaries, for a data frame.
    ``replay.span(seq)`` and ``replay.stack(seq)`` say where, ``replay.label(tid)`` how the script calls a tensor,
    ``replay.graphs`` which backward calls there were, and ``replay.graph_nx(number)`` is the graph of one for networkx.
    """
    from gradviz.replay import Replay

    return Replay.open(path)


def __getattr__(name: str) -> Any:
    if name in ("mark", "record"):
        from gradviz.recorder import session

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
