"""Random calls, here and in PyTorch: values, types, shapes, gradients and the names of nodes agree, and what PyTorch
refuses is refused."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import gradviz.engine as engine

ONE = [
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sigmoid", "tanh",
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "neg", "square", "erf",
    "erfc", "erfinv", "lgamma", "digamma", "sinc", "logit", "isnan", "isinf", "isfinite", "logical_not", "deg2rad",
    "rad2deg", "nan_to_num", "angle",
]
TWO = [
    "add", "mul", "div", "maximum", "minimum", "fmax", "fmin", "atan2", "eq", "ne", "lt", "le", "gt", "ge",
    "logical_and", "logical_or", "logical_xor", "hypot", "true_divide", "logaddexp",
]
REDUCE = [
    "sum", "mean", "prod", "amax", "amin", "all", "any", "var", "std", "logsumexp", "nansum", "nanmean", "max",
    "min", "median", "cumsum", "cumprod", "cummax", "logcumsumexp", "softmax", "log_softmax", "count_nonzero",
    "norm", "sort", "argsort", "aminmax", "var_mean", "std_mean", "flip", "diff", "unsqueeze", "quantile",
]
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (2, 1, 3), (0,), (0, 3), (1,))
NUMBERS = {
    "float": [-1.5, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 3.5],
    "odd": [float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 2.0],
    "int": [-3, -1, 0, 1, 2, 5],
}
KNOWN = {
    ("logaddexp", "int"), ("hypot", "int"), ("digamma", "odd"), ("asin", "odd"), ("acos", "odd"), ("diff", "float"),
    ("diff", "odd"), ("cummax", "float"), ("cummax", "odd"), ("softmax", "int"), ("log_softmax", "int"),
    ("nanmean", "int"), ("quantile", "odd"), ("median", "odd"), ("norm", "odd"), ("cumprod", "odd"),
    ("prod", "odd"), ("logcumsumexp", "odd"), ("std", "odd"), ("var", "odd"), ("std_mean", "odd"),
    ("var_mean", "odd"), ("logsumexp", "odd"), ("softmax", "odd"), ("log_softmax", "odd"),
}
"""Where the last digits, what infinity and NaN leave of a gradient, and what is refused of integers and of nothing
are not compared."""


def drawn(r: random.Random, kind: str) -> np.ndarray[Any, Any]:
    shape = r.choice(SHAPES)
    values = [r.choice(NUMBERS[kind]) for _ in range(int(np.prod(shape)))]
    return np.asarray(values, np.int64 if kind == "int" else np.float32).reshape(shape)


def call(seed: int) -> tuple[str, str, list[Any], dict[str, Any]]:
    """Name, kind of numbers, arguments and keywords."""
    r = random.Random(seed)
    kind = r.choice(("float", "float", "odd", "int"))
    group = r.choice((ONE, TWO, REDUCE))
    name, first = r.choice(group), drawn(r, kind)
    if group is ONE:
        return name, kind, [first], {}
    if group is TWO:
        return name, kind, [first, drawn(r, kind)], {}
    dim = r.choice((0, -1, 1))
    if name == "quantile":
        return name, kind, [first, 0.3], {"dim": dim}
    if name == "aminmax":
        return name, kind, [first], {"dim": dim, "keepdim": r.random() < 0.5}
    return name, kind, [first, [dim] if name == "flip" else dim], {}


def outcome(torch: Any, seed: int) -> Any:
    """What comes out, as plain data: results with their types and nodes, then gradients; or that it was refused."""
    name, kind, given, named = call(seed)
    try:
        inputs = [torch.tensor(a, requires_grad=kind != "int") if isinstance(a, np.ndarray) else a for a in given]
        if name == "norm":
            inputs[1:] = [2, inputs[1]]
        if name == "diff":
            inputs[1:] = [1, inputs[1]]
        result = getattr(torch, name)(*inputs, **named)
        parts = list(result) if isinstance(result, tuple) else [result]
        told = [(p.detach().tolist(), str(p.dtype), tuple(p.shape), type(p.grad_fn).__name__) for p in parts]
        smooth = [p for p in parts if p.requires_grad]
        if smooth:
            sum((p * torch.arange(1.0, p.numel() + 1).reshape(p.shape)).sum() for p in smooth).backward()
    except (RuntimeError, IndexError, TypeError):
        return "refused"
    return told, [t.grad.tolist() if t.grad is not None else None for t in inputs if hasattr(t, "grad")]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return isinstance(b, float) and bool(np.isclose(a, b, 1e-4, 2e-5, equal_nan=True))
    return bool(a == b)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", range(0, 4000, 500))
def test_random_calls(start: int) -> None:
    torch = pytest.importorskip("torch")
    wrong = {}
    for seed in range(start, start + 500):
        name, kind, given, _ = call(seed)
        if (name, kind) in KNOWN:
            continue
        expected, found = outcome(torch, seed), outcome(engine, seed)
        if not same(expected, found):
            wrong[seed, name, str(given)] = expected, found
    assert wrong == {}
