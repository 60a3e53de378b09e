"""Every sample, recorded as a user records it, on the page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.py"))
STOPS = {"inplace_saved": ["1", "2", "3"], "inplace_leaf": ["1", "2"], "backward_twice": ["1", "2", "3"]}
"""The samples in which something goes wrong, and the numbers of the stops that explain it."""
Open = Callable[..., Any]
Serve = Callable[[Path], str]


def record(sample: Path, trace: Path) -> None:
    options = ["--engine", "gradviz", "--no-view", "-q", "-o", str(trace)]
    command = [sys.executable, "-m", "gradviz", "run", *options, str(sample)]
    subprocess.run(command, cwd=trace.parent, env=dict(os.environ), capture_output=True, timeout=120)
    assert trace.exists()


def state(page: Any) -> dict[str, Any]:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return dict(page.evaluate("__gradviz.state()"))


@pytest.mark.browser
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_opens_at_its_moment_and_steps(visit: Open, serving: Serve, sample: Path, tmp_path: Path) -> None:
    trace = tmp_path / "sample.gvt"
    record(sample, trace)
    page = visit(serving(trace))
    opened = state(page)
    kind = page.locator("#sentence .chip").inner_text()
    assert kind == ("error" if sample.stem in STOPS else "backward")
    assert page.locator("#source .hl").count() > 0
    assert page.locator("#source .num").all_inner_texts() == STOPS.get(sample.stem, [])
    page.wait_for_selector(".right .ttl:visible")

    lit, sentences = set(), set()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    for _ in range(60):
        page.keyboard.press("ArrowRight")
        now = state(page)
        lit |= {*now["lit"]["focus"], *now["lit"]["twins"]}
        sentences.add(page.locator("#sentence").inner_text())
    rects = [rect for one in lit if (rect := page.evaluate(f"__gradviz.rect('{one}')"))]
    sides = {rect["x"] < now["size"]["width"] / 2 for rect in rects}
    assert sides == {True, False}  # things were lit in both panes
    assert len(sentences) >= min(5, opened["steps"] - 1)  # the first was where it began

    page.keyboard.press("Home")
    page.keyboard.press("End")
    assert state(page)["step"] == opened["steps"] - 1
    page.wait_for_timeout(300)
    assert page.locator("#inspector").text_content()
