"""The program ``gradviz``: which commands there are, and what a failure looks like."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

import gradviz
from gradviz.trace.frames import BadTrace

COMMANDS = {
    "run": "Record a script, then open the replay.",
    "view": "Open the replay of a trace.",
    "check": "Say what went wrong in a script or a trace, and why.",
    "export": "Write a picture or the data of one moment.",
    "info": "Say what is in a trace.",
    "demo": "Record and open a bundled sample.",
}


class Commands(click.Group):
    """Imports a command when it is asked for: help must not wait for the web server."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"gradviz.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
             epilog="gradviz COMMAND --help shows examples.")
@click.version_option(gradviz.__version__, prog_name="gradviz", message="%(prog)s %(version)s")
def program() -> None:
    """A time-travel debugger for autograd: step through a recorded forward and backward pass."""


class Failure(click.ClickException):
    """Bad input: one line on stderr, exit status 1."""

    def show(self, file: Any = None) -> None:
        say(self.message)


class Missing(Failure):
    """There is no such file: exit status 2, as for any command line that cannot be meant."""

    exit_code = 2


def say(words: str) -> None:
    """One line of ours on stderr."""
    words = words.replace("\n", " ")
    print(f"[gradviz] {words}", file=sys.stderr)


def explain(error: click.ClickException) -> None:
    """A failure, in a line or two."""
    if not isinstance(error, click.UsageError) or isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    path = error.ctx.command_path if error.ctx is not None else "gradviz"
    words = " ".join(error.format_message().split())
    say(words if words.endswith((".", "?")) else f"{words}.")
    say(f"{path} --help shows what there is")


def main() -> int:
    """Parse the command line and do what it says; returns the exit status.

    A command may return a function: what runs the script runs outside the parser, so that the script finds as little
    of ours below it as possible.
    """
    try:
        then = program.main(standalone_mode=False)
        if not callable(then) and sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        explain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BadTrace as error:
        say(str(error))
        return 1
    except BrokenPipeError:  # a pager that was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        said = f"{error.filename} cannot be read" if error.filename else "the output cannot be written"
        say(f"{said}: {error.strerror or error}")
        if sys.stdout is not None and error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would try again, and complain
        return 1
    return then() if callable(then) else int(then or 0)
