"""The story of the in-place error: saved here, overwritten there, failed now."""

from __future__ import annotations

from itertools import pairwise

from msgspec.structs import replace

from gradviz.events import Facts, Node, Saved, Write
from gradviz.findings.fixes import copied, rewritten
from gradviz.findings.model import Finding, Place, Stop
from gradviz.findings.places import call_begin, errors_of, line_of, place_of, severity_of
from gradviz.replay import Event, Replay


def overwritten_before_backward(replay: Replay) -> list[Finding]:
    """One finding for each error of a node that found a saved tensor at another version than it was saved at."""
    return [finding for error in errors_of(replay)
            if error.nid and error.saved >= 0 and error.found >= 0 and (finding := _explain(replay, error))]


def _explain(replay: Replay, error: Event) -> Finding | None:
    node = replay.node(error.nid)
    if node is None:
        return None
    saved_seq = replay.node_born(error.nid)
    held = next((saved for saved in node.saved if saved.field == error.field and saved.sid == error.sid),
                next((saved for saved in node.saved if saved.sid == error.sid), None))
    if held is None:
        return None
    written = _first_write(replay, held, saved_seq)
    if written is None:
        return None
    write_seq, write = written
    failed_seq = call_begin(replay, error.seq)
    failed_seq = error.seq if failed_seq < 0 else failed_seq
    name = _name(replay, held, node, saved_seq)
    saved_at, overwritten_at, failed_at = (
        place_of(replay, seq) for seq in (saved_seq, write_seq, failed_seq))
    through = _through(replay, held, write, write_seq)
    kind = _kind(replay, held, write, write_seq)
    written_name = replay.label(write.tid, write_seq)
    fix, fix_lines = rewritten(replay, write_seq, written_name) if kind == "inplace_modified" else ("", [])
    if not fix:
        fix, fix_lines = copied(replay, write_seq, [written_name, name])
    return Finding(
        kind=kind, severity=severity_of(replay, error), title=f"{name} was overwritten after it was saved",
        explanation=(
            f"{node.name} saved {name} at version {error.saved} ({line_of(replay, saved_at)}) because its backward "
            f"needs it. {overwritten_at.text or 'A write'} at {line_of(replay, overwritten_at)} wrote the same "
            f"storage{through}, so backward found version {error.found}: the saved values are gone."),
        fix=fix, op=node.name, expected_version=error.saved, actual_version=error.found, root_cause=overwritten_at,
        saved_at=saved_at, overwritten_at=overwritten_at, failed_at=failed_at, events=[saved_seq, write_seq, error.seq],
        tensors=[name], seq=error.seq, fix_lines=fix_lines,
        stops=[
            Stop("Saved", f"{node.name} keeps {name} at version {error.saved}; it will need it in backward.", saved_at,
                 [("op", saved_seq), ("tensor", held.tid)]),
            Stop("Overwritten",
                 f"The write{through or ' in place'} makes {name} version {write.after}; the saved values are gone.",
                 overwritten_at, [("op", write_seq), ("tensor", write.tid)]),
            Stop("Failed", f"{node.name} needs version {error.saved}, finds version {error.found}.",
                 _at(failed_at, error.seq), [("node", error.nid)]),
        ])


def _at(place: Place, seq: int) -> Place:
    """The same place, at another event: the script fails at its own line when a node fails deep in backward."""
    return replace(place, seq=seq)


def _first_write(replay: Replay, held: Saved, after: int) -> tuple[int, Write] | None:
    """The first write to the saved tensor's counter since it was saved: the one that made it stale."""
    writes = replay.index.writes
    for row in writes.where("cid", held.cid):
        write = writes.row(int(row))
        if writes.seq[row] >= after and write.after > held.version:
            return int(writes.seq[row]), write
    return None


def _name(replay: Replay, held: Saved, node: Node, seq: int) -> str:
    return replay.label(held.tid, seq) if held.tid else f"{held.field} of {node.name}"


def _lineage(replay: Replay, tid: int, seq: int) -> list[Facts]:
    """A tensor and what it is a view or a detached alias of, in that order."""
    chain: list[Facts] = []
    while tid and len(chain) < 100:
        facts = replay.facts_at(tid, seq)
        if facts is None or any(facts.tid == known.tid for known in chain):
            break
        chain.append(facts)
        tid = facts.base
        if not tid and facts.how in ("detach", "data"):
            maker = replay.maker(facts.tid)
            inputs = replay.event(maker).inputs if maker >= 0 else []
            tid = inputs[0][0] if inputs else 0
    return chain


def _kind(replay: Replay, held: Saved, write: Write, seq: int) -> str:
    if write.tid == held.tid or not held.tid:
        return "inplace_modified"
    written, kept = _lineage(replay, write.tid, seq), _lineage(replay, held.tid, seq)
    if any(facts.how in ("detach", "data") for facts in written + kept):
        return "inplace_modified_alias"
    event = replay.event(seq)
    plain = event.name == "setitem" and any(facts.tid == write.tid for facts in kept)
    return "inplace_modified" if plain else "inplace_modified_view"


def _through(replay: Replay, held: Saved, write: Write, seq: int) -> str:
    """ through v, a view of h: how the write reached the saved tensor; empty where it was the tensor itself."""
    if write.tid == held.tid or not held.tid:
        return ""
    chain = _lineage(replay, write.tid, seq)
    words = [f" through {replay.label(write.tid, seq)}"]
    for facts, source in pairwise(chain):
        relation = "a detached alias of" if facts.how in ("detach", "data") else "a view of"
        words.append(f", {relation} {replay.label(source.tid, seq)}")
    if held.tid not in {facts.tid for facts in chain}:
        words.append(f", which shares its storage with {replay.label(held.tid, seq)}")
    return "".join(words)
