"""The drawer of findings in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .test_page import centre_of, find, press, state
from .test_samples import record

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
Serve = Callable[[Path], str]
TWO = """import torch
w = torch.ones(2, requires_grad=True)
h = w * 2
y = (h * h).sum()
h += 1
try:
    y.backward()
except RuntimeError:
    pass
z = (w * w).sum()
z.backward()
z.backward()
"""


def selected(page: Any) -> list[str]:
    return [tab.get_attribute("id") for tab in page.locator(".ptabs [aria-selected=true]").all()]


def test_it_opens_at_the_finding_and_a_click_on_a_mark_brings_the_inspector(visit: Open, inplace: str) -> None:
    page = visit(inplace)
    page.wait_for_selector("#drawer .finding.open .num.on >> text=3")
    assert selected(page) == ["tab-findings"]
    assert page.locator("#tab-findings .num").inner_text() == "1"
    page.mouse.click(*centre_of(page, find(page, "leaf", "a")))
    assert selected(page) == ["tab-inspector"]
    page.wait_for_selector("#inspector:visible .ttl >> text=a")
    press(page, "e")
    assert selected(page) == ["tab-findings"]


def test_the_address_holds_which_is_shown(visit: Open, inplace: str) -> None:
    assert selected(visit(inplace, "#e=4")) == ["tab-inspector"]
    page = visit(inplace, "#e=4&find=1")
    assert selected(page) == ["tab-findings"]
    assert state(page)["seq"] == 4
    page.locator("#tab-findings").focus()
    page.keyboard.press("ArrowLeft")
    assert selected(page) == ["tab-inspector"]
    assert page.evaluate("document.activeElement.id") == "tab-inspector"
    assert "find" not in page.url


def test_without_findings_it_says_what_was_looked_for(visit: Open, chain: str) -> None:
    page = visit(chain)
    assert selected(page) == ["tab-inspector"]
    page.locator("#findings").click()
    page.wait_for_selector("#drawer:visible >> text=No findings")
    assert not page.locator("#tab-findings .num").is_visible()


def test_of_several_findings_one_is_open(visit: Open, serving: Serve, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO)
    record(script, tmp_path / "two.gvt")
    page = visit(serving(tmp_path / "two.gvt"))
    page.wait_for_selector("#drawer .finding.open")
    cards = page.locator("#drawer .finding")
    assert cards.count() == 2
    assert "reached by a second backward" in cards.nth(0).inner_text()  # it left the script; the other was caught
    assert page.locator("#drawer .finding.open").count() == 1
    cards.nth(1).locator("[data-finding]").click()
    assert cards.nth(1).locator(".story").is_visible()
    assert not cards.nth(0).locator(".story").is_visible()
    assert cards.nth(1).locator("[aria-current=step]").count() == 1
