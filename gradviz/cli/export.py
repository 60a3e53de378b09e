"""``gradviz export``: a picture or the data of one moment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gradviz.cli.main import Failure
from gradviz.cli.traces import opened

if TYPE_CHECKING:
    from gradviz.replay import Replay

FORMATS = ("svg", "png", "pdf", "dot", "json", "html", "text", "perfetto")
ENDINGS = {"txt": "text", "htm": "html"}


@click.command(epilog="""\b
Examples:
  gradviz export train-1.gvt -o graph.svg
  gradviz export train-1.gvt -o error.png --at error --theme dark
  gradviz export train-1.gvt -o backward.dot --event 214 --graph backward
  gradviz export train-1.gvt -o replay.html    (the whole replay in one file: arrows step, no network)
  gradviz export train-1.gvt -o run.txt        (every event in a sentence)""")
@click.argument("trace", metavar="TRACE")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="FILE", help="The file to write.")
@click.option("--event", type=click.IntRange(min=0), metavar="N", help="The moment: after event N.")
@click.option("--at", type=click.Choice(["error", "end"]), help="The moment, by what happens there. [default: end]")
@click.option("--graph", type=click.Choice(["forward", "backward", "both"]), default="both", show_default=True,
              help="Which of the two.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="[default: by the name of FILE]")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Colours.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def command(trace: str, output: str, event: int | None, at: str | None, graph: str, format_: str | None,
            theme: str, force: bool) -> int:
    """Write the graphs of TRACE as they are at one moment, or the replay as one HTML file."""
    if output == "-" or os.path.isdir(output):
        raise click.UsageError("-o needs the name of a file.")
    if event is not None and at is not None:
        raise click.UsageError("--event and --at name the same thing: give one of them.")
    ending = os.path.splitext(output)[1].removeprefix(".").lower()
    form = format_ or ENDINGS.get(ending, ending)
    if form not in FORMATS:
        raise Failure(f"{output}: its name says no format; --format takes {', '.join(FORMATS)}")
    if format_ and ending in {*FORMATS, *ENDINGS} and ENDINGS.get(ending, ending) != format_:
        raise click.UsageError(f"{output} is named as {ENDINGS.get(ending, ending)} and --format is {format_}: "
                               "change one of them.")
    replay = opened(trace)
    moment = chosen(replay, event, at)
    from gradviz.export import export

    try:
        if form == "html":
            whole(trace, output, force)
        else:
            export(replay, output, format=form, event=moment, graph=graph, theme=theme, force=force)
    except FileExistsError:
        raise Failure(f"{output} is there already: --force replaces it") from None
    except ValueError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror or error}") from None
    return 0


def whole(trace: str, output: str, force: bool) -> None:
    """The replay as one file. Raises as ``gradviz.export.put``."""
    from pathlib import Path

    from gradviz.export import put
    from gradviz.ui.session import Session
    from gradviz.ui.standalone import page

    put(Path(output), page(Session.open(trace)), force=force)


def chosen(replay: Replay, event: int | None, at: str | None) -> int:
    """The number of the event meant."""
    if not replay.n:
        raise Failure("there is no event in the trace")
    if event is not None:
        if event >= replay.n:
            raise Failure(f"there is no event {event}: the last is {replay.n - 1}")
        return event
    if at == "error":
        if replay.error < 0:
            raise Failure("there is no error in the trace")
        return replay.error
    return replay.end
