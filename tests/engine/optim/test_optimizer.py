"""What optimizers do beside the numbers: states, hooks, versions, and what a recorder is told."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import gradviz.engine as torch
from tests.engine.test_events import Ear, ear  # noqa: F401 - a fixture

NAMES = ["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "ASGD", "Rprop"]


def leaf(*values: float) -> Any:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def descend(optimizer: Any, p: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        ((p - 1) ** 2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", NAMES)
def test_a_state_taken_over_goes_on_the_same(name: str) -> None:
    options: dict[str, Any] = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    p = leaf(3.0, -2.0)
    optimizer = getattr(torch.optim, name)([p], lr=0.05, **options)
    descend(optimizer, p, 4)
    q = p.detach().clone().requires_grad_()
    other = getattr(torch.optim, name)([q], lr=7.0, **options)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    descend(optimizer, p, 3)
    descend(other, q, 3)
    assert q.tolist() == pytest.approx(p.tolist(), rel=1e-6)  # as PyTorch's, rates kept in float32 are widened


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_can_be_kept(clone: Any) -> None:
    p = leaf(3.0)
    optimizer = torch.optim.Adam([p], lr=0.1)
    descend(optimizer, p, 2)
    kept = clone(optimizer.state_dict())
    assert kept["state"][0]["step"].item() == 2.0
    assert kept["param_groups"][0]["params"] == [0]


def test_a_state_of_before_tensors_counted_steps() -> None:
    p = leaf(3.0)
    optimizer = torch.optim.Adam([p], lr=0.1)
    descend(optimizer, p, 2)
    state = optimizer.state_dict()
    state["state"][0]["step"] = 2
    del state["param_groups"][0]["maximize"]
    optimizer.load_state_dict(state)
    assert optimizer.state[p]["step"].item() == 2.0
    assert optimizer.param_groups[0]["maximize"] is False


def test_a_copied_optimizer_steps() -> None:
    p = leaf(3.0)
    optimizer = copy.deepcopy(torch.optim.SGD([p], lr=0.1))
    q = optimizer.param_groups[0]["params"][0]
    descend(optimizer, q, 1)
    assert (q.item(), p.item()) == (pytest.approx(2.6), 3.0)


def test_hooks() -> None:
    p = leaf(3.0)
    said: list[str] = []
    optimizer = torch.optim.SGD([p], lr=0.1)
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: said.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: said.append("after"))
    optimizer.register_state_dict_pre_hook(lambda o: said.append("asked"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: said.append("second"))
    optimizer.register_load_state_dict_pre_hook(lambda o, state: said.append("first"), prepend=True)
    optimizer.register_load_state_dict_post_hook(lambda o: said.append("loaded"))
    descend(optimizer, p, 1)
    handle.remove()
    descend(optimizer, p, 1)
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    assert state["more"] == 1
    assert said == ["before", "after", "after", "asked", "first", "second", "loaded"]


def test_a_step_writes_in_place_and_backward_notices() -> None:
    w = leaf(2.0)
    x = w * 3.0
    loss = (x * w).sum()
    optimizer = torch.optim.SGD([w], lr=0.1)
    w.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    assert (w._version, w.is_leaf, w.grad_fn, w.requires_grad) == (1, True, None, True)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: \[torch.DoubleTensor \[1\]\]"):
        loss.backward()


def test_a_user_written_optimizer() -> None:
    class Sign(torch.optim.Optimizer):  # type: ignore[misc, name-defined]
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])

    p = leaf(3.0, -2.0)
    optimizer = Sign([p], 0.5)
    descend(optimizer, p, 1)
    assert p.tolist() == [2.5, -1.5]
    assert repr(optimizer) == "Sign (\nParameter Group 0\n    lr: 0.5\n)"


def test_zero_grad_keeps_the_tensor_if_asked() -> None:
    p = leaf(3.0)
    optimizer = torch.optim.SGD([p], lr=0.1)
    (p * p).sum().backward()
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad
    assert grad.item() == 0.0
    optimizer.zero_grad()
    assert p.grad is None


def test_a_gradient_flows_through_differentiable_steps() -> None:
    """By hand: p1 = p - lr * 2p, so d(p1^2)/dp = 2 p1 (1 - 2 lr)."""
    p = leaf(3.0)
    moved = p.clone()
    moved.grad = 2 * p
    torch.optim.SGD([moved], lr=0.1, differentiable=True).step()
    (moved ** 2).sum().backward()
    assert p.grad.item() == pytest.approx(2 * 2.4 * 0.8)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "Adamax"])  # PyTorch's writes what it has saved
def test_differentiable_steps_move_the_same(name: str) -> None:
    p, q = leaf(3.0, -2.0), leaf(3.0, -2.0)
    plain = getattr(torch.optim, name)([p], lr=0.05)
    moved = q.clone()
    moved.retain_grad()
    other = getattr(torch.optim, name)([moved], lr=0.05, differentiable=True)
    for _ in range(3):
        p.grad = torch.tensor([1.0, -2.0], dtype=torch.float64)
        moved.grad = torch.tensor([1.0, -2.0], dtype=torch.float64)
        plain.step()
        other.step()
    assert moved.tolist() == pytest.approx(p.tolist(), rel=1e-6)
    moved.sum().backward()
    assert q.grad is not None


def test_what_a_recorder_is_told(ear: Ear) -> None:  # noqa: F811
    p, q = leaf(3.0), leaf(1.0)
    optimizer = torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (p * q).sum().backward()
        optimizer.step()
    told, = ear.of("optimizer")
    assert (told.cls, told.groups) == ("SGD", (("0", 0.1, (p._tid,)), ("1", 0.5, (q._tid,))))
    scopes = ear.of("scope")
    assert [(s.path, s.cls, s.entered) for s in scopes] == [("SGD.step", "SGD", True), ("SGD.step", "SGD", False)] * 2
    writes = [op for op in ear.of("op") if op.name == "add_"]
    assert [op.writes[0][2:5] for op in writes] == [(p._tid, 0, 1), (q._tid, 0, 1), (p._tid, 1, 2), (q._tid, 1, 2)]
    assert {op.mode for op in writes} == {"no_grad"}
    assert [(e.tid, e.to) for e in ear.of("grad_set")] == [(p._tid, "none"), (q._tid, "none")]
    optimizer.param_groups[1]["lr"] = 0.25
    optimizer.step()
    assert [event.groups[1][1] for event in ear.of("optimizer")] == [0.5, 0.25]
    assert ear.of("optimizer")[1].id == told.id


def test_ops_of_a_step_are_in_its_scope(recorded: Any) -> None:
    replay = recorded("w = torch.ones(2, requires_grad=True)\n"
                      "(w * w).sum().backward()\n"
                      "torch.optim.SGD([w], lr=0.1).step()\n"
                      "y = w + 1\n")
    scopes = {op.name: op.scope for op in map(replay.event, replay.events("op"))}
    assert scopes["add_"] != 0
    assert scopes["add"] == 0
