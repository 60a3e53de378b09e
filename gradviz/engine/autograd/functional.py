"""``torch.autograd.functional``: Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd import api, modes
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.tensor import Size, Tensor

Function = Callable[..., Any]


# --- reading and checking --------------------------------------------------------------------------------------------
def _tuple(value: Any, argument: str, function: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether there were several, and all of them."""
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, one in enumerate(values):
        if not isinstance(one, Tensor):
            if several:
                raise TypeError(f"The {argument} given to {function} must be either a Tensor or a tuple of Tensors but "
                                f"the value at index {i} has type {type(one)}.")
            raise TypeError(f"The {argument} given to {function} must be either a Tensor or a tuple of Tensors but the "
                            f"given {argument} has type {type(one)}.")
    return several, values


def _leaves(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Inputs to differentiate by: views in the caller's graph, or leaves of their own."""
    out = []
    for t in inputs:
        if create_graph and t.requires_grad:
            out.append(t.view_as(t))
        else:
            out.append(t.detach().requires_grad_(t._array.dtype.char in INEXACT))
    return tuple(out)


def _called(func: Function, inputs: tuple[Tensor, ...], function: str) -> tuple[bool, tuple[Tensor, ...]]:
    return _tuple(func(*inputs), "outputs of the user-provided function", function)


def _validated(v: Any, like: tuple[Tensor, ...], several: bool) -> None:
    if len(v) != len(like):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like, strict=True)):
        if a.size() != b.size():
            which = f"Entry {i} in " if several else ""
            raise RuntimeError(f"{which}v has invalid size: should be {Size(b._array.shape)} but got "
                               f"{Size(a._array.shape)}.")


def _check_graph(outputs: Any, inputs: Any, kind: str, strict: bool) -> None:
    """In strict mode every result must depend on the inputs."""
    if not strict:
        return
    for i, out in enumerate(outputs):
        if out is None and kind == "jacobian":
            raise RuntimeError(f"The output of the user-provided function is independent of input {i}. This is not "
                               "allowed in strict mode.")
        if out is None and kind == "hessian":
            raise RuntimeError(f"The hessian of the user-provided function is independent of input {i}. This is not "
                               "allowed in strict mode.")
        if not out.requires_grad:
            if kind == "outputs":
                raise RuntimeError(f"Output {i} of the user-provided function does not require gradients. The outputs "
                                   "must be computed in a differentiable manner from the input when running in strict "
                                   "mode.")
            if kind == "jacobian of a hessian":
                raise RuntimeError("While computing the hessian, found that the jacobian of the user-provided function "
                                   f"with respect to input {i} is independent of the input. This is not allowed in "
                                   "strict mode. You should ensure that your function is twice differentiable and that "
                                   "the jacobian depends on the inputs (this would be violated by a linear function "
                                   "for example).")
            if kind == "jacobian":
                raise RuntimeError(f"The jacobian of the user-provided function is independent of input {i}. This is "
                                   "not allowed in strict mode when create_graph=True.")


def _filled(grads: Any, like: tuple[Tensor, ...], create_graph: bool, what: str, strict: bool) -> tuple[Tensor, ...]:
    """Zeros for gradients that are not there."""
    out = []
    for i, (g, t) in enumerate(zip(grads, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(f"The {what} of the user-provided function is independent of input {i}. This is not "
                                   "allowed in strict mode.")
            g = t.new_zeros(t._array.shape)
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(f"The {what} of the user-provided function is independent of input {i}. This is not "
                               "allowed in strict mode when create_graph=True.")
        out.append(g)
    return tuple(out)


def _given_back(values: Any, create_graph: bool, several: Any) -> Any:
    """Outside the graph, unless it was asked for; one alone if one was given."""
    if isinstance(values, tuple):
        out = tuple(_given_back(v, create_graph, (True, True)) for v in values)
        return out if several else out[0]
    return values if create_graph else values.detach()


def _grad(outputs: Any, inputs: Any, vectors: Any = None, create_graph: bool = False) -> tuple[Any, ...]:
    """Gradients, None where there are none; outputs without a graph are left out."""
    pairs = [(o, v) for o, v in zip(outputs, vectors or [None] * len(outputs), strict=True)
             if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outs, given = zip(*pairs, strict=True)
    return api.grad(outs, inputs, given, create_graph=create_graph, retain_graph=True, allow_unused=True)


# --- the functions ---------------------------------------------------------------------------------------------------
def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What ``func`` gives, and ``v`` times its Jacobian."""
    with modes.enable_grad():
        several, given = _tuple(inputs, "inputs", "vjp")
        leaves = _leaves(given, create_graph)
        several_out, outputs = _called(func, leaves, "vjp")
        _check_graph(outputs, leaves, "outputs", strict)
        vector = _vector(v, outputs, several_out, create_graph, "vjp",
                         "The vector v can only be None if the user-provided function returns a single Tensor with a "
                         "single element.")
    with _mode(create_graph):
        grads = _filled(_grad(outputs, leaves, vector, create_graph), leaves, create_graph, "output", strict)
    return _given_back(outputs, create_graph, several_out), _given_back(grads, create_graph, several)


def _vector(v: Any, like: tuple[Tensor, ...], several: bool, create_graph: bool, function: str, missing: str) -> Any:
    if v is None:
        if len(like) != 1 or like[0]._array.size != 1:
            raise RuntimeError(missing)
        return None
    _, vector = _tuple(v, "v", function)
    vector = tuple(t.view_as(t) if create_graph and t.requires_grad else t.detach()
                   for t in vector)
    _validated(vector, like, several)
    return vector


def _mode(create_graph: bool) -> Any:
    return modes.set_grad_enabled(True if create_graph else modes.enabled())


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What ``func`` gives, and its Jacobian times ``v``: the derivative of a vjp by its vector."""
    with modes.enable_grad():
        several, given = _tuple(inputs, "inputs", "jvp")
        leaves = _leaves(given, create_graph)
        vector = _vector(v, leaves, several, create_graph, "jvp", "The vector v can only be None if the input to the "
                         "user-provided function is a single Tensor with a single element.")
        if vector is None:
            vector = tuple(t.new_ones(t._array.shape) for t in leaves)
        several_out, outputs = _called(func, leaves, "jvp")
        _check_graph(outputs, leaves, "outputs", strict)
        dummies = tuple(o.new_zeros(o._array.shape).requires_grad_() for o in outputs)
        through = _filled(_grad(outputs, leaves, dummies, True), leaves, True, "output", strict)
    with _mode(create_graph):
        if not any(t.requires_grad for t in through):
            products = tuple(o.new_zeros(o._array.shape) for o in outputs)
        else:
            products = _filled(_grad(through, dummies, vector, create_graph), outputs, create_graph, "output", strict)
    return _given_back(outputs, create_graph, several_out), _given_back(products, create_graph, several_out)


def jacobian(func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:
    """The derivatives of all outputs by all inputs, a row of backward calls. ``vectorize`` changes nothing here."""
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function '
                             'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
                             'prefer to use "reverse-mode".')
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly "
                                  "implemented for `vectorize=True`.")
    return _jacobian(func, inputs, create_graph, strict, "jacobian")


def _jacobian(func: Function, inputs: Any, create_graph: bool, strict: bool, function: str) -> Any:
    from gradviz.engine.ops.join import stack
    from gradviz.engine.ops.shape import reshape, view

    with modes.enable_grad():
        several, given = _tuple(inputs, "inputs", function)
        leaves = _leaves(given, create_graph)
        several_out, outputs = _called(func, leaves, function)
        _check_graph(outputs, leaves, "outputs", strict)
        rows = []
        for i, out in enumerate(outputs):
            flat: tuple[list[Any], ...] = tuple([] for _ in leaves)
            for k in range(out._array.size):
                grads = _grad((reshape(out, -1)[k],), leaves, None, create_graph)
                for parts, g, t, j in zip(flat, grads, leaves, range(len(leaves)), strict=True):
                    if g is None:
                        if strict:
                            raise RuntimeError(f"Output {i} of the user-provided function is independent of input {j}. "
                                               "This is not allowed in strict mode.")
                        g = t.new_zeros(t._array.shape)
                    elif strict and create_graph and not g.requires_grad:
                        raise RuntimeError(f"The jacobian of the user-provided function is independent of input {j}. "
                                           "This is not allowed in strict mode when create_graph=True.")
                    parts.append(g)
            rows.append(tuple(view(stack(parts, 0), out._array.shape + t._array.shape)
                              for parts, t in zip(flat, leaves, strict=True)))
    values = _given_back(tuple(rows), create_graph, True)
    if not several:
        values = tuple(row[0] for row in values)
    return values if several_out else values[0]


def _scalar(func: Function, function: str, several: bool = False) -> Function:
    def checked(*inputs: Any) -> Any:
        out = func(*inputs)
        several_out, outputs = _tuple(out, "outputs of the user-provided function", function)
        if several_out:
            raise RuntimeError(f"The function given to {function} should return a single Tensor")
        if outputs[0]._array.size != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single "
                               "element")
        return outputs[0].squeeze()

    return checked


def hessian(func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The second derivatives of a function of one result."""
    several, given = _tuple(inputs, "inputs", "hessian")
    scalar = _scalar(func, "hessian")

    def gradient(*args: Any) -> Any:
        grads = _jacobian(scalar, args, True, False, "jacobian")
        _check_graph(grads, args, "jacobian of a hessian", strict)
        return grads

    result = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return result if several else result[0][0]


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What ``func`` gives, and ``v`` times its Hessian."""
    return _times_hessian(func, inputs, v, create_graph, strict, "vhp")


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What ``func`` gives, and its Hessian times ``v``, which is the same as ``vhp``."""
    return _times_hessian(func, inputs, v, create_graph, strict, "hvp")


def _times_hessian(func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, function: str) -> Any:
    with modes.enable_grad():
        several, given = _tuple(inputs, "inputs", function)
        leaves = _leaves(given, create_graph)
        vector = _vector(v, leaves, several, create_graph, function, "The vector v can only be None if the input to "
                         "the user-provided function is a single Tensor with a single element.")
        out = _scalar(func, function)(*leaves)
        _check_graph((out,), leaves, "outputs", strict)
        first = _filled(_grad((out,), leaves, None, True), leaves, True, "jacobian", strict)
    with _mode(create_graph):
        products = _filled(_grad(first, leaves, vector, create_graph), leaves, create_graph, "hessian", strict)
    return _given_back(out, create_graph, False), _given_back(products, create_graph, several)
