"""A model's graph for TensorBoard: the nodes of the backward graph of one forward, read from the output back."""

from __future__ import annotations

from typing import Any

from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.versions_pb2 import VersionDef

from gradviz.engine.tensor import Tensor


def graph(model: Any, inputs: Any) -> GraphDef:
    """Run the model once. Parameters stand under their modules; ops are numbered in the order of the forward."""
    result = model(*inputs) if isinstance(inputs, list | tuple) else model(inputs)
    names = {id(p): name.replace(".", "/") for name, p in model.named_parameters()}
    nodes = _nodes(result)
    nodes.sort(key=lambda node: node.seq)
    called: dict[Any, str] = {}
    for number, node in enumerate(nodes):
        leaf = getattr(node, "variable", None)
        kind = type(node).__name__.removesuffix("0").removesuffix("Backward")
        called[node] = f"{kind}_{number}" if leaf is None else names.get(id(leaf), f"leaf_{number}")
    return GraphDef(node=[_told(node, called) for node in nodes], versions=VersionDef(producer=22))


def _told(node: Any, called: dict[Any, str]) -> NodeDef:
    shapes = [node.shape] if node.width == 1 else node.shape
    sizes = [TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in shape]) for shape in shapes]
    return NodeDef(name=called[node], op=type(node).__name__,
                   input=[called[after] for after, _ in node.next_functions if after is not None],
                   attr={"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=sizes))})


def _nodes(result: Any) -> list[Any]:
    """All that the tensors in ``result`` reach."""
    waiting = [result]
    found: dict[Any, None] = {}
    stack: list[Any] = []
    while waiting:
        part = waiting.pop()
        if isinstance(part, Tensor):
            stack += [] if part.grad_fn is None else [part.grad_fn]
        elif isinstance(part, list | tuple | dict):
            waiting += part.values() if isinstance(part, dict) else part
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += [after for after, _ in node.next_functions if after is not None]
    return list(found)
