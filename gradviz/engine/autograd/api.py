"""``backward`` and ``grad``: check what the user asks for, then run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.accumulate import keep_gradient
from gradviz.engine.autograd.backward import Call, mark_needed, run
from gradviz.engine.autograd.namespaces import graph, raw
from gradviz.engine.dtypes import FLOATING
from gradviz.engine.tensor import Size, Tensor, fresh, gradient_edge
from gradviz.engine.xp import asarray, beside, filled, ndarray, quiet, xp

TensorOrTensors = Any


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, Tensor) or hasattr(value, "output_nr") else list(value)


def _first_gradients(tensors: list[Any], given: list[Any], arrays: bool) -> list[Any]:
    """The gradients to start from: those given, or a one for a single number."""
    grads: list[Any] = []
    for i, (t, g) in enumerate(zip(tensors, given, strict=True)):
        array = t._array
        if g is None:
            if t.requires_grad:
                if array.size != 1:
                    raise RuntimeError("grad can be implicitly created only for scalar outputs")
                if array.dtype.char not in FLOATING:
                    raise RuntimeError("grad can be implicitly created only for real scalar outputs but got "
                                       f"{t.dtype}")
                one = (filled(array.shape, 1, array.dtype, beside(array)) if array.shape else
                       asarray(1, array.dtype, array))
                grads.append(one if arrays else fresh(one))
            else:
                grads.append(None)
        elif isinstance(g, Tensor):
            if g._array.shape != array.shape:
                raise RuntimeError(f"Mismatch in shape: grad_output[{i}] has a shape of {Size(g._array.shape)} and "
                                   f"output[{i}] has a shape of {Size(array.shape)}.")
            grads.append(g._array if arrays else g)
        else:
            raise TypeError("gradients can be either Tensors or None, but got " + type(g).__name__)
    return grads


def _roots(tensors: list[Any]) -> list[Any]:
    edges = []
    for i, t in enumerate(tensors):
        edge = gradient_edge(t)
        if edge[0] is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


class _Running(threading.local):
    """The backward call that this thread is in, for hooks that count within one."""

    call: Any = None
    roots: Any = ()


running = _Running()


def _run(call: Call, tensors: list[Any], given: list[Any], inputs: list[Any], method: str) -> None:
    """Run under the grad mode of this backward, and tell the recorder of begin and end."""
    try:
        grads = _first_gradients(tensors, given, not call.create_graph)
        edges = _roots(tensors)
    except Exception as error:
        if probe.sink is not None:
            observe.refused(call, [(t, gradient_edge(t)) for t in tensors], method, error)
        raise
    if call.targets is not None:
        call.needed = mark_needed(edges, call.targets)
    if probe.sink is not None:
        first = [one if g is None else g for g, one in zip(given, grads, strict=True)]
        observe.begin(call, list(zip(tensors, edges, first, strict=True)), inputs, method)
    before = modes.switch("grad" if call.create_graph else "no_grad")
    outer, running.call, running.roots = (running.call, running.roots), call, edges
    try:
        with quiet():
            run(call, edges, grads)
    except BaseException:
        _ended(call, "failed")
        raise
    finally:
        running.call, running.roots = outer
        modes.switch(before)
    _ended(call, "end")


def _ended(call: Call, phase: str) -> None:
    if probe.sink is not None and call.id:
        observe.end(call, phase)
    elif probe.unheard is not None and not probe.position.within:
        probe.unheard()


def _target(call: Call, tensors: list[Any]) -> None:
    call.targets = {}
    for i, t in enumerate(tensors):
        node, slot = gradient_edge(t) if isinstance(t, Tensor) else t[:2]
        call.targets.setdefault(node, {}).setdefault(slot, []).append(i)
    call.captured = [None] * len(tensors)


def backward(tensors: TensorOrTensors, grad_tensors: Any = None, retain_graph: bool | None = None,
             create_graph: bool = False, grad_variables: Any = None, inputs: Any = None) -> None:
    """Add the gradients of ``tensors`` with respect to the graph's leaves to their ``.grad``."""
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                               "`backward()`. Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    roots = _listed(tensors)
    given = _listed(grad_tensors) if grad_tensors is not None else [None] * len(roots)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    keep = create_graph if retain_graph is None else retain_graph
    if create_graph:
        warnings.warn(
            "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
            "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid "
            "this. If you have to use this function, make sure to reset the .grad fields of your parameters to None "
            "after use to break the cycle and avoid the leak.", UserWarning, stacklevel=3)
    call = Call(graph if create_graph else raw, bool(keep), create_graph)
    wanted = _listed(inputs)
    if inputs is not None:
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        _target(call, wanted)
    _run(call, roots, given, wanted, "backward")
    for t, g in zip(wanted, call.captured, strict=False):
        if g is not None and not t.is_leaf:
            keep_gradient(call, t, g)


def _batched(roots: list[Any], wanted: list[Any], given: list[Any], create_graph: bool, allow_unused: bool,
             materialize_grads: bool) -> tuple[Any, ...]:
    """``grad`` for each entry of a batch of upstream gradients."""
    from gradviz.engine.ops.join import stack

    rows = [grad(roots, wanted, entry, True, create_graph, True, allow_unused or None, False, materialize_grads)
            for entry in zip(*given, strict=True)]
    return tuple(None if parts[0] is None else stack(parts) for parts in zip(*rows, strict=True))


def grad(outputs: TensorOrTensors, inputs: TensorOrTensors, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched."""
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
                      "gradient for other parts of the graph, please use torch.autograd.backward.", FutureWarning,
                      stacklevel=2)
    roots, wanted = _listed(outputs), _listed(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if is_grads_batched:
        return _batched(roots, wanted, _listed(grad_outputs), create_graph, bool(allow_unused), materialize_grads)
    given: Sequence[Any] = _listed(grad_outputs) if grad_outputs is not None else [None] * len(roots)
    keep = create_graph if retain_graph is None else retain_graph
    call = Call(graph if create_graph else raw, bool(keep), create_graph)
    call.collect = True
    _first_gradients(roots, list(given), True)
    _roots(roots)
    for t in wanted:
        if isinstance(t, Tensor) and not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    _target(call, wanted)
    _run(call, roots, list(given), wanted, "grad")
    results = []
    for i, (t, g) in enumerate(zip(wanted, call.captured, strict=True)):
        if g is None:
            if materialize_grads:
                g = fresh(xp.zeros_like(t._array))
            elif not allow_unused:
                raise RuntimeError(f"The differentiated Tensor at index {i} appears to not have been used in the graph."
                                   " Set allow_unused=True if this is the desired behavior.")
        elif not isinstance(g, Tensor):
            g = fresh(g if g.__class__ is not ndarray or g.flags.writeable else g.copy())
        results.append(g)
    if probe.sink is not None and call.id:
        there = [i for i, g in enumerate(results) if g is not None]
        which = "" if len(there) == len(results) else f"inputs {', '.join(map(str, there))}"
        observe.op("grad", which, [wanted[i] for i in there], [results[i] for i in there])
    return tuple(results)
