"""What the page says of a trace that is not whole, and of one in which there is nothing to see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradviz.replay import Replay
from gradviz.ui.condition import condition

from . import traces

Open = Callable[..., Any]
Serve = Callable[[Path], str]


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A trace without its last bytes: the events are there, but nothing says that they are all."""
    path = traces.long_run(tmp_path / "cut.gvt", 1500)
    path.write_bytes(path.read_bytes()[:-4])
    return path


def spoilt(path: Path) -> Path:
    """The trace with its first events spoilt, its beginning whole."""
    whole = bytearray(traces.long_run(path, 1500).read_bytes())
    for place in range(len(whole) // 10, len(whole)):
        whole[place] ^= 255
    path.write_bytes(bytes(whole))
    return path


def test_a_whole_trace_needs_no_words(tmp_path: Path) -> None:
    assert condition(Replay.open(traces.chain(tmp_path / "chain.gvt"))) == ("complete", "", "")


def test_a_trace_that_broke_off_says_where(cut: Path) -> None:
    found = condition(Replay.open(cut))
    assert found.state.startswith("incomplete, broke off after event ")
    assert found.about
    assert not found.empty


def test_a_trace_without_anything_to_read_claims_nothing(tmp_path: Path) -> None:
    replay = Replay.open(spoilt(tmp_path / "spoilt.gvt"))
    assert replay.n == 0
    found = condition(replay)
    assert found.state in ("damaged", "incomplete")
    assert found.empty.startswith(("The trace is damaged", "The recording broke off"))


@pytest.mark.browser
def test_a_spoilt_trace_is_told_in_every_pane(visit: Open, serving: Serve, tmp_path: Path) -> None:
    trace = spoilt(tmp_path / "spoilt.gvt")
    says = condition(Replay.open(trace)).empty
    page = visit(serving(trace))
    page.wait_for_selector("#inspector .empty")
    for pane in ("sentence", "console", "forward-note", "backward-note", "inspector"):
        assert page.locator(f"#{pane}").inner_text() == says
    assert page.locator("#findings").inner_text() == "nothing to check"
    page.keyboard.press("ArrowRight")
    assert page.locator("#counter").inner_text() == "0 / 0"


@pytest.mark.browser
def test_findings_of_a_part_are_findings_so_far(visit: Open, serving: Serve, cut: Path) -> None:
    page = visit(serving(cut))
    assert page.locator("#findings").inner_text() == "no findings so far"
    assert "broke off" in page.locator(".meta .warn").inner_text()
