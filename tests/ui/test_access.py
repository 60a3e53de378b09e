"""The page without a mouse, and for eyes that need contrast; in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .test_page import press, state

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
CONTRAST = """() => {
  const parse = text => { const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    c.clearRect(0, 0, 1, 1); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const known = new Map();
  const colour = text => { if (!known.has(text)) known.set(text, parse(text)); return known.get(text); };
  const over = (top, under) => { const a = top[3] / 255; return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)); };
  const behind = node => { const stack = [];
    for (let one = node; one; one = one.parentElement) { const c = colour(getComputedStyle(one).backgroundColor);
      if (c[3]) stack.push(c); if (c[3] === 255) break; }
    return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255]); };
  const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let read = 0;
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.closest(".sr,script,style")) continue;
    if (!node.checkVisibility({ visibilityProperty: true })) continue;
    const ground = behind(node), ink = over(colour(getComputedStyle(node).color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    read += 1;
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.className} ${walk.currentNode.data.slice(0, 30)}`);
  }
  return { faint, read };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_the_contrast_of_aa(visit: Open, inplace: str, chain: str, theme: str) -> None:
    for url, hash in ((inplace, ""), (inplace, "#e=10"), (chain, "#e=22"), (chain, "#e=22&find=1"),
                      (chain, "#e=6&view=events"), (chain, "#e=22&view=flow")):
        page = visit(url, hash, color_scheme=theme)
        page.wait_for_selector(".right .ttl:visible")
        found = page.evaluate(CONTRAST)
        assert found["read"] > 20
        assert found["faint"] == []


def test_the_keyboard_alone_reaches_and_selects_an_element(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=22")
    box = page.locator("#elements")
    box.focus()
    assert box.bounding_box()["width"] > 100  # it is seen while the keyboard is in it
    for _ in range(40):
        page.keyboard.press("ArrowUp")
    chosen = page.locator("#elements [aria-selected=true]")
    assert chosen.count() == 1
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowDown")
    wanted = page.locator("#elements [aria-selected=true]").get_attribute("data-id")
    page.keyboard.press("Enter")
    now = state(page)
    assert (now["element"], now["pinned"]) == (wanted, True)
    assert press(page, "ArrowLeft")["seq"] == 21  # the arrows of time still are the page's
    page.locator("#tab-inspector").focus()
    assert box.bounding_box()["width"] < 2


def test_tab_goes_through_the_inspector_and_enter_follows_a_link(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=22")
    page.wait_for_selector("#inspector [data-seq]")
    page.locator("#tab-inspector").focus()
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("""() => { const one = document.activeElement, style = getComputedStyle(one);
            return [one.closest("#inspector") !== null, one.dataset.seq ?? "", style.outlineStyle] }"""))
        if seen[-1][1]:
            break
    inside, seq, outline = seen[-1]
    assert inside
    assert outline == "solid"  # the focus is seen
    page.keyboard.press("Enter")
    assert state(page)["seq"] == int(seq)


def test_what_happens_is_said_aloud(visit: Open, chain: str) -> None:
    page = visit(chain, "#e=8")
    assert page.locator("#sentence").get_attribute("aria-live") == "polite"
    before = page.locator("#sentence").inner_text()
    press(page, "ArrowRight")
    assert page.locator("#sentence").inner_text() != before
