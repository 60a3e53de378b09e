"""What a recorder is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import gradviz.engine as torch
from gradviz import probe
from gradviz.events import KINDS, Facts, Node, Saved, Write
from gradviz.recorder import brief


class Ear:
    """A sink that keeps what it is told, by name of field."""

    values = "auto"

    def __init__(self) -> None:
        self.heard: list[SimpleNamespace] = []
        self.told = brief.Words()
        self.words = self.told.numbers

    def clock(self) -> int:
        return 0

    def died(self, watch: probe.Watch) -> None:
        del probe.alive[watch.number]
        self.heard.append(SimpleNamespace(kind="dead", tids=[watch.number], nids=[]))

    def word(self, key: Any) -> int:
        return self.told.new(key)

    def site(self) -> int:
        return 0

    def site_of(self, call: int) -> int:
        return 0

    def brief(self, row: Any) -> None:
        """In full, as a trace would give it back."""
        code, _, numbers, *values = row
        if code == brief.OP:
            self.op(*brief.op(numbers, *values, self.told.all))
        else:
            self.step(*brief.step(numbers, values, self.told.all))

    def __getattr__(self, name: str) -> Any:
        fields = [field for field, _ in KINDS[name].fields]

        def hear(*values: Any) -> None:
            assert len(values) == len(fields), name
            told = dict(zip(fields, values, strict=True))
            self.heard.append(SimpleNamespace(kind=name, within=probe.position.within, **told))

        return hear

    def of(self, *kinds: str) -> list[SimpleNamespace]:
        return [event for event in self.heard if event.kind in kinds]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.heard if event.kind not in ("dead", "tensor")]


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    ear = Ear()
    monkeypatch.setattr(probe, "sink", ear)
    return ear


def facts(row: Any) -> Facts:
    return Facts(*row)


def nodes(event: Any) -> list[Node]:
    return [Node(*row) for row in event.nodes]


def test_an_op(ear: Ear) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    y = w * 3
    made, op = ear.of("op")
    assert (made.name, made.inputs, facts(made.outputs[0]).how) == ("tensor", [], "created")
    assert (op.name, op.args, op.inputs, op.mode, op.ok) == ("mul", "3", [(w._tid, 0)], "grad", True)
    out = facts(op.outputs[0])
    assert (out.tid, out.shape, out.stride, out.dtype) == (y._tid, (2,), (1,), "float32")
    assert (out.is_leaf, out.how) == (False, "op")
    assert out.value == y.detach().numpy().tobytes()
    own, leaf = nodes(op)
    assert (own.nid, own.name, own.edges) == (out.grad_fn, "MulBackward0", [(leaf.nid, 0), (0, 0)])
    assert (leaf.name, leaf.leaf) == ("AccumulateGrad", w._tid)


def test_saved_tensors_are_named_as_torch_names_them(ear: Ear) -> None:
    a, b = (torch.ones(2, requires_grad=True) for _ in "ab")
    y = (a * b).exp()
    mul, exp = ear.of("op")[2:]
    assert {(s.field, s.tid) for s in map(Saved._make, nodes(mul)[0].saved)} == {("self", a._tid), ("other", b._tid)}
    result, = map(Saved._make, nodes(exp)[0].saved)
    assert (result.field, result.tid, result.version) == ("result", y._tid, 0)


def test_a_packed_tensor_has_no_version(ear: Ear) -> None:
    a = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = a.exp() * a
    exp, mul = (event for event in ear.of("op") if event.name in ("exp", "mul"))
    assert [(s.field, s.tid, s.version) for s in map(Saved._make, nodes(exp)[0].saved)] == [
        ("result", facts(exp.outputs[0]).tid, -1)]
    assert {(s.field, s.version) for s in map(Saved._make, nodes(mul)[0].saved)} == {("self", -1), ("other", -1)}
    assert facts(mul.outputs[0]).tid == y._tid
    y.sum().backward()
    assert a.grad.tolist() == pytest.approx([5.436563491821289] * 2)


def test_views_detach_and_data_share_what_they_share(ear: Ear) -> None:
    x = torch.zeros(2, 3)
    row, cut, data = x[1], x.detach(), x.data
    whole, view, detached, other = (facts(event.outputs[0]) for event in ear.of("op"))
    assert (view.base, view.how, view.offset, view.sid, view.cid) == (whole.tid, "view", 3, whole.sid, whole.cid)
    assert (detached.how, detached.sid, detached.cid) == ("detach", whole.sid, whole.cid)
    assert (other.how, other.sid) == ("data", whole.sid)
    assert other.cid != whole.cid
    del row, cut, data


def test_setitem_is_one_event(ear: Ear) -> None:
    b = torch.ones(2, requires_grad=True) + 2
    b[0] = 1000.0
    op = ear.of("op")[-1]
    assert (op.name, op.args, op.inputs) == ("setitem", "[0] = 1000.0", [(b._tid, 0)])
    write, = map(Write._make, op.writes)
    assert (write.tid, write.before, write.after) == (b._tid, 0, 1)
    assert facts(op.outputs[0]).tid == b._tid
    assert nodes(op)[0].name == "CopySlices"


def test_an_in_place_op_through_a_view_tells_of_the_base(ear: Ear) -> None:
    b = torch.ones(3, requires_grad=True) * 2
    v = b[1:]
    v.mul_(3)
    op = ear.of("op")[-1]
    assert [facts(row).tid for row in op.outputs] == [v._tid, b._tid]
    assert {node.name for node in nodes(op)} == {"AsStridedBackward0", "CopySlices"}


def test_backward(ear: Ear) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    ear.heard.clear()
    loss.backward()
    assert ear.kinds() == ["backward", "step", "step", "accumulate", "backward"]
    begin, total, product, leaf, end = (e for e in ear.heard if e.kind != "dead")
    assert (begin.phase, end.phase, begin.roots[0][0]) == ("begin", "end", loss._tid)
    assert [g[2] for g in total.grads_out] == [(2,)]
    assert len(product.grads_out) == 2
    assert (leaf.was, leaf.tid, leaf.grad[4]) == ("none", w._tid, w.grad.numpy().tobytes())


def test_hooks(ear: Ear) -> None:
    w = torch.ones(2, requires_grad=True)
    y = w * 2
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    handle = w.register_hook(lambda g: None)
    y.sum().backward()
    handle.remove()
    added = ear.of("hook_add")
    calls = ear.of("hook_call")
    assert [(h.target, h.type, h.ref) for h in added] == [("tensor", "tensor", y._tid), ("tensor", "tensor", w._tid)]
    assert [c.hook for c in calls] == [h.hook for h in added]
    assert calls[0].grad_out is not None
    assert calls[1].grad_out is None
    inner = next(e for e in ear.of("op") if e.args == "10")
    assert inner.within == calls[0].id
    step = ear.of("step")[-1]
    assert calls[0].within == step.id
    assert [a.was for a in ear.of("accumulate")] == ["retained", "none"]
    assert ear.of("hook_remove")[0].hook == added[1].hook
    assert [r.tid for r in ear.of("retain_grad")] == [y._tid]


def test_the_saved_tensor_check_names_the_culprit(ear: Ear) -> None:
    b = torch.ones(2, requires_grad=True) * 1
    loss = (b * b).sum()
    b[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    step, error = ear.of("step")[-1], ear.of("error")[0]
    assert not step.ok
    assert (error.op, error.nid, error.field, error.saved, error.found) == (step.id, step.nid, "other", 0, 1)
    assert ear.of("backward")[-1].phase == "failed"


def test_a_failed_op(ear: Ear) -> None:
    with pytest.raises(RuntimeError):
        torch.ones(3) + torch.ones(2)
    op, error = ear.of("op")[-1], ear.of("error")[0]
    assert (op.ok, op.name, len(op.inputs), op.outputs) == (False, "add", 2, ())
    assert (error.op, error.uncaught) == (op.id, False)
    assert "must match the size" in error.message


def test_modes_rebinding_and_grad(ear: Ear) -> None:
    x = torch.ones(2)
    with torch.no_grad():
        x * 1
    x.requires_grad_()
    x.data = torch.zeros(3)
    x.grad = torch.ones(3)
    x.grad = None
    assert [(m.mode, m.entered) for m in ear.of("mode")] == [("no_grad", True), ("no_grad", False)]
    assert [e.mode for e in ear.of("op")[:2]] == ["grad", "no_grad"]
    assert [r.reason for r in ear.of("rebind")] == ["requires_grad_", "data"]
    assert [g.to for g in ear.of("grad_set")] == ["value", "none"]


def test_reading_the_gradient_of_an_inner_tensor(ear: Ear) -> None:
    y = torch.ones(2, requires_grad=True) * 2
    with pytest.warns(UserWarning, match="not a leaf"):
        assert y.grad is None
    assert [e.tid for e in ear.of("grad_read")] == [y._tid]


def test_a_custom_function_is_one_op_with_ops_inside(ear: Ear) -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    y = Double.apply(torch.ones(2, requires_grad=True))
    inner, outer = ear.of("op")[1:]
    assert (outer.name, inner.within) == ("Double", outer.id)
    assert nodes(outer)[0].name == "DoubleBackward"
    y.sum().backward()
    step = ear.of("step")[-1]
    assert ear.of("op")[-1].within == step.id


def test_a_composite_is_one_event_with_all_its_nodes(ear: Ear) -> None:
    w = torch.ones(4, 5, requires_grad=True)
    torch.ones(2, 3, 4) @ w
    op = ear.of("op")[-1]
    assert op.name == "matmul"
    assert [node.name for node in nodes(op)] == ["UnsafeViewBackward0", "MmBackward0", "AccumulateGrad"]


def test_the_dead_are_told_when_they_die(ear: Ear) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    tid = y._tid
    del y
    assert ear.heard[-1].kind == "dead"
    assert ear.heard[-1].tids == [tid]


def test_large_values_are_statistics(ear: Ear) -> None:
    torch.ones(100)
    torch.full((100,), float("nan"))
    norm = facts(ear.of("op")[0].outputs[0]).value
    bad = facts(ear.of("op")[1].outputs[0]).value
    assert norm[0] == 10.0
    assert (bad[1], bad[2], bad[4]) == (1.0, 100.0, 0.0)


def test_without_a_recorder_nothing_is_numbered() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    assert (x._tid, x._cell.cid, y.grad_fn.nid) == (0, 0, 0)


def test_a_recorder_that_comes_late_meets_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    ear = Ear()
    monkeypatch.setattr(probe, "sink", ear)
    y.sum().backward()
    assert {facts(e.facts).tid for e in ear.of("tensor")} >= {x._tid, y._tid}
    assert [node.name for node in nodes(ear.of("op")[0])] == ["SumBackward0", "MulBackward0", "AccumulateGrad"]
