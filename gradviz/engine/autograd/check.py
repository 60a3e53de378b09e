"""``torch.autograd.gradcheck``: the gradients of a function against differences of its values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from gradviz.engine.autograd import api, modes
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import ndarray, xp


class GradcheckError(RuntimeError):
    """A gradient that is not the derivative."""


GradcheckError.__module__ = "torch.autograd.gradcheck"


def _tensors(values: Any) -> list[Any]:
    return [t for t in (values if isinstance(values, tuple | list) else (values,)) if isinstance(t, Tensor)]


def _checked(inputs: tuple[Any, ...]) -> list[Tensor]:
    wanted = [t for t in inputs if isinstance(t, Tensor) and t.requires_grad]
    for i, t in enumerate(inputs):
        if isinstance(t, Tensor) and t.requires_grad and t._array.dtype not in (xp.float64, xp.complex128):
            warnings.warn(f"Input #{i} requires gradient and is not a double precision floating point or complex. This "
                          "check will likely fail if all the inputs are not of double precision floating point or "
                          "complex. ", UserWarning, stacklevel=4)
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have "
                         "requires_grad=True.")
    return wanted


def _numerical(func: Callable[..., Any], inputs: tuple[Any, ...], t: Tensor, which: list[int], eps: float) -> list[Any]:
    """For each output that counts, its derivatives by ``t``: rows of inputs, columns of outputs."""
    flat, rows = t._array.reshape(-1), []
    if flat.base is None and t._array.size > 1 and not t._array.flags.c_contiguous:
        raise RuntimeError("gradcheck needs inputs without overlapping or strided memory; call .contiguous()")
    for i in range(flat.size):
        ends, kept = [], flat[i].copy()
        for step in (eps, -eps):
            flat[i] = kept + step
            with modes.no_grad():
                outputs = _tensors(func(*inputs))
            ends.append([outputs[k]._array.reshape(-1).copy() for k in which])
        flat[i] = kept
        rows.append([(up - down) / (2 * eps) for up, down in zip(*ends, strict=True)])
    return [xp.stack([row[k] for row in rows]) if rows else xp.zeros((0, 0)) for k in range(len(which))]


def _analytical(out: Tensor, wanted: list[Tensor]) -> list[ndarray]:
    """The same by backward, one row for each element of ``out``."""
    columns: list[list[ndarray]] = [[] for _ in wanted]
    for i in range(out._array.size):
        one = xp.zeros(out._array.shape, out._array.dtype)
        one.reshape(-1)[i] = 1
        grads = api.grad((out,), wanted, (make(one, Cell()),), retain_graph=True, allow_unused=True)
        for column, g, t in zip(columns, grads, wanted, strict=True):
            column.append(xp.zeros(t._array.size, out._array.dtype) if g is None else g._array.reshape(-1))
    return [xp.stack(c, axis=1) if c else xp.zeros((t._array.size, 0)) for c, t in zip(columns, wanted, strict=True)]


def _close(a: ndarray, b: ndarray, rtol: float, atol: float) -> bool:
    return a.shape == b.shape and bool(xp.allclose(a, b, rtol, atol))


def _check(func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float,
           nondet_tol: float) -> None:
    wanted = _checked(inputs)
    outputs = func(*inputs)
    listed = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
    which = [i for i, o in enumerate(listed) if o.requires_grad]
    places = [next(k for k, x in enumerate(inputs) if x is t) for t in wanted]
    if not which:
        for t in wanted:
            if any(n.any() for n in _numerical(func, inputs, t, list(range(len(listed))), eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    numerical = [_numerical(func, inputs, t, which, eps) for t in wanted]
    for k, i in enumerate(which):
        found, again = _analytical(listed[i], wanted), _analytical(listed[i], wanted)
        for j, place in enumerate(places):
            a, n = found[j], numerical[j][k].astype(listed[i]._array.dtype)
            if not _close(a, n, rtol, atol):
                as_text = [repr(make(m, Cell())) for m in (n, a)]
                raise GradcheckError(f"Jacobian mismatch for output {i} with respect to input {place},\nnumerical:"
                                     f"{as_text[0]}\nanalytical:{as_text[1]}\n")
            if not _close(a, again[j], 0, nondet_tol):
                raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and "
                                     "grad_output multiple times gives different values, although analytical gradient "
                                     f"matches numerical gradient.The tolerance for nondeterminism was {nondet_tol}.")


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
              check_grad_dtypes: bool = False, check_batched_grad: bool = False, fast_mode: bool = False,
              **options: Any) -> bool:
    """Whether the gradients of ``func`` agree with differences of its values."""
    try:
        _check(func, tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,), eps, atol, rtol, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
                  **options: Any) -> bool:
    """The same for the gradients themselves."""
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if grad_outputs is None:
        outputs = [o for o in _tensors(func(*given)) if o._array.dtype.char in INEXACT]
        draws = xp.random.default_rng(0)
        vectors = [make(draws.random(o._array.shape).astype(o._array.dtype), Cell(), True) for o in outputs]
    else:
        vectors = _tensors(grad_outputs)
    wanted = [i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad]

    def gradients(*args: Any) -> Any:
        args, upstream = args[:-len(vectors)], args[-len(vectors):]
        sources = [t if not (isinstance(t, Tensor) and t.requires_grad) or modes.enabled() else
                   t.detach().requires_grad_() for t in args]
        with modes.enable_grad():
            outputs = [o for o in _tensors(func(*sources)) if o._array.dtype.char in INEXACT]
            return api.grad(outputs, [sources[i] for i in wanted], upstream, create_graph=True, allow_unused=True,
                            materialize_grads=True)

    return gradcheck(gradients, (*given, *vectors), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol)
