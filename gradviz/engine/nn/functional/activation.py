"""Activations of ``torch.nn.functional``."""

from __future__ import annotations

from typing import Any

from gradviz.engine.errors import warn
from gradviz.engine.ops import activation, create, unary
from gradviz.engine.ops.activation import (
    HARDSIGMOID,
    HARDSWISH,
    HARDTANH,
    LEAKY_RELU,
    LOG_SIGMOID,
    MISH,
    RELU6,
    SILU,
    SOFTPLUS,
    celu,
    either,
    elu,
    gelu,
    glu,
    hardshrink,
    prelu,
    rrelu,
    selu,
    softshrink,
    threshold,
)
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import run


def relu(input: Any, inplace: bool = False) -> Any:
    return unary.METHODS["relu_"](input) if inplace else unary.FUNCTIONS["relu"](input)


def relu6(input: Any, inplace: bool = False) -> Any:
    return either(RELU6, input, (0.0, 6.0), "", inplace)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return either(HARDTANH, input, (min_val, max_val), words(min_val=min_val, max_val=max_val), inplace)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    return either(LEAKY_RELU, input, (negative_slope,), words(negative_slope=negative_slope), inplace)


def silu(input: Any, inplace: bool = False) -> Any:
    return either(SILU, input, (), "", inplace)


def mish(input: Any, inplace: bool = False) -> Any:
    return either(MISH, input, (), "", inplace)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    return either(HARDSIGMOID, input, (), "", inplace)


def hardswish(input: Any, inplace: bool = False) -> Any:
    return either(HARDSWISH, input, (), "", inplace)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    return run(SOFTPLUS, (input,), (beta, threshold), words(beta=beta, threshold=threshold))


def logsigmoid(input: Any) -> Any:
    return run(LOG_SIGMOID, (input,))


def softsign(input: Any) -> Any:
    return input / (input.abs() + 1)


def tanhshrink(input: Any) -> Any:
    return input - input.tanh()


def sigmoid(input: Any) -> Any:
    return input.sigmoid()


def tanh(input: Any) -> Any:
    return input.tanh()


def _get_softmax_dim(name: str, ndim: int) -> int:
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
         "argument.")
    return 0 if ndim in (0, 1, 3) else 1


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    if dim is None:
        dim = _get_softmax_dim("softmin", input.dim())
    return (-input).softmax(dim, dtype=dtype)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    if dim is None:
        dim = _get_softmax_dim("softmax", input.dim())
    return input.softmax(dim, dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    if dim is None:
        dim = _get_softmax_dim("log_softmax", input.dim())
    return input.log_softmax(dim, dtype=dtype)


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A sample near a corner of the simplex; ``hard``: the corner, differentiated as if it were the sample."""
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    gumbels = -create.FUNCTIONS["empty_like"](logits).exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    corner = create.FUNCTIONS["zeros_like"](logits).scatter_(dim, index, 1.0)
    return corner - soft.detach() + soft


FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (
    relu, relu6, hardtanh, leaky_relu, elu, selu, celu, prelu, rrelu, gelu, silu, mish, softplus, softsign, tanhshrink,
    hardshrink, softshrink, hardsigmoid, hardswish, threshold, logsigmoid, glu, sigmoid, tanh, softmax, softmin,
    log_softmax, gumbel_softmax)}
FUNCTIONS |= {f.__name__ + "_": activation.in_place(f) for f in (
    relu, hardtanh, leaky_relu, elu, selu, celu, rrelu, threshold)}
