"""A trace of each format version opens, for ever, and tells what it told.

``format-<n>.gvt`` was recorded from ``script.py`` and is never made anew: a new format gets a new file beside it.
The sentences may be worded better: ``python tests/golden/test_golden.py`` writes them anew, to be read before they are
kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.events import FORMAT_VERSION
from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.trace import frames

HERE = Path(__file__).parent
VERSIONS = range(1, FORMAT_VERSION + 1)


def trace(version: int) -> Path:
    return HERE / f"format-{version}.gvt"


def told(version: int) -> str:
    replay = Replay.open(str(trace(version)))
    return "".join(f"{seq} {sentence(replay, seq)}\n" for seq in range(replay.n))


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_of_its_version(version: int) -> None:
    assert frames.version_of(trace(version).read_bytes()[:frames.HEADER_SIZE]) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_is_told_as_ever(version: int) -> None:
    assert told(version) == trace(version).with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_whole_and_holds_its_source(version: int) -> None:
    replay = Replay.open(str(trace(version)))
    summary = replay.summary()
    assert (summary["state"], summary["backward_calls"], replay.reader.damage) == ("complete", 2, "")
    assert list(replay.sources.values()) == [(HERE / "script.py").read_text(encoding="utf-8")]
    assert {"op", "hook_add", "hook_call", "retain_grad", "mode", "step", "accumulate", "print", "dead",
            "error"} <= summary["by_kind"].keys()
    assert replay.event(replay.error).type == "RuntimeError"


if __name__ == "__main__":
    for _version in VERSIONS:
        trace(_version).with_suffix(".txt").write_text(told(_version), encoding="utf-8")
