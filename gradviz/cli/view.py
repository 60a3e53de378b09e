"""``gradviz view``: open the replay of a trace."""

from __future__ import annotations

import os
import sys
from threading import Thread

import click

from gradviz.cli.main import say
from gradviz.cli.traces import broken_off, named, refuse


@click.command(epilog="""\b
Examples:
  gradviz view                    the latest trace here
  gradviz view train-1.gvt --no-open
  gradviz view runs/              the latest trace in a folder""")
@click.argument("trace", required=False, metavar="[TRACE]")
@click.option("--no-open", is_flag=True, help="Open no browser.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Port to serve at. [default: 8050, or the next free]")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", show_default=True,
              help="Address to serve at.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of ours.")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(trace: str | None, no_open: bool, port: int | None, host: str, quiet: bool, with_parent: bool) -> int:
    """Open the replay of TRACE in a browser, until Ctrl-C."""
    path = named(trace)
    refuse(path)
    if with_parent:
        Thread(target=_end_with_parent, daemon=True).start()
    if not quiet and (where := broken_off(path)):
        say(f"{path} broke off {where}")
    from gradviz.ui import serve

    serve(path, host=host, port=port, open_browser=not no_open and has_browser(), quiet=quiet)
    return 0


def _end_with_parent() -> None:
    """Who started us holds the other end of our input, and it closes however that process ends."""
    while os.read(0, 1):
        pass
    os._exit(0)


def has_browser() -> bool:
    """Is there somebody in front of a screen?"""
    display = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.stdout.isatty() and bool(display) and not os.environ.get("CI")
