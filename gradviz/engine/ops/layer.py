"""Ops of layers: an input may be left out, a result may be for the backward alone, buffers may be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd.modes import regions
from gradviz.engine.autograd.node import NO_EDGE, sequence
from gradviz.engine.autograd.packing import pack
from gradviz.engine.autograd.saved import Output
from gradviz.engine.casting import operands
from gradviz.engine.dtypes import INEXACT, rare
from gradviz.engine.ops.build import Op, _told, elsewhere, not_a_tensor, recording
from gradviz.engine.rare import careful
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, gradient_edge, make
from gradviz.engine.xp import asarray, foreign, quiet


def layer(op: Op, inputs: tuple[Any, ...], args: tuple[Any, ...] = (), text: str = "", keep: Any = None,
          shown: int = 1, buffers: tuple[Any, ...] = ()) -> Any:
    """Run an op. Inputs that are None have no edge; the first ``shown`` results are handed out, all may be saved.

    ``buffers`` are the tensors that its forward writes as PyTorch's kernels do: no version counts it.
    """
    for i, t in enumerate(inputs):
        if t is not None and not isinstance(t, Tensor):
            raise not_a_tensor(op.name, op.inputs[i], i, t)
    given = tuple([t for t in inputs if t is not None])
    before = tuple([(t, t._cell.version) for t in buffers])
    try:
        if rare:
            inputs = operands(op.name, inputs)
        with quiet():
            arrays = [None if t is None else t._array for t in inputs]
            if rare:
                results = careful(op.name, op.forward, arrays, args, writes=[t._array for t in buffers])
            else:
                results = op.forward(*arrays, *args)
    except Exception as error:
        if foreign and (again := elsewhere(op, error, *given, writes=tuple(
                [i for i, t in enumerate(inputs) if t is not None and any(t is b for b in buffers)]))) is not None:
            return layer(again, inputs, args, text, keep, shown, buffers)
        raise _told(op, given, text, error) from None
    if results.__class__ is not tuple:
        results = (results,)
    outputs = tuple([make(asarray(r), Cell()) for r in results])
    if op.node is not None and outputs[0]._array.dtype.char in INEXACT and recording(given):
        _attach(op, inputs, outputs, args if keep is None else keep)
    if probe.sink is not None:
        observe.op(op.name, text, given, outputs[:shown], buffers=before)
    return outputs[0] if shown == 1 else outputs[:shown]


def _attach(op: Op, inputs: tuple[Any, ...], outputs: tuple[Any, ...], keep: Any) -> None:
    """Give the first output its node."""
    out = outputs[0]
    last = len(inputs) if op.differentiable is None else len(op.differentiable)
    edges = tuple([NO_EDGE if t is None else gradient_edge(t) for t in inputs[:last]])
    node = op.node(edges, None, keep, out._array.shape, out._array.dtype, sequence())  # type: ignore[misc]
    if op.saves:
        flat: list[Any] = []
        for name in op.saves:
            holder: Any
            if name in op.inputs:
                holder = inputs[op.inputs.index(name)]
            else:
                slot = op.results.index(name) if op.results else int(name[6:] or 0)
                holder = Output(outputs[slot]._array, outputs[slot]._cell, slot) if slot < len(outputs) else None
            flat += (None, 0) if holder is None else (holder, holder._cell.version)
        node.saved = tuple(flat)
    out._edge, out._requires = (node, 0), True
    if regions.packs:
        pack(node, outputs)


def telling(functions: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The functions, which tell a recorder of calls that they refuse before there is an op."""
    return {name: _telling(name, function) for name, function in functions.items()}


def _telling(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def told(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            if probe.sink is not None:
                observe.failed(name, "", [a for a in (*args, *options.values()) if isinstance(a, Tensor)], error)
            raise

    told.__name__ = told.__qualname__ = name
    return told


__all__ = ["layer", "telling"]
