"""Two scenes by hand: a chain that goes well and an in-place write that does not, as a recorder would fill them."""

from __future__ import annotations

from gradviz.scene.model import Badge, Edge, Group, Node, Scene, Step, Stop

Grad = list[tuple[int, str, str]]


def tensor(name: str, kind: str, event: int, sub: str, twin: str, grad: Grad | None = None) -> Node:
    return Node(name, "forward", kind, [(0, name)], [(0, sub)], [(0, "future"), (event, "live")], event,
                grad=grad or [], twin=twin)


def op(name: str, event: int, label: str, glyph: str, twin: str) -> Node:
    return Node(name, "forward", "op", [(0, label)], [], [(0, "future"), (event, "done")], event, glyph=glyph,
                twin=twin)


def back(name: str, made: int, ran: int, label: str, twin: str, freed: int = 0) -> Node:
    states = [(0, "future"), (made, "waiting")]
    states += ([(ran, "ran")] if ran else []) + ([(freed, "released")] if freed else [])
    return Node(name, "backward", "node", [(0, label)], [], states, made, twin=twin)


def chip(name: str, made: int, twin: str, norm: str, flowed: int) -> Node:
    states = [(0, "future"), (made, "awaited")] + ([(flowed, "complete")] if flowed else [])
    return Node(name, "backward", "gradient", [(0, f"∇{twin}")], [(flowed, norm)] if flowed else [], states, made,
                twin=twin)


def leaf_back(name: str, made: int, done: int, twin: str, value: str) -> Node:
    states = [(0, "future"), (made, "waiting")] + ([(done, "done")] if done else [])
    return Node(name, "backward", "accumulate", [(0, f"{twin}.grad")], [(0, "AccumulateGrad")], states, made, twin=twin,
                grad=[(done, "kept", value)] if done else [])


def edge(source: str, target: str, kind: str, since: int, flowed: int = 0, label: str = "", number: int = 0) -> Edge:
    states = [(0, "future"), (since, "rest")] + ([(flowed, "flowed")] if flowed else [])
    return Edge(f"{source}>{target}.{number}", source, target, kind, states, [(flowed, label)] if label else [])


def chain() -> Scene:
    """input * w1 -> l1; l2 = l1 + w2; l3 = l1 * w3; l4 = l2 * l3; loss = l4.mean(). Events as in the docs' example."""
    def grads(made: int, *entries: tuple[int, str, str]) -> list[tuple[int, str, str]]:
        return [(made, "awaited", ""), *entries]

    nodes = [
        tensor("input", "input", 0, "2×2", "none"),
        tensor("w1", "leaf", 1, "scalar", "aw1", grads(1, (22, "kept", "28"))),
        op("mul1", 4, "mul", "×", "mul1B"),
        tensor("w2", "leaf", 2, "scalar", "aw2", grads(2, (19, "kept", "8"))),
        tensor("l1", "tensor", 4, "2×2", "g_l1", grads(4, (18, "passed", "14"), (20, "kept", "14"))),
        tensor("w3", "leaf", 3, "scalar", "aw3", grads(3, (17, "kept", "10"))),
        op("add", 5, "add", "+", "addB"), op("mul2", 6, "mul", "×", "mul2B"),
        tensor("l2", "tensor", 5, "2×2", "g_l2", grads(5, (15, "passed", "4"))),
        tensor("l3", "tensor", 6, "2×2", "g_l3", grads(6, (15, "passed", "2.5"))),
        op("mul3", 7, "mul", "×", "mul3B"),
        tensor("l4", "tensor", 7, "2×2", "g_l4", grads(7, (12, "passed", "0.5"))),
        op("mean", 8, "mean", "μ", "meanB"),
        tensor("loss", "tensor", 8, "scalar", "g_loss", grads(8, (11, "passed", "1"))),
        leaf_back("aw1", 4, 22, "w1", "28"),
        Node("none", "backward", "none", [(0, "∅ no grad")], [], [(0, "future"), (4, "idle")], 4, twin="input"),
        back("mul1B", 4, 21, "MulBackward0", "mul1", 23),
        leaf_back("aw2", 5, 19, "w2", "8"), chip("g_l1", 4, "l1", "‖14‖", 18), leaf_back("aw3", 6, 17, "w3", "10"),
        back("addB", 5, 18, "AddBackward0", "add", 23), back("mul2B", 6, 16, "MulBackward0", "mul2", 23),
        chip("g_l2", 5, "l2", "‖4‖", 15), chip("g_l3", 6, "l3", "‖2.5‖", 15),
        back("mul3B", 7, 15, "MulBackward0", "mul3", 23), chip("g_l4", 7, "l4", "‖0.5‖", 12),
        back("meanB", 8, 12, "MeanBackward0", "mean", 23), chip("g_loss", 8, "loss", "‖1‖", 11),
    ]
    by_id = {node.id: node for node in nodes}
    by_id["g_l1"].states.insert(2, (16, "partial"))
    by_id["g_l1"].sub.insert(0, (16, "1 of 2"))
    for glyph in ("l1", "g_l1"):
        by_id[glyph].badges.append(Badge("retain", [(9, "idle"), (20, "kept")]))
    for glyph in ("l4", "g_l4"):
        by_id[glyph].badges.append(Badge("hook", [(10, "idle"), (13, "running"), (14, "idle")]))
    data = [("input", "mul1", 4), ("w1", "mul1", 4), ("mul1", "l1", 4), ("l1", "add", 5), ("w2", "add", 5),
            ("l1", "mul2", 6), ("w3", "mul2", 6), ("add", "l2", 5), ("mul2", "l3", 6), ("l2", "mul3", 7),
            ("l3", "mul3", 7), ("mul3", "l4", 7), ("l4", "mean", 8), ("mean", "loss", 8)]
    flow = [("g_loss", "meanB", 8, 12, ""), ("meanB", "g_l4", 8, 12, ""), ("g_l4", "mul3B", 7, 15, ""),
            ("mul3B", "g_l2", 7, 15, ""), ("mul3B", "g_l3", 7, 15, ""), ("g_l2", "addB", 5, 18, ""),
            ("g_l3", "mul2B", 6, 16, ""), ("mul2B", "g_l1", 6, 16, "‖10‖"), ("mul2B", "aw3", 6, 16, "‖10‖"),
            ("addB", "g_l1", 5, 18, "‖4‖"), ("addB", "aw2", 5, 18, "‖8‖"), ("g_l1", "mul1B", 4, 21, ""),
            ("mul1B", "aw1", 4, 21, "‖28‖"), ("mul1B", "none", 4, 0, "")]
    edges = [edge(a, b, "data", since) for a, b, since in data]
    edges += [edge(a, b, "gradient", since, flowed, label) for a, b, since, flowed, label in flow]
    ops = (4, "mul1", "l1"), (5, "add", "l2"), (6, "mul2", "l3"), (7, "mul3", "l4"), (8, "mean", "loss")
    steps = [Step(seq, "forward", [name], [by_id[name].twin], [f"{name}>{out}.0"]) for seq, name, out in ops]
    for seq, name in ((12, "meanB"), (15, "mul3B"), (16, "mul2B"), (18, "addB"), (21, "mul1B")):
        steps.append(Step(seq, "backward", [name], [by_id[name].twin],
                          [f"{a}>{b}.0" for a, b, _, flowed, _ in flow if flowed == seq]))
    for seq, name in ((17, "aw3"), (19, "aw2"), (22, "aw1")):
        steps.append(Step(seq, "backward", [name], [by_id[name].twin], []))
    return Scene(1, 1, 0, 24, ("values flow down", "gradients flow up · call 1 of 1"), nodes, edges, [], [],
                 sorted(steps, key=lambda step: step.seq))


def inplace() -> Scene:
    """b = a + 2; loss = (b * b).mean(); b[0] = 1000; loss.backward(): MulBackward0 finds version 1."""
    nodes = [
        tensor("a", "leaf", 0, "2", "aa", [(0, "awaited", "")]), op("add", 1, "add 2", "+", "addB"),
        Node("b0", "forward", "tensor", [(0, "b")], [(0, "2 · v0")], [(0, "future"), (1, "live"), (6, "lost")], 1,
             twin="g_b"),
        Node("wr", "forward", "write", [(0, "b[0] =")], [], [(0, "future"), (6, "done"), (10, "broken")], 6, twin="cs"),
        Node("b1", "forward", "tensor", [(0, "b")], [(0, "2 · v1")],
             [(0, "future"), (6, "live"), (10, "overwritten")], 6),
        op("mul", 3, "mul", "×", "mulB"),
        tensor("bb", "tensor", 3, "2", "g_bb", [(3, "awaited", ""), (9, "passed", "0.707")]),
        op("mean", 4, "mean", "μ", "meanB"),
        tensor("loss", "tensor", 4, "scalar", "g_loss", [(4, "awaited", ""), (8, "passed", "1")]),
        leaf_back("aa", 1, 0, "a", ""), back("addB", 1, 0, "AddBackward0", "add"), chip("g_b", 1, "b0", "", 0),
        Node("cs", "backward", "node", [(0, "CopySlices")], [],
             [(0, "future"), (6, "waiting"), (8, "released")], 6, twin="wr"),
        Node("mulB", "backward", "node", [(0, "MulBackward0")], [],
             [(0, "future"), (3, "waiting"), (10, "failed")], 3, twin="mul"),
        chip("g_bb", 3, "bb", "‖0.707‖", 9), back("meanB", 4, 9, "MeanBackward0", "mean"),
        chip("g_loss", 4, "loss", "‖1‖", 8),
    ]
    by_id = {node.id: node for node in nodes}
    by_id["g_b"].label[:], by_id["g_bb"].label[:], by_id["bb"].label[:] = [(0, "∇b")], [(0, "∇b * b")], [(0, "b * b")]
    edges = [edge("a", "add", "data", 1), edge("add", "b0", "data", 1), edge("b0", "wr", "data", 6),
             edge("wr", "b1", "data", 6), edge("b0", "mul", "data", 3), edge("b0", "mul", "data", 3, number=1),
             edge("mul", "bb", "data", 3), edge("bb", "mean", "data", 4), edge("mean", "loss", "data", 4),
             edge("g_loss", "meanB", "gradient", 4, 9), edge("meanB", "g_bb", "gradient", 4, 9),
             edge("g_bb", "mulB", "gradient", 3, 10), edge("mulB", "g_b", "gradient", 3),
             edge("mulB", "g_b", "gradient", 3, number=1), edge("g_b", "addB", "gradient", 1),
             edge("addB", "aa", "gradient", 1),
             Edge("cs>addB.0", "cs", "addB", "gradient", [(0, "future"), (6, "stale")]),
             Edge("needs", "mulB", "b0", "needs", [(0, "future"), (3, "rest"), (10, "stale")],
                  [(3, "holds b, version 0"), (10, "needs version 0")]),
             Edge("finds", "mulB", "b1", "finds", [(0, "future"), (10, "stale")], [(10, "finds version 1")])]
    stops = [Stop(1, 3, "Saved", "MulBackward0 keeps b", 0, ["mul"]), Stop(2, 6, "Overwritten", "A write", 0, ["wr"]),
             Stop(3, 10, "Failed", "It needs version 0", 0, ["mulB"])]
    steps = [Step(3, "forward", ["mul"], ["mulB"], ["mul>bb.0"]), Step(6, "write", ["wr"], ["cs"], ["wr>b1.0"]),
             Step(9, "backward", ["meanB"], ["mean"], ["g_loss>meanB.0", "meanB>g_bb.0"]),
             Step(10, "error", ["mulB"], ["mul"], [])]
    return Scene(1, 1, 0, 11, ("values flow down", "call 1 of 1, failed"), nodes, edges,
                 [Group("storage", "storage", "one storage, 8 bytes", ["b0", "wr", "b1"], 1)], stops, steps)
