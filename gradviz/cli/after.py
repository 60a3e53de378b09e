"""What follows a run: one line that names the trace, and the replay in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import gradviz
from gradviz.cli.children import wait_for
from gradviz.cli.main import Failure
from gradviz.cli.traces import next_command
from gradviz.launch import Outcome
from gradviz.launch.ending import die_of


def after(outcome: Outcome, *, cwd: str, quiet: bool, viewer: dict[str, Any] | None) -> None:
    """Say where the trace is, and open the replay when ``viewer`` holds the options for it.

    ``cwd`` is the folder that the command was given in; the script may have left it.
    """
    trace = os.path.relpath(outcome.trace, cwd)
    if not quiet:
        print(f"[gradviz] {summary(outcome, trace)}", file=sys.stderr, flush=True)
    if viewer is not None and not outcome.interrupted:
        view(outcome.trace, quiet=quiet, **viewer)


def summary(outcome: Outcome, trace: str) -> str:
    """What happened, if something did, and what to type."""
    if not outcome.error:
        return f"recorded: {next_command(trace)}"
    try:
        gist = explanation(outcome.trace)
    except Exception as error:  # whatever the script has done to this process: the trace is safe, and is named
        gist = f"recorded, not explained ({type(error).__name__})"
    return f"{outcome.error} {gist}: {next_command(trace)}"


def explanation(trace: str) -> str:
    from gradviz.cli.findings import in_one_line
    from gradviz.cli.traces import opened
    from gradviz.findings import find

    replay = opened(trace)
    found = [finding for finding in find(replay) if finding.severity == "error"]
    if found:
        return f"explained: {in_one_line(found[0])}"
    return f"recorded at event {replay.events('error')[-1]}"


def could_serve(host: str, port: int | None) -> None:
    """Raises Failure where the replay could not be served: better before the script runs than after."""
    import socket

    try:
        family, _, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
    except (OSError, UnicodeError) as error:
        where = f"{host}:{port}" if port else host
        raise Failure(f"cannot serve at {where}: {getattr(error, 'strerror', None) or error}") from None


def view(trace: str, *, quiet: bool, no_open: bool, port: int | None, host: str) -> None:
    """The replay, until Ctrl-C: in a process that has nothing of the script's."""
    arguments = [trace, "--host", host]
    arguments += [] if port is None else ["--port", str(port)]
    arguments += ["--no-open"] * no_open + ["--quiet"] * quiet + ["--with-parent"]
    # a viewer holds nothing that a SIGTERM could spoil
    _, told = wait_for([sys.executable, "-P", "-m", "gradviz", "view", *arguments], interrupt=signal.SIGTERM,
                       env=environment(), stdin=subprocess.PIPE)
    if told:
        die_of(told)


def environment() -> dict[str, str]:
    """With us on the path: ``-P`` leaves out the current folder, which may be where we were found."""
    place = os.path.dirname(os.path.dirname(os.path.abspath(gradviz.__file__)))
    if "site-packages" in place or "dist-packages" in place:
        return dict(os.environ)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([place, known] if known else [place])}
