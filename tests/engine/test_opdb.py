"""The engine against PyTorch's own database of operators: of every operator that both have a few samples, drawn by its
name, must agree in values, types, shapes, nodes and gradients."""

from __future__ import annotations

import random
import re
import warnings
from itertools import islice
from typing import Any

import numpy as np
import pytest

import gradviz.engine as engine

KNOWN = {
    "the order among equal elements is not defined": "argsort kthvalue mode sort topk",
    "signs and phases of vectors are free": "linalg.eig linalg.eigh linalg.svd pca_lowrank svd svd_lowrank",
    "drawn at random, or memory as it was": "empty empty_like empty_strided empty_permuted multinomial new_empty "
                                            "new_empty_strided nn.functional.multi_head_attention_forward",
    "views of parts of a memory that an array does not show": "as_strided",
    "layouts and types that NumPy has not": "bfloat16 chalf to_sparse",
    "a function of PyTorch's is among the arguments": "nn.functional.triplet_margin_with_distance_loss",
    "another way to the same derivative": "lu_unpack nanquantile nn.functional.embedding_bag quantile tensordot "
                                          "triangular_solve linalg.tensorinv",
    "nothing but the solution is differentiated": "linalg.lstsq",
    "options that are refused": "nn.functional.linear_cross_entropy",
    "SciPy's digits far from 0": "special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1",
}
LEFT = {name for names in KNOWN.values() for name in names.split()}
"""What is not compared, or not in all; why is said above."""
PRIVATE = re.compile(r"_(?!_)|torch\.|jiterator|masked\.|sparse|.*_copy$")
TOLERANCE = {"float64": 1e-8, "float32": 2e-4}
ALIASES = ((r"^torch\.functional\.|^torch\._C\._VariableFunctions\.", "torch."), (r"^torch\._C\._nn\.",
           "torch.nn.functional."), (r"^torch\._C\._(linalg|special)\.\1_", r"torch.\1."),
           (r"^(torch\._C\.)?_?TensorBase\.|^torch\._tensor\.", "torch.Tensor."))


def ours(name: str) -> Any:
    """The engine's function of PyTorch's name; None where it has none."""
    for pattern, plain in ALIASES:
        name = re.sub(pattern, plain, name)
    found: Any = engine
    if not name:
        return None
    for part in name.split(".")[1:]:
        try:
            found = getattr(found, part)
        except (AttributeError, ImportError):
            return None
    return found


def nodes(grad_fn: Any, depth: int = 4) -> Any:
    """The graph behind a result, by names."""
    if grad_fn is None or not depth:
        return None
    return type(grad_fn).__name__, tuple(nodes(next_one, depth - 1) for next_one, _ in grad_fn.next_functions)


def flat(values: Any, kind: Any) -> list[Any]:
    if isinstance(values, kind):
        return [values]
    return [t for v in values for t in flat(v, kind)] if isinstance(values, tuple | list) else []


class Player:
    """Plays PyTorch's calls on the engine."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.torch: Any = pytest.importorskip("torch")
            database: Any = pytest.importorskip("torch.testing._internal.common_methods_invocations")
        from torch.overrides import TorchFunctionMode, resolve_name

        class Calls(TorchFunctionMode):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.made: list[Any] = []

            def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                self.made.append((resolve_name(function) or "", function, args, kwargs or {}))
                return function(*args, **(kwargs or {}))

        self.calls, self.database = Calls, database.op_db

    def told(self, value: Any, leaves: Any) -> Any:
        """A value in the engine's terms; ``leaves`` collects (theirs, ours) of tensors that require gradients."""
        torch = self.torch
        if isinstance(value, torch.Tensor):
            made = engine.tensor(value.detach().resolve_conj().numpy(), requires_grad=value.requires_grad)
            if value.requires_grad:
                leaves.append((value, made))
            return made
        if isinstance(value, torch.dtype):
            return getattr(engine, str(value)[6:])
        if isinstance(value, torch.device | torch.layout | torch.memory_format):
            return None
        if isinstance(value, dict):
            return {k: self.told(v, leaves) for k, v in value.items()}
        if isinstance(value, tuple | list):
            return type(value)([self.told(v, leaves) for v in value])
        return value

    def samples(self, op: Any, dtype: Any) -> Any:
        """A few calls: name, function, arguments."""
        seed = sum(op.name.encode())
        self.torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        first = seed % 3
        made = op.sample_inputs_func(op, "cpu", dtype, op.supports_autograd)  # sample_inputs looks up the whole stack
        for sample in islice(made, first, first + 7, 3):
            with self.calls() as calls:
                op.op(sample.input, *sample.args, **sample.kwargs)
            if len(calls.made) == 1:
                yield calls.made[0]

    def difference(self, name: str, function: Any, args: Any, kwargs: Any, dtype: Any) -> str:
        """What does not agree, or nothing."""
        torch, leaves = self.torch, []  # type: ignore[var-annotated]
        args, kwargs = ([a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, torch.Tensor) else a
                         for a in args], kwargs)
        mine, named = self.told(args, leaves), self.told(kwargs, leaves)
        theirs = flat(function(*args, **kwargs), torch.Tensor)
        found = flat(ours(name)(*mine, **named), engine.Tensor)
        if len(theirs) != len(found):
            return f"{len(theirs)} tensors, ours {len(found)}"
        close = TOLERANCE[str(dtype)[6:]]
        for t, e in zip(theirs, found, strict=True):
            if (str(t.dtype), tuple(t.shape), t.requires_grad) != (str(e.dtype), tuple(e.shape), e.requires_grad):
                return f"{t}, ours {e}"
            if nodes(t.grad_fn) != nodes(e.grad_fn):
                return f"{nodes(t.grad_fn)}, ours {nodes(e.grad_fn)}"
            if not np.allclose(t.detach().numpy(), e.detach().numpy(), close, close, equal_nan=True):
                return f"{t}, ours {e}"
        pairs = [(t, e) for t, e in zip(theirs, found, strict=True) if t.requires_grad]
        if not pairs or not leaves:
            return ""
        weights = [np.cos(1 + np.arange(t.numel())).reshape(tuple(t.shape)) for t, _ in pairs]
        grads = torch.autograd.grad([t for t, _ in pairs], [t for t, _ in leaves], [
            torch.tensor(w, dtype=t.dtype) for w, (t, _) in zip(weights, pairs, strict=True)], allow_unused=True)
        again = engine.autograd.grad([e for _, e in pairs], [e for _, e in leaves], [
            engine.tensor(w, dtype=e.dtype) for w, (_, e) in zip(weights, pairs, strict=True)], allow_unused=True)
        for g, h in zip(grads, again, strict=True):
            if (g is None) != (h is None):
                return f"gradient {g}, ours {h}"
            if g is None:
                continue
            size = np.abs(g.numpy())
            largest = size[np.isfinite(size)].max(initial=1)
            if not np.allclose(g.numpy(), h.numpy(), close, 50 * close * largest, equal_nan=True):
                return f"gradient {g}, ours {h}"
        return ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_samples_of_pytorchs_database(dtype: str) -> None:
    player = Player()
    kind, compared, wrong = getattr(player.torch, dtype), set(), []
    for op in player.database:
        if kind not in op.dtypes or op.name in LEFT or PRIVATE.match(op.name):
            continue
        for call in player.samples(op, kind):
            if ours(call[0]) is None:
                break
            compared.add(op.name)
            try:
                difference = player.difference(*call, kind)
            except Exception as error:
                difference = f"{type(error).__name__}: {error}"
            if difference:
                wrong.append(f"{op.name}: {difference[:300]}")
    if wrong:
        pytest.fail("\n".join(wrong))
    assert len(compared) > 350
