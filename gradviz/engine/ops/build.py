"""From a row of a table to a function.

A family's table says everything that is particular to an op; what all ops do is here: take the arrays, compute, make
the node with its edges and saved tensors, bump versions, tell the recorder. Unary and binary pointwise ops have
builders of their own, because small programs spend their time in them.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import Struct

from gradviz import probe
from gradviz.engine import observe, plain
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.node import NO_EDGE, Node, node_class, sequence
from gradviz.engine.autograd.packing import pack
from gradviz.engine.autograd.saved import Output
from gradviz.engine.autograd.views import View, check_inplace, rebase, view_of
from gradviz.engine.casting import operands
from gradviz.engine.dtypes import INEXACT, rare
from gradviz.engine.ops.promote import misfit, operand_error
from gradviz.engine.rare import careful
from gradviz.engine.storage import Cell, storage_of
from gradviz.engine.tensor import Tensor, gradient_edge, make, refresh
from gradviz.engine.xp import asarray, calmly, foreign, ndarray, quiet


class Op(Struct, eq=False):
    """A row: torch's name, what computes it from arrays, its node and what that saves.

    ``saves`` names inputs by their place in ``inputs`` and outputs by ``result`` (or ``result0``..., ``indices``).
    ``outputs``: how many of several results are differentiable. ``view``: the result shares memory with the first
    input (default, or multi for several at once).
    """

    name: str
    forward: Callable[..., Any]
    node: type[Node] | None = None
    saves: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("self",)
    outputs: int = 1
    view: str = ""
    needed_by: tuple[int, ...] | None = None
    """For ops that save an input only for another input's gradient: which input each saved one serves."""
    differentiable: tuple[int, ...] | None = None
    """Which inputs have an edge, where not all do: masks and indices have none."""
    results: tuple[str, ...] = ()
    """PyTorch's names of the outputs that are saved, where they are not ``result``..."""
    once: bool = False
    """Whether it saves what is no tensor here, an index: backward runs through it once, as where tensors are freed."""
    holders: tuple[int, ...] = ()
    """Where what it saves is found: the number of an input, or of an output as its complement."""

    def __post_init__(self) -> None:
        self.holders = tuple([self.inputs.index(name) if name in self.inputs else ~self._output(name)
                              for name in self.saves])

    def _output(self, name: str) -> int:
        if name == "result":
            return 0
        return self.results.index(name) if self.results else 1 if name == "indices" else int(name[6:])


PLAIN = {"condition", "index", "mask"}
"""Names of inputs that no gradient flows to."""

TABLE: dict[str, Op] = {}
"""Every op that goes through :func:`run`, by name; the pointwise ones are in their family's tables."""


def op(name: str, forward: Callable[..., Any], node: str = "", rule: Callable[..., Any] | None = None,
       saves: str = "", inputs: str = "self", outputs: int = 1, view: str = "", key: str = "",
       results: str = "") -> Op:
    """A row of a table. ``saves`` and ``inputs`` are names separated by blanks."""
    names = tuple(saves.split())
    made = None if rule is None else node_class(node, rule, names)
    places = tuple(inputs.split())
    row = Op(name, forward, made, names, places, outputs, view, results=tuple(results.split()))
    if PLAIN & set(places):
        row.differentiable = tuple(i for i, place in enumerate(places) if place not in PLAIN)
    TABLE[key or name] = row
    return row


array_of = attrgetter("_array")


def not_a_tensor(name: str, argument: str, i: int, value: object) -> TypeError:
    argument = "input" if argument == "self" else argument
    return TypeError(f"{name}(): argument '{argument}' (position {i + 1}) must be Tensor, not {type(value).__name__}")


def recording(inputs: Any) -> bool:
    """Whether an op on these inputs gets a node. Where none does, views that were written are left as they are."""
    if regions.off and not modes.enabled():
        return False
    wanted = False
    for t in inputs:
        if t._view is not None:
            refresh(t)
        if t._requires:
            wanted = True
    return wanted


regions = modes.regions


def _saved(op: Op, inputs: Any, outputs: Any, edges: Any) -> Any:
    """The flat tuple of holders and versions for a node."""
    flat: tuple[Any, ...] = ()
    serves = op.needed_by
    for i, place in enumerate(op.holders):
        if serves is not None and edges[serves[i]][0] is None:
            flat += None, 0
        elif place >= 0:
            t = inputs[place]
            flat += t, t._cell.version
        else:
            t = outputs[~place]
            flat += Output(t._array, t._cell, ~place), t._cell.version
    return flat


def run(op: Op, inputs: tuple[Any, ...], args: tuple[Any, ...] = (), text: str = "", keep: Any = None) -> Any:
    """Run an op. ``args`` go to the forward, ``keep`` (or else ``args``) to the node for its rule; ``text`` is how a
    person sees the parameters."""
    try:
        if rare and not op.view:
            inputs = operands(op.name, inputs)
            result = careful(op.name, op.forward, list(map(array_of, inputs)), args)
        else:
            result = op.forward(*map(array_of, inputs), *args)
        if op.view:
            return _viewed(op, inputs, result, args if keep is None else keep, text)
        if result.__class__ is tuple:
            return _several(op, inputs, result, args if keep is None else keep, text)
        out = make(result if result.__class__ is ndarray else asarray(result), Cell())
        if op.node is not None and out._array.dtype.char in INEXACT and recording(inputs):
            attach(op, inputs, (out,), args if keep is None else keep)
        if probe.sink is not None:
            if 0 < len(inputs) < 3:
                plain.op(op.name, text, inputs[0], inputs[1] if len(inputs) == 2 else None, out)
            else:
                observe.op(op.name, text, inputs, (out,), "op")
        return out
    except RuntimeWarning:
        with quiet():
            return run(op, inputs, args, text, keep)
    except Exception as error:
        if foreign and not op.view and (again := elsewhere(op, error, *inputs)) is not None:
            return run(again, inputs, args, text, keep)
        raise _told(op, inputs, text, error) from None


def elsewhere(row: Any, error: Exception, *inputs: Any, writes: tuple[int, ...] = ()) -> Any:
    """The row with a forward that the host computes, where an op failed on a device for what CuPy lacks; else None.
    ``writes``: places of the inputs that the forward writes."""
    from gradviz.engine import devices

    arrays = [t._array for t in inputs if isinstance(t, Tensor)]
    if not devices.lack(error, *arrays) or devices.mixed(row.name, arrays) is not None:
        return None
    return devices.second(row, writes)


def remade(maker: Callable[[Any], Any], row: Any) -> Any:
    """The function that ``maker`` makes of a row from :func:`elsewhere`."""
    from gradviz.engine import devices

    return devices.function(maker, row)


def on_several(name: str, error: Exception, *inputs: Any) -> Exception:
    """PyTorch's complaint if the inputs lie on several devices, else the error."""
    from gradviz.engine import devices

    return devices.mixed(name, [t._array for t in inputs if isinstance(t, Tensor)]) or error


def _told(op: Op, inputs: Any, text: str, error: Exception, inplace: bool = False) -> Exception:
    """An op's error in PyTorch's words, told to the recorder."""
    if isinstance(error, AttributeError):
        for i, t in enumerate(inputs):
            if not isinstance(t, Tensor):
                error = not_a_tensor(op.name, op.inputs[i] if i < len(op.inputs) else "input", i, t)
                break
    if foreign:
        error = on_several(op.name, error, *inputs)
    if isinstance(error, ValueError) and len(inputs) == 2:
        error = operand_error(error, inputs[0]._array, inputs[1]._array, inplace=inplace)
    elif isinstance(error, ValueError) and "broadcast" in str(error):
        error = misfit([t._array.shape for t in inputs]) or error
    if probe.sink is not None:
        observe.failed(op.name, text, inputs, error)
    return error


def edges_of(op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where the gradients of the inputs go; :func:`recording` has brought them up to date."""
    edges: tuple[Any, ...] = ()
    for t in inputs if op.differentiable is None else [inputs[i] for i in op.differentiable]:
        edges += (t._edge or gradient_edge(t)),
    return edges


def attach(op: Op, inputs: tuple[Any, ...], outputs: tuple[Any, ...], keep: Any) -> Node:
    """Give the outputs of an op their node."""
    edges = edges_of(op, inputs)
    out = outputs[0]
    array = out._array
    if op.outputs == 1 or len(outputs) == 1:
        node: Any = op.node(edges, None, keep, array.shape, array.dtype, sequence())  # type: ignore[misc]
        out._edge, out._requires = (node, 0), True
    else:
        made = outputs[:op.outputs]
        node = op.node(edges, None, keep, [t._array.shape for t in made],  # type: ignore[misc]
                       [t._array.dtype for t in made], sequence())
        node.width = len(made)
        for slot, t in enumerate(made):
            t._edge, t._requires = (node, slot), True
    source = inputs[0]._array.dtype
    if source is not array.dtype and source.kind == "c":
        node.plain = False
    if op.saves:
        node.saved = _saved(op, inputs, outputs, edges)
        if regions.packs:
            pack(node, outputs)
    elif op.once:
        node.saved = ()
    return node  # type: ignore[no-any-return]


def _several(op: Op, inputs: Any, results: tuple[Any, ...], keep: Any, text: str) -> Any:
    """An op of several results, of which the first ``op.outputs`` are differentiable."""
    outputs = tuple([make(asarray(r), Cell()) for r in results])
    if op.node is not None and recording(inputs):
        attach(op, inputs, outputs, keep)
    if probe.sink is not None:
        observe.op(op.name, text, inputs, outputs, "op")
    return outputs


def _viewed(op: Op, inputs: Any, result: Any, keep: Any, text: str) -> Any:
    """An op whose results are views of its first input."""
    source = inputs[0]
    if source._cell.storage is None:
        storage_of(source)
    kind = op.view
    tracked = recording(inputs)
    many = result.__class__ is tuple or result.__class__ is list
    if regions.off and (many or kind == "default") and not modes.enabled():
        kind = "no_grad"
    if many:
        outputs: Any = tuple([make(r, source._cell, False, None, view_of(source, kind)) for r in result])
    else:
        outputs = make(result, source._cell, False, None, view_of(source, kind)),
    if tracked and outputs:
        attach(Op(op.name, op.forward, op.node, op.saves, op.inputs, len(outputs)), inputs, outputs,
               keep) if many else \
            attach(op, inputs, outputs, keep)
    if probe.sink is not None:
        observe.op(op.name, text, inputs, outputs, "view")
    return outputs if many else outputs[0]


def write(op: Op, target: Any, others: tuple[Any, ...], args: tuple[Any, ...] = (), text: str = "",
          keep: Any = None) -> Any:
    """Run an op in place: its forward writes ``target``'s array, the graph is rebased, the version goes up."""
    inputs = (target, *others)
    try:
        arrays = list(map(array_of, inputs))
        tracked = op.node is not None and recording(inputs)
        check_inplace(target, tracked)
        if (op.saves or others) and 0 in arrays[0].strides:
            check_overlap(arrays[0])
        cell = target._cell
        before = cell.version
        node = None
        if tracked:
            original = target
            if "self" in op.saves:
                original = make(arrays[0].copy(), Cell(), target._requires, target._edge)
            array = arrays[0]
            edges = edges_of(op, inputs)
            node = op.node(edges, None, args if keep is None else keep, array.shape, array.dtype,
                           sequence())  # type: ignore[misc]
            _written(op, arrays, args)
            cell.version = before + 1
            if op.saves:
                node.saved = _saved(op, (original, *others), (target,), edges)
            elif op.once:
                node.saved = ()
            rebase(target, node)
            if regions.packs:
                pack(node, (target,))
        else:
            _written(op, arrays, args)
            cell.version = before + 1
        if probe.sink is not None:
            observe.op(op.name, text, inputs, changed(target, node), "op", target, before)
        return target
    except Exception as error:
        if foreign and (again := elsewhere(op, error, *inputs, writes=(0,))) is not None:
            return write(again, target, others, args, text, keep)
        raise _told(op, inputs, text, error, True) from None


def _written(op: Op, arrays: list[ndarray], args: tuple[Any, ...]) -> None:
    if rare:
        calmly(careful, op.name.removesuffix("_"), op.forward, arrays, args, None, arrays[:1])
    else:
        calmly(op.forward, *arrays, *args)


def check_overlap(array: ndarray) -> None:
    """Refuse to write an array that shows one element at several places, as ``expand`` makes it."""
    strides = array.strides
    if 0 in strides and array.size and any(n > 1 and not s for n, s in zip(array.shape, strides, strict=True)):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single "
                           "memory "
                           "location. Please clone() the tensor before performing the operation.")


def changed(target: Any, node: Any) -> tuple[Any, ...]:
    """The tensors whose history an in-place op changed: the target and the base that it is a view of."""
    if node is None:
        return ()
    return (target,) if target._view is None else (target, target._view.base)


__all__ = ["NO_EDGE", "TABLE", "Op", "View", "attach", "changed", "not_a_tensor", "op", "recording", "run", "write"]
