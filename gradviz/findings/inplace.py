"""The story of the in-place error: saved here, overwritten there, failed now."""

from __future__ import annotations

import re
from itertools import pairwise

from msgspec.structs import replace

from gradviz.events import Facts, Node, Saved, Write
from gradviz.findings.model import Finding, Place, Stop
from gradviz.findings.places import call_begin, errors_of, place_of, severity_of, statement_of
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
    fix, fix_lines = _fix(replay, write, write_seq, kind)
    return Finding(
        kind=kind, severity=severity_of(replay, error), title=f"{name} was overwritten after it was saved",
        explanation=(
            f"{node.name} saved {name} at version {error.saved} (line {saved_at.line}) because its backward needs it. "
            f"{overwritten_at.text or 'A write'} at line {overwritten_at.line} wrote the same storage{through}, so "
            f"backward found version {error.found}: the saved values are gone."),
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


_AUGMENTED = re.compile(r"^(?P<target>[\w.]+)\s*(?P<sign>\+|-|\*|/|@|\*\*)=\s*(?P<value>.+)$")
_METHOD = re.compile(r"^(?P<target>[\w.]+)\.(?P<op>[a-z]\w*)_\((?P<value>.*)\)$")


def _fix(replay: Replay, write: Write, seq: int, kind: str) -> tuple[str, list[tuple[str, str]]]:
    """The smallest change of the line that wrote."""
    statement, name = statement_of(replay, seq), replay.label(write.tid, seq)
    if kind == "inplace_modified":
        if match := _AUGMENTED.match(statement):
            target, sign, value = match["target"], match["sign"], match["value"]
            line = f"{target} = {target} {sign} {value}"
            return f"make a new tensor instead of writing in place: {line}", [("-", statement), ("+", line)]
        if (match := _METHOD.match(statement)) and match["op"] not in ("zero", "fill", "copy"):
            line = f"{match['target']} = {match['target']}.{match['op']}({match['value']})"
            return f"use the op that makes a new tensor: {line}", [("-", statement), ("+", line)]
    if re.fullmatch(r"[A-Za-z_][\w.]*", name):
        line = f"{name} = {name}.clone()"
        return f"write to a copy: {line} before {statement}", [("+", line), (" ", statement)]
    return f"clone the tensor before {statement}, or move the write after backward", []
