"""Gradient flow and the table of events: what the server says of them, and the page with them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gradviz.replay import Replay
from gradviz.replay.flow import flow
from gradviz.ui.session import Session

TRAINING = """
import gradviz.engine as torch
from gradviz.engine import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1)))
unused = torch.ones(2, requires_grad=True)
for i in range(4):
    x = torch.ones(5, 2) * (float("nan") if i == 3 else 1)
    if i == 1:
        (unused * 0).sum().backward()
    model.zero_grad()
    model(x).sum().backward()
"""


@pytest.fixture
def training(recorded: Callable[[str], Replay]) -> Replay:
    return recorded(TRAINING)


def test_a_row_for_each_leaf_and_a_column_for_each_call(training: Replay) -> None:
    rows = {row.name: row for row in flow(training)}
    assert set(rows) == {"0.weight", "0.bias", "1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias", "unused"}
    assert rows["1.0.bias"].module == "1.0"
    bias = rows["1.1.bias"].cells
    assert [cell and cell.norm for cell in bias] == [5.0, None, 5.0, 5.0, 5.0]
    weight = rows["0.weight"].cells[-1]
    assert weight is not None
    assert (weight.bad, weight.size) == (6, 6)
    zero = rows["unused"].cells
    assert [cell and (cell.norm, cell.zeros, cell.largest) for cell in zero] == [None, (0.0, 2, 0.0), None, None, None]
    for row in rows.values():
        for cell in row.cells:
            assert cell is None or training.event(cell.seq).tid == row.tid


def test_norms_are_those_of_the_events(training: Replay) -> None:
    session = Session.open(training.path)
    norms = np.frombuffer(base64.b64decode(msgspec.json.decode(session.norms())["norms"]), "<f4")
    assert len(norms) == training.n
    for seq in training.events("accumulate"):
        told = training.norm_of(training.gradient(training.event(seq).grad))
        assert norms[seq] == pytest.approx(told, nan_ok=True)


@pytest.mark.browser
def test_the_views_follow_the_cursor(training: Replay, visit: Any, serving: Any) -> None:
    tab = visit(serving(Path(training.path)), bypass_csp=True)
    tab.keyboard.press("2")
    tab.wait_for_function("document.querySelectorAll('#flow-view tbody tr').length === 7")
    before = tab.evaluate("window.__gradviz.state().seq")
    box = tab.locator("#flow-view canvas").bounding_box()
    tab.mouse.click(box["x"] + box["width"] - 212, box["y"] + 60)  # the second row in the last call
    tab.wait_for_function(f"window.__gradviz.state().seq !== {before}")
    seq = tab.evaluate("window.__gradviz.state().seq")
    assert training.kind(seq) == "accumulate"
    assert training.graph_at(seq) == len(training.graphs) - 1
    tab.keyboard.press("3")
    tab.wait_for_selector(f"#events-view .row.now[data-seq='{seq}']")
    assert "view=events" in tab.url
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_function(f"document.querySelector('#events-view .row.now').dataset.seq < {seq}")
    tab.fill("#events-view input", "isnan(out)")
    tab.wait_for_function("!document.querySelector('#events-view .count').textContent.includes('  ') && "
                          "/of/.test(document.querySelector('#events-view .count').textContent)")
    shown = tab.eval_on_selector_all("#events-view .row", "rows => rows.map(row => Number(row.dataset.seq))")
    assert shown
    assert all(training.graph_at(one) == len(training.graphs) - 1 for one in shown)
    tab.fill("#events-view input", "isnan(")
    tab.wait_for_function("document.querySelector('#events-view .unread').textContent.length > 0")
    tab.go_back()
    tab.wait_for_selector("#flow-view:not([hidden])")
