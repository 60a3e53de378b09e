"""The order of rows from Graphviz: where ours leaves edges that cross, ``dot`` often finds fewer crossings.

``dot`` runs in C and cannot be interrupted, and on some graphs it runs for minutes; so it works in a process of its
own that is killed after LIMIT_S. Rows and lanes are ours and only their order is asked for; a failure leaves the own
order without a trace of it in the picture.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

from gradviz.layout.layers import Layers

LIMIT_S = 3.0


def ordered(graph: Layers) -> list[list[int]] | None:
    """The rows in the order of ``dot``, or None: no pygraphviz, too slow, or crashed."""
    if find_spec("pygraphviz") is None:
        return None
    asked = {"rows": graph.rows, "width": graph.width, "blocks": graph.blocks,
             "segments": [(segment.upper, segment.lower) for segment in graph.segments]}
    try:
        done = subprocess.run([sys.executable, "-P", "-m", "gradviz.layout.dot_process"], input=json.dumps(asked),
                              capture_output=True, text=True, timeout=LIMIT_S, check=True)
        x = [float(value) for value in json.loads(done.stdout)]
    except (subprocess.SubprocessError, OSError, ValueError, TypeError):
        return None
    if len(x) != len(graph.width) or any(value != value for value in x):
        return None
    return [sorted(row, key=lambda vertex: x[vertex]) for row in graph.rows]
