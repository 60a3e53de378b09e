"""A trace of format version 1 opens, for ever, and tells what it told.

``format-1.gvt`` was recorded from ``script.py`` and is never made anew: a new format gets a new file beside it.
The sentences may be worded better: ``python tests/golden/test_golden.py`` writes them anew, to be read before they are
kept.
"""

from __future__ import annotations

from pathlib import Path

from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.trace import frames

HERE = Path(__file__).parent
TRACE = HERE / "format-1.gvt"
SENTENCES = HERE / "format-1.txt"


def told() -> str:
    replay = Replay.open(str(TRACE))
    return "".join(f"{seq} {sentence(replay, seq)}\n" for seq in range(replay.n))


def test_it_is_of_version_1() -> None:
    assert frames.version_of(TRACE.read_bytes()[:frames.HEADER_SIZE]) == 1


def test_every_event_is_told_as_ever() -> None:
    assert told() == SENTENCES.read_text(encoding="utf-8")


def test_it_is_whole_and_holds_its_source() -> None:
    replay = Replay.open(str(TRACE))
    summary = replay.summary()
    assert (summary["state"], summary["backward_calls"], replay.reader.damage) == ("complete", 2, "")
    assert list(replay.sources.values()) == [(HERE / "script.py").read_text(encoding="utf-8")]
    assert {"op", "hook_add", "hook_call", "retain_grad", "mode", "step", "accumulate", "print", "dead",
            "error"} <= summary["by_kind"].keys()
    assert replay.event(replay.error).type == "RuntimeError"


if __name__ == "__main__":
    SENTENCES.write_text(told(), encoding="utf-8")
