"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import traces

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
Serve = Callable[[Path], str]


def state(page: Any) -> dict[str, Any]:
    """What the page says of itself, once it has drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return dict(page.evaluate("__gradviz.state()"))


def press(page: Any, key: str, times: int = 1) -> dict[str, Any]:
    for _ in range(times):
        page.keyboard.press(key)
    return state(page)


def lit(page: Any) -> str:
    """The words of the source that are lit."""
    return "\n".join(page.locator("#source .hl").all_inner_texts())


def centre_of(page: Any, element: str) -> tuple[float, float]:
    rect, box = page.evaluate(f"__gradviz.rect('{element}')"), page.locator("#over").bounding_box()
    return box["x"] + rect["x"], box["y"] + rect["y"]


def find(page: Any, kind: str, text: str) -> str:
    """The id of an element by what the list for readers says of it."""
    return str(page.locator("#elements li", has_text=f" {kind} {text}").first.get_attribute("data-id"))


# --- time ------------------------------------------------------------------------------------------------------------
def test_opens_at_the_first_backward(visit: Open, chain: str) -> None:
    page = visit(chain)
    now = state(page)
    assert now["seq"] == 11
    assert now["lit"]["focus"]
    assert now["lit"]["twins"]
    assert page.locator("#sentence").inner_text().startswith("backward")
    assert page.title() == "chain.py · gradviz"


def test_arrows_step_both_panes(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=8")
    forward = state(page)
    after = press(page, "ArrowRight", 3)
    assert (forward["seq"], after["seq"]) == (8, 14)
    assert lit(page) == 'lambda g: print("l4 grad", g)' or "l2 * l3" in lit(page)
    press(page, "ArrowRight")
    assert lit(page) == "l2 * l3"
    assert page.locator("#source .hl2").first.inner_text() == "loss.backward("
    assert press(page, "ArrowLeft", 4)["seq"] == 8
    assert lit(page) == "l4.mean()"


def test_a_call_over_several_lines_is_lit_whole(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=11")
    assert lit(page) == "loss.backward(\nretain_graph=False,\n)"


def test_home_end_and_phases(visit: Open, chain: str) -> None:
    page = visit(chain)
    assert press(page, "Home")["seq"] == 0
    assert press(page, "End")["seq"] == 23
    assert press(page, "Home")["step"] == 0
    assert press(page, "Shift+ArrowRight")["seq"] == 1
    page.keyboard.press("End")
    assert press(page, "Shift+ArrowLeft")["seq"] == 21  # over the accumulate


def test_holding_an_arrow_keeps_up(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=0")
    page.evaluate(
        """() => { window.drawn = new Set();
            const look = () => { drawn.add(__gradviz.state().seq); requestAnimationFrame(look); }; look(); }"""
    )
    page.keyboard.down("ArrowRight")
    for _ in range(19):
        page.keyboard.down("ArrowRight")
        page.wait_for_timeout(33)
    page.keyboard.up("ArrowRight")
    now = state(page)
    assert now["step"] == now["steps"] - 1 == 20
    assert page.evaluate("drawn.size") > 12


def test_space_plays_and_pauses(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=0")
    page.keyboard.press("Space")
    page.wait_for_timeout(1500)
    page.keyboard.press("Space")
    there = state(page)["seq"]
    assert there >= 1
    page.wait_for_timeout(800)
    assert state(page)["seq"] == there


def test_the_console_is_in_step(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=12")
    assert "Nothing printed" in page.locator("#console").inner_text()
    press(page, "ArrowRight")
    assert "l4 grad tensor" in page.locator("#console").inner_text()
    page.keyboard.press("End")
    state(page)
    assert page.locator("#console li").count() == 2  # also what came after the last stop
    assert page.locator("#outputs").inner_text() == "2 of 2 outputs"
    assert press(page, "Home")["seq"] == 0
    assert "Nothing printed" in page.locator("#console").inner_text()


def test_the_timeline_is_clicked_and_zoomed(visit: Open, chain: str) -> None:
    page = visit(chain)
    box = page.locator("#timeline").bounding_box()
    page.mouse.click(box["x"] + 101, box["y"] + 60)
    assert state(page)["seq"] == 0
    page.mouse.move(box["x"] + 700, box["y"] + 60)
    page.mouse.wheel(0, -600)
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 60)
    assert 0 < state(page)["seq"] < 24


# --- the story -------------------------------------------------------------------------------------------------------
def test_an_error_shows_its_three_stops(visit: Open, inplace: str) -> None:
    page = visit(inplace)
    assert state(page)["seq"] == 10
    assert [stop["number"] for stop in page.evaluate("__gradviz.stops()")] == [1, 2, 3]
    assert page.locator("#source .num").all_inner_texts() == ["1", "2", "3"]
    assert page.locator("#source .num.on").inner_text() == "3"
    page.wait_for_selector(".story")
    assert page.locator(".story li").count() == 3
    assert "b was overwritten after it was saved" in page.locator("#drawer").inner_text()
    assert not page.locator("#inspector").is_visible()
    assert page.locator("#findings").inner_text() == "1 finding"
    assert [press(page, "e")["seq"] for _ in range(3)] == [3, 5, 10]
    assert press(page, "Shift+E")["seq"] == 5
    page.wait_for_selector(".story .num.on >> text=2")


def test_a_stop_leads_to_its_event(visit: Open, inplace: str) -> None:
    page = visit(inplace)
    page.locator(".story button").first.click()
    assert state(page)["seq"] == 3
    assert lit(page) == "b * b"


# --- selecting -------------------------------------------------------------------------------------------------------
def test_a_click_pins_and_escape_follows(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=21")
    leaf = find(page, "leaf", "w2")
    page.mouse.click(*centre_of(page, leaf))
    now = state(page)
    assert (now["element"], now["pinned"]) == (leaf, True)
    page.wait_for_selector("#inspector .ttl >> text=w2")
    assert f"n={leaf}" in page.url
    press(page, "ArrowLeft")
    assert state(page)["element"] == leaf
    now = press(page, "Escape")
    assert not now["pinned"]
    assert "n=" not in page.url or page.wait_for_timeout(200) is None


def test_brackets_go_between_op_and_node(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=7")
    node = press(page, "]")
    assert node["seq"] == 15
    assert press(page, "[")["seq"] == 7


def test_dot_and_comma_visit_what_touches(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=7")
    page.mouse.click(*centre_of(page, find(page, "leaf", "w3")))
    seen = [press(page, ".")["seq"] for _ in range(3)]
    assert seen == [16, 17, 17]
    assert press(page, ",")["seq"] == 16


def test_the_legend_filters(visit: Open, chain: str) -> None:
    page = visit(chain)
    button = page.locator("#legend button", has_text="Leaf")
    button.click()
    assert state(page)["hidden"] == ["leaf"]
    assert page.locator("#legend button", has_text="Leaf").get_attribute("aria-pressed") == "false"
    page.locator("#legend button", has_text="Leaf").click()
    assert state(page)["hidden"] == []


def test_zoom_drag_and_fit(visit: Open, chain: str) -> None:
    page = visit(chain)
    before = state(page)["view"]
    leaf = find(page, "leaf", "w1")
    x, y = centre_of(page, leaf)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    zoomed = state(page)["view"]
    assert zoomed["k"] > before["k"]
    assert centre_of(page, leaf) == pytest.approx((x, y), abs=1)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=4)
    page.mouse.up()
    assert centre_of(page, leaf) == pytest.approx((x + 40, y + 30), abs=5)
    assert press(page, "0")["view"]["k"] == pytest.approx(before["k"])


def test_twins_face_each_other(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=16")
    now = state(page)
    one, other = (page.evaluate(f"__gradviz.rect('{now['lit'][which][0]}')") for which in ("focus", "twins"))
    assert one["y"] == pytest.approx(other["y"])
    assert one["x"] + other["x"] == pytest.approx(now["size"]["width"])


# --- the address -----------------------------------------------------------------------------------------------------
def test_a_deep_link_restores_the_moment(visit: Open, chain: str) -> None:
    leaf = find(visit(chain), "leaf", "w1")
    page = visit(chain, f"#e=22&n={leaf}")
    now = state(page)
    assert (now["seq"], now["element"], now["pinned"]) == (22, leaf, True)
    page.wait_for_selector("#inspector .ttl >> text=w1")


def test_stepping_replaces_and_jumps_push(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=5")
    deep = page.evaluate("history.length")
    press(page, "ArrowRight", 2)
    page.wait_for_timeout(250)
    assert page.url.endswith("#e=7")
    assert page.evaluate("history.length") == deep
    press(page, "End")
    assert page.evaluate("history.length") == deep + 1
    page.go_back()
    assert state(page)["seq"] == 7
    page.go_forward()
    assert state(page)["seq"] == 23


@pytest.mark.parametrize("hash", ["#e=99999", "#e=-4", "#e=x", "#n=<script>", "#e=1e9&n=nothing"])
def test_a_wrong_link_still_opens(visit: Open, chain: str, hash: str) -> None:
    page = visit(chain, hash)
    assert 0 <= state(page)["seq"] < 25
    press(page, "ArrowLeft")


# --- themes, menus, words ---------------------------------------------------------------------------------------------
def test_dark_is_chosen_and_remembered(visit: Open, chain: str) -> None:
    page = visit(chain, color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert press(page, "t")["theme"] == "dark"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert state(page)["theme"] == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_system_theme_is_the_default(visit: Open, chain: str) -> None:
    assert state(visit(chain, color_scheme="dark"))["theme"] == "dark"


@pytest.mark.parametrize("format", ["svg", "png", "pdf", "dot", "json"])
def test_export_downloads(visit: Open, chain: str, format: str, tmp_path: Path) -> None:
    page = visit(chain, "#e=16")
    page.locator("#export").click()
    with page.expect_download() as waiting:
        page.locator(f"[data-export={format}]").click()
    assert waiting.value.suggested_filename == f"chain-16.{format}"
    waiting.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").stat().st_size > 1000


def test_search_goes_from_hit_to_hit(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=0")
    page.keyboard.press("/")
    page.keyboard.type("mulbackward0 ran")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits >> text=1/3")
    assert state(page)["seq"] == 15
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits >> text=2/3")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("#hits >> text=1/3")
    page.keyboard.press("Escape")
    assert press(page, "ArrowRight")["seq"] == 16


def test_keys_are_in_the_help_sheet(visit: Open, chain: str) -> None:
    page = visit(chain)
    page.keyboard.press("?")
    sheet = page.locator("#help-sheet")
    assert sheet.is_visible()
    labels = page.evaluate("__gradviz.commands().map(one => one.label)")
    assert len(labels) > 15
    for label in labels:
        assert label in sheet.inner_text()
    before = state(page)["seq"]
    assert press(page, "ArrowRight")["seq"] == before  # no shortcut reaches what is behind
    page.keyboard.press("Escape")
    assert not sheet.is_visible()


def test_typing_is_not_stepping(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=4")
    page.locator("#search").click()
    page.keyboard.type("fetch 0 [.,")
    page.keyboard.press("ArrowLeft")
    assert state(page)["seq"] == 4


def test_readers_hear_what_is_drawn(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=0")
    item = page.locator("#elements li", has_text="backward node MulBackward0").first
    assert "not yet" in item.inner_text()
    press(page, "End")
    page.wait_for_timeout(250)
    assert "not yet" not in item.inner_text()
    assert page.locator("#sentence").get_attribute("aria-live") == "polite"


def test_markup_in_names_and_prints_stays_text(visit: Open, serving: Serve, tmp_path: Path) -> None:
    evil = "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
    trace = traces.chain(tmp_path / "evil.gvt", script=f"{evil}.py", rename=("loss", "<b>loss</b>"), said=evil)
    page = visit(serving(trace), "#e=14")
    press(page, "End")
    page.wait_for_timeout(300)
    for seq in (8, 11, 14, 21):
        page.evaluate(f"__gradviz.go({seq})")
        page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert evil in page.locator("#console").inner_text()
    assert page.locator("#sentence img, #console img, #console script, #inspector img, .script img").count() == 0


def test_a_trace_without_events_says_so(visit: Open, serving: Serve, tmp_path: Path) -> None:
    trace = tmp_path / "empty.gvt"
    traces.Script(trace, "import torch\n", "empty.py").close()
    page = visit(serving(trace))
    says = "The trace holds no event: no tensor was touched."
    assert page.locator("#sentence").inner_text() == says
    assert page.locator("#forward-note").inner_text() == says
    assert page.locator("#console").inner_text() == says
    assert page.locator(".meta b").last.inner_text() == "complete, no events"
    assert page.locator("#findings").inner_text() == "nothing to check"
    press(page, "ArrowRight")
    assert page.locator("#counter").inner_text() == "0 / 0"


def test_calls_are_walked_with_page_keys(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=2")
    assert press(page, "PageDown")["seq"] == 11
    assert press(page, "PageDown")["seq"] == 11
