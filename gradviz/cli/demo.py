"""``gradviz demo``: a bundled sample, recorded and opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any

import click

import gradviz
from gradviz.cli.after import after, could_serve
from gradviz.cli.main import Failure
from gradviz.cli.run import LOOPBACK, start
from gradviz.launch import Options, Target

DEFAULT = "model"


@click.command(epilog="""\b
Examples:
  gradviz demo --list
  gradviz demo inplace_saved""")
@click.argument("name", default=DEFAULT, metavar="[NAME]")
@click.option("--list", "list_", is_flag=True, help="Name the samples.")
@click.option("--no-open", is_flag=True, help="Serve the replay, but open no browser.")
@click.option("--no-view", is_flag=True, help="Record only.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Port of the replay. [default: 8050, or the next free]")
@click.option("--host", default=LOOPBACK, metavar="ADDRESS", show_default=True,
              help="Address of the replay.")
def command(name: str, list_: bool, no_view: bool, **viewer: Any) -> int | Callable[[], int]:
    """Record the bundled sample NAME in this folder and open its replay."""
    samples = bundled()
    if list_:
        width = max(map(len, samples))
        for sample, path in samples.items():
            print(f"{sample:<{width}}  {about(path)}")
        return 0
    if name not in samples:
        raise Failure(f"there is no sample {name!r}: gradviz demo --list names them")
    if not no_view and (viewer["port"] or viewer["host"] != LOOPBACK):
        could_serve(viewer["host"], viewer["port"])
    return partial(start, Target("script", samples[name]), (), None, Options,
                   partial(after, cwd=os.getcwd(), quiet=False, viewer=None if no_view else viewer))


def bundled() -> dict[str, str]:
    """The samples by name: in the package where it is installed, beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(gradviz.__file__))
    for folder in (os.path.join(package, "samples"), os.path.join(os.path.dirname(package), "samples")):
        if os.path.isdir(folder):
            return {name.removesuffix(".py"): os.path.join(folder, name)
                    for name in sorted(os.listdir(folder)) if name.endswith(".py")}
    raise Failure("this installation has no samples")


def about(path: str) -> str:
    """The first sentence of a sample's comment."""
    with open(path, encoding="utf-8") as file:
        words = " ".join(line.lstrip("# ").strip() for line in takewhile(lambda line: line.startswith("#"), file))
    return words.partition(". ")[0].removesuffix(".")
