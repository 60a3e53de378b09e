"""``gradviz run``: record a script, then open the replay."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from gradviz.cli.main import Failure
from gradviz.launch import NoTarget, Options, Outcome, Steps, Target, run
from gradviz.trace.ring import LEAST


class StopsAtTarget(click.Command):
    """Options end at the script, at ``-m module`` and at ``-c code``: all that follows is the script's."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        taking = {name for option in self.params if isinstance(option, click.Option) and not option.is_flag
                  for name in option.opts}
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in ("-", "--"):
            flag, attached = args[at][:2], args[at][2:]
            if flag in ("-m", "-c"):
                if not attached and at + 1 == len(args):
                    raise click.UsageError(f"{flag} needs an argument.", context)
                end = at + (1 if attached else 2)
                args = [*args[:end], "--", *args[end:]]
                break
            at += 2 if args[at] in taking else 1
        return super().parse_args(context, args)


class Size(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click alone
    """A number of bytes, as in 4000000, 64K, 500M or 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-1], value[-1:].upper()
        if unit not in _UNITS:
            number, unit = value, ""
        if not number.isdecimal():
            self.fail(f"{value!r} is no size: as in 500M.", param, context)
        size = int(number) * _UNITS.get(unit, 1)
        if size < LEAST:
            self.fail(f"{value} is too small: {LEAST // 1024}K is the least.", param, context)
        return size


LOOPBACK = "127.0.0.1"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of all commands that record."""
    for option in reversed((
            click.option("--values", type=click.Choice(["auto", "none", "stats", "full"]), default="auto",
                         show_default=True, help="What to keep of each tensor's content."),
            click.option("--engine", type=click.Choice(["auto", "gradviz", "torch"]), default="auto",
                         show_default=True, help="Who plays torch."),
            click.option("--stacks", is_flag=True, help="Keep who called what for every op, not for "
                         "backward calls alone."),
            click.option("--steps", metavar="RANGES", help="Record these iterations only, counted by backward "
                         "calls from 0: 0:3,900: is the first three and all from 900 on."),
            click.option("--every", type=click.IntRange(1), metavar="N", help="Record every N-th iteration."),
            click.option("--until", type=click.Choice(["error"]), help="Record up to the first error that leaves the "
                         "script or a backward call."),
            click.option("--max-bytes", type=Size(), default=0, metavar="SIZE", help="About how large the trace may "
                         "get, as in 500M: its first half is kept, then old events give way to new ones."),
            click.option("--follow-fork", is_flag=True, help="Record forked children too, each into <name>.<pid>.gvt."),
            click.option("--no-source", "sources", is_flag=True, flag_value=False, default=True,
                         help="Leave the source text out of the trace."))):
        function = option(function)
    return function


@click.command(cls=StopsAtTarget, context_settings={"allow_interspersed_args": False}, epilog="""\b
Examples:
  gradviz run train.py --epochs 3
  gradviz run -o first.gvt --no-view train.py
  gradviz run -m package.train
  gradviz run - < train.py""")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.option("-c", "code", metavar="CODE", help="Run a piece of code, as python -c does.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE",
              help="The trace to write. [default: <script>-<n>.gvt here]")
@click.option("--force", is_flag=True, help="Replace an existing trace; no other file.")
@click.option("--no-open", is_flag=True, help="Serve the replay, but open no browser.")
@click.option("--no-view", is_flag=True, help="Record only.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of ours.")
@options
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Port of the replay. [default: 8050, or the next free]")
@click.option("--host", default=LOOPBACK, metavar="ADDRESS", show_default=True,
              help="Address of the replay.")
@click.argument("script", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGS]...")
def command(module: str | None, code: str | None, output: str | None, force: bool, no_view: bool, quiet: bool,
            engine: str, script: tuple[str, ...], no_open: bool, port: int | None, host: str,
            **recording: Any) -> Callable[[], int]:
    """Record SCRIPT, then open the replay.

    SCRIPT runs exactly as python would run it, and its exit status is ours. All that follows it is its own; "-" takes
    it from the input.
    """
    if output == "":
        raise click.UsageError("-o needs the name of a file.")
    target, args = targeted(module, code, script, "gradviz run SCRIPT, -m MODULE or -c CODE")
    check(target, engine)
    made = partial(Options, force=force, quiet=quiet, **chosen(**recording))
    viewer = {"no_open": no_open, "port": port, "host": host}
    from gradviz.cli.after import after, could_serve

    if not no_view and (port or host != LOOPBACK):
        could_serve(host, port)
    return partial(start, target, args, output, made,
                   partial(after, cwd=os.getcwd(), quiet=quiet, viewer=None if no_view else viewer))


def chosen(*, steps: str | None, every: int | None, until: str | None, **rest: Any) -> dict[str, Any]:
    """What the options of :func:`options` say, as :class:`Options` has it."""
    try:
        portion = Steps.parse(steps or "", every or 0) if steps is not None or every else None
    except ValueError as error:
        raise click.BadParameter(f"{error}: as in 0:3,900:.", param_hint="--steps") from None
    return {"steps": portion, "until_error": until == "error", **rest}


def targeted(module: str | None, code: str | None, script: tuple[str, ...], usage: str,
             ) -> tuple[Target, tuple[str, ...]]:
    if module is not None:
        return Target("module", module), script
    if code is not None:
        return Target("code", code), script
    if not script:
        raise click.UsageError(f"Missing script: {usage}.")
    return Target("input" if script[0] == "-" else "script", script[0] or os.getcwd()), script[1:]


def check(target: Target, engine: str) -> None:
    """What can be said before anything is created or run."""
    try:
        target.check()
    except NoTarget as error:
        raise _Refused(f"{sys.executable}: {error}", error.status) from None
    if engine == "torch":
        raise _Refused("[gradviz] real PyTorch cannot be recorded yet: leave out --engine torch")


class _Refused(click.ClickException):
    """One line as it is."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click reads it of the instance

    def show(self, file: Any = None) -> None:
        print(self.message, file=sys.stderr)


def start(target: Target, args: tuple[str, ...], output: str | None, made: Callable[[str], Options],
          after: Callable[[Outcome], None]) -> int:
    """Run it into ``output``, or into the next free name here."""
    number = _last(target.stem)
    while True:
        number += 1
        trace = output or f"{target.stem}-{number}.gvt"
        options = made(trace)
        try:
            return run(target, args, options, after)
        except FileExistsError:
            if output is not None:
                Failure(f"{trace} is no trace, so it is not replaced" if options.force
                        else f"{trace} is there already: --force replaces it").show()
                return 1
        except OSError as error:
            Failure(f"{trace} cannot be written: {error.strerror or error}").show()
            return 1


def _last(stem: str) -> int:
    """The highest number that a trace of this name has here."""
    numbers = (name[len(stem) + 1:-4] for name in os.listdir() if name.startswith(f"{stem}-") and name.endswith(".gvt"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)
