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

        replay = gradviz.open("run.gvt")
        for seq in replay.events("backward"):
            print(replay.span(seq).line, sentence(replay, seq))

    An event is known by its number, from 0 to ``replay.n - 1``; a tensor by its ``tid``, a node by its ``nid``.

    - ``replay.event(seq)`` has the fields of :mod:`gradviz.events` by name, ``replay.events("op")`` the numbers of all
      of a kind, ``replay.records("op")`` gives them as dictionaries, for a data frame.
    - ``replay.span(seq)`` and ``replay.stack(seq)`` say where in the script it was.
    - ``replay.label(tid, seq)`` is what the script calls a tensor, ``replay.facts_at(tid, seq)`` what it is then, and
      ``replay.node(nid)`` a node; ``replay.graphs`` are the backward calls, ``replay.graph_nx(number)`` is the graph of
      one for networkx.
    - In words: ``gradviz.replay.narrate.sentence(replay, seq)`` says what happened; ``gradviz.replay.why`` has
      ``lines(why(replay, tid, seq))``, why a gradient is what it is or is not there; ``gradviz.replay.writers`` has
      ``last_writer(replay, tid, seq)``, and ``gradviz.findings`` has ``find(replay)``, what went wrong.
    """
    from gradviz.replay import Replay

    return Replay.open(path)


def __getattr__(name: str) -> Any:
    if name in ("mark", "record"):
        from gradviz.recorder import session

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
