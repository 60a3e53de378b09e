"""The joined program, the page as text, and what a browser may keep."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from dash import html

from gradviz.ui import bundle
from gradviz.ui.app import make_app
from gradviz.ui.markup import markup
from gradviz.ui.session import Session

from . import traces

NODE = shutil.which("node")


def test_every_module_is_in_the_program_once() -> None:
    entries = {"boot", "standalone"}
    for entry in entries:
        program = bundle.script(entry)
        for path in bundle.ASSETS.glob("*.mjs"):
            assert program.count(f"const ${path.stem} = (") == (path.stem not in entries - {entry})
        assert "import {" not in program
        assert "\nexport " not in program


@pytest.mark.skipif(NODE is None, reason="node is missing")
def test_the_program_is_one_that_can_be_read(tmp_path: Path) -> None:
    assert NODE is not None
    (tmp_path / "page.mjs").write_text(bundle.script(), "utf-8")
    done = subprocess.run([NODE, "--check", str(tmp_path / "page.mjs")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_page_holds_its_panes_and_asks_for_little(tmp_path: Path) -> None:
    client = make_app(Session.open(traces.chain(tmp_path / "chain.gvt"))).server.test_client()
    page = client.get("/").get_data(as_text=True)
    for pane in ("source", "console", "stage", "timeline", "sentence", "search", "react-entry-point"):
        assert page.count(f'id="{pane}"') == 1
    assert "<script src=" not in page  # Dash comes after the first picture
    assert page.count(bundle.name()) == 2
    assert page.count("href=") < 15
    answer = client.get(bundle.name())
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/page/other.js").status_code == 404


def test_what_stands_in_markup_is_text() -> None:
    evil = '<script>"{%config%}"</script>'
    piece = html.Div([evil, html.B(["a", None, 1]), html.I()], title=evil, hidden=True, **{"data-x": "&"})
    assert markup(piece) == (
        '<div hidden title="&lt;script&gt;&quot;&#123;%config%}&quot;&lt;/script&gt;" data-x="&amp;">'
        "&lt;script&gt;&quot;&#123;%config%}&quot;&lt;/script&gt;<b>a1</b><i></i></div>"
    )
    with pytest.raises(TypeError):
        markup({"a": 1})
