"""Waiting for a process of ours: who ends us ends it, and nobody is left behind."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final

_PASSED_ON: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def wait_for(command: Sequence[str], *, interrupt: signal.Signals | None = None, env: Mapping[str, str] | None = None,
             stdin: int | None = None, stdout: Any = None) -> tuple[int, int]:
    """Run a command to its end; returns its status, and the signal that told us to end meanwhile (0: none).

    Ctrl-C is not ours: a terminal sends it to both. ``interrupt`` is what the process gets for one that was perhaps
    sent to us alone; it must be harmless to a process that has had the Ctrl-C itself.
    """
    told: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def send(number: int) -> None:
        passed = interrupt if number == signal.SIGINT else number
        if process is not None and passed is not None:
            process.send_signal(passed)

    def handle(number: int, frame: FrameType | None) -> None:
        told.append(number)
        send(number)

    # a signal that is ignored, as under nohup, stays so; but a process must not inherit that Ctrl-C is
    handled = [signal.SIGINT, *(number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN)]
    before = {number: signal.signal(number, handle) for number in handled}
    try:
        with subprocess.Popen(command, env=env, stdin=stdin, stdout=stdout) as process:
            for number in (*told,):  # what came before there was a process
                send(number)
            status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status, next((number for number in told if number in _PASSED_ON), 0)
