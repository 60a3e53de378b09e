"""One open trace as the page asks for it: facts of the run, windows of events, pictures; all as ready JSON."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from gradviz.events import KINDS
from gradviz.findings.model import Finding
from gradviz.layout import across
from gradviz.layout.sizes import compartment
from gradviz.replay.executions import executions
from gradviz.scene.model import Placed, Scene
from gradviz.ui.breakpoints import Conditions
from gradviz.ui.condition import condition
from gradviz.ui.overview import LANES, overview
from gradviz.ui.search import Search
from gradviz.ui.things import Things

if TYPE_CHECKING:
    from gradviz.replay import Replay

Open = tuple[str, ...] | None
"""Groups that are open in a picture; None: those that a person sees open first."""
WINDOW = 2000
"""Events in one answer of /api/events."""
PRINTS = 5000
"""Outputs that the console knows; the newest are kept."""


class Session:
    """Answers are made once: a trace does not change while it is open. Safe to ask from several threads."""

    def __init__(
        self,
        replay: Replay,
        find: Callable[[Replay], Sequence[Finding]],
        picture: Callable[[Replay, Sequence[Finding], int, Open], tuple[Scene, Placed]],
    ) -> None:
        self.replay = replay
        self._find = find
        self._lock = Lock()
        self._trace: bytes | None = None
        self._norms: bytes | None = None
        self.condition = condition(replay)
        self._picture = picture
        self._placed = lru_cache(maxsize=64)(self._place)
        self._encoded = lru_cache(maxsize=32)(self._encode_picture)

    @classmethod
    def open(cls, path: str | Path) -> Session:
        from gradviz.replay import Replay

        return cls(Replay.open(path), _find, _draw)

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What was found in the trace; looked for when it is asked for."""
        return self._find(self.replay)

    def warm(self) -> None:
        """Make what the page asks for first, before it asks."""
        with suppress(Exception):  # the request that needs it will say so
            self.trace()
            self.picture(self.replay.graph_at(self.replay.opening(self.findings)))

    def trace(self) -> bytes:
        """Everything about the run that the page needs before its first picture."""
        with self._lock:
            if self._trace is None:
                self._trace = msgspec.json.encode(self._describe())
            return self._trace

    def events(self, first: int, last: int) -> bytes:
        """The rows ``first`` to ``last`` (exclusive), at most :data:`WINDOW`."""
        first = max(0, first)
        last = min(last, first + WINDOW, self.replay.n)
        with self._lock:
            return msgspec.json.encode(self.replay.rows(first, last - 1) if first < last else [])

    def picture(self, graph: int, open: Open = None) -> bytes:
        """``{"scene", "placed", "across", "rooms"}`` of a graph with some groups open, None: as it is first seen.
        Raises IndexError.

        ``across``: the lines of stories; ``rooms``: the width of each gradient compartment.
        """
        if not 0 <= graph < len(self.replay.graphs):
            raise IndexError(graph)
        with self._lock:
            return self._encoded(graph, open)

    def iterations(self) -> bytes:
        """``{"norms", "finite"}``: of each backward call, the norm of all that it added to gradients."""
        with self._lock:
            if self._norms is None:
                from gradviz.replay.iterations import gradient_norms

                norms = gradient_norms(self.replay)
                told = {"norms": [norm for norm, _ in norms], "finite": [finite for _, finite in norms]}
                self._norms = msgspec.json.encode(told)
            return self._norms

    @cached_property
    def _flow(self) -> bytes:
        from gradviz.replay.flow import Cell, flow

        rows = []
        for row in flow(self.replay):
            cells = [cell or Cell(-1, None, None, None, 0, 0) for cell in row.cells]
            figures = {name: [getattr(cell, name) for cell in cells] for name in Cell._fields if name != "size"}
            rows.append({"tid": row.tid, "name": row.name, "module": row.module, "why": row.why, **figures,
                         "size": max(cell.size for cell in cells)})
        columns = [number for number, graph in enumerate(self.replay.graphs) if graph.call]
        return msgspec.json.encode({"columns": columns, "rows": rows})

    def flow(self) -> bytes:
        """Gradient flow: ``columns``, graphs with a backward call, and a row for each leaf, its figures by column."""
        with self._lock:
            return self._flow

    def norms(self) -> bytes:
        """The norm of what each event made, little-endian float32 in base64; NaN where none was kept."""
        with self._lock:
            norms = self._conditions.norms.astype("<f4")
            return msgspec.json.encode({"norms": base64.b64encode(norms.tobytes()).decode()})

    def scene(self, graph: int, open: Open = None) -> Scene:
        with self._lock:
            return self._placed(graph, open)[0]

    def search(self, words: str, limit: int = 1000) -> list[int]:
        """Events whose names, words, labels or place hold every word; the first of them."""
        with self._lock:
            return self._search.find(words, limit)[0]

    @cached_property
    def executions(self) -> dict[tuple[str, int], list[list[int]]]:
        """The ops of each line, a list for each time that it ran."""
        return executions(self.replay)

    @cached_property
    def _search(self) -> Search:
        return Search(self.replay)

    def things(self, words: str, at: int) -> bytes:
        """What words may stand for, seen from an event."""
        with self._lock:
            return msgspec.json.encode(self._things.find(words, max(0, min(at, self.replay.end))))

    @cached_property
    def _things(self) -> Things:
        return Things(self.replay)

    def stops(self, condition: str) -> list[int]:
        """Where a breakpoint stops. Raises BadCondition."""
        with self._lock:
            return self._conditions.hits(condition)

    @cached_property
    def _conditions(self) -> Conditions:
        return Conditions(self.replay)

    def export(self, format: str, seq: int, theme: str, open: Open = None) -> bytes:
        """The picture at an event as the content of a file: of the very scene that the page shows; or all as HTML."""
        from gradviz.export import picture

        if format == "html":
            from gradviz.ui.standalone import page

            return page(self)

        with self._lock:
            scene, placed = self._placed(self.replay.graph_at(seq), open)
            return picture(self.replay, scene, placed, format=format, event=seq, theme=theme)

    def _place(self, graph: int, open: Open) -> tuple[Scene, Placed]:
        return self._picture(self.replay, self.findings, graph, open)

    def _encode_picture(self, graph: int, open: Open) -> bytes:
        scene, placed = self._placed(graph, open)
        rooms = {node.id: room for node in scene.nodes if (room := compartment(node))}
        return msgspec.json.encode({"scene": scene, "placed": placed, "across": across(scene, placed), "rooms": rooms})

    def _describe(self) -> dict[str, Any]:
        replay = self.replay
        meta = replay.meta
        seqs = replay.events("print")
        prints = [(seq, event.text, event.span) for seq in seqs[-PRINTS:] for event in [replay.event(seq)]]
        return {
            "name": Path(str(meta.get("script", "trace"))).name,
            "started": meta.get("started", ""),
            "state": replay.state,
            "condition": self.condition._asdict(),
            "n": replay.n,
            "opening": replay.opening(self.findings),
            "sources": replay.sources,
            "spans": [tuple(span) for span in replay.spans],
            "runs": [(*line, len(runs)) for line, runs in self.executions.items()],
            "graphs": [{"first": graph.first, "last": graph.last, "begin": graph.begin} for graph in replay.graphs],
            "findings": [
                {
                    "kind": finding.kind,
                    "severity": finding.severity,
                    "title": finding.title,
                    "seq": finding.seq,
                    "stops": [stop.place.seq for stop in finding.stops],
                }
                for finding in self.findings
            ],
            "prints": prints,
            "lost_prints": len(seqs) - len(prints),
            "lanes": LANES,
            "kinds": {kind.code: kind.name for kind in KINDS.values()},
            "overview": overview(replay),
        }


def _find(replay: Replay) -> Sequence[Finding]:
    from gradviz.findings import find

    return find(replay)


def _draw(replay: Replay, findings: Sequence[Finding], graph: int, open: Open) -> tuple[Scene, Placed]:
    from gradviz import layout, scene

    built = layout.cut(scene.build(replay, list(findings), graph, open))
    return built, layout.place(built)
