"""Windows of all sizes, panes that are resized, runs that are long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import traces
from .test_page import state

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
Serve = Callable[[Path], str]


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900), (1920, 1080)], ids=str)
def test_nothing_is_cut(visit: Open, inplace: str, size: tuple[int, int]) -> None:
    page = visit(inplace)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    right = page.locator(".top").evaluate(
        "top => Math.max(...[...top.children].map(child => child.getBoundingClientRect().right))"
    )
    assert right <= size[0]
    for element in page.evaluate("__gradviz.ids()"):
        rect = page.evaluate(f"__gradviz.rect('{element}')")
        assert rect is None or (rect["l"] >= 0 and rect["r"] <= state(page)["size"]["width"])


def test_panes_are_resized_closed_and_remembered(visit: Open, chain: str) -> None:
    page = visit(chain)
    wide = state(page)["size"]["width"]
    page.mouse.move(400, 300)
    page.mouse.down()
    page.mouse.move(300, 300, steps=4)
    page.mouse.up()
    assert state(page)["size"]["width"] == pytest.approx(wide + 100, abs=4)
    page.locator(".line-right").dblclick()
    assert state(page)["size"]["width"] == pytest.approx(wide + 100 + 340, abs=4)
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert state(page)["size"]["width"] == pytest.approx(wide + 100 + 340, abs=4)
    page.locator(".line-right").dblclick()
    assert state(page)["size"]["width"] == pytest.approx(wide + 100, abs=4)


@pytest.mark.slow
def test_a_long_run_stays_quick(visit: Open, serving: Serve, tmp_path: Path) -> None:
    page = visit(serving(traces.long_run(tmp_path / "long.gvt", 2000)))
    now = state(page)
    assert now["steps"] == 4004
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert state(page)["seq"] == now["seq"] + 10
    assert now["drawn"] < 400  # what is out of sight is not drawn
