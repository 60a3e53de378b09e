"""What the inspector says, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dash.development.base_component import Component

from gradviz.formulas import FORMULAS
from gradviz.ui.panes.findings import drawer
from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.inspector import answer
from gradviz.ui.panes.parts import brief
from gradviz.ui.panes.tex import render
from gradviz.ui.session import Session

from . import traces


def words(piece: Any) -> str:
    """All text of a tree of components."""
    if isinstance(piece, (list, tuple)):
        return " ".join(filter(None, map(words, piece)))
    if isinstance(piece, Component):
        return words(getattr(piece, "children", None))
    return "" if piece is None else " ".join(str(piece).split())


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session.open(traces.chain(tmp_path_factory.mktemp("inspect") / "chain.gvt"))


@pytest.fixture(scope="module")
def inplace(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session.open(traces.inplace(tmp_path_factory.mktemp("inspect") / "inplace.gvt"))


def said(session: Session, seq: int, element: str = "") -> str:
    return words(answer(Focus(session, seq, element)))


def element(session: Session, kind: str, label: str) -> str:
    return next(node.id for node in session.scene(0).nodes if node.kind == kind and node.label[-1][1] == label)


def test_every_mark_has_an_answer_at_every_event(chain: Session, inplace: Session) -> None:
    for session in (chain, inplace):
        for seq in range(session.replay.n):
            assert said(session, seq)
            for node in session.scene(0).nodes:
                assert said(session, seq, node.id), (seq, node.id)


def test_a_node_shows_the_numbers_in_its_formula(chain: Session) -> None:
    text = said(chain, 16)
    assert text.startswith("MulBackward0 backward of l1 * w3 , line 10")
    assert "∂loss ∂l1 = ∂loss ∂l3 ⊙ w3" in text
    assert "1.25 1.25 1.25 1.25 incoming ⊙ 4 saved w3 = 5 5 5 5 to l1" in text
    assert "∑ 2×2" in text
    assert "10 to w3" in text


def test_why_adds_up_the_recorded_shares(chain: Session) -> None:
    text = said(chain, 22, element(chain, "leaf", "w1"))
    assert "Why 28? 2 shares add up at l1" in text
    assert "via l3 MulBackward0 5" in text
    assert "via l2 AddBackward0 2" in text
    assert "5 + 2 = 7 exact" in text


def test_a_sum_that_is_not_whole_yet_says_so(chain: Session) -> None:
    assert "Why 5? one path" in said(chain, 16, element(chain, "tensor", "l1"))


def test_the_end_of_a_backward_names_what_it_left(chain: Session) -> None:
    text = said(chain, 23)
    assert text.startswith("Backward is done")
    assert "Gradients now" in text
    assert "w1.grad scalar ‖28‖" in text


def test_a_failed_backward_tells_the_story_of_its_failure(inplace: Session) -> None:
    assert said(inplace, 11).startswith("b was overwritten after it was saved")


def test_none_has_a_reason(chain: Session) -> None:
    assert "no backward has run yet" in said(chain, 4, element(chain, "leaf", "w1"))
    assert "requires_grad is False" in said(chain, 22, element(chain, "input", "input"))


def test_what_passed_but_was_not_kept_is_shown_as_that(chain: Session) -> None:
    text = said(chain, 22, element(chain, "tensor", "l3"))
    assert "gradient, not kept" in text
    assert "1.25" in text


def test_an_op_shows_what_went_in_and_out(chain: Session) -> None:
    text = said(chain, 6)
    assert text.startswith("mul l1 * w3 at line 10")
    assert "2 2 2 2 l1 ⊙ 4 w3 = 8 8 8 8 l3" in text
    assert "Backward twin" in text


def test_a_finding_is_told_in_stops(inplace: Session) -> None:
    text = words(drawer(inplace))
    for part in (
        "b was overwritten after it was saved",
        "1 Saved b * b line 6",
        "2 Overwritten b[0] = 1000.0 line 7",
        "3 Failed loss.backward() line 9",
        "needed 3 5",
        "found 1000 5",
        "+ b = b.clone()",
        "What torch said RuntimeError",
    ):
        assert part in text


def test_a_stop_of_a_finding_leads_to_its_story(inplace: Session, chain: Session) -> None:
    button = answer(Focus(inplace, 10, ""))[0].to_plotly_json()["props"]
    assert button["data-finding"] == 0
    assert "overwritten" not in said(inplace, 4)


def test_no_finding_says_what_was_looked_for(chain: Session) -> None:
    text = words(drawer(chain))
    assert text.startswith("No findings All 25 events were looked through.")
    assert "In-place ops that were refused" in text


def test_a_saved_tensor_that_was_overwritten_is_told(inplace: Session) -> None:
    node = next(
        node.id for node in inplace.scene(0).nodes if node.kind == "node" and node.label[-1][1] == "MulBackward0"
    )
    assert "v0, valid" in said(inplace, 4, node)
    assert "v0, found v1" in said(inplace, 10, node)


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_can_be_set(name: str) -> None:
    for source in (FORMULAS[name].forward, *FORMULAS[name].edges):
        text = words(render(source))
        assert text
        assert "\\" not in text
        assert "{" not in text


@pytest.mark.parametrize("source", [r"\unknown{a}", r"\frac{a}", "a}", r"\text{a"])
def test_a_formula_that_cannot_be_set_is_refused(source: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        render(source)


def test_symbols_are_replaced() -> None:
    assert words(render(r"g \odot \mathrm{self}", {"g": "7", "self": "w3"})) == "7 ⊙ w3"


def test_a_long_chain_is_followed(tmp_path: Path) -> None:
    session = Session.open(traces.long_run(tmp_path / "long.gvt", 120))
    assert "one path" in said(session, session.replay.n - 2)


def test_a_place_names_its_file_unless_that_is_the_script(chain: Session) -> None:
    focus = Focus(chain, 0, "")
    script = str(chain.replay.meta["script"])
    assert focus.place(script, 3) == "line 3"
    assert focus.place("/somewhere/layers.py", 3) == "layers.py:3"
    assert focus.place(script, 0) == ""


def test_long_names_keep_their_ends() -> None:
    assert brief("loss") == "loss"
    assert brief("very_long_variable_name_for_the_final_training_loss_value") == "very_long_v…loss_value"
