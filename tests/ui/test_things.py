"""What a name stands for: the thing itself, nearest to the playhead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradviz.replay import Replay
from gradviz.ui.things import Things

LOOP = """import gradviz.engine as torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
def halve(grad):
    return grad / 2
for i in range(3):
    h = w * i
    h.register_hook(halve)
    loss = h.exp().sum()
    loss.backward()
"""


@pytest.fixture
def loop(recorded: Callable[[str], Replay]) -> Replay:
    return recorded(LOOP)


def test_a_name_is_the_tensor_that_has_it_at_the_playhead(loop: Replay) -> None:
    muls = [seq for seq in loop.events("op") if loop.event(seq).name == "mul"]
    made = [loop.event(seq).outputs[0].tid for seq in muls]
    for turn, seq in enumerate(muls):
        first = Things(loop).find("h", seq)[0]
        assert (first.kind, first.name, first.element, first.many) == ("tensor", "h", f"t{made[turn]}", 3)
        assert first.seq == -1  # it is here
    ahead = Things(loop).find("h", 0)[0]
    assert (ahead.element, ahead.seq) == (f"t{made[0]}", muls[0])
    behind = Things(loop).find("h", loop.events("print")[0] if loop.events("print") else loop.end)[0]
    assert behind.element == f"t{made[2]}"


def test_a_leaf_stays_where_one_is(loop: Replay) -> None:
    for words in ("w", "w.grad", "W.Grad"):
        first = Things(loop).find(words, loop.end)[0]
        assert (first.name, first.about, first.seq) == ("w", "2 · leaf · line 2", -1)


def test_a_node_leads_to_its_step(loop: Replay) -> None:
    first = Things(loop).find("expbackward0", loop.end)[0]
    event = loop.event(first.seq)
    assert (first.name, first.many, event.kind) == ("ExpBackward0", 3, "step")
    assert first.element == f"n{event.nid}"
    steps = [seq for seq in loop.events("step") if loop.node(loop.event(seq).nid).name == "ExpBackward0"]
    assert first.seq == steps[2]


def test_exact_names_come_first_and_short_words_do_not_stand_inside_others(loop: Replay) -> None:
    found = Things(loop).find("exp", loop.end)
    assert [one.name for one in found][:2] == ["exp", "ExpBackward0"]
    short = [one.name for one in Things(loop).find("os", 0) if one.kind != "line"]
    assert short == []  # not "loss": two letters are a word, or begin one
    assert Things(loop).find("oss", 0)[0].name == "loss"
    hook = Things(loop).find("halve", loop.end)[0]
    assert (hook.kind, loop.kind(hook.seq)) == ("hook", "hook_call")
    lines = [one for one in Things(loop).find("w * i", 0) if one.kind == "line"]
    assert ("h = w * i", "6") in [(one.name, one.element.partition(".")[2]) for one in lines]
    unknown = "".join(("zeb", "ra"))  # this file is a source of the trace, too
    assert Things(loop).find(unknown, 0) == Things(loop).find("", 0) == []
