"""The replay as one HTML file: it opens from a disk, steps, and asks nobody for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradviz.replay import Replay
from gradviz.ui.session import Session
from gradviz.ui.standalone import page
from tests.conftest import Run

LONG = """
import gradviz.engine as torch
x = torch.ones(3, requires_grad=True)
h = x
for i in range(332):
    h = (h * 1.01).sin()
h.sum().backward()
"""
EVIL = """
import gradviz.engine as torch
x = torch.ones(3, requires_grad=True)
d = {}
d["<script>document.title = 'evil'</script>"] = x * 2
print("</script><script>document.title = 'evil'</script>")
d["<script>document.title = 'evil'</script>"].sum().backward()
"""


def test_a_thousand_nodes_take_less_than_a_hundred_kilobytes(gradviz: Run, tmp_path: Path) -> None:
    """Before values."""
    (tmp_path / "long.py").write_text(LONG)
    assert gradviz("run", "--no-view", "--values", "none", "-o", "long.gvt", "long.py").returncode == 0
    session = Session.open(tmp_path / "long.gvt")
    assert len(session.replay.index.nodes) > 600
    assert len(page(session)) < 100_000


@pytest.mark.browser
def test_it_opens_from_a_disk(recorded: Callable[[str], Replay], browser: Any, tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, "-m", "gradviz", "export", recorded(EVIL).path, "-o",
                           str(tmp_path / "replay.html")], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    asked: list[str] = []
    said: list[str] = []
    tab = browser.new_context(bypass_csp=True).new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto((tmp_path / "replay.html").as_uri())
    tab.wait_for_selector("html[data-ready]")
    tab.keyboard.press("Home")
    first = tab.evaluate("window.__gradviz.state().seq")
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("window.__gradviz.state().step === 1")
    assert tab.evaluate("window.__gradviz.state().seq") > first
    tab.wait_for_function("document.querySelector('#inspector').textContent.includes('<script>')")
    tab.keyboard.press("End")
    tab.wait_for_function("document.querySelector('#inspector').textContent.includes('Backward')")
    assert tab.title() != "evil"
    assert not said
    assert [url for url in asked if not re.match(r"(file:.*replay\.html|blob:|data:)", url)] == []
    tab.close()


def test_a_script_of_any_name_can_be_exported(gradviz: Run, tmp_path: Path) -> None:
    (tmp_path / "PACKED.py").write_text(EVIL)
    assert gradviz("run", "--no-view", "-q", "-o", "named.gvt", "PACKED.py").returncode == 0
    assert b"<title>PACKED.py" in page(Session.open(tmp_path / "named.gvt"))
