"""What an expression gives: its value, graph, gradients and their gradients, or its error; and its warnings.

``python outcomes.py activations.txt > activations.json`` with PyTorch captures what the tests expect.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
KINKS = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0]
EXTREMES = [float("nan"), float("inf"), -float("inf"), 1e30, -1e30, 88.0, -88.0, 20.0, 21.0]


def wave(shape: tuple[int, ...], step: float) -> Any:
    """Numbers that are all different, of both signs."""
    return np.sin(step * (1 + np.arange(math.prod(shape)))).reshape(shape) * 1.7


def leaves(torch: Any) -> dict[str, Any]:
    """The tensors that expressions may name, all of which take gradients."""
    arrays = {
        "x": wave((4, 3), 1.1), "y": wave((4, 3), 2.3), "p": (wave((4, 3), 0.7) / 3.6 + 0.5),
        "q": (wave((4, 3), 1.9) / 3.6 + 0.5), "k": np.array(KINKS), "e": np.array(EXTREMES), "v": wave((3,), 1.3),
        "w": np.array([0.25, 1.5, 0.5]), "s": np.array(-0.3), "f": wave((4, 3), 1.1).astype(np.float32),
        "h": wave((4, 3), 1.1).astype(np.float16), "z": np.zeros((0, 3)), "c": wave((2, 3, 2, 2), 0.9),
        "d": wave((2, 3, 2), 0.9), "t": wave((5, 2, 4), 1.7),
        "line": wave((1, 2, 5), 0.8), "image": wave((1, 2, 4, 3), 0.7), "volume": wave((1, 2, 3, 2, 3), 0.6),
        "w1": wave((2, 2, 3), 1.3), "w2": wave((2, 2, 3, 2), 1.2), "w3": wave((1, 2, 2, 1, 2), 1.4),
        "v2": np.array([0.7, -0.4]), "v3": np.array([0.2, 0.9]), "places": wave((1, 3, 2, 2), 1.9) * 0.63,
    }
    return {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}


def walk(node: Any) -> Any:
    return None if node is None else [type(node).__name__, *[walk(after) for after, _ in node.next_functions]]


def numbers(t: Any) -> Any:
    return None if t is None else [str(t.dtype), list(t.shape), (t.detach() + 0).double().flatten().tolist()]


def weighted(t: Any, torch: Any) -> Any:
    return (t * torch.tensor(np.cos(np.arange(t.numel())).reshape(tuple(t.shape)))).sum()


def outcome(source: str, torch: Any) -> dict[str, Any]:
    known = leaves(torch)
    space = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "T": torch.tensor, "inf": float("inf"), **known}
    code = compile(source, "<case>", "eval")
    used = [known[name] for name in sorted(known) if name in names(code)]

    def leaf(data: Any, dtype: str, shape: tuple[int, ...]) -> Any:
        used.append(torch.tensor(np.array(data, dtype).reshape(shape), requires_grad=True))
        return used[-1]

    def filled(module: Any) -> Any:
        for parameter in module.parameters():
            parameter.data.copy_(torch.tensor(wave(tuple(parameter.shape), 1.0)))
        return module

    space |= {"leaf": leaf, "filled": filled}
    found: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        try:
            result = eval(code, space)
            if isinstance(result, torch.Tensor):
                differentiated(result, used, torch, found)
            else:
                found["value"] = repr(result)
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"
    if caught:
        found["warnings"] = [f"{w.category.__name__}: {w.message}" for w in caught]
    return found


def names(code: Any) -> set[str]:
    """The names in an expression, those in its functions too."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            found |= names(constant)
    return found


def differentiated(result: Any, used: list[Any], torch: Any, found: dict[str, Any]) -> None:
    found["value"], found["graph"] = numbers(result), walk(result.grad_fn)
    if not used or not result.requires_grad or not result.dtype.is_floating_point:
        return
    total = weighted(result.double(), torch)
    grads = torch.autograd.grad(total, used, create_graph=True, allow_unused=True)
    found["grads"] = [numbers(g) for g in grads]
    again = sum(weighted(g.double(), torch) for g in grads if g is not None and g.requires_grad)
    if isinstance(again, torch.Tensor):
        found["second"] = [numbers(g) for g in torch.autograd.grad(again, used, allow_unused=True)]


def agree(ours: Any, theirs: Any, tolerance: float = 1e-6) -> bool:
    """Whether two outcomes are the same but for rounding."""
    if isinstance(theirs, dict):
        return set(ours) == set(theirs) and all(agree(ours[key], theirs[key], tolerance) for key in theirs)
    if isinstance(theirs, list):
        if theirs and isinstance(theirs[0], str) and theirs[0] in ("torch.float32", "torch.float16"):
            tolerance = 1e-4 if theirs[0] == "torch.float32" else 5e-3
        return isinstance(ours, list) and len(ours) == len(theirs) and all(
            agree(a, b, tolerance) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, float) and isinstance(ours, float):
        if math.isnan(theirs) or math.isnan(ours):
            return math.isnan(theirs) and math.isnan(ours)
        return ours == theirs or abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))
    return bool(ours == theirs)


def cases(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    import torch

    rows = {source: outcome(source, torch) for source in cases(sys.argv[1])}
    print("{" + ",\n".join(f"{json.dumps(source)}: {json.dumps(found)}" for source, found in rows.items()) + "}")
