"""``gradviz check``: what went wrong in a script or a trace, and why; for people and for CI."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import click

from gradviz.cli.children import wait_for
from gradviz.cli.findings import as_json, as_text, failing
from gradviz.cli.main import Failure
from gradviz.cli.run import StopsAtTarget, check, chosen, options, targeted
from gradviz.cli.traces import ended, is_trace, opened

if TYPE_CHECKING:
    from gradviz.replay import Replay


@click.command(cls=StopsAtTarget, context_settings={"allow_interspersed_args": False}, epilog="""\b
Examples:
  gradviz check train.py --epochs 1
  gradviz check train-1.gvt
  gradviz check --json train.py > findings.json""")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.option("-c", "code", metavar="CODE", help="Run a piece of code, as python -c does.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on stdout; what the script prints goes to stderr.")
@options
@click.argument("script", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT | TRACE] [ARGS]...")
def command(module: str | None, code: str | None, json_: bool, engine: str, script: tuple[str, ...],
            **recording: Any) -> int:
    """Say what went wrong in SCRIPT, which is run, or in TRACE, and why.

    The exit status is 1 when there is an error or a warning, else the script's own.
    """
    if module is None and code is None and script and is_trace(script[0]):
        return report(script[0], None, None, json_)
    target, args = targeted(module, code, script, "gradviz check SCRIPT, TRACE, -m MODULE or -c CODE")
    check(target, engine)
    chosen(**recording)
    with tempfile.TemporaryDirectory(prefix="gradviz-") as folder:
        trace = os.path.join(folder, "check.gvt")
        flags = ["--no-view", "-q", "-o", trace, "--engine", engine, *again(recording)]
        status = recorded([*flags, *target.words, *args], json_)
        if not os.path.exists(trace):
            return status
        return report(trace, target.name, status, json_)


def again(recording: dict[str, Any]) -> list[str]:
    """The options of :func:`gradviz.cli.run.options` as they were given, for the process that records."""
    flags = [] if recording.pop("sources") else ["--no-source"]
    for name, value in recording.items():
        if value is True:
            flags.append(f"--{name.replace('_', '-')}")
        elif value:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    return flags


def recorded(arguments: list[str], json_: bool) -> int:
    """Run it in a process of its own, so that there is an answer however it ends."""
    sys.stdout.flush()
    status, _ = wait_for([sys.executable, "-m", "gradviz", "run", *arguments],
                         stdout=sys.stderr.fileno() if json_ else None)
    return status


def report(trace: str, script: str | None, status: int | None, json_: bool) -> int:
    """Print the findings of a trace and give our exit status. ``script`` and ``status``: of what ran just now."""
    from gradviz.findings import find

    replay = opened(trace)
    if status is None and not replay.n and replay.state == "incomplete":
        raise Failure(f"{trace} broke off {ended(replay)}: there is nothing to check")
    found = find(replay)
    if json_:
        code = as_python_ends(replay.summary()["error"]) if status is None else status
        told: dict[str, Any] = {"script": script or replay.meta.get("script", trace), "exit_code": code,
                                "events": replay.n, "findings": [as_json(finding) for finding in found]}
        print(json.dumps(told))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        for finding in found:
            click.echo(as_text(finding, width) + "\n")
        if end := died(replay):
            click.echo(f"the script failed: {end}")
        ending = "" if replay.state == "complete" else f", {replay.state}"
        click.echo(f"{counted(len(found), 'finding')} in {counted(replay.n, 'event')}{ending}")
    if failing(found):
        return 1
    if status is None:
        return as_python_ends(replay.summary()["error"]) or 0
    return 128 - status if status < 0 else status


def died(replay: Replay) -> str:
    """The exception that left the script, its first line, and where; empty if none did, or one that ends a script."""
    errors = replay.index.errors
    left = errors.seq[errors.flags("uncaught")]
    error = replay.event(int(left[-1])) if len(left) else None
    if error is None or not as_python_ends(error.type):
        return ""
    line = replay.line_of(error.seq)
    return f"{error.type}: {error.message}".split("\n")[0].removesuffix(": ") + (f" (line {line})" if line else "")


def as_python_ends(error: str | None) -> int | None:
    """The exit status after an exception that left the script; without one a trace does not tell."""
    kind = (error or "").partition(":")[0]
    return (130 if kind == "KeyboardInterrupt" else 1) if kind and kind != "SystemExit" else None


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
