"""Derived arrays over the tables: who made what, who reads, writes and keeps it, and when. Built lazily."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gradviz.events import INT, STR, Span, Struct
from gradviz.replay.tables import Relation, Tables, among, union
from gradviz.trace.columns import Ints, Table, Texts


class Index:
    """Relations over the events seen so far. A new Index is made when events were added; tables are shared."""

    def __init__(self, tables: Tables, spans: list[Span]) -> None:
        self.tables = tables
        self.spans = spans

    @cached_property
    def ops(self) -> Relation:
        return self.tables.relation("op")

    @cached_property
    def outputs(self) -> Relation:
        return self.ops.flatten("outputs")

    @cached_property
    def inputs(self) -> Relation:
        return self.ops.flatten("inputs")

    @cached_property
    def nodes(self) -> Relation:
        return union([self.ops.flatten("nodes"), self.tables.relation("rebind").flatten("nodes")])

    @cached_property
    def edges(self) -> Relation:
        """(nid, slot) that a node points to; ``parent`` is the row in ``nodes``."""
        return self.nodes.flatten("edges")

    @cached_property
    def edge_offsets(self) -> Ints:
        """Where the edges of each row in ``nodes`` begin in ``edges``."""
        return np.searchsorted(self.edges.parent, np.arange(len(self.nodes) + 1))

    @cached_property
    def node_rows(self) -> dict[int, int]:
        """The first row in ``nodes`` of each nid."""
        nids = self.nodes.ints("nid").tolist()
        return dict(zip(reversed(nids), range(len(nids) - 1, -1, -1), strict=True))

    @cached_property
    def saved(self) -> Relation:
        """What nodes hold; ``parent`` is the row in ``nodes``."""
        return self.nodes.flatten("saved")

    @cached_property
    def facts(self) -> Relation:
        """Facts of tensors in the order of events."""
        return union([self.outputs, self.tables.relation("tensor").part("facts"),
                      self.tables.relation("rebind").part("facts")])

    @cached_property
    def writes(self) -> Relation:
        """Writes to storages in the order of events."""
        return union([self.ops.flatten("writes"), self.tables.relation("write").part("write")])

    @cached_property
    def steps(self) -> Relation:
        return self.tables.relation("step")

    @cached_property
    def accumulates(self) -> Relation:
        return self.tables.relation("accumulate")

    @cached_property
    def gradients(self) -> Relation:
        """What stands in ``.grad`` after each accumulate; its rows are those of ``accumulates``."""
        return self.accumulates.part("grad")

    @cached_property
    def hooked(self) -> Relation:
        """What each hook was handed; its rows are those of ``hook_calls``."""
        return self.hook_calls.part("grad_in")

    @cached_property
    def backwards(self) -> Relation:
        return self.tables.relation("backward")

    @cached_property
    def roots(self) -> Relation:
        return self.backwards.flatten("roots")

    @cached_property
    def hooks(self) -> Relation:
        return self.tables.relation("hook_add")

    @cached_property
    def hook_calls(self) -> Relation:
        return self.tables.relation("hook_call")

    @cached_property
    def errors(self) -> Relation:
        return self.tables.relation("error")

    @cached_property
    def grad_sets(self) -> Relation:
        return self.tables.relation("grad_set")

    @cached_property
    def retains(self) -> Relation:
        return self.tables.relation("retain_grad")

    @cached_property
    def deaths(self) -> Relation:
        return self.tables.relation("dead").flatten("tids")

    @cached_property
    def names(self) -> Relation:
        """(tid, name): what the user calls a tensor, with the event that gave it the name."""
        tids, seqs, texts = _names_of_results(self.ops, self.outputs, self.inputs, self.spans)
        owners = self.tables.relation("owner")
        if len(owners):
            paths = owners.texts("path")
            tids = np.concatenate((tids, owners.ints("tid")))
            seqs = np.concatenate((seqs, owners.seq))
            texts = texts + [paths.texts[i] for i in paths.index]
        for kind in ("tensor", "rebind"):
            first_seen = self.tables.relation(kind)
            facts, spans = first_seen.part("facts"), first_seen.ints("span")
            bound = [row for row in range(len(facts)) if self.spans[int(spans[row])].names
                     and not self._read_there(int(facts.ints("tid")[row]), int(spans[row]))]
            tids = np.concatenate((tids, facts.ints("tid")[bound]))
            seqs = np.concatenate((seqs, facts.seq[bound]))
            texts += [self.spans[int(spans[row])].names[0] for row in bound]
        order = np.argsort(seqs, kind="stable")
        distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        index = np.array([distinct[text] for text in texts], np.int64)[order]
        table: Table = {"tid": tids[order], "name": Texts(list(distinct), index)}
        return Relation(table, Struct("Name", (("tid", INT), ("name", STR))), seqs[order], order)

    def _read_there(self, tid: int, span: int) -> bool:
        """Is the tensor an operand at this place? Then what is bound there is not it."""
        reads, roots = self.inputs, self.roots
        at = self.ops.ints("span")[reads.parent[reads.where("tid", tid)]]
        begun = self.backwards.ints("span")[roots.parent[roots.where("tid", tid)]]
        return bool((at == span).any() or (begun == span).any())


def _names_of_results(
        ops: Relation, outputs: Relation, inputs: Relation, spans: list[Span]) -> tuple[Ints, Ints, list[str]]:
    """Names that results got where they were bound.

    A step inside a composite (1 / x is reciprocal, then mul, at one place in the source) is not what the name is for:
    a result that the next op at the same place takes in gets none. Neither does a tensor written through an index.
    """
    own, caller = ops.ints("span"), ops.ints("caller")
    named = np.array([bool(span.names) for span in spans], np.bool_) if spans else np.zeros(1, np.bool_)
    span = np.where(named[own], own, np.where(caller > 0, caller, own))
    kinds = ops.texts("name")
    through = np.array([name == "setitem" for name in kinds.texts], np.bool_)
    candidate = named[span] & ~(through[kinds.index] if len(through) else False)
    counts = np.bincount(outputs.parent, minlength=len(ops)) if len(outputs) else np.zeros(len(ops), np.int64)
    rows = np.flatnonzero(candidate & (counts > 0))
    lengths = np.array([len(span.names) for span in spans], np.int64)
    flat = [name for span in spans for name in span.names]
    many = np.minimum(lengths[span[rows]], counts[rows])
    row = np.repeat(rows, many)
    place = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    tids = outputs.ints("tid")[np.searchsorted(outputs.parent, row) + place]
    after = np.minimum(row + 1, len(ops) - 1)
    base = int(max(outputs.ints("tid").max(initial=0), inputs.ints("tid").max(initial=0))) + 1
    passed_on = (after > row) & (own[after] == own[row])
    taken = inputs.parent * base + inputs.ints("tid")
    passed_on[passed_on] = among(after[passed_on] * base + tids[passed_on], taken)
    kept = ~passed_on
    which = (np.cumsum(lengths) - lengths)[span[row]] + place
    return tids[kept], ops.seq[row[kept]], [flat[i] for i in which[kept].tolist()]
