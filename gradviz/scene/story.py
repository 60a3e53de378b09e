"""A finding on the picture: numbered stops, the lost and the overwritten version, and what the failing node needs."""

from __future__ import annotations

from gradviz.findings.model import Finding
from gradviz.findings.model import Stop as FindingStop
from gradviz.scene.draft import Draft
from gradviz.scene.model import Stop


def tell_stories(draft: Draft, findings: list[Finding]) -> list[Stop]:
    """The stops of the first finding whose story happens on this graph, and what it does to the glyphs."""
    for finding in findings:
        marked = [_marks(draft, stop) for stop in finding.stops]
        if not finding.stops or not any(marked) or not _here(draft, finding):
            continue
        if finding.expected_version is not None:
            _overwrite(draft, finding, marked)
        return [Stop(number, stop.place.seq, stop.title, stop.text, stop.place.span, nodes)
                for number, (stop, nodes) in enumerate(zip(finding.stops, marked, strict=True), 1)]
    return []


def _here(draft: Draft, finding: Finding) -> bool:
    return draft.graph.first <= finding.seq <= draft.graph.last


def _marks(draft: Draft, stop: FindingStop) -> list[str]:
    found = []
    for kind, ref in stop.marks:
        glyph = draft.glyph_at(ref, stop.place.seq) if kind == "tensor" else draft.stand_in(f"{kind[0]}{ref}")
        if glyph in draft.nodes and glyph not in found:
            found.append(glyph)
    return found


def _overwrite(draft: Draft, finding: Finding, marked: list[list[str]]) -> None:
    """The version that was saved is lost, the one that stands there is hatched, the write is what broke it."""
    saved, written, failed = finding.stops[0], finding.stops[-2], finding.stops[-1]
    for glyph in marked[-2]:
        if draft.nodes[glyph].kind == "write":
            draft.nodes[glyph].states = [(0, "future"), (written.place.seq, "broken")]
    tids = [ref for kind, ref in saved.marks + written.marks if kind == "tensor"]
    node = next((f"n{ref}" for kind, ref in failed.marks if kind == "node" and f"n{ref}" in draft.nodes), "")
    for tid in tids[:1]:
        lost = draft.glyph_at(tid, saved.place.seq)
        now = draft.glyph_at(tid, written.place.seq)
        if not now:
            continue
        draft.nodes[now].states.append((written.place.seq, "overwritten"))
        if node:
            seq = failed.place.seq
            if lost and lost != now:
                edge = draft.link(node, lost, "needs", seq, "stale")
                edge.label.append((seq, f"needs version {finding.expected_version}"))
            edge = draft.link(node, now, "finds", seq, "stale")
            edge.label.append((seq, f"finds version {finding.actual_version}"))
