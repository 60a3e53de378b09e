"""Answers about a tensor, a node or an op at an event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradviz.replay import Replay, inspect

Record = Callable[[str], Replay]

PROGRAM = """
a = torch.tensor([1.0, 3.0], requires_grad=True)
b = a + 2
first = b[0]
loss = (b * b).mean()
b.detach().mul_(10.0)
c = a * 5
c.retain_grad()
c.sum().backward()
"""


def tid_of(replay: Replay, name: str) -> int:
    tids = {tid for tid in replay.index.facts.ints("tid").tolist() if replay.name(tid) == name}
    assert len(tids) == 1, tids
    return int(tids.pop())


def seq_of(replay: Replay, kind: str, place: int = -1) -> int:
    return replay.events(kind)[place]


def test_a_tensor_tells_what_it_is_and_who_made_it(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    view = inspect.tensor(replay, tid_of(replay, "b"), replay.end)
    assert (view.label, view.made_by, view.grad_fn, tuple(view.facts.shape), view.facts.dtype) == (
        "b", "add", "AddBackward0", (2,), "float32")
    assert view.storage_bytes == 8
    assert not view.facts.is_leaf
    assert "mul" in {name for _, name in view.used_by}


def test_the_versions_of_a_storage_name_the_op_and_the_alias(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    versions = inspect.tensor(replay, tid_of(replay, "b"), replay.end).versions
    assert [(version.version, version.by, version.via) for version in versions] == [
        (0, "", ""), (1, "mul_", "b.detach()")]
    before = inspect.tensor(replay, tid_of(replay, "b"), versions[1].seq - 1)
    assert [version.version for version in before.versions] == [0]


def test_a_value_is_followed_through_writes_by_an_alias(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    tid = tid_of(replay, "b")
    write = inspect.tensor(replay, tid, replay.end).versions[1].seq
    before, after = inspect.tensor(replay, tid, write - 1).value.array, inspect.tensor(replay, tid, write).value.array
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before, [3.0, 5.0])
    np.testing.assert_array_equal(after, [30.0, 50.0])
    first = inspect.tensor(replay, tid_of(replay, "first"), replay.end)
    assert first.value.array is not None
    assert first.value.array.item() == 30.0
    assert [alias.label for alias in first.aliases] == ["b", "first", "b.detach()"]


def test_a_saved_tensor_that_was_written_since_is_not_valid(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    mul = next(seq for seq in replay.events("op") if replay.event(seq).name == "mul")
    nid = replay.event(mul).nodes[0].nid
    then, now = inspect.node(replay, nid, mul), inspect.node(replay, nid, replay.end)
    assert [(saved.label, saved.version, saved.now, saved.valid) for saved in then.saved] == [
        ("b", 0, 0, True), ("b", 0, 0, True)]
    assert [(saved.now, saved.valid) for saved in now.saved] == [(1, False), (1, False)]
    assert then.state == "waiting"
    assert then.formula is not None


def test_gradients_of_a_node_are_there_once_it_has_run(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    step = next(seq for seq in replay.events("step")
                if replay.node(replay.event(seq).nid).name == "MulBackward0")  # type: ignore[union-attr]
    nid = replay.event(step).nid
    assert inspect.node(replay, nid, step - 1).grads_out[0].content.reason == "has not flowed yet"
    ran = inspect.node(replay, nid, step)
    assert (ran.state, ran.grads_out[0].label) == ("ran", "a")
    assert ran.grads_out[0].content.array is not None
    np.testing.assert_array_equal(ran.grads_out[0].content.array, [5.0, 5.0])


@pytest.mark.parametrize(("name", "reason"), [
    ("b", "not a leaf: add at line 3 made it"), ("first", "not a leaf"), ("a", ""), ("c", "")])
def test_a_gradient_is_there_or_says_why_not(recorded: Record, name: str, reason: str) -> None:
    replay = recorded(PROGRAM)
    grad = inspect.tensor(replay, tid_of(replay, name), replay.end).grad
    if reason:
        assert reason in grad.reason
        assert grad.array is None
    else:
        assert grad.array is not None
    early = "no backward has run yet" if name == "a" else "not a leaf"
    assert early in inspect.tensor(replay, tid_of(replay, name), 3).grad.reason


def test_what_was_not_recorded_says_which_option_keeps_it(recorded: Record) -> None:
    replay = recorded("big = torch.ones(1000)\nother = big * 2")
    view = inspect.tensor(replay, tid_of(replay, "other"), replay.end)
    assert view.value.array is None
    assert "--values full" in view.value.reason
    assert view.value.norm == pytest.approx(np.sqrt(4000), rel=1e-5)


def test_an_op_lists_what_it_read_and_made(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    mul = next(seq for seq in replay.events("op") if replay.event(seq).name == "mul")
    view = inspect.op(replay, mul)
    assert (view.name, view.text, view.mode, view.ok) == ("mul", "b * b", "grad", True)
    assert [(label, version) for _, label, version in view.inputs] == [("b", 0), ("b", 0)]
    with pytest.raises(KeyError):
        inspect.op(replay, seq_of(replay, "backward"))


def test_unknown_ids_are_key_errors(recorded: Record) -> None:
    replay = recorded(PROGRAM)
    with pytest.raises(KeyError):
        inspect.tensor(replay, 10**9, 0)
    with pytest.raises(KeyError):
        inspect.node(replay, 10**9, 0)


def test_a_node_that_no_op_made_can_be_looked_at(recorded: Record) -> None:
    replay = recorded("x = torch.ones(2, 2, requires_grad=True)\nh = x * 2\nrow = h[0]\nh.mul_(3)\nprint(row.grad_fn)")
    rebind = replay.event(replay.events("rebind")[-1])
    view = inspect.node(replay, rebind.facts.grad_fn, replay.end)
    assert (view.name, view.made_by, view.state) == ("AsStridedBackward0", "", "waiting")
