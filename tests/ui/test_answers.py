"""Questions that a person asks of a run, and what the inspector answers; the runs are recorded here."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.ui.panes.focus import Focus
from gradviz.ui.panes.inspector import answer
from gradviz.ui.session import Session

from .test_inspector import words
from .test_samples import record

HOOKED = """import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
h = w * 3
h.retain_grad()
def halve(g):
    return g / 2
h.register_hook(halve)
cut = h.detach()
view = h[:1]
out = h.sum()
out.backward()
with torch.no_grad():
    cut.add_(5)
dead = (w * 0).sum()
w.grad = None
dead.backward()
"""
TRAINED = """import torch
model = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False))
with torch.no_grad():
    model[0].weight.fill_(1.0)
opt = torch.optim.SGD(model.parameters(), lr=0.5)
x = torch.tensor([[1.0, 0.0]])
for i in range(3):
    loss = model(x).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Session]:
    folder, found = tmp_path_factory.mktemp("answers"), {}
    for name, text in (("hooked", HOOKED), ("trained", TRAINED)):
        (folder / f"{name}.py").write_text(text)
        record(folder / f"{name}.py", folder / f"{name}.gvt")
        found[name] = Session.open(folder / f"{name}.gvt")
    return found


def said(session: Session, label: str, seq: int = -1) -> str:
    """What the inspector says of a tensor of that label, at the end of the run or at an event."""
    seq = session.replay.end if seq < 0 else seq
    focus = Focus(session, seq, "")
    found = [f"t{thing}" for thing in session.replay.index.names.ints("tid") if session.replay.label(thing) == label]
    found += [node.id for node in focus.scene.nodes if node.side == "forward" and node.label[-1][1] == label]
    return words(answer(Focus(session, seq, found[-1])))


def first(session: Session, kind: str, phase: str = "") -> int:
    events = (session.replay.event(seq) for seq in session.replay.events(kind))
    return next(event.seq for event in events if not phase or event.phase == phase)


def test_what_did_the_hook_change(runs: dict[str, Session]) -> None:
    text = said(runs["hooked"], "h", first(runs["hooked"], "backward", "end"))
    assert "Hooks 1 registered halve line 5 returned another 1 → 0.5" in text


def test_a_hook_that_has_not_run_says_so(runs: dict[str, Session]) -> None:
    assert "It has not run by this event." in said(runs["hooked"], "h", first(runs["hooked"], "backward", "begin"))


def test_who_overwrote_it_and_through_which_alias(runs: dict[str, Session]) -> None:
    session = runs["hooked"]
    write = next(seq for seq in session.replay.events("op") if session.replay.event(seq).name == "add_")
    text = said(session, "h", write)
    assert "3 aliases" in text
    assert "cut · detach" in text
    assert "view · view" in text
    assert "v1 cut.add_(5) through cut [8, 11] line 13" in text


def test_why_is_it_none(runs: dict[str, Session]) -> None:
    session = runs["hooked"]
    text = said(session, "w", session.replay.events("grad_set")[-1])
    assert "Why None? 2 reasons set to None at line 15" in text
    assert "no backward has run since" in text


def test_where_did_the_zeros_begin(runs: dict[str, Session]) -> None:
    text = said(runs["hooked"], "w")
    assert "Where did the zeros begin?" in text
    assert "MulBackward0 at line 14" in text


def test_who_holds_a_parameter_and_what_was_its_gradient(runs: dict[str, Session]) -> None:
    session = runs["trained"]
    text = said(session, "0.weight", session.replay.events("accumulate")[1])
    assert "parameter 0.weight of 0 Linear" in text
    assert "optimizer SGD , group 0, lr 0.5" in text
    assert "Gradient after 3 backward calls now ‖1‖, at most ‖1‖" in text  # x is (1, 0), whatever the weight


def test_a_line_tells_all_its_executions(runs: dict[str, Session]) -> None:
    session = runs["trained"]
    text = words(answer(Focus(session, session.replay.end, "L0.8")))
    assert text.startswith("line 8 loss = model(x).sum() ran 3 times 6 ops")
    # the weight loses (0.5, 0) a step: the losses are 1, 0.5 and 0
    for told in ("1 sum loss scalar ‖1‖ ∇", "2 sum loss scalar ‖0.5‖ ∇", "3 sum loss scalar ‖0‖ ∇"):
        assert told in text
    assert "No op ran on this line." in words(answer(Focus(session, 0, "L0.1")))


def test_a_group_tells_what_is_inside(runs: dict[str, Session]) -> None:
    session = runs["trained"]
    focus = Focus(session, session.replay.events("accumulate")[0], "")
    groups = [node.id for node in focus.scene.nodes if node.kind == "group"]
    groups += [f"m{region.id}" for region in focus.scene.regions]
    texts = [words(answer(Focus(session, focus.seq, one))) for one in groups]
    assert any("linear" in text and "2 in 1, gradient ‖1‖ 0.weight 1×2 ‖1‖" in text for text in texts), texts


def test_a_place_opens_in_an_editor(runs: dict[str, Session]) -> None:
    from gradviz.ui.panes.about_line import links

    link = links("/tmp/a b/it's#1.py", 3, 7, "x < y").to_plotly_json()["props"]["children"][1]
    edit, copy = link.to_plotly_json()["props"]["children"]
    assert edit.to_plotly_json()["props"]["href"] == "vscode://file/tmp/a%20b/it%27s%231.py:3:7"
    assert copy.to_plotly_json()["props"]["data-copy"] == "/tmp/a b/it's#1.py:3:7  x < y"


def test_a_formula_tells_two_tensors_of_one_name_apart(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text(
        "import torch\nx = torch.ones(2, requires_grad=True)\nx = x * 3\nx = x + 1\nx.sum().backward()\n")
    record(tmp_path / "same.py", tmp_path / "same.gvt")
    session = Session.open(tmp_path / "same.gvt")
    nodes = session.scene(0).nodes
    node = next(one.id for one in nodes if one.kind == "node" and one.label[-1][1] == "AddBackward0")
    text = words(answer(Focus(session, session.replay.end, node)))
    assert "∂x = " in text
    assert "∂x′" in text
    assert "x′ is the tensor that the op made and bound to the name x" in text
