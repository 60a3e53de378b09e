"""The picture of a moment, in every format: what must be on it, and that nothing in it is taken for markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from gradviz import export
from gradviz.export.raster import font_paths
from gradviz.layout import place
from gradviz.layout.measure import width
from gradviz.scene.model import Scene
from gradviz.scene.style import THEMES, colours, line, look, style
from tests.layout.scenes import chain, inplace

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '</text><script>alert("1")</script> & <b> \x00\x1b ]]> "\'\\n'


def svg_of(scene: Scene, seq: int, **more: str) -> str:
    caption = export.Caption("run.gvt", f"event {seq}", "it ran")
    return export.svg(scene, place(scene), seq, caption=caption, **more)


def words(text: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(text).iter(f"{SVG}text")]


def test_chain_says_what_the_page_says() -> None:
    found = words(svg_of(chain(), 21))
    for expected in ("run.gvt", "event 21", "it ran", "FORWARD", "BACKWARD", "l1", "MulBackward0", "‖28‖", "∇l1",
                     "‖14‖", "AccumulateGrad", "∅ no grad", "w3.grad", "10", "Leaf", "Kept", "Hook", "Ran"):
        assert expected in found, expected
    assert "Released" not in found
    assert "28" not in found  # accumulated one event later


def test_state_is_that_of_the_event() -> None:
    assert "1 of 2" in words(svg_of(chain(), 16))
    assert "‖28‖" not in words(svg_of(chain(), 20))
    assert "Released" in words(svg_of(chain(), 24))
    assert "Gradient" not in words(svg_of(chain(), 5))


def test_a_story_is_told_with_stops_and_versions() -> None:
    at_error = words(svg_of(inplace(), 10))
    for expected in ("needs version 0", "finds version 1", "1", "2", "3", "one storage, 8 bytes", "Overwritten",
                     "Failed"):
        assert expected in at_error, expected
    before = words(svg_of(inplace(), 5))
    assert "holds b, version 0" in before
    assert "finds version 1" not in before
    assert "2" in before  # a shape, not a stop
    assert "3" not in before


@pytest.mark.parametrize("graph", ["forward", "backward"])
def test_one_side_alone(graph: str) -> None:
    found = words(svg_of(inplace(), 10, graph=graph))
    assert ("MulBackward0" in found) == (graph == "backward")
    assert ("b[0] =" in found) == (graph == "forward")
    assert "needs version 0" not in found


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scene", [chain(), inplace()])
def test_every_event_draws_in_every_theme(scene: Scene, theme: str) -> None:
    placed = place(scene)
    known = set(colours(theme).values())
    for seq in range(-1, 26):
        text = export.svg(scene, placed, seq, theme=theme)
        ElementTree.fromstring(text)
        assert "nan" not in text.replace("nan-", "").lower().replace("nan/inf", "")
        assert set(re.findall(r"#[0-9A-Fa-f]{6}", text)) <= known


def test_users_words_stay_words() -> None:
    scene = chain()
    scene.nodes[4].label[:] = [(0, NASTY)]
    scene.edges[-1].label[:] = [(0, NASTY)]
    placed = place(scene)
    text = export.svg(scene, placed, 21, caption=export.Caption(NASTY, NASTY, NASTY))
    root = ElementTree.fromstring(text)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in text
    assert export.png(text, 1).startswith(b"\x89PNG")
    assert export.pdf(text).startswith(b"%PDF")
    dot = export.dot(scene, placed, 21)
    assert "<<" not in dot
    json.loads(export.json(scene, placed, 21))


def test_long_words_are_shortened_and_stay_inside() -> None:
    scene = chain()
    scene.nodes[4].label[:] = [(0, "self." + "encoder." * 20 + "weight")]
    drawn = [word for word in words(svg_of(scene, 21)) if "…" in word]
    assert drawn[0].startswith("self.encoder.")
    assert drawn[0].endswith("weight")
    room = place(scene).nodes["l1"].w
    assert width(drawn[0], style().kinds["tensor"].label) <= room


def test_png_has_the_size_and_the_ground_of_the_theme() -> None:
    text = svg_of(chain(), 21, theme="dark")
    w, h = (int(value) for value in re.findall(r'(?:width|height)="(\d+)"', text)[:2])
    image = Image.open(BytesIO(export.png(text, 2))).convert("RGB")
    assert image.size == (2 * w, 2 * h)
    assert image.getpixel((2, 2)) == (0x11, 0x15, 0x1A)
    assert len(image.getcolors(1 << 20) or []) > 50


def test_png_scale_must_be_positive() -> None:
    with pytest.raises(ValueError, match="larger than 0"):
        export.png(svg_of(chain(), 1), 0)


def test_a_very_large_graph_still_makes_a_png_and_a_pdf() -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="60000" viewBox="0 0 3000 60000"></svg>'
    image = Image.open(BytesIO(export.png(text, 2)))
    assert 70_000_000 < image.size[0] * image.size[1] <= 81_000_000
    page = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", export.pdf(text))
    assert page is not None
    assert float(page[2]) <= 14_400


def test_pdf_carries_the_bundled_fonts() -> None:
    content = export.pdf(svg_of(inplace(), 10))
    assert content.startswith(b"%PDF")
    assert content.count(b"DejaVuSans") >= 3
    assert content.count(b"/FontFile2") >= 3


def test_fonts_are_there_with_their_licence() -> None:
    paths = [Path(path) for path in font_paths()]
    assert all(path.stat().st_size > 100_000 for path in paths)
    assert sum(path.stat().st_size for path in paths) < 1_500_000
    assert "Bitstream" in (paths[0].parent / "LICENSE.txt").read_text()


def test_dot_has_every_node_at_its_place() -> None:
    scene = chain()
    placed = place(scene)
    text = export.dot(scene, placed, 21)
    l1 = placed.nodes["l1"]
    assert re.search(rf'l1 \[label="l1\\n2×2 ∇ 14".*pos="{l1.x:g},{placed.height - l1.y:g}!"', text)
    assert text.count("->") == len(scene.edges)
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Kneato", "-n2", "-Tplain"], input=text, capture_output=True, text=True,
                              timeout=20)
        assert done.returncode == 0
        assert done.stdout.count("\nnode ") == len(scene.nodes)


def test_json_holds_states_and_places() -> None:
    scene = inplace()
    placed = place(scene)
    told = json.loads(export.json(scene, placed, 10))
    nodes = {node["id"]: node for node in told["nodes"]}
    assert nodes["mulB"]["state"] == "failed"
    assert nodes["b1"]["state"] == "overwritten"
    assert nodes["bb"]["grad"] == {"state": "passed", "text": "0.707"}
    assert nodes["mul"]["x"] + nodes["mulB"]["x"] == told["width"]
    assert [stop["number"] for stop in told["stops"]] == [1, 2, 3]
    assert {edge["id"]: edge["label"] for edge in told["edges"]}["needs"] == "needs version 0"


def test_unknown_words_are_answered_with_the_known_ones() -> None:
    scene = chain()
    placed = place(scene)
    with pytest.raises(ValueError, match="both, forward, backward, not 'all'"):
        export.svg(scene, placed, 1, graph="all")
    with pytest.raises(ValueError, match="light, dark, not 'blue'"):
        export.svg(scene, placed, 1, theme="blue")


def test_the_style_table_knows_every_state_of_the_model() -> None:
    from gradviz.scene.model import Node

    doc = Node.__doc__ or ""
    for row in re.findall(r"^\s+(\w+)\s+(?:forward|backward|either)\s+.*?((?:future)(?: \w+)*)$", doc, re.M):
        for state in row[1].split():
            assert state in style().looks[row[0]], row
            look(row[0], state)
    for kind in ("data", "gradient", "view", "cut", "needs", "finds"):
        for state in ("future", "rest", "flowed", "stale", "cut"):
            assert state in style().edges[kind]
            line(kind, state)
    assert set(style().themes["light"]) == set(style().themes["dark"])


def test_every_token_of_the_table_is_a_colour() -> None:
    known = set(style().themes["light"]) | {""}
    for kind, states in style().looks.items():
        for state in states:
            seen = look(kind, state)
            assert {seen.fill, seen.stroke, seen.ink, seen.sub, seen.value, seen.hatch} <= known
            assert seen.shape in style().shapes
            assert {seen.sign} <= set(style().signs) | {""}
            assert {seen.mark} <= set(style().marks) | {""}
    assert {pill.fill for pill in style().pills.values()} <= known
    assert set(style().tones.values()) <= known
