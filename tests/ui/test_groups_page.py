"""Groups, iterations, breakpoints and the palette in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Open, served
from .test_page import press, state

pytestmark = pytest.mark.browser
Serve = Callable[[Path], str]
LOOP = """import torch

w = torch.tensor([0.5, 0.25], requires_grad=True)
b = torch.zeros(2, requires_grad=True)
x = torch.ones(40, 2)


def cell(x, h):
    fresh = torch.tanh(x * w + h)
    return fresh * 0.5 + b


for step in range(3):
    h = torch.zeros(2)
    for t in range(40):
        h = cell(x[t], h)
    loss = h.sum()
    loss.backward()
    w.grad = b.grad = None
"""


def recorded(folder: Path, text: str, name: str = "loop.py") -> Path:
    script, trace = folder / name, folder / "trace.gvt"
    script.write_text(text)
    command = [sys.executable, "-m", "gradviz", "run", "--no-view", "-q", "-o", str(trace), str(script)]
    subprocess.run(command, check=True, timeout=120)
    return trace


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(recorded(tmp_path_factory.mktemp("loop"), LOOP)) as url:
        yield url


def regions(page: Any) -> list[str]:
    return list(page.evaluate("__gradviz.regions().map(region => region.id)"))


def settled(page: Any) -> dict[str, Any]:
    """Once a picture has come to rest after a group was opened or closed."""
    page.wait_for_timeout(350)
    return state(page)


def click(page: Any, x: float, y: float) -> None:
    box = page.locator("#stage").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)


def test_a_click_opens_a_group_where_it_stands_and_its_title_closes_it(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=4&open=0")
    ids = page.evaluate("__gradviz.ids()")
    group = next(id for id in ids if id.startswith("m0."))
    page.evaluate("id => __gradviz.reveal(id)", group)
    before = page.evaluate("id => __gradviz.rect(id)", group)
    click(page, before["x"], before["y"])
    settled(page)
    assert group[1:] in regions(page)
    frame = page.evaluate("id => __gradviz.frame(id, 'forward')", group[1:])
    assert frame["t"] == pytest.approx(before["t"], abs=0.01)
    half = state(page)["size"]["width"] / 2
    assert 0 <= frame["l"] < frame["r"] <= half  # beside that it moves only as far as it must to stay in its pane
    assert f"open={group[1:]}" in page.url
    assert f"k{group[1:]}" not in page.evaluate("__gradviz.ids()")  # its mirror opened too
    click(page, frame["l"] + 40, frame["t"] + 12)
    settled(page)
    after = page.evaluate("id => __gradviz.rect(id)", group)
    assert after["t"] == pytest.approx(before["t"], abs=0.01)
    assert group[1:] not in regions(page)
    page.go_back()
    settled(page)
    assert group[1:] in regions(page)


def test_the_layout_stands_still_while_one_steps_through_what_is_hidden(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=0&open=")
    ids = page.evaluate("__gradviz.ids()")
    places = "() => __gradviz.ids().map(id => { const r = __gradviz.rect(id); return r && [id, r.w, r.h]; })"
    before = page.evaluate(places)
    lit = set()
    for _ in range(60):
        found = press(page, "ArrowRight")
        lit |= set(found["lit"]["focus"])
    assert page.evaluate("__gradviz.ids()") == ids
    assert page.evaluate(places) == before
    assert any(id.startswith("m") for id in lit)


def test_keys_open_and_close_around_the_playhead(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=30&open=")
    assert regions(page) == []
    press(page, "o")
    settled(page)
    opened = regions(page)
    assert len(opened) == 1
    press(page, "o")
    settled(page)
    assert len(regions(page)) == 2
    press(page, "Shift+O")
    settled(page)
    press(page, "Shift+O")
    settled(page)
    assert len(regions(page)) < 2


def test_the_head_says_how_much_is_shown_and_opens_more(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=30&open=")
    budget = page.locator("#backward-head .budget")
    assert "showing" in budget.inner_text()
    shown = int(budget.locator("b").inner_text())
    page.locator("#backward-head .more").click()
    settled(page)
    assert int(budget.locator("b").inner_text()) > shown
    assert "›" in page.locator("#forward-head").inner_text() or len(regions(page)) == 1


def test_one_picks_an_iteration_and_the_groups_stay_open(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=30&open=0.1")
    assert state(page)["graph"] == 0
    page.locator(".pick").fill("3")
    page.locator(".pick").press("Enter")
    settled(page)
    assert state(page)["graph"] == 2
    assert "0.1" in regions(page)
    page.locator(".calls .turn").first.click()
    settled(page)
    assert state(page)["graph"] == 1


def test_two_pages_on_one_trace_do_not_disturb_each_other(visit: Open, loop: str) -> None:
    one, other = visit(loop, "#e=30&open="), visit(loop, "#e=30&open=0")
    press(one, "o")
    settled(one)
    assert regions(other) == ["0"]
    press(other, "ArrowRight", 3)
    assert state(one)["seq"] == 30


def test_breakpoints_stop_in_the_whole_run_and_are_remembered(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=0")
    press(page, "b")
    page.locator("#break-sheet .ask").fill("kind == 'backward' and")
    page.keyboard.press("Enter")
    page.wait_for_selector("#break-sheet .note.bad")
    page.locator("#break-sheet .ask").fill("norm(grad(w)) > 0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#break-sheet >> text=3 stops")
    page.keyboard.press("Escape")
    hits = page.evaluate("__gradviz.breaks().hits")
    for key, hit in (("c", hits[0]), ("c", hits[1]), ("c", hits[2]), ("Shift+C", hits[1])):
        press(page, key)
        page.wait_for_function(f"__gradviz.state().seq === {hit}")  # once the picture of its iteration has come
    press(page, "m")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_function("__gradviz.breaks().hits.length === 3")
    assert page.evaluate("__gradviz.breaks().bookmarks") == [hits[1]]
    press(page, "Home")
    press(page, "Shift+M")
    page.wait_for_function(f"__gradviz.state().seq === {hits[1]}")


def test_the_palette_runs_what_it_finds(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=0")
    press(page, "Control+k")
    page.keyboard.type("last event")
    page.keyboard.press("Enter")
    found = state(page)
    assert found["step"] == found["steps"] - 1
    assert page.locator("#palette").is_hidden()


def test_the_strip_of_iterations_leads_to_each_call(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=0")
    page.wait_for_timeout(200)
    box = page.locator("#lanes").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 60, box["y"] + 14)
    assert state(page)["graph"] == 2


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_nothing_moves_for_whoever_wants_no_motion(visit: Open, loop: str, wish: str) -> None:
    page = visit(loop, "#e=0", reduced_motion=wish)
    press(page, "Home")
    step = "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))"
    moves = page.evaluate(f"() => {{ {step}; return __gradviz.state().moving; }}")
    assert moves is (wish == "no-preference")
    page.wait_for_function("() => !__gradviz.state().moving")
    group = page.evaluate("__gradviz.ids().find(id => id.startsWith('m'))").removeprefix("m")
    moves = page.evaluate("async id => { await __gradviz.turn(id); return __gradviz.state().moving; }", group)
    assert moves is (wish == "no-preference")


def test_the_rail_moves_what_is_in_sight(visit: Open, loop: str) -> None:
    page = visit(loop, "#e=30&open=0.1.2,0.2.3")
    box = page.locator("#rail").bounding_box()
    page.mouse.click(box["x"] + 30, box["y"] + box["height"] - 20)
    low = state(page)["view"]["y"]
    page.mouse.click(box["x"] + 30, box["y"] + 20)
    assert state(page)["view"]["y"] > low


def test_names_of_groups_are_text(visit: Open, serving: Serve, tmp_path: Path) -> None:
    """A path of modules is the script's own; here it is markup, and stays what it is."""
    text = LOOP.replace("loss.backward()", "loss.backward()  # <img src=x onerror=alert(1)>")
    page = visit(serving(recorded(tmp_path, text, "<b>.py")), "#e=30&open=0.0")
    assert page.locator("#forward-head img, #forward-head b b").count() == 0
    assert "<b>.py" in page.locator(".script").inner_text()
