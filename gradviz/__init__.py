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
    """The recorded run in the trace at ``path``. Raises :class:`gradviz.trace.BadTrace` when it is none."""
    from gradviz.replay import Replay

    return Replay.open(path)


def __getattr__(name: str) -> Any:
    if name in ("mark", "record"):
        from gradviz.recorder import session

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
