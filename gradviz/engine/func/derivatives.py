"""Gradients, Jacobians and products with them as functions of functions, by backward.

An argument to differentiate by becomes a leaf of its own, or a view in the caller's graph if it is in one. What comes
out is part of a graph only where that leads elsewhere than to those leaves, as with PyTorch's levels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from gradviz.engine.autograd import api, modes
from gradviz.engine.func import tree
from gradviz.engine.ops.create import FUNCTIONS as CREATE
from gradviz.engine.ops.join import stack
from gradviz.engine.tensor import Tensor

Function = Callable[..., Any]
JVP = "jvp(f, primals, tangents)"


# --- arguments -------------------------------------------------------------------------------------------------------
def _place(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def _places(argnums: Any, count: int) -> list[int]:
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if isinstance(argnums, int):
        return [_place(argnums, count)]
    places = [_place(argnum, count) for argnum in argnums]
    if not places:
        raise RuntimeError("argnums must be non-empty")
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(places)}")
    return places


def _real(function: str, value: Any, which: str) -> None:
    for i, t in enumerate(tree.leaves(value)):
        if isinstance(t, Tensor) and t.is_complex():
            raise RuntimeError(f"{function}: Expected all {which} to be real but received complex tensor at flattened "
                               f"input idx: {i}")


class _Run:
    """One call of a function whose arguments at ``places`` may be differentiated by."""

    def __init__(self, args: tuple[Any, ...], places: Iterable[int]) -> None:
        self.outer = modes.enabled()
        given = list(args)
        for i in places:
            given[i] = tree.mapped(self._leaf, given[i])
        self.args = tuple(given)
        self.leaves: list[Any] = [t for i in places for t in tree.leaves(given[i])]
        self.own = {id(t) for t in self.leaves}

    def _leaf(self, t: Any) -> Any:
        if not isinstance(t, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
        return t.view_as(t) if self.outer and t.requires_grad else t.detach().requires_grad_()

    def linked(self, tensors: Iterable[Any]) -> bool:
        """Whether the tensors' graphs lead anywhere but to the own leaves."""
        if not self.outer:
            return False
        seen: set[int] = set()
        todo = []
        for t in tensors:
            if isinstance(t, Tensor) and t.requires_grad:
                if t.grad_fn is None and id(t) not in self.own:
                    return True
                todo.append(t.grad_fn)
        while todo:
            node = todo.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            leaf = getattr(node, "variable", None)
            if leaf is not None and id(leaf) not in self.own:
                return True
            todo += [after for after, _ in node.next_functions]
        return False

    def released(self, value: Any) -> Any:
        """The value outside of the call: without a graph that leads to the own leaves only."""
        return tree.mapped(lambda t: t.detach() if isinstance(t, Tensor) and not self.linked((t,)) else t, value)

    def gradients(self, outputs: list[Any], vectors: list[Any] | None = None, *, retain: bool = False,
                  create: bool | None = None) -> list[Any]:
        pairs = [(o, v) for o, v in zip(outputs, vectors or [None] * len(outputs), strict=True) if o.requires_grad]
        if not pairs:
            return [CREATE["zeros_like"](t) for t in self.leaves]
        outs, given = zip(*pairs, strict=True)
        create = self.linked((*outs, *given)) if create is None else create
        grads = api.grad(outs, self.leaves, given, retain_graph=retain or create, create_graph=create,
                         allow_unused=True)
        return [CREATE["zeros_like"](t) if g is None else g for g, t in zip(grads, self.leaves, strict=True)]


def _with_aux(output: Any, call: str) -> tuple[Any, Any]:
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{call}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return output


def _tensors(output: Any, call: str) -> list[Any]:
    """All tensors of what a function gave, which may hold nothing else."""
    ends = list(tree.leaves(output))
    if not ends or (len(ends) == 1 and ends[0] is None):
        raise RuntimeError(f"{call}: Expected f to be a function that has non-empty output (got output = {ends})")
    for end in ends:
        if not isinstance(end, Tensor):
            raise RuntimeError(f"{call}: expected f(*primals) to return only tensors, got unsupported type {type(end)}")
    return ends


# --- of one number ---------------------------------------------------------------------------------------------------
def grad_and_value(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of ``func`` by an argument, and what it gives itself."""
    call = "grad_and_value(f)(*args)"

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        places = _places(argnums, len(args))
        run = _Run(args, places)
        with modes.enable_grad():
            output, aux = func(*run.args, **kwargs), None
            if has_aux:
                output, aux = _with_aux(output, call)
            if not isinstance(output, Tensor):
                raise RuntimeError(f"{call}: Expected f(*args) to return a Tensor, got {type(output)}")
            if output.ndim:
                raise RuntimeError(f"{call}: Expected f(*args) to return a scalar Tensor, got tensor with "
                                   f"{output.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")
            grads = run.released(run.gradients([output]))
        wanted = args[places[0]] if isinstance(argnums, int) else tuple(args[i] for i in places)
        value = run.released((output, aux) if has_aux else output)
        return tree.rebuilt(wanted, grads), value

    return differentiated


def grad(func: Function, argnums: Any = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of ``func`` by an argument."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return differentiated


# --- products --------------------------------------------------------------------------------------------------------
def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """What ``func`` gives, and a function that gives a vector times its Jacobian."""
    output, product, aux = _vjp(func, primals, range(len(primals)), has_aux)
    wrapped = lambda vectors, **options: tree.rebuilt(primals, product(vectors, **options))  # noqa: E731
    return (output, wrapped, aux) if has_aux else (output, wrapped)


def _vjp(func: Function, args: tuple[Any, ...], places: Iterable[int], has_aux: bool) -> tuple[Any, Function, Any]:
    run = _Run(args, places)
    with modes.enable_grad():
        output, aux = func(*run.args), None
        if has_aux:
            output, aux = _with_aux(output, "vjp(f, *primals)")
        ends = _tensors(output, "vjp(f, *primals)")
        for end in ends:
            if not (end.is_floating_point() or end.is_complex()):
                raise RuntimeError("vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                                   f"Tensor with dtype {end.dtype}")

    def product(vectors: Any, retain_graph: bool = True, create_graph: bool | None = None) -> list[Any]:
        if tree.text(vectors) != tree.text(output):
            raise RuntimeError("Expected pytree structure of cotangents to be the same as pytree structure of outputs "
                               f"to the function. cotangents: {tree.sketch(vectors)}, primal output: "
                               f"{tree.sketch(output)}")
        create = False if not modes.enabled() else create_graph
        grads = run.gradients(ends, list(tree.leaves(vectors)), retain=retain_graph, create=create)
        return run.released(grads)  # type: ignore[no-any-return]

    return run.released(output), product, run.released(aux)


def jvp(func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """What ``func`` gives, and its Jacobian times a vector: the derivative of a vjp by its vector."""
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    if tree.text(primals) != tree.text(tangents):
        raise RuntimeError(f"{JVP}: Expected primals and tangents to have the same python structure. For example, if "
                           "primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
                           f"{tree.text(primals)} and tangents with structure {tree.text(tangents)}")
    for name, value in (("primals", primals), ("tangents", tangents)):
        ends = list(tree.leaves(value))
        if not ends:
            raise RuntimeError(f"{JVP}: Expected {name} to contain at least one Tensor.")
        for end in ends:
            if not isinstance(end, Tensor):
                raise RuntimeError(f"{JVP}: Expected {name} to only contain Tensors, got {type(end)}")
    run = _Run(primals, range(len(primals)))
    with modes.enable_grad():
        output, aux = func(*run.args), None
        if has_aux:
            output, aux = _with_aux(output, JVP)
        outputs = _tensors(output, JVP)
        if strict and not all(o.requires_grad for o in outputs):
            raise RuntimeError("jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
                               "This is not allowed with strict=True.")
        vectors = [CREATE["zeros_like"](o).requires_grad_() for o in outputs]
        run.own |= {id(v) for v in vectors}
        through = run.gradients(outputs, vectors, create=True)
        pairs = [(g, t) for g, t in zip(through, tree.leaves(tangents), strict=True) if g.requires_grad]
        products = api.grad([g for g, _ in pairs], vectors, [t for _, t in pairs], allow_unused=True,
                            create_graph=run.linked(outputs)) if pairs else [None] * len(vectors)
        moved = [CREATE["zeros_like"](o) if p is None else p for p, o in zip(products, outputs, strict=True)]
    result = run.released(output), tree.rebuilt(output, run.released(moved))
    return (*result, run.released(aux)) if has_aux else result


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """What ``func`` gives, and its Jacobian there as a function of a vector."""
    def product(*tangents: Any) -> Any:
        if tree.text(tangents) != tree.text(primals):
            raise RuntimeError(f"Expected the tangents {tree.text(tangents)} to have the same argspec as the primals "
                               f"{tree.text(primals)}")
        for i, (t, p) in enumerate(zip(tree.leaves(tangents), tree.leaves(primals), strict=True)):
            for kind in ("shape", "device", "dtype"):
                if getattr(t, kind) != getattr(p, kind):
                    raise RuntimeError(f"tangent:{i} with {kind} {getattr(t, kind)} in flattened pytree doesn't match "
                                       f"the {kind} {getattr(p, kind)} of the corresponding primal.")
        return jvp(func, primals, tangents)[1]

    return func(*primals), product


# --- Jacobians -------------------------------------------------------------------------------------------------------
def jacrev(func: Function, argnums: Any = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Function:
    """A function that gives the derivatives of all that ``func`` gives by an argument, row by row."""
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian("jacrev", func, argnums, has_aux)


def jacfwd(func: Function, argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error") -> Function:
    """What :func:`jacrev` gives, which PyTorch computes column by column."""
    return _jacobian("jacfwd", func, argnums, has_aux)


def _jacobian(name: str, func: Function, argnums: Any, has_aux: bool) -> Function:
    @functools.wraps(func)
    def derived(*args: Any) -> Any:
        _real(name, args, "inputs")
        places = _places(argnums, len(args))
        output, product, aux = _vjp(func, args, places, has_aux)
        outputs = list(tree.leaves(output))
        _real(name, outputs, "outputs")
        wanted = args[places[0]] if isinstance(argnums, int) else tuple(args[i] for i in places)
        inputs = list(tree.leaves(wanted))
        jacobians = []
        for i, out in enumerate(outputs):
            rows = []
            for k in range(out.numel()):
                vectors = [CREATE["zeros_like"](o) for o in outputs]
                vectors[i].view(-1)[k] = 1
                rows.append(product(tree.rebuilt(output, vectors)))
            jacobians.append(tree.rebuilt(wanted, [
                stack([row[j] for row in rows]).view(out.shape + t.shape) if rows else
                t.new_zeros(out.shape + t.shape) for j, t in enumerate(inputs)]))
        result = tree.rebuilt(output, jacobians)
        return (result, aux) if has_aux else result

    return derived


def hessian(func: Function, argnums: Any = 0) -> Function:
    """A function that gives the second derivatives of ``func`` by an argument."""
    return jacfwd(jacrev(func, argnums), argnums)
