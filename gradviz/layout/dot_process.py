"""The process that runs Graphviz: a layered graph as JSON on stdin, a list of columns on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

from gradviz.layout.layers import GAP

POINTS = 72.0


def main() -> None:
    """Lay out what stdin describes."""
    import pygraphviz  # its C library is loaded in this process alone

    asked = json.load(sys.stdin)
    graph = pygraphviz.AGraph(_source(asked))
    graph.layout(prog="dot")
    x = [float(graph.get_node(str(vertex)).attr["pos"].split(",")[0]) for vertex in range(len(asked["width"]))]
    json.dump(x, sys.stdout)


def _source(asked: dict[str, Any]) -> str:
    """DOT text: nothing in it comes from the user, vertices are numbers."""
    blocks = asked["blocks"]
    lines = [f"digraph {{ nodesep={GAP / POINTS} ranksep=0.4 splines=false",
             'node [shape=box fixedsize=true height=0.4 label=""]']
    lines += [f"{vertex} [width={width / POINTS}]" for vertex, width in enumerate(asked["width"])]
    rows = asked["rows"]
    for number, row in enumerate(rows):
        lines.append(f"{{ rank=same r{number} [width=0.01] " + " ".join(map(str, row)) + " }")
    lines.append(" -> ".join(f"r{number}" for number in range(len(rows))) + " [style=invis weight=0]")
    for upper, lower in asked["segments"]:
        lanes = (upper >= blocks) + (lower >= blocks)
        weight = 8 if lanes == 2 else 1 if lanes else 4
        lines.append(f"{upper} -> {lower} [weight={weight}]")
    return "\n".join([*lines, "}"])


if __name__ == "__main__":
    main()
