"""The door to a recorded run: open a trace, ask for events, tensors, nodes, names and graphs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from gradviz.events import BY_CODE, KINDS, Facts, Gradient, Node, Span, Value
from gradviz.replay import labels, values
from gradviz.replay.graphs import Graph, graphs_of
from gradviz.replay.index import Index
from gradviz.replay.tables import Tables
from gradviz.trace.columns import Ints
from gradviz.trace.reader import Reader

if TYPE_CHECKING:
    import networkx

    from gradviz.replay.rows import Row

T = TypeVar("T")


class HasSeq(Protocol):
    """Anything that happened at an event."""

    @property
    def seq(self) -> int: ...


class Event:
    """One event: ``seq``, ``kind``, the common fields and its own, by name (``event.inputs``)."""

    def __init__(self, seq: int, kind: str, fields: dict[str, Any]) -> None:
        self.seq = seq
        self.kind = kind
        self._fields = fields

    @property
    def fields(self) -> dict[str, Any]:
        """All fields, the common ones first."""
        return dict(self._fields)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(f"an event of kind {self.kind} has no {name}") from None

    def __repr__(self) -> str:
        return f"<event {self.seq} {self.kind} {self._fields}>"


class Replay:
    """A trace, read. Everything derived is computed on demand; ``extend`` takes in what was written since."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.tables = Tables()
        self.event = lru_cache(16_384)(self._event)
        self.extend()

    @classmethod
    def open(cls, path: str | Path) -> Replay:
        """Read a trace. Raises BadTrace with one clear line where that cannot be done."""
        return cls(Reader(path))

    def extend(self) -> int:
        """Take in what was written since; returns how many events came."""
        before = self.tables.n
        for chunk in self.reader.chunks():
            self.tables.extend(chunk.first_seq, chunk.kinds, chunk.tables)
        if self.tables.n != before or before == 0:
            for name in ("index", "graphs", "steppable", "suspects", "_file_lines"):
                self.__dict__.pop(name, None)
        return self.tables.n - before

    # --- the trace ---------------------------------------------------------------------------------------------------
    @property
    def n(self) -> int:
        return self.tables.n

    @property
    def meta(self) -> dict[str, Any]:
        return self.reader.meta

    @property
    def state(self) -> str:
        """recording, complete or incomplete."""
        return self.reader.state

    @property
    def path(self) -> str:
        return str(self.reader.path)

    @property
    def sources(self) -> dict[str, str]:
        return self.reader.sources

    @property
    def spans(self) -> list[Span]:
        return self.reader.spans

    @cached_property
    def index(self) -> Index:
        return Index(self.tables, self.spans, self.sources)

    @cached_property
    def graphs(self) -> list[Graph]:
        """One for each outermost backward call, and one for the forward after the last; in the order of events."""
        return graphs_of(self.index, self.n)

    def graph_at(self, seq: int) -> int:
        """The number of the graph that is shown at an event."""
        return max(0, bisect_right(self.graphs, seq, key=lambda graph: graph.first) - 1)

    @cached_property
    def steppable(self) -> Ints:
        """The events that one steps over."""
        codes = [kind.code for kind in KINDS.values() if kind.steppable]
        seqs = np.flatnonzero(np.isin(self.tables.kinds, codes))
        return seqs[~np.isin(seqs, self._told_elsewhere)]

    @property
    def _told_elsewhere(self) -> Ints:
        """A failure is one thing that happened: ops and steps that failed (an error follows), and errors met before."""
        errors = self.index.errors
        _, first = np.unique(errors.ints("number"), return_index=True)
        failed = [relation.seq[~relation.flags("ok")] for relation in (self.index.ops, self.index.steps)]
        return np.concatenate((np.delete(errors.seq, first), *failed))

    @property
    def end(self) -> int:
        """The last event that one stops at; the very last one where there is none."""
        return int(self.steppable[-1]) if len(self.steppable) else max(0, self.n - 1)

    @property
    def error(self) -> int:
        """The event at which the last exception was raised; -1 if none was."""
        raised = self.index.errors.seq
        raised = raised[np.isin(raised, self.steppable)]
        return int(raised[-1]) if len(raised) else -1

    def opening(self, findings: Sequence[HasSeq] = ()) -> int:
        """The interesting moment: the worst finding, else the first error, else the event that made the first NaN in a
        gradient, else the first backward, else the end."""
        from gradviz.replay.origin import first_bad

        errors, backwards = self.index.errors.seq, self.index.backwards.seq
        if len(findings) or len(errors):
            return max(0, findings[0].seq if len(findings) else int(errors[0]))
        bad = first_bad(self)
        return bad if bad >= 0 else int(backwards[0]) if len(backwards) else self.end

    def rows(self, first: int, last: int) -> list[Row]:
        """The events ``first`` to ``last``, as the timeline, the caption and the console show them."""
        from gradviz.replay.rows import rows

        return rows(self, first, last)

    # --- events ------------------------------------------------------------------------------------------------------
    def kind(self, seq: int) -> str:
        return BY_CODE[int(self.tables.kinds[seq])].name

    event: Callable[[int], Event]
    """One event with its fields as plain Python; IndexError outside 0 <= seq < n."""

    def _event(self, seq: int) -> Event:
        if not 0 <= seq < self.n:
            raise IndexError(f"no event {seq}: the trace has {self.n}")
        kind = self.kind(seq)
        relation = self.tables.relation(kind)
        row = relation.row(int(np.searchsorted(relation.seq, seq)))
        return Event(seq, kind, dict(zip((name for name, _ in relation.type.fields), row, strict=True)))

    def events(self, kind: str) -> list[int]:
        """The seqs of all events of one kind."""
        seqs: list[int] = self.tables.relation(kind).seq.tolist()
        return seqs

    def span(self, seq: int) -> Span:
        """Where in the source an event happened; an empty span where that is not known."""
        relation = self.tables.relation(self.kind(seq))
        return self.spans[int(relation.ints("span")[np.searchsorted(relation.seq, seq)])]

    def line_of(self, seq: int) -> int:
        """The line of the script at which an event happened; 0 where that is not known, or for no event (-1)."""
        return self.span(seq).line if seq >= 0 else 0

    def stack(self, seq: int) -> list[Span]:
        """Where an event happened, and the frames of the script above that, innermost first.

        Every op has its own where ``--stacks`` was given; else what is above its module call, or its backward call.
        """
        relation = self.tables.relation(self.kind(seq))
        row = int(np.searchsorted(relation.seq, seq))
        own = self.spans[int(relation.ints("span")[row])]
        found = [self.spans[number] for number in self.reader.stacks.of(seq)]
        if not found:
            of = "scope" if "call" not in relation.table else "call"
            around = self.tables.relation("scope" if of == "scope" else "backward")
            rows = around.where("id" if of == "scope" else "call", int(relation.ints(of)[row]))
            if len(rows) and around.seq[rows[0]] != seq:
                begun = int(around.seq[rows[0]])
                above = self.stack(begun)
                found = above[1:] if self.span(begun) == own else above
        return [own, *found] if own.id else found

    def thing(self, id: int) -> int:
        """The event (op, step, hook call) that carries an id; -1 if none does."""
        for kind in ("op", "step", "hook_call"):
            rows = self.tables.relation(kind)
            found = rows.where("id", id)
            if len(found):
                return int(rows.seq[found[0]])
        return -1

    @cached_property
    def _file_lines(self) -> dict[str, list[str]]:
        return {}

    def line(self, file: str, number: int) -> str:
        """A line of the recorded source, without its newline; empty where it was not recorded."""
        lines = self._file_lines.get(file)
        if lines is None:
            lines = self._file_lines[file] = self.sources.get(file, "").splitlines()
        return lines[number - 1] if 1 <= number <= len(lines) else ""

    def source_text(self, span: Span) -> str:
        """The expression of a span on one line, spaces collapsed; empty where the source was not recorded."""
        if span.line == span.end_line:
            return self.line(span.file, span.line)[span.column:span.end_column]
        lines = [self.line(span.file, n) for n in range(span.line, span.end_line + 1)]
        if not any(lines):
            return ""
        lines[0], lines[-1] = lines[0][span.column:], lines[-1][:span.end_column]
        return " ".join(" ".join(lines).split())

    # --- tensors -----------------------------------------------------------------------------------------------------
    def value(self, number: int) -> Value:
        return self.reader.value(number) if number else None

    @cached_property
    def suspects(self) -> Ints:
        """The numbers of values that may hold a NaN or an Inf; no other does."""
        return self.reader.suspects()

    def facts_at(self, tid: int, seq: int) -> Facts | None:
        """What was known of a tensor at an event; None before it was seen. ``value`` is the recorded content."""
        facts = self.index.facts
        row = facts.last("tid", tid, seq)
        if row < 0:
            return None
        found: Facts = self.with_value(facts.row(row))
        return found

    def with_value(self, row: T) -> T:
        """Facts or a gradient or a write as read, with the recorded content in place of its number."""
        return row._replace(value=self.value(row.value))  # type: ignore[attr-defined, no-any-return]

    def born(self, tid: int) -> int:
        """The event at which a tensor was first seen; -1 if never."""
        rows = self.index.facts.where("tid", tid)
        return int(self.index.facts.seq[rows[0]]) if len(rows) else -1

    def maker(self, tid: int) -> int:
        """The op event that made a tensor; -1 for one first seen outside an op."""
        rows = self.index.outputs.where("tid", tid)
        return int(self.index.outputs.seq[rows[0]]) if len(rows) else -1

    def name(self, tid: int, seq: int | None = None) -> str:
        """What the user calls a tensor at an event (default: the end): its newest name; empty if it has none."""
        names = self.index.names
        row = names.last("tid", tid, self.n if seq is None else seq)
        if row < 0:
            return ""
        texts = names.texts("name")
        return texts.texts[int(texts.index[row])]

    def label(self, tid: int, seq: int | None = None) -> str:
        """A name for a tensor, whatever happens: the user's, else what made it."""
        return labels.label(self, tid, seq)

    def gradient(self, row: Gradient) -> Gradient | None:
        """A gradient read from an event's field, with its recorded content; None where there was none."""
        return None if row.tid == -1 else self.with_value(row)

    # --- nodes -------------------------------------------------------------------------------------------------------
    def node(self, nid: int) -> Node | None:
        """A backward node; None where it was never seen."""
        rows = self.index.nodes.where("nid", nid)
        return self.index.nodes.row(int(rows[0])) if len(rows) else None

    def failed_node(self, error: Event) -> int:
        """The backward node in which an error happened; 0 if it was none."""
        at = self.thing(error.op) if error.op and not error.nid else -1
        return int(self.event(at).nid if at >= 0 and self.kind(at) == "step" else error.nid)

    def node_born(self, nid: int) -> int:
        """The op event that made a node; -1 if it was never seen."""
        rows = self.index.nodes.where("nid", nid)
        return int(self.index.nodes.seq[rows[0]]) if len(rows) else -1

    def output_of(self, nid: int, slot: int, seq: int | None = None) -> int:
        """The tensor whose gradient a node takes at an output slot: the newest up to an event; 0 if none is known."""
        facts = self.index.facts
        rows = facts.where("grad_fn", nid)
        rows = rows[(facts.ints("output")[rows] == slot) & (facts.seq[rows] <= (self.n if seq is None else seq))]
        return int(facts.ints("tid")[rows[0]]) if len(rows) else 0

    # --- for other tools ---------------------------------------------------------------------------------------------
    def records(self, kind: str = "") -> Iterator[dict[str, Any]]:
        """Every event (of one kind) as a dictionary, as a data frame takes them."""
        from gradviz.replay.export_nx import records

        return records(self, kind)

    def graph_nx(self, number: int) -> networkx.MultiDiGraph[int]:
        """The backward graph of a number (see ``graphs``) for networkx: ``pip install 'gradviz[networkx]'``."""
        from gradviz.replay.export_nx import graph_nx

        return graph_nx(self, number)

    # --- summaries ---------------------------------------------------------------------------------------------------
    def summary(self) -> dict[str, Any]:
        """What ``gradviz info --json`` prints. ``error`` is the exception that left the script, ``iterations`` how
        often the longest training loop called backward."""
        from gradviz.replay.iterations import iterations

        counts = np.bincount(self.tables.kinds, minlength=max(BY_CODE) + 1) if self.n else np.zeros(256, np.int64)
        left = self.index.errors.seq[self.index.errors.flags("uncaught")]
        error = self.event(int(left[-1])) if len(left) else None
        t = self.event(self.n - 1).t if self.n else 0
        return {
            "state": self.state, "events": self.n,
            "by_kind": {kind.name: int(counts[kind.code]) for kind in KINDS.values() if counts[kind.code]},
            "backward_calls": len({*self.index.backwards.ints("call").tolist()}),
            "iterations": max(map(len, iterations(self)), default=0),
            "tensors": len(np.unique(self.index.facts.ints("tid"))),
            "bytes": Path(self.path).stat().st_size, "duration_s": round(t / 1e9, 6),
            "error": None if error is None else f"{error.type}: {error.message}",
        }

    def norm_of(self, gradient: Gradient | None) -> float | None:
        return None if gradient is None else values.norm(gradient.value, gradient.shape, gradient.dtype)
