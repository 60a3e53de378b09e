"""What went wrong in a recorded run, and why: claims that a person can check, computed from the replay."""

from __future__ import annotations

from gradviz.findings.inplace import overwritten_before_backward
from gradviz.findings.misuse import graph_reused, nonscalar_root, refused_in_place
from gradviz.findings.model import Finding, Place, Stop
from gradviz.replay import Replay

__all__ = ["Finding", "Place", "Stop", "find"]

FAMILIES = (overwritten_before_backward, refused_in_place, graph_reused, nonscalar_root)
_WORST_FIRST = {"error": 0, "warning": 1, "info": 2}


def find(replay: Replay) -> list[Finding]:
    """All findings, the worst first, then in the order of events."""
    found = [finding for family in FAMILIES for finding in family(replay)]
    return sorted(found, key=lambda finding: (_WORST_FIRST[finding.severity], finding.seq))
