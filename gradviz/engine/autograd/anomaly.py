"""Anomaly mode: which op's backward made a NaN or failed, and where its forward was called.

While it is on, ops ask ``modes.enabled`` whether they record (``regions.off`` is not 0), and that remembers the place
of the call under the sequence number that the next node gets; when it is off, nothing costs anything.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd import modes
from gradviz.engine.autograd.node import sequence
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.errors import HINT
from gradviz.engine.xp import asarray, ndarray, xp

FOUND = (" Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in "
         "question was changed in there or anywhere later. Good luck!")


class _State:
    on = False
    check_nan = True


state = _State()
_places: dict[int, list[tuple[str, int, str]]] = {}
MOST = 1 << 20


def _remember() -> None:
    if len(_places) > MOST:
        _places.clear()
    frame: Any = sys._getframe(2)
    stack = []
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("gradviz."):
            code = frame.f_code
            stack.append((code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    _places[sequence() + 1] = stack


def switch(on: bool, check_nan: bool = True) -> tuple[bool, bool]:
    """Turn the mode on or off; what it was."""
    before = state.on, state.check_nan
    if on != state.on:
        modes.regions.off += 1 if on else -1
        modes.watch = _remember if on else None
    state.on, state.check_nan = on, check_nan
    if not on:
        _places.clear()
    return before


def checked(run_rule: Callable[..., Any], ns: Any, node: Any, g: Any) -> Any:
    """Run a node; say where its forward was called if it fails, or gives NaN."""
    try:
        shares = run_rule(ns, node, g)
    except Exception as error:
        _tell(node)
        text = str(error)
        if text.endswith(HINT):
            error.args = (text.removesuffix(HINT) + FOUND,)
        raise
    if state.check_nan:
        for i, share in enumerate(shares):
            if share is not None and _has_nan(share):
                _tell(node)
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    return shares


def _has_nan(share: Any) -> bool:
    array = share if isinstance(share, ndarray) else getattr(share, "_array", None)
    array = asarray(share) if array is None else array
    return array.dtype.char in INEXACT and bool(xp.isnan(array).any())


def _tell(node: Any) -> None:
    name, place = node.name(), _places.get(node.seq)
    if place is None:
        text = (f"Error detected in {name}. No forward pass information available. Enable detect anomaly during "
                "forward pass for more information.")
    else:
        lines = [traceback.FrameSummary(*entry) for entry in reversed(place)]
        text = (f"Error detected in {name}. Traceback of forward call that caused the error:\n"
                + "".join(traceback.format_list(lines)))
    warnings.warn(text, UserWarning, stacklevel=2)


class set_detect_anomaly:
    """Turn anomaly mode on or off, at once; as a context it is undone at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        switch(*self._before)


class detect_anomaly:
    """A region in anomaly mode."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
                      "enabled for debugging.", UserWarning, stacklevel=2)

    def __enter__(self) -> None:
        self._before = switch(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        switch(*self._before)
