"""Derived arrays over the tables: who made what, who reads, writes and keeps it, and when. Built lazily."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradviz.events import Span
from gradviz.replay.labels import giving
from gradviz.replay.naming import calls_of, names
from gradviz.replay.tables import Relation, Tables, union
from gradviz.trace.columns import Ints


class Index:
    """Relations over the events seen so far. A new Index is made when events were added; tables are shared."""

    def __init__(self, tables: Tables, spans: list[Span], sources: Mapping[str, str]) -> None:
        self.tables = tables
        self.spans = spans
        self.sources = sources

    @cached_property
    def ops(self) -> Relation:
        return self.tables.relation("op")

    @cached_property
    def calls(self) -> Ints:
        """Of each op the outermost module call, made at its place in the source, that it is in; 0 for none."""
        return calls_of(self, self.ops)

    @cached_property
    def giving(self) -> NDArray[np.bool_]:
        """Of each op, whether its result may be the value of the expression at its place."""
        return giving(self)

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
    def ordinals(self) -> dict[int, int]:
        """The number of each backward call as a person counts them, from 1: in the order of their beginnings."""
        return {call: place for place, call in enumerate(dict.fromkeys(self.backwards.ints("call").tolist()), 1)}

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
        return names(self, self.sources)
