"""How often each line of the source ran, and which ops each time: an op that comes again at a line begins anew there.

What a call into a library does is once: the ops of one ``opt.step()`` or ``model(x)``, and a row of ops at a place that
calls something by another name than theirs (``clip_grad_norm_``).
"""

from __future__ import annotations

from collections import defaultdict

from gradviz.replay.labels import called
from gradviz.replay.replay import Replay

Line = tuple[str, int]


def executions(replay: Replay) -> dict[Line, list[list[int]]]:
    """Of each line (file, number) at which ops ran, the events of these ops, a list for each time."""
    index = replay.index
    spans = [(span.file, span.line, span.column, span.end_line, span.end_column) for span in replay.spans]
    names = index.ops.texts("name")
    found: dict[Line, list[list[int]]] = defaultdict(list)
    seen: dict[Line, dict[tuple[object, str], int]] = defaultdict(dict)
    library: dict[tuple[int, str], bool] = {}
    before: object = None
    rows = zip(index.ops.seq.tolist(), index.ops.ints("span").tolist(), names.index.tolist(), index.calls.tolist(),
               strict=True)
    for seq, span, number, call in rows:
        place, name = spans[span], names.texts[number]
        line, sign = place[:2], (place, name)
        here = seen[line]
        if sign in here and not (call and here[sign] == call):
            if (span, name) not in library:
                library[span, name] = _library(replay, span, name)
            if call or before != place or not library[span, name]:
                here.clear()
        if not here:
            found[line].append([])
        here[sign] = call
        found[line][-1].append(seq)
        before = place
    return {line: runs for line, runs in found.items() if line[1]}


def _library(replay: Replay, span: int, name: str) -> bool:
    """Whether what is called at a span has another name than an op that ran there."""
    function = called(replay.source_text(replay.spans[span])).rpartition(".")[2]
    return function.rstrip("_") not in ("", name.rstrip("_"))
