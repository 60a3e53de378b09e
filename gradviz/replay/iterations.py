"""Iterations: backward calls that come from the same place in the source and start at the same op."""

from __future__ import annotations

from collections import defaultdict

from gradviz.replay.replay import Replay


def iterations(replay: Replay) -> list[list[int]]:
    """The graphs (their numbers) of each training loop, in the order of their first call: the k-th of a list is its
    iteration k. A backward call that stands alone is a list of one."""
    loops: dict[tuple[int, str], list[int]] = defaultdict(list)
    for graph in replay.graphs:
        if graph.call:
            begin = replay.event(graph.begin)
            node = replay.node(begin.roots[0].nid) if begin.roots else None
            loops[begin.span, node.name if node is not None else ""].append(graph.number)
    return list(loops.values())
