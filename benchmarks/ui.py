"""How quickly the replay page answers: ``python benchmarks/ui.py [--turns 50 1000] [--rounds 3] [--json FILE]``.

The run is a recurrent network unrolled by hand, recorded by the engine, and run again without gradients. Its page is
looked at in headless Chromium, 1440x900, without a GPU. *open*: from starting to read the trace to the first picture
on the screen. *step*: from the key to the frame that shows it. *held*: the arrow at 30 Hz for three seconds; frames
that did not show the newest step, and steps that were never shown. *expand*, *collapse*: from the click (the pointer
has been there for 0.2 s, in which the page asks for the picture) to the first frame of the new picture, which then
moves for 150 ms. *search*: from the last letter to the count of hits.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

SCRIPT = """import torch

torch.manual_seed(0)
turns, width = {turns}, 4
xs = torch.randn(turns, width)
W = torch.randn(width, width, requires_grad=True)
U = torch.randn(width, width, requires_grad=True)
V = torch.randn(width, width, requires_grad=True)
b = torch.zeros(width, requires_grad=True)


def cell(x, h):
    gate = torch.sigmoid(x @ W + h @ U + b)
    fresh = torch.tanh(x @ V + h * gate)
    return (gate * h + (1 - gate) * fresh) * 0.9


def run():
    h, loss = torch.zeros(width), torch.zeros(())
    for t in range(turns):
        h = cell(xs[t], h)
        loss = loss + (h * h).mean()
    return loss


run().backward()
with torch.no_grad():
    run()
"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--enable-precise-memory-info"]
READY = "() => document.documentElement.dataset.ready === 'yes'"
PAINTED = """new Promise(done => requestAnimationFrame(() => {
  const c = new MessageChannel(); c.port1.onmessage = () => done(performance.now()); c.port2.postMessage(0); }))"""
STEP = f"""async () => {{
  const once = {{ capture: true, once: true }};
  const gone = new Promise(done => addEventListener("keydown", () => done(performance.now()), once));
  const before = __gradviz.state().shown;
  document.dispatchEvent(new KeyboardEvent("keydown", {{ key: "ArrowRight", bubbles: true }}));
  const from = await gone;
  while (__gradviz.state().shown === before) await new Promise(requestAnimationFrame);
  return await {PAINTED} - from;
}}"""
HOLD = """async () => {
  let behind = 0, frames = 0, sent = 0, over = false;
  const shown = new Set(), wanted = [];
  const watch = () => {  // what is newest when the frame begins must be what it shows
    const c = new MessageChannel(), newest = __gradviz.state().seq;
    c.port1.onmessage = () => {
      const now = __gradviz.state().shown;
      frames += 1; shown.add(now); if (now !== newest) behind += 1;
    };
    c.port2.postMessage(0);
    if (!over) requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
  await new Promise(done => { const timer = setInterval(() => {
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, repeat: sent > 0 }));
    wanted.push(__gradviz.state().seq); sent += 1;
    if (sent >= 90) { clearInterval(timer); done(); } }, 1000 / 30); });
  await new Promise(done => setTimeout(done, 100));
  over = true;
  return { sent, frames, behind, skipped: wanted.filter(seq => !shown.has(seq)).length };
}"""
TURN = f"""async id => {{
  const key = () => __gradviz.regions().map(region => region.id).join(), before = key();
  __gradviz.foresee(id);
  await new Promise(done => setTimeout(done, 200));
  const from = performance.now();
  __gradviz.turn(id);
  while (key() === before) await new Promise(done => setTimeout(done, 1));
  return await {PAINTED} - from;
}}"""
SEARCH = """async words => {
  const box = document.getElementById("search"), note = document.getElementById("hits");
  note.textContent = "";
  box.value = words;
  const from = performance.now();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  while (!note.textContent) await new Promise(done => setTimeout(done, 1));
  return performance.now() - from;
}"""
CLOSED = """() => __gradviz.ids().filter(id => id[0] === "m").map(id => id.slice(1))"""


def recorded(turns: int, folder: Path) -> Path:
    """A trace of the run."""
    script, trace = folder / f"rnn{turns}.py", folder / f"rnn{turns}.gvt"
    script.write_text(SCRIPT.format(turns=turns))
    command = [sys.executable, "-m", "gradviz", "run", "--no-view", "-q", "-o", str(trace), str(script)]
    subprocess.run(command, check=True)
    return trace


@contextmanager
def serving(trace: Path) -> Iterator[str]:
    from gradviz.ui.server import start

    server, url = start(str(trace), port=0, quiet=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def measured(browser: Any, trace: Path) -> dict[str, float]:
    """One visit to the page: milliseconds and megabytes."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    found: dict[str, float] = {}
    start = time.perf_counter()
    with serving(trace) as url:
        page.goto(url, wait_until="commit")
        page.wait_for_function(READY)
        page.evaluate(PAINTED)
        found["open"] = (time.perf_counter() - start) * 1000
        page.wait_for_timeout(1500)
        steps = [page.evaluate(STEP) for _ in range(60)]
        found["step"], found["step p95"] = median(steps), quantiles(steps, n=20)[-1]
        page.wait_for_timeout(300)
        held = page.evaluate(HOLD)
        found |= {"held frames": held["frames"], "held behind": held["behind"], "held skipped": held["skipped"]}
        page.wait_for_timeout(300)
        found["expand"] = max(turned(page, max(page.evaluate(CLOSED), default="")) for _ in range(3))
        regions = page.evaluate("() => __gradviz.regions().map(region => region.id)")
        found["collapse"] = max(turned(page, region) for region in regions[:-4:-1])
        found["search"] = max(page.evaluate(SEARCH, words) for words in ("tanh", "mulbackward0 ran", "W.grad", "x @ W"))
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        found["heap MB"] = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        page.close()
    return found


def turned(page: Any, group: str) -> float:
    """A group opened or closed."""
    took: float = page.evaluate(TURN, group)
    page.wait_for_timeout(250)
    return took


MUST: dict[str, tuple[str, str]] = {
    "open": ("1,500", "3,000"), "step": ("34", "34"), "step p95": ("50", "60"), "held frames": ("", ""),
    "held behind": ("0", "0"), "held skipped": ("0", ""), "expand": ("100", "250"), "collapse": ("100", "250"),
    "search": ("100", "300"), "heap MB": ("60", "250")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", nargs="+", type=int, default=[50, 1000], help="of the unrolled loop: 21 nodes each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from gradviz.replay import Replay

    program = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
                   None)
    results: dict[str, Any] = {"machine": f"{platform.machine()}, Python {platform.python_version()}"}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for number, turns in enumerate(given.turns):
            trace = recorded(turns, Path(folder))
            replay = Replay.open(trace)
            name = f"{len(replay.index.nodes):,} nodes, {replay.n:,} events"
            if not number:
                measured(browser, trace)  # the process loads what it needs
            rounds = [measured(browser, trace) for _ in range(given.rounds)]
            results[name] = {key: median(one[key] for one in rounds) for key in rounds[0]}
            table = Table("ms" if number else "milliseconds", "found", "must", title=name)
            for key, value in results[name].items():
                table.add_row(key, f"{value:,.0f}", MUST[key][min(number, 1)])
            Console().print(table)
        browser.close()
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
