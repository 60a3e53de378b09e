"""Random programs of ops, views and in-place writes, in the syntax that NumPy and the engine share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

SIZE = 3


def program(draws: Sequence[int]) -> list[str]:
    """Statements over ``x`` and ``y`` (3x3 inputs), read off a list of numbers; the last variable is the result."""
    it = iter(draws)

    def pick(options: Sequence[Any]) -> Any:
        return options[next(it, 0) % len(options)]

    dims = {"a": 2, "b": 2}
    lines = ["a = x * 1.0", "b = y * 1.0"]
    for n in range(max(1, len(draws) // 4)):
        name = f"v{n}"
        kind = pick(["unary", "binary", "view", "view", "write", "write", "setitem", "reduce"])
        source = pick(list(dims))
        if kind == "unary":
            lines.append(f"{name} = {pick(['sin', 'exp', 'tanh', 'square', 'sqrt_'])}({source})")
            dims[name] = dims[source]
        elif kind == "binary":
            other = pick(list(dims))
            lines.append(f"{name} = {source} {pick(['+', '-', '*'])} {other}")
            dims[name] = max(dims[source], dims[other])
        elif kind == "view":
            forms = ["{}[0:2]", "{}[::2]", "{}[1:]"] if dims[source] == 1 else [
                "{}[1]", "{}[:, 2]", "{}.T", "{}[-1]", "{}[...]"]
            form = pick(forms)
            if dims[source] == 1:  # parts of rows only get written, so that shapes keep fitting
                lines.append(f"{form.format(source)} {pick(['+=', '*='])} {pick([1.5, 0.5, -1.25])}")
                continue
            lines.append(f"{name} = {form.format(source)}")
            dims[name] = 2 if form in ("{}.T", "{}[...]") else 1
        elif kind == "write":
            fitting = [v for v in dims if dims[v] <= dims[source]]
            lines.append(f"{source} {pick(['+=', '*=', '-='])} {pick([*fitting, '0.5', '2.0'])}")
        elif kind == "setitem":
            fitting = [v for v in dims if dims[v] == 1]
            value = pick([*fitting, "0.25"])
            lines.append(f"{source}[{pick(['1', ':, 0', '-1'])}] = {value}" if dims[source] == 2 else
                         f"{source}[{pick(['0', '1:'])}] = {pick(['0.75', '-0.5'])}")
        else:
            lines.append(f"{name} = {source}.sum(0) * 0.5" if dims[source] == 2 else f"{name} = cumsum({source})")
            dims[name] = 1
    lines.append("result = " + " + ".join(f"({v} * {v}).sum() * {0.1 * (i + 1):.1f}" for i, v in enumerate(dims)))
    return lines


NUMPY: dict[str, Callable[..., Any]] = {
    "sin": np.sin, "exp": lambda v: np.exp(v * 0.1), "tanh": np.tanh, "square": np.square,
    "cumsum": lambda v: np.cumsum(v, 0),
    "sqrt_": lambda v: np.sqrt(v * v + 1.0),
}


def functions(torch: Any) -> dict[str, Callable[..., Any]]:
    """The same functions of PyTorch, or of what stands in for it."""
    return {"sin": torch.sin, "exp": lambda v: torch.exp(v * 0.1), "tanh": torch.tanh, "square": torch.square,
            "cumsum": lambda v: v.cumsum(0), "sqrt_": lambda v: torch.sqrt(v * v + 1.0)}


def inputs() -> tuple[Any, Any]:
    rng = np.random.RandomState(3)
    return rng.uniform(-1, 1, (SIZE, SIZE)), rng.uniform(-1, 1, (SIZE, SIZE))


def run(lines: list[str], names: dict[str, Any], x: Any, y: Any) -> dict[str, Any]:
    """Execute a program; all its variables."""
    scope = dict(names, x=x, y=y)
    exec(compile("\n".join(lines), "<program>", "exec"), scope)
    return scope


def numeric_gradients(lines: list[str]) -> tuple[Any, Any]:
    """Central differences of the program run by NumPy, whose views and in-place writes mean the same."""
    base = inputs()
    grads = np.zeros((2, SIZE, SIZE))
    for k in range(2):
        for i in np.ndindex(SIZE, SIZE):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [a.copy() for a in base]
                moved[k][i] += step
                ends.append(run(lines, NUMPY, *moved)["result"])
            grads[k][i] = (ends[0] - ends[1]) / 2e-6
    return grads[0], grads[1]


def differentiate(torch: Any, lines: list[str]) -> tuple[float, Any, Any]:
    """Value and gradients by backward."""
    x, y = (torch.tensor(a, requires_grad=True) for a in inputs())
    result = run(lines, functions(torch), x, y)["result"]
    result.backward()
    return result.item(), x.grad, y.grad
