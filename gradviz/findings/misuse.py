"""Misuse that PyTorch refuses at once: in place on a leaf or on one of several views, a second backward."""

from __future__ import annotations

import math

from gradviz.findings.fixes import statement_at
from gradviz.findings.model import Finding, Stop
from gradviz.findings.places import call_begin, errors_of, line_of, place_of, severity_of
from gradviz.replay import Event, Replay
from gradviz.replay.values import shape_text


def refused_in_place(replay: Replay) -> list[Finding]:
    """In-place ops that were refused: on a leaf (or a view of it) that requires grad, on one of several views."""
    found = []
    for error in errors_of(replay):
        seq = replay.thing(error.op) if error.op else -1
        if seq < 0 or replay.kind(seq) != "op":
            continue
        op = replay.event(seq)
        if op.ok or op.mode != "grad" or not op.inputs or not (op.name.endswith("_") or op.name == "setitem"):
            continue
        finding = _leaf(replay, error, op) or _one_of_several(replay, error, op)
        if finding:
            found.append(finding)
    return found


def _leaf(replay: Replay, error: Event, op: Event) -> Finding | None:
    tid = op.inputs[0][0]
    facts = replay.facts_at(tid, op.seq)
    base = replay.facts_at(facts.base, op.seq) if facts is not None and facts.base else facts
    if facts is None or base is None or not (base.is_leaf and base.requires_grad):
        return None
    name, leaf, place = replay.label(tid, op.seq), replay.label(base.tid, op.seq), place_of(replay, op.seq)
    what = name if base.tid == tid else f"{name}, a view of {leaf},"
    lines = statement_at(replay, op.seq)[1].splitlines()
    made = place_of(replay, max(replay.born(base.tid), 0))
    return Finding(
        kind="leaf_inplace", severity=severity_of(replay, error), title=f"{leaf} is a leaf and was changed in place",
        explanation=(
            f"{what} requires grad and {op.name} at line {place.line} changes it in place in grad mode: "
            f"its old value would be lost to backward, and {leaf} would no longer be a leaf."),
        fix="wrap the update in torch.no_grad()", root_cause=place, failed_at=place,
        events=[made.seq, op.seq, error.seq], tensors=[leaf], seq=error.seq,
        fix_lines=[("-", part) for part in lines] + [("+", "with torch.no_grad():")]
        + [("+", f"    {part}") for part in lines],
        stops=[
            Stop("Leaf", f"{leaf} is made here; it requires grad.", made, [("tensor", base.tid)]),
            Stop("Refused", f"{op.name} would change {leaf} in place, which autograd does not allow for a leaf.", place,
                 [("op", op.seq), ("tensor", base.tid)])])


def _one_of_several(replay: Replay, error: Event, op: Event) -> Finding | None:
    tid = op.inputs[0][0]
    maker = replay.maker(tid)
    made = replay.event(maker) if maker >= 0 else None
    if made is None or made.kind != "op" or len(made.outputs) < 2 or any(out.how != "view" for out in made.outputs):
        return None
    name, place = replay.label(tid, op.seq), place_of(replay, op.seq)
    return Finding(
        kind="multi_view_inplace", severity=severity_of(replay, error),
        title=f"{name} is one of several views and was changed in place",
        explanation=(f"{made.name} at line {place_of(replay, maker).line} returned {len(made.outputs)} views; "
                     f"autograd cannot follow a write through one of them: {op.name} at line {place.line} is refused."),
        fix="use an op that makes a new tensor, or write to a clone() of it", root_cause=place,
        failed_at=place, events=[maker, op.seq, error.seq], tensors=[name], seq=error.seq,
        stops=[Stop("Views", f"{made.name} returns {len(made.outputs)} views of one tensor.", place_of(replay, maker),
                    [("op", maker)]),
               Stop("Refused", f"{op.name} would write through one of them.", place, [("tensor", tid)])])


def nonscalar_root(replay: Replay) -> list[Finding]:
    """backward() without a gradient on a tensor of several elements."""
    found = []
    for error in errors_of(replay):
        begin = call_begin(replay, error.seq)
        if begin < 0 or error.op or error.nid:
            continue
        call = replay.event(begin)
        facts = [replay.facts_at(root.tid, begin) for root in call.roots if root.grad.tid == -1]
        large = next((known for known in facts if known is not None and math.prod(known.shape) != 1), None)
        if large is None or not large.requires_grad:
            continue
        name, place = replay.label(large.tid, begin), place_of(replay, begin)
        shape = shape_text(large.shape)
        found.append(Finding(
            kind="nonscalar_backward", severity=severity_of(replay, error),
            title=f"{name} has shape {shape}, and backward got no gradient for it",
            explanation=(f"backward() starts from a one only where the root is a single number. {name} has the shape "
                         f"{shape}, so it must be told what each element counts."),
            fix="reduce it to one number first, .sum() or .mean(), or pass gradient= of its shape",
            root_cause=place, failed_at=place, events=[begin, error.seq], tensors=[name], seq=error.seq,
            stops=[Stop("Refused", f"{name} has shape {shape}; a gradient of that shape is needed.", place,
                        [("tensor", large.tid)])]))
    return found


def graph_reused(replay: Replay) -> list[Finding]:
    """Backward came to a node whose saved tensors an earlier call had freed."""
    found = []
    for error in errors_of(replay):
        nid = replay.failed_node(error)
        if not nid or error.found >= 0:
            continue
        node, begin = replay.node(nid), call_begin(replay, error.seq)
        first = _earlier_step(replay, nid, error.seq)
        if node is None or not node.saved or first < 0 or begin < 0:
            continue
        freed_by = call_begin(replay, first)
        born = replay.node_born(nid)
        saved_at, freed_at, failed_at = (place_of(replay, seq) for seq in (born, freed_by, begin))
        found.append(Finding(
            kind="graph_reuse", severity=severity_of(replay, error),
            title=f"{node.name} was reached by a second backward after it had been freed",
            explanation=(
                f"{saved_at.text or node.name}, {line_of(replay, saved_at)}, ran once: its graph was built once. The "
                f"backward at {line_of(replay, freed_at)} freed what {node.name} had saved; the backward at "
                f"{line_of(replay, failed_at)} came to it again."),
            fix=f"keep the graph in the first call with backward(retain_graph=True) at line {freed_at.line}, or run "
                f"line {saved_at.line} again before the second backward",
            op=node.name, root_cause=freed_at if freed_at.line != failed_at.line else saved_at, saved_at=saved_at,
            failed_at=failed_at, events=[born, first, error.seq],
            tensors=[replay.label(tid, begin) for tid in [replay.output_of(nid, 0)] if tid], seq=error.seq,
            stops=[
                Stop("Made", f"{node.name} is made here, once.", saved_at, [("op", born)]),
                Stop("Freed", "This backward runs it and frees what it had saved.", freed_at, [("node", nid)]),
                Stop("Failed", "This backward comes to it again.", failed_at, [("node", nid)])]))
    return found


def _earlier_step(replay: Replay, nid: int, before: int) -> int:
    """The last step of a node that ran, before an event; -1 if there is none."""
    steps = replay.index.steps
    rows = steps.where("nid", nid)
    seqs = steps.seq[rows][(steps.seq[rows] < before) & steps.flags("ok")[rows]]
    return int(seqs[-1]) if len(seqs) else -1
