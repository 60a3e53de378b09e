"""Tensors that nobody bound to a name: what optimizers and dropout keep for themselves."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.replay import Replay
from gradviz.replay.narrate import sentence

Record = Callable[[str], Replay]


def test_the_state_of_an_optimizer_is_called_by_its_parameter_from_its_birth(recorded: Record) -> None:
    replay = recorded("""
w = torch.ones(3, requires_grad=True)
layer = torch.nn.Linear(3, 2)
opt = torch.optim.Adam([w, *layer.parameters()])
for _ in range(2):
    layer(w).sum().backward()
    opt.step()
""")
    written = {replay.label(write.tid, seq) for seq in replay.events("op") for write in replay.event(seq).writes}
    kept = {f"{name} of {of}" for name in ("step", "exp_avg", "exp_avg_sq") for of in ("w", "weight", "bias")}
    assert written - {"div(…)"} == {"w", "weight", "bias"} | kept
    states = [seq for seq in replay.events("owner") if replay.event(seq).role == "state"]
    assert len(states) == 9  # each is told once, not in every step
    assert sentence(replay, states[0]) == "step of w is kept by the optimizer"
    made = replay.born(replay.event(states[1]).tid)
    assert sentence(replay, made).startswith("exp_avg of w created: 3 of 0")


def test_momentum_too(recorded: Record) -> None:
    replay = recorded("""
w = torch.ones(3, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1, momentum=0.9)
for _ in range(2):
    w.sum().backward()
    opt.step()
""")
    assert "momentum_buffer of w" in [replay.label(write.tid, seq) for seq in replay.events("op")
                                      for write in replay.event(seq).writes]


def test_a_dropout_mask_is_called_so(recorded: Record) -> None:
    replay = recorded("""
x = torch.ones(8, requires_grad=True)
y = torch.nn.functional.dropout(x, 0.5)
y.sum().backward()
""")
    op = next(seq for seq in replay.events("op") if replay.event(seq).name == "dropout")
    assert sentence(replay, op).endswith("MulBackward0 keeps dropout mask")
