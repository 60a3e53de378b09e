"""``gradviz info``: what is in a trace."""

from __future__ import annotations

import json
from typing import Any

import click

from gradviz.cli.traces import ended, named, opened


@click.command(epilog="""\b
Examples:
  gradviz info train-1.gvt
  gradviz info --json | jq .by_kind""")
@click.argument("trace", required=False, metavar="[TRACE]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(trace: str | None, as_json: bool) -> int:
    """Say what is in TRACE, or in the latest trace here."""
    path = named(trace)
    replay = opened(path)
    summary = replay.summary()
    if as_json:
        print(json.dumps(summary))
        return 0
    part = "part of " if replay.meta.get("part") else ""
    print(f"{path}: {part}{' '.join(replay.meta.get('argv', []))}")
    from gradviz.replay.iterations import failed_in

    for name, text in lines(summary, failed_in(replay)):
        print(f"  {name:<15} {text}")
    if summary["state"] == "incomplete":
        print(f"  {'broke off':<15} {ended(replay)}")
    if damage := replay.reader.damage:
        print(f"  {'damage':<15} {damage}")
    return 0


def lines(summary: dict[str, Any], failed: int) -> list[tuple[str, str]]:
    """The summary for a person; ``failed``: the iteration in which the error was raised, 0 for none."""
    kinds = sorted(summary["by_kind"].items(), key=lambda item: -item[1])
    told = [("state", summary["state"]), ("events", f"{summary['events']:,}")]
    told += [(f"  {kind}", f"{number:,}") for kind, number in kinds]
    told += [("tensors", f"{summary['tensors']:,}"), ("backward calls", f"{summary['backward_calls']:,}"),
             ("iterations", f"{summary['iterations']:,}"), ("size", f"{summary['bytes']:,} bytes"),
             ("duration", f"{summary['duration_s']:.3f} s")]
    where = [("failed in", f"iteration {failed:,}")] if failed else []
    return [*told, ("error", summary["error"].splitlines()[0]), *where] if summary["error"] else told
