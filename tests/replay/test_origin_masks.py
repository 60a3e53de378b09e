"""NaN of a masked softmax: a mask is no culprit unless it covers a whole row; and where a replay opens."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.replay import Replay
from gradviz.replay.origin import first_bad, value_origin
from tests.replay.test_why import tid_of

Record = Callable[[str], Replay]

MASKED = """
s = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
mask = torch.tensor([[False, True], [True, True]])
m = (s * 2).masked_fill(mask, float("-inf"))
p = torch.softmax(m, dim=-1)
loss = p.sum()
loss.backward()
"""


def test_a_row_that_is_masked_throughout_is_said_to_be_so(recorded: Record) -> None:
    replay = recorded(MASKED)
    origin = value_origin(replay, tid_of(replay, "loss"), replay.end)
    assert origin is not None
    began = origin.began[0]
    assert (began.kind, began.by, replay.event(began.seq).name) == ("masked", "softmax", "softmax")
    words, = began.causes
    assert words == (f"1 of 2 rows of m are -inf throughout: masked_fill at line {began.line - 1} masked every entry, "
                     "so nothing is left to weigh")
    infinite = value_origin(replay, tid_of(replay, "m"), replay.end)
    assert infinite is not None
    assert "put it there on purpose" in infinite.beginnings()[0]


def test_the_op_that_made_nan_of_a_mask_is_named(recorded: Record) -> None:
    replay = recorded("""
w = torch.tensor([1.0, 0.0], requires_grad=True)
mask = torch.full((2,), float("-inf"))
a = w * mask
loss = a.sum()
loss.backward()
""")
    origin = value_origin(replay, tid_of(replay, "loss"), replay.end)
    assert origin is not None
    assert (origin.began[0].by, origin.began[0].kind) == ("mul", "masked")


def test_an_overflow_is_still_the_culprit_and_not_what_divides_by_it(recorded: Record) -> None:
    replay = recorded("""
x = torch.tensor([1.0, 1000.0], requires_grad=True)
e = torch.exp(x)
loss = (e / e.sum()).sum()
loss.backward()
""")
    origin = value_origin(replay, tid_of(replay, "loss"), replay.end)
    assert origin is not None
    assert (origin.began[0].by, origin.began[0].kind) == ("exp", "op")


def test_a_replay_opens_where_the_first_nan_was_made(recorded: Record) -> None:
    replay = recorded(MASKED)
    assert replay.event(replay.opening()).name == "softmax"
    backward = recorded("""
x = torch.tensor([4.0, 0.0], requires_grad=True)
for i in range(3):
    safe = torch.where(x > 0, x.sqrt() if i == 1 else x, torch.zeros(2))
    safe.sum().backward()
""")
    opened = backward.event(backward.opening())
    assert (opened.kind, backward.node(opened.nid).name) == ("step", "SqrtBackward0")
    clean = recorded("x = torch.ones(2, requires_grad=True)\nx.sum().backward()\n")
    assert first_bad(clean) == -1
    assert clean.opening() == clean.events("backward")[0]
