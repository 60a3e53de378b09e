"""The JSON routes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from flask.testing import FlaskClient

from gradviz.export import render
from gradviz.scene.model import Placed, Scene
from gradviz.ui.app import make_app
from gradviz.ui.session import WINDOW, Session

from . import traces


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_app(
        Session.open(traces.inplace(tmp_path_factory.mktemp("routes") / "inplace.gvt"))
    ).server.test_client()


def ask(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == "application/json"
    return json.loads(answer.data)


def test_the_trace_is_described(client: FlaskClient) -> None:
    trace = ask(client, "/api/trace")
    assert (trace["name"], trace["n"], trace["opening"], trace["state"]) == ("inplace.py", 13, 10, "complete")
    assert trace["sources"]["inplace.py"].startswith("import torch")
    assert trace["findings"][0]["stops"] == [3, 5, 10]
    assert [text for _, text, _ in trace["prints"]] == ["0\n", "1\n"]


def test_the_overview_has_an_entry_an_event(client: FlaskClient) -> None:
    trace = ask(client, "/api/trace")
    columns = {name: base64.b64decode(text) for name, text in trace["overview"].items()}
    assert len(columns["kind"]) == len(columns["lane"]) == 13
    t = np.frombuffer(columns["t"], "<f4")
    assert len(t) == 13
    assert (np.diff(t) > 0).all()
    lanes = np.frombuffer(columns["lane"], np.uint8)
    assert t[0] == 0  # since the first event
    assert [seq for seq in range(13) if lanes[seq] & 64] == [0]  # the leaf
    assert not any(lane & 128 for lane in lanes)
    assert [int(lane) & 7 for lane in lanes] == [1, 1, 6, 1, 1, 1, 6, 2, 2, 2, 5, 2, 0]
    assert [seq for seq in range(13) if not lanes[seq] & 16] == [
        2, 6,  # prints are drawn, not stepped on
        9,  # the node's failure is told by the error after it
        12,  # and that is told once
    ]
    assert [seq for seq in range(13) if lanes[seq] & 32] == [5]
    assert np.frombuffer(columns["span"], "<u4").shape == (13,)


def test_events_come_in_windows(client: FlaskClient) -> None:
    assert [row["seq"] for row in ask(client, "/api/events?from=3&to=6")] == [3, 4, 5]
    assert len(ask(client, "/api/events")) == 13
    assert ask(client, "/api/events?from=50&to=60") == []
    assert ask(client, "/api/events?from=6&to=3") == []
    assert len(ask(client, "/api/events?from=-5&to=2")) == 2
    assert client.get("/api/events?from=x").status_code == 400


def test_a_window_has_a_limit(tmp_path: Path) -> None:
    session = Session.open(traces.long_run(tmp_path / "long.gvt", 1500))
    assert len(json.loads(session.events(0, 10**9))) == WINDOW


def test_a_scene_with_its_places(client: FlaskClient) -> None:
    answer = client.get("/api/scene/0").data
    both = msgspec.json.decode(answer)
    scene, placed = (
        msgspec.convert(both["scene"], Scene, strict=False),
        msgspec.convert(both["placed"], Placed, strict=False),
    )
    assert {node.id for node in scene.nodes} >= set(placed.nodes)
    assert [stop.number for stop in scene.stops] == [1, 2, 3]
    assert set(both["across"]) == {edge.id for edge in scene.edges if edge.kind in ("needs", "finds")}
    assert client.get("/api/scene/9").status_code == 404


def test_search_needs_every_word(client: FlaskClient) -> None:
    assert ask(client, "/api/search?q=needs version") == [10, 12]
    assert ask(client, "/api/search?q=inplace.py:7") == [5]
    assert ask(client, "/api/search?q=") == []
    assert ask(client, "/api/search?q=nothing-like-it") == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "format=svg",
        "format=exe&event=1",
        "format=svg&event=99",
        "format=svg&event=1&theme=pink",
        "format=svg&event=x",
    ],
)
def test_an_export_of_nonsense_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/export?{query}").status_code == 400


def test_an_export_is_named_after_script_and_event(client: FlaskClient) -> None:
    answer = client.get("/api/export?format=svg&event=10&theme=dark")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="inplace-10.svg"'
    assert answer.data.lstrip().startswith((b"<?xml", b"<svg"))


@pytest.mark.parametrize("format", ["svg", "dot", "json"])
def test_an_export_is_what_the_command_line_writes(tmp_path: Path, format: str) -> None:
    session = Session.open(traces.inplace(tmp_path / "inplace.gvt"))
    assert session.export(format, 10, "dark") == render(session.replay, format=format, event=10, theme="dark")


def test_the_page_gets_the_rooms_that_the_layout_gave(client: FlaskClient) -> None:
    both = ask(client, "/api/scene/0")
    told = {node["id"] for node in both["scene"]["nodes"] if node["grad"] and node["kind"] in ("leaf", "tensor")}
    assert set(both["rooms"]) == told
    assert all(room >= 40 for room in both["rooms"].values())


def test_the_style_table_is_served_as_it_is(client: FlaskClient) -> None:
    assert set(ask(client, "/api/style")["themes"]) == {"light", "dark"}
