"""Two runs written by hand, event by event, with the numbers of PyTorch: the page is tested without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.events import KINDS, Facts, Gradient, Node, Root, Span, Write
from gradviz.trace.writer import Writer

CHAIN = """import torch

input = torch.ones(2, 2)
w1 = torch.tensor(2.0, requires_grad=True)
w2 = torch.tensor(3.0, requires_grad=True)
w3 = torch.tensor(4.0, requires_grad=True)

l1 = input * w1
l2 = l1 + w2
l3 = l1 * w3
l4 = l2 * l3
loss = l4.mean()
l1.retain_grad()
l4.register_hook(lambda g: print("l4 grad", g))
loss.backward(
    retain_graph=False,
)
print(w1.grad, w2.grad, w3.grad)
"""
INPLACE = """import torch

a = torch.tensor([1.0, 3.0], requires_grad=True)
b = a + 2
print(b._version)
loss = (b * b).mean()
b[0] = 1000.0
print(b._version)
loss.backward()
"""
MESSAGE = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    "[torch.FloatTensor [2]], which is output 0 of torch::autograd::CopySlices, is at version 1; "
    "expected version 0 instead."
)


class Script:
    """Writes a trace: ``at`` moves to an expression of the source, the other methods add an event there."""

    def __init__(self, path: Path, source: str, script: str) -> None:
        meta = {"script": script, "argv": [script], "started": "2026-11-21T12:04:18+00:00", "producer": "by hand"}
        self.writer = Writer(path, meta, force=True)
        self.source, self.script = source, script
        self.spans: list[Span] = []
        self.rows: list[tuple[int, tuple[Any, ...]]] = []
        self.t, self.span = 500_000, 0
        self.tids, self.nids, self.ids = count(1), count(1), count(1)

    def at(self, text: str, names: Sequence[str] = ()) -> int:
        """The first place of ``text`` in the source."""
        start = self.source.index(text)
        before, end = self.source[:start], self.source[: start + len(text)]
        self.spans.append(
            Span(
                len(self.spans) + 1,
                self.script,
                "<module>",
                before.count("\n") + 1,
                start - before.rfind("\n") - 1,
                end.count("\n") + 1,
                len(end) - end.rfind("\n") - 1,
                tuple(names),
                False,
            )
        )
        self.span = len(self.spans)
        return self.span

    def event(self, kind: str, *fields: Any, later: int = 90_000, within: int = 0) -> None:
        self.t += later
        self.rows.append((KINDS[kind].code, (self.t, 0, self.span, 0, 0, within, *fields)))

    def tensor(
        self,
        value: Any,
        *,
        grad_fn: int = 0,
        leaf: bool = False,
        wants: bool = True,
        how: str = "op",
        again: Facts | None = None,
    ) -> Facts:
        content = np.asarray(value, np.float32)
        tid = again.tid if again else next(self.tids)
        stride = tuple(step // 4 for step in content.strides)
        return Facts(
            tid,
            tid,
            tid,
            content.shape,
            stride,
            0,
            "float32",
            "cpu",
            wants,
            leaf,
            0,
            again.version + 1 if again else 0,
            grad_fn,
            0,
            how,
            content.tobytes(),
        )

    def op(
        self,
        name: str,
        inputs: Sequence[Facts],
        output: Facts,
        nodes: Sequence[Node] = (),
        args: str = "",
        writes: Sequence[Write] = (),
    ) -> Facts:
        self.event(
            "op",
            next(self.ids),
            name,
            args,
            [(one.tid, one.version) for one in inputs],
            [output],
            list(nodes),
            list(writes),
            "grad",
            True,
        )
        return output

    def step(self, nid: int, into: Any, *out: Any, ok: bool = True) -> int:
        number = next(self.ids)
        self.event(
            "step",
            number,
            1,
            nid,
            [gradient(into)],
            [None if one is None else gradient(one) for one in out],
            self.t,
            ok,
            0,
            later=190_000,
        )
        return number

    def accumulate(self, nid: int, tensor: Facts, value: Any, was: str = "none") -> None:
        self.event("accumulate", 1, nid, tensor.tid, was, gradient(value), gradient(value))

    def backward(self, phase: str, *roots: Root) -> None:
        self.event("backward", 1, phase, list(roots), [], False, False, "backward")

    def close(self) -> None:
        self.writer.spans(self.spans)
        self.writer.source(self.script, self.source)
        tables: dict[int, list[tuple[Any, ...]]] = {}
        for code, row in self.rows:
            tables.setdefault(code, []).append(row)
        self.writer.chunk(bytes(code for code, _ in self.rows), tables)
        self.writer.close()


def gradient(value: Any) -> Gradient:
    content = np.asarray(value, np.float32)
    return Gradient(0, 0, content.shape, "float32", content.tobytes())


def node(nid: int, name: str, *edges: int, saved: Sequence[tuple[str, Facts]] = (), leaf: int = 0) -> Node:
    """``edges``: nids, 0 for none."""
    held = [(field, one.tid, one.sid, one.cid, one.version) for field, one in saved]
    return Node(nid, name, leaf, [(target, 0) for target in edges], held, 1, 0)


def full(value: float) -> Any:
    return np.full((2, 2), value, np.float32)


def chain(
    path: Path, *, script: str = "chain.py", rename: tuple[str, str] = ("loss", "loss"), said: str = "l4 grad"
) -> Path:
    """A backward with broadcasting, a hook and a retained gradient. ``rename``: a name in the source, and another."""
    source = CHAIN.replace("l4 grad", said)
    run = Script(path, source.replace(*rename), script)
    run.at("torch.ones(2, 2)", ["input"])
    data = run.op("ones", [], run.tensor(full(1), leaf=True, wants=False, how="created"))
    leaves = []
    for name, value in (("w1", 2.0), ("w2", 3.0), ("w3", 4.0)):
        run.at(f"torch.tensor({value}, requires_grad=True)", [name])
        leaves.append(run.op("tensor", [], run.tensor(value, leaf=True, how="created")))
    w1, w2, w3 = leaves
    a1, a2, a3, m1, add, m2, m3, mean = (next(run.nids) for _ in range(8))
    run.at("input * w1", ["l1"])
    l1 = run.op(
        "mul",
        [data, w1],
        run.tensor(full(2), grad_fn=m1),
        [node(m1, "MulBackward0", 0, a1, saved=[("self", data)]), node(a1, "AccumulateGrad", leaf=w1.tid)],
    )
    run.at("l1 + w2", ["l2"])
    l2 = run.op(
        "add",
        [l1, w2],
        run.tensor(full(5), grad_fn=add),
        [node(add, "AddBackward0", m1, a2), node(a2, "AccumulateGrad", leaf=w2.tid)],
    )
    run.at("l1 * w3", ["l3"])
    l3 = run.op(
        "mul",
        [l1, w3],
        run.tensor(full(8), grad_fn=m2),
        [
            node(m2, "MulBackward0", m1, a3, saved=[("self", l1), ("other", w3)]),
            node(a3, "AccumulateGrad", leaf=w3.tid),
        ],
    )
    run.at("l2 * l3", ["l4"])
    l4 = run.op(
        "mul",
        [l2, l3],
        run.tensor(full(40), grad_fn=m3),
        [node(m3, "MulBackward0", add, m2, saved=[("self", l2), ("other", l3)])],
    )
    run.at("l4.mean()", [rename[1]])
    loss = run.op("mean", [l4], run.tensor(40.0, grad_fn=mean), [node(mean, "MeanBackward0", m3)])
    run.at("l1.retain_grad()")
    run.event("retain_grad", l1.tid)
    run.at("l4.register_hook(")
    run.event("hook_add", 1, "tensor", l4.tid, "tensor", "<lambda>", run.span)
    hook = run.at(f'lambda g: print("{said}", g)')
    call = run.at(f"{rename[1]}.backward(\n    retain_graph=False,\n)")
    run.backward("begin", Root(loss.tid, mean, 0, gradient(1.0)))
    run.step(mean, 1.0, full(0.25))
    run.span, fired = hook, next(run.ids)
    run.event("print", f"{said} tensor([[0.2500, 0.2500],\n        [0.2500, 0.2500]])\n", "stdout", within=fired)
    run.event("hook_call", fired, 1, 1, l4.tid, 0, gradient(full(0.25)), None, False, 0)
    run.span = call
    run.step(m3, full(0.25), full(2), full(1.25))
    run.step(m2, full(1.25), full(5), 10.0)
    run.accumulate(a3, w3, 10.0)
    run.step(add, full(2), full(2), 8.0)
    run.accumulate(a2, w2, 8.0)
    run.accumulate(0, l1, full(7), "retained")
    run.step(m1, full(7), None, 28.0)
    run.accumulate(a1, w1, 28.0)
    run.backward("end")
    run.at("print(w1.grad, w2.grad, w3.grad)")
    run.event("print", "tensor(28.) tensor(8.) tensor(10.)\n", "stdout", later=500_000)
    run.close()
    return path


def inplace(path: Path) -> Path:
    """What was saved for backward is overwritten: RuntimeError."""
    run = Script(path, INPLACE, "inplace.py")
    leaf, add, mul, mean, copy = (next(run.nids) for _ in range(5))
    run.at("torch.tensor([1.0, 3.0], requires_grad=True)", ["a"])
    a = run.op("tensor", [], run.tensor([1, 3], leaf=True, how="created"))
    run.at("a + 2", ["b"])
    b = run.op(
        "add",
        [a],
        run.tensor([3, 5], grad_fn=add),
        [node(add, "AddBackward0", leaf), node(leaf, "AccumulateGrad", leaf=a.tid)],
        args="2",
    )
    run.at("print(b._version)")
    run.event("print", "0\n", "stdout")
    run.at("b * b")
    square = run.op(
        "mul",
        [b, b],
        run.tensor([9, 25], grad_fn=mul),
        [node(mul, "MulBackward0", add, add, saved=[("self", b), ("other", b)])],
    )
    run.at("(b * b).mean()", ["loss"])
    loss = run.op("mean", [square], run.tensor(17.0, grad_fn=mean), [node(mean, "MeanBackward0", mul)])
    run.at("b[0] = 1000.0")
    now = run.tensor([1000, 5], grad_fn=copy, again=b)
    run.op("setitem", [b], now, [node(copy, "CopySlices", add)], "[0]", [Write(b.sid, b.cid, b.tid, 0, 1, now.value)])
    run.at("print(b._version)")
    run.event("print", "1\n", "stdout")
    run.at("loss.backward()")
    run.backward("begin", Root(loss.tid, mean, 0, gradient(1.0)))
    run.step(mean, 1.0, [0.5, 0.5])
    failed = run.step(mul, [0.5, 0.5], ok=False)
    error = (1, "RuntimeError", MESSAGE, failed, mul, "other", b.sid, 0, 1)
    run.event("error", *error, False)
    run.backward("failed")
    run.event("error", *error, True)
    run.close()
    return path


def long_run(path: Path, ops: int) -> Path:
    """A chain of ``ops`` multiplications and its backward: three times as many events."""
    run = Script(
        path,
        "import torch\n\nx = torch.ones(1, requires_grad=True)\nfor _ in range(n):\n    x = x * 2\nx.backward()\n",
        "long.py",
    )
    leaf = next(run.nids)
    run.at("torch.ones(1, requires_grad=True)", ["x"])
    first = last = run.op("ones", [], run.tensor([1.0], leaf=True, how="created"))
    run.at("x * 2", ["x"])
    nids = []
    for place in range(ops):
        nid = next(run.nids)
        made = [node(nid, "MulBackward0", nids[-1] if nids else leaf)]
        if not place:
            made.append(node(leaf, "AccumulateGrad", leaf=first.tid))
        last = run.op("mul", [last], run.tensor([2.0], grad_fn=nid), made, args="2")
        nids.append(nid)
    run.at("x.backward()")
    run.backward("begin", Root(last.tid, nids[-1], 0, gradient([1.0])))
    for nid in reversed(nids):
        run.step(nid, [1.0], [2.0])
    run.accumulate(leaf, first, [2.0])
    run.backward("end")
    run.close()
    return path
