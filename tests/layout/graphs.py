"""Random scenes: any DAG of ops and tensors, with twins, shares, groups, and backward nodes of their own."""

from __future__ import annotations

from hypothesis import strategies as st

from gradviz.scene.model import Edge, Group, Node, Scene


@st.composite
def scenes(draw: st.DrawFn, most: int = 14) -> Scene:
    """Ops take one to three earlier tensors (the same one twice, too) and make a tensor."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    groups: list[Group] = []
    tensors: list[tuple[str, str]] = []

    def add(name: str, side: str, kind: str, label: str, twin: str = "") -> str:
        state = {"op": "done", "write": "done", "node": "waiting", "accumulate": "waiting", "gradient": "awaited",
                 "none": "idle"}.get(kind, "live")
        nodes.append(Node(name, side, kind, [(0, label)], [(0, "2×2")] if side == "forward" else [],
                          [(0, "future"), (1, state)], 1, twin=twin))
        return name

    def link(source: str, target: str, kind: str, label: str = "") -> None:
        edges.append(Edge(f"e{len(edges)}", source, target, kind, [(0, "future"), (1, "rest")],
                          [(1, label)] if label else []))

    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["leaf", "input"]))
        leaf = add(f"t{i}", "forward", kind, draw(st.sampled_from(["x", "w", "encoder.layers.0.weight"])))
        tensors.append((leaf, add(f"a{i}", "backward", "accumulate" if kind == "leaf" else "none", "grad", leaf)))
    for i in range(draw(st.integers(1, most))):
        taken = [tensors[draw(st.integers(0, len(tensors) - 1))] for _ in range(draw(st.integers(1, 3)))]
        kind = draw(st.sampled_from(["op", "op", "write"]))
        op = add(f"o{i}", "forward", kind, draw(st.sampled_from(["mul", "add 2"])))
        node = add(f"n{i}", "backward", "node", "MulBackward0", op)
        result = add(f"r{i}", "forward", "tensor", draw(st.sampled_from(["y", "hidden_state", "h" * 60])))
        chip = add(f"g{i}", "backward", "gradient", "∇y", result) if draw(st.booleans()) else ""
        link(op, result, "data")
        if chip:
            link(chip, node, "gradient")
        extra = add(f"m{i}", "backward", "node", "ViewBackward0", op) if draw(st.integers(0, 4)) == 0 else ""
        if extra:
            link(node, extra, "gradient")
        for source, back in taken:
            link(source, op, "data")
            if back:
                link(extra or node, back, "gradient", draw(st.sampled_from(["", "‖14‖", "‖1.23e+04‖"])))
        if draw(st.integers(0, 5)) == 0:
            link(result, taken[0][0], "view")
        if draw(st.integers(0, 4)) == 0:
            groups.append(Group(f"s{i}", "storage", "one storage, 8 bytes", [taken[0][0], op, result], 1))
        tensors.append((result, chip or node))
    return Scene(1, 1, 0, 9, ("", ""), nodes, edges, groups, [], [])
