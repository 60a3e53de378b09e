"""Every rule of the tables against finite differences, in float64: plain, broadcast, 0-d and empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch
from gradviz.engine.ops import binary, special, unary
from gradviz.engine.ops.build import TABLE
from tests.engine.layer_samples import LAYERS, LAYERS_ONCE
from tests.engine.loss_samples import COMPOSED, LOSSES, ONCE
from tests.engine.matrix_samples import MATRICES

STEP = 1e-6


def values(shape: tuple[int, ...], low: float, high: float, seed: int = 0) -> Any:
    """Numbers away from the kinks of piecewise functions, and all different."""
    n = int(np.prod(shape))
    spread = np.linspace(low, high, n + 2)[1:-1] if n else np.zeros(0)
    return np.asarray(np.random.RandomState(seed).permutation(spread).reshape(shape) + 0.0123)


def check(f: Callable[..., Any], *arrays: Any, tolerance: float = 1e-5, twice: bool = True) -> None:
    """The gradients of a weighted sum of ``f``'s outputs."""

    def loss(*inputs: Any) -> Any:
        outputs = f(*inputs)
        total = 0
        for i, o in enumerate(outputs if isinstance(outputs, tuple | list) else [outputs]):
            if o.dtype.is_floating_point:
                weights = torch.tensor(np.cos(np.arange(o.numel()) + i).reshape(tuple(o.shape)))
                total = total + (o * weights).sum()
        return total

    inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
    result = loss(*[x * 1 for x in inputs])
    result.backward()
    for k, a in enumerate(arrays):
        numeric = np.zeros_like(a)
        for i in np.ndindex(a.shape):
            up, down = [b.copy() for b in arrays], [b.copy() for b in arrays]
            up[k][i] += STEP
            down[k][i] -= STEP
            with torch.no_grad():
                numeric[i] = (loss(*map(torch.tensor, up)).item() - loss(*map(torch.tensor, down)).item()) / (2 * STEP)
        grad = inputs[k].grad
        assert grad is not None
        assert grad.shape == a.shape
        np.testing.assert_allclose(grad.numpy(), numeric, rtol=tolerance, atol=tolerance)
        check_graph(loss, inputs, k, grad)
    if twice:
        check_second(loss, arrays, tolerance)


def check_graph(loss: Callable[..., Any], inputs: list[Any], k: int, grad: Any) -> None:
    """The same rule on tensors (create_graph) gives the same gradient."""
    again, = torch.autograd.grad(loss(*[x * 1 for x in inputs]), [inputs[k]], create_graph=True)
    np.testing.assert_allclose(again.detach().numpy(), grad.numpy(), rtol=1e-9, atol=1e-12)


def check_second(loss: Callable[..., Any], arrays: tuple[Any, ...], tolerance: float) -> None:
    """The gradient of a weighted sum of the gradients, against differences of the gradients."""

    def weighted(values: list[Any], create_graph: bool) -> tuple[Any, list[Any]]:
        inputs = [torch.tensor(a, requires_grad=True) for a in values]
        total = loss(*[x * 1 for x in inputs])
        grads = torch.autograd.grad(total, inputs, create_graph=create_graph, allow_unused=True)
        parts = [(g * torch.tensor(np.sin(1 + np.arange(a.size)).reshape(a.shape))).sum()
                 for g, a in zip(grads, values, strict=True) if g is not None]
        return sum(parts), inputs

    total, inputs = weighted(list(arrays), True)
    linear = not getattr(total, "requires_grad", False)
    second = [None] * len(inputs) if linear else torch.autograd.grad(total, inputs, allow_unused=True)
    for k, a in enumerate(arrays):
        numeric = np.zeros_like(a)
        for i in np.ndindex(a.shape):
            ends = []
            for step in (STEP, -STEP):
                moved = [b.copy() for b in arrays]
                moved[k][i] += step
                ends.append(float(weighted(moved, False)[0]))
            numeric[i] = (ends[0] - ends[1]) / (2 * STEP)
        found = second[k]
        np.testing.assert_allclose(np.zeros_like(a) if found is None else found.numpy(), numeric, rtol=10 * tolerance,
                                   atol=10 * tolerance)


DOMAIN = {"log": (0.2, 3), "log2": (0.2, 3), "log10": (0.2, 3), "log1p": (-0.6, 3), "sqrt": (0.2, 3), "rsqrt": (0.2, 3),
          "reciprocal": (0.3, 2), "asin": (-0.8, 0.8), "acos": (-0.8, 0.8), "atanh": (-0.8, 0.8), "acosh": (1.2, 3),
          "tan": (-1, 1), "erfinv": (-0.8, 0.8), "lgamma": (0.3, 3), "digamma": (0.3, 3)}
ROWS = [row for row in (*unary.ROWS, *special.ROWS) if row.rule is not None]


@pytest.mark.parametrize("shape", [(2, 3), (), (0, 2)])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_unary(row: Any, shape: tuple[int, ...]) -> None:
    if row in special.ROWS and row.name in ("erfinv", "lgamma", "digamma", "i0"):
        pytest.importorskip("scipy")
    check(getattr(torch, row.name), values(shape, *DOMAIN.get(row.name, (-1.7, 1.6))))


UNDERIVED_IN_PLACE = ("asinh", "acosh", "atanh")


@pytest.mark.parametrize("name", UNDERIVED_IN_PLACE)
def test_what_pytorch_derives_on_a_copy_only(name: str) -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match=f"the derivative for 'inplace version of {name}' is not implemented"):
        getattr(x.clone(), name + "_")().sum().backward()


@pytest.mark.parametrize("row", [r for r in ROWS if hasattr(torch.Tensor, r.name + "_")
                                 and r.name not in UNDERIVED_IN_PLACE], ids=lambda row: row.name)
def test_unary_in_place(row: Any) -> None:
    if row.name in ("erfinv", "lgamma", "digamma", "i0"):
        pytest.importorskip("scipy")
    check(lambda x: getattr(x.clone(), row.name + "_")(), values((4,), *DOMAIN.get(row.name, (-1.7, 1.6))))


PAIRS = [row for row in binary.ROWS if row.node and row.node != "NotImplemented"]


@pytest.mark.parametrize("shapes",
                         [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 3), (3,)), ((), ())],
                         ids=str)
@pytest.mark.parametrize("row", PAIRS, ids=lambda row: row.name)
def test_binary(row: Any, shapes: Any) -> None:
    a, b = values(shapes[0], 0.3, 2.4, 1), values(shapes[1], 0.55, 1.9, 2)
    check(getattr(torch, row.name), a, b)


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: row.name)
def test_binary_with_a_number(row: Any) -> None:
    check(lambda x: binary.OPERATORS[row.name](x, 0.77), values((3,), 0.3, 2.4))


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: row.name)
def test_binary_in_place(row: Any) -> None:
    check(lambda x, y: binary.INPLACE[row.name + "_"](x.clone(), y), values((2, 3), 0.3, 2.4, 1),
          values((3,), 0.55, 1.9, 2))
    check(lambda x: binary.INPLACE[row.name + "_"](x.clone(), 0.77), values((2, 3), 0.3, 2.4, 1))


INDEX = np.array([[0, 1, 0], [1, 1, 0]])
MASK = np.array([[True, False, True], [False, True, True]])


def t(a: Any) -> Any:
    return torch.tensor(a)


SAMPLES: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "sum": (lambda x: x.sum(), [(2, 3)]), "sum.dim": (lambda x: x.sum(1), [(2, 3)]),
    "mean": (lambda x: x.mean(), [(2, 3)]), "mean.dim": (lambda x: x.mean((0, 2), keepdim=True), [(2, 3, 2)]),
    "prod": (lambda x: x.prod(), [(2, 3)]), "prod.dim": (lambda x: x.prod(0), [(2, 3)]),
    "nansum": (lambda x: torch.nansum(x, 1), [(2, 3)]), "max": (lambda x: x.max(), [(2, 3)]),
    "min": (lambda x: x.min(), [(2, 3)]),
    "amax": (lambda x: x.amax(1), [(2, 3)]), "amin": (lambda x: x.amin((0, 1)), [(2, 3)]),
    "max.dim": (lambda x: x.max(1)[0], [(2, 3)]), "min.dim": (lambda x: x.min(0, keepdim=True)[0], [(2, 3)]),
    "median": (lambda x: x.median(), [(2, 3)]), "median.dim": (lambda x: x.median(1)[0], [(2, 3)]),
    "mode": (lambda x: x.mode(1)[0], [(2, 3)]), "var": (lambda x: x.var(1), [(2, 3)]),
    "std": (lambda x: x.std(), [(2, 3)]),
    "norm": (lambda x: x.norm(dim=1) + x.norm(1) + x.norm(3.0) + x.norm(float("inf")), [(2, 3)]),
    "logsumexp": (lambda x: x.logsumexp(1), [(2, 3)]), "cumsum": (lambda x: x.cumsum(1), [(2, 3)]),
    "cumprod": (lambda x: x.cumprod(0), [(2, 3)]), "softmax": (lambda x: x.softmax(1), [(2, 3)]),
    "log_softmax": (lambda x: x.log_softmax(0), [(2, 3)]),
    "view": (lambda x: x.view(3, 2), [(2, 3)]), "permute": (lambda x: x.permute(2, 0, 1), [(2, 3, 2)]),
    "transpose": (lambda x: x.transpose(0, -1), [(2, 3, 2)]), "t": (lambda x: x.t(), [(2, 3)]),
    "squeeze": (lambda x: x.squeeze(), [(2, 1, 3)]), "squeeze.dim": (lambda x: x.squeeze(1), [(2, 1, 3)]),
    "squeeze.dims": (lambda x: x.squeeze((0, 1)), [(1, 1, 3)]), "unsqueeze": (lambda x: x.unsqueeze(1), [(2, 3)]),
    "expand": (lambda x: x.expand(4, 2, 3), [(2, 1)]), "select": (lambda x: x[1], [(2, 3)]),
    "slice": (lambda x: x[:, 1:], [(2, 3)]), "alias": (lambda x: x[...], [(2, 3)]),
    "diagonal": (lambda x: x.diagonal(1) + x.diagonal(1, 1, 0).sum(), [(3, 3)]),
    "unfold": (lambda x: x.unfold(0, 2, 1), [(4, 2)]),
    "as_strided": (lambda x: x.as_strided((2, 2), (1, 2)), [(2, 3)]), "unbind": (lambda x: x.unbind(1), [(2, 3)]),
    "split": (lambda x: x.split(2, 1), [(2, 3)]), "split.sizes": (lambda x: x.split([1, 2], 1)[1], [(2, 3)]),
    "clone": (lambda x: x.clone(), [(2, 3)]), "_unsafe_view": (lambda x: x.t().reshape(6), [(2, 3)]),
    "flip": (lambda x: x.flip(0, 1), [(2, 3)]), "roll": (lambda x: x.roll(1, 1), [(2, 3)]),
    "repeat": (lambda x: x.repeat(2, 1, 2), [(2, 3)]),
    "add.alpha": (lambda x, y: torch.add(x, y, alpha=3), [(2, 3), (3,)]),
    "sub.alpha": (lambda x, y: x.sub(y, alpha=3), [(2, 3), (3,)]),
    "add_.alpha": (lambda x, y: x.clone().add_(y, alpha=3), [(2, 3), (3,)]),
    "sub_.alpha": (lambda x, y: x.clone().sub_(y, alpha=3), [(2, 3), (3,)]),
    "rsub": (lambda x, y: torch.rsub(x, y), [(2, 3), (3,)]), "rsub.number": (lambda x: 2 - x, [(2, 3)]),
    "pow.number": (lambda x: x ** 3 + x ** 2 + x ** -0.5, [(2, 3)]), "square": (lambda x: x.square(), [(2, 3)]),
    "pow": (lambda x, y: x ** y, [(2, 3), (3,)]), "pow.base": (lambda x: 2.5 ** x, [(2, 3)]),
    "pow_.number": (lambda x: x.clone().pow_(3), [(2, 3)]), "pow_": (lambda x, y: x.clone().pow_(y), [(2, 3), (3,)]),
    "square_": (lambda x: x.clone().square_(), [(2, 3)]), "clamp": (lambda x: x.clamp(0.6, 1.1), [(2, 3)]),
    "clamp_min": (lambda x: x.clamp_min(0.6), [(2, 3)]), "clamp_max": (lambda x: x.clamp_max(0.6), [(2, 3)]),
    "clamp_": (lambda x: x.clone().clamp_(0.6, 1.1), [(2, 3)]),
    "clamp_min_": (lambda x: x.clone().clamp_min_(0.6), [(2, 3)]),
    "clamp_max_": (lambda x: x.clone().clamp_max_(0.6), [(2, 3)]),
    "clamp.tensors": (lambda x, y: x.clamp(y, y + 0.4), [(2, 3), (2, 3)]),
    "where": (lambda x, y: torch.where(t(MASK), x, y), [(2, 3), (3,)]),
    "clamp_min.tensor": (lambda x, y: x.clamp_min(y), [(2, 3), (3,)]),
    "clamp_max.tensor": (lambda x, y: x.clamp_max(y), [(2, 3), (3,)]),
    "div.rounded": (lambda x, y: x.div(y, rounding_mode="floor"), [(2, 3), (3,)]),
    "round.decimals": (lambda x: x.round(decimals=1), [(2, 3)]),
    "xlogy.number": (lambda x: torch.xlogy(3.0, x), [(2, 3)]),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.3), [(2, 3), (3,)]),
    "lerp.tensor": (lambda x, y, w: torch.lerp(x, y, w), [(2, 3), (3,), (2, 1)]),
    "lerp_": (lambda x, y: x.clone().lerp_(y, 0.3), [(2, 3), (3,)]),
    "addcmul": (lambda x, y, z: torch.addcmul(x, y, z, value=2), [(2, 3), (3,), (2, 1)]),
    "addcdiv": (lambda x, y, z: torch.addcdiv(x, y, z, value=2), [(2, 3), (3,), (2, 1)]),
    "addcmul_": (lambda x, y, z: x.clone().addcmul_(y, z, value=2), [(2, 3), (3,), (2, 1)]),
    "addcdiv_": (lambda x, y, z: x.clone().addcdiv_(y, z, value=2), [(2, 3), (3,), (2, 1)]),
    "round": (lambda x: x.round(), [(2, 3)]), "round_": (lambda x: x.clone().round_(), [(2, 3)]),
    "nan_to_num": (lambda x: x.nan_to_num(), [(2, 3)]), "logit": (lambda x: (x / 3).logit(), [(2, 3)]),
    "cat": (lambda x, y: torch.cat([x, y], 1), [(2, 3), (2, 1)]),
    "stack": (lambda x, y: torch.stack([x, y], 1), [(2, 3), (2, 3)]),
    "index": (lambda x: x[t(INDEX), t(INDEX)] + x[:, [0, 2]].sum() + x[t(MASK)].sum(), [(2, 3)]),
    "gather": (lambda x: x.gather(1, t(INDEX)), [(2, 3)]),
    "index_select": (lambda x: x.index_select(1, t([0, 2, 2])), [(2, 3)]),
    "masked_select": (lambda x: x.masked_select(t(MASK)), [(2, 3)]),
    "masked_fill": (lambda x: x.masked_fill(t(MASK), 2), [(2, 3)]),
    "masked_fill.tensor": (lambda x, y: x.masked_fill(t(MASK), y), [(2, 3), ()]),
    "masked_fill_": (lambda x: x.clone().masked_fill_(t(MASK), 2), [(2, 3)]),
    "index_put_": (lambda x, y: x.clone().index_put_((t([0, 1]), t([1, 1])), y), [(2, 3), (2,)]),
    "copy_": (lambda x, y: x.clone().copy_(y), [(2, 3), (3,)]), "fill_": (lambda x: x.clone().fill_(2), [(2, 3)]),
    "fill_.tensor": (lambda x, y: x.clone().fill_(y), [(2, 3), ()]), "zero_": (lambda x: x.clone().zero_(), [(2, 3)]),
    "scatter_": (lambda x, y: x.clone().scatter_(1, t([[0, 2], [1, 0]]), y), [(2, 3), (2, 2)]),
    "scatter_add_": (lambda x, y: x.clone().scatter_add_(1, t(INDEX), y), [(2, 3), (2, 3)]),
    "index_fill_": (lambda x: x.clone().index_fill_(1, t([0, 2]), 3), [(2, 3)]),
    "index_add_": (lambda x, y: x.clone().index_add_(1, t([0, 0]), y, alpha=2), [(2, 3), (2, 2)]),
    "index_copy_": (lambda x, y: x.clone().index_copy_(1, t([0, 2]), y), [(2, 3), (2, 2)]),
    "mm": (lambda x, y: x.mm(y), [(2, 3), (3, 2)]), "matmul": (lambda x, y: x @ y, [(2, 3), (3, 2)]),
    "mv": (lambda x, y: x.mv(y), [(2, 3), (3,)]), "matmul.mv": (lambda x, y: x @ y, [(2, 3), (3,)]),
    "dot": (lambda x, y: x.dot(y), [(3,), (3,)]), "matmul.dot": (lambda x, y: x @ y, [(3,), (3,)]),
    "bmm": (lambda x, y: x.bmm(y), [(2, 2, 3), (2, 3, 2)]), "squeeze.mm": (lambda x, y: x @ y, [(3,), (3, 2)]),
    "addmm": (lambda x, y, z: torch.addmm(x, y, z, beta=2, alpha=3), [(2,), (2, 3), (3, 2)]),
    "to": (lambda x: x.float().double(), [(2, 3)]),
    "sort": (lambda x: x.sort(1)[0], [(2, 3)]), "topk": (lambda x: x.topk(2, 1)[0], [(2, 3)]),
    "kthvalue": (lambda x: x.kthvalue(2, 1)[0], [(2, 3)]), "cummax": (lambda x: x.cummax(1)[0], [(2, 3)]),
    "cummin": (lambda x: x.cummin(1)[0], [(2, 3)]), "triu": (lambda x: x.triu(1), [(3, 3)]),
    "tril": (lambda x: x.tril(), [(2, 3)]),
    "trace": (lambda x: x.trace(), [(2, 3)]), "diag": (lambda x: x.diag(), [(2, 3)]),
    "repeat_interleave": (lambda x: x.repeat_interleave(t([2, 0, 1]), 1), [(2, 3)]),
    "narrow_copy": (lambda x: x.narrow_copy(1, -2, 2), [(2, 3)]),
    "take": (lambda x: x.take(t([[5, 0], [-1, 2]])), [(2, 3)]),
    "sort.stable": (lambda x: x.sort(1, stable=True)[0], [(2, 3)]),
    "cross": (lambda x, y: x.cross(y, dim=-1), [(2, 3), (2, 3)]),
    "embedding": (lambda w: torch.nn.functional.embedding(t([[1, 0], [2, 1]]), w), [(3, 2)]),
    "embedding_bag": (lambda w: torch.nn.functional.embedding_bag(t([0, 2, 1]), w, t([0, 2]), mode="max"), [(3, 2)]),
    "embedding_bag.sum": (lambda w: torch.nn.functional.embedding_bag(t([0, 2, 1]), w, t([0, 2])), [(3, 2)]),
    "embedding_bag.weighted": (lambda w, s: torch.nn.functional.embedding_bag(
        t([0, 2, 1, 2]), w, t([0, 2]), mode="sum", per_sample_weights=s, padding_idx=1), [(3, 2), (4,)]),
    "_trilinear": (lambda x, w, y: torch.nn.functional.bilinear(x, y, w), [(2, 3), (2, 3, 2), (2, 2)]),
    "unsafe_split": (lambda x: torch.unsafe_chunk(x, 2, 1), [(2, 4)]),
    "_pack_padded_sequence": (lambda x: torch.nn.utils.rnn.pack_padded_sequence(x, [3, 1]).data, [(3, 2, 2)]),
    "_weight_norm_interface": (lambda v, g: torch._weight_norm(v, g, 0), [(2, 3), (2, 1)]),
    "scatter.number": (lambda x: x.scatter(0, t([[0, 2, 1]]), 3.0), [(3, 3)]),
    "index_fill.tensor": (lambda x, y: x.index_fill(1, t([0, 2, 0]), y), [(2, 3), ()]),
    # reached only through [] or by the rules themselves under create_graph
    "setitem.put": (lambda x, y: put(x, (t([0, 1]), t([1, 1])), y), [(2, 3), (2,)]),
    "setitem.copy": (lambda x, y: put(x, (slice(None), 1), y), [(2, 3), (2,)]),
    "setitem.fill": (lambda x: put(x, 0, 3.0), [(2, 3)]),
}
MORE: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "matmul batched": (lambda x, y: x @ y, [(2, 2, 3), (3, 2)]),
    "matmul broadcast": (lambda x, y: x @ y, [(2, 1, 2, 3), (3, 3, 2)]),
    "vector by batch": (lambda x, y: x @ y, [(3,), (2, 3, 2)]),
    "batch by vector": (lambda x, y: x @ y, [(2, 2, 3), (3,)]),
    "einsum": (lambda x, y: torch.einsum("bij,bjk->bik", x, y) + torch.einsum("bii,bjk->k", x[:, :, :2], y),
               [(2, 2, 3), (2, 3, 2)]),
    "tensordot": (lambda x, y: torch.tensordot(x, y, 1), [(2, 3), (3, 2)]),
    "outer": (lambda x, y: torch.outer(x, y), [(2,), (3,)]),
    "iadd on a view": (lambda x, y: through(x, y), [(2, 3), (3,)]), "chain of views": (lambda x: nested(x), [(2, 3)]),
    "setitem on a transpose": (lambda x, y: put(x.clone().t(), 0, y), [(2, 3), (2,)]),
    "repeat_interleave by a number": (lambda x: x.repeat_interleave(2, 1) + x.repeat_interleave(2)[0], [(2, 3)]),
    "quantile": (lambda x: x.quantile(0.3), [(5,)]),
    "mean of nothing kept": (lambda x: x.mean(-1, keepdim=True), [()]),
}


def put(x: Any, index: Any, value: Any) -> Any:
    y = x.clone()
    y[index] = value
    return y * 2


def through(x: Any, y: Any) -> Any:
    b = x * 2
    b[1] += y
    b.t()[0].mul_(3)
    return b * b


def nested(x: Any) -> Any:
    b = x * 1
    v = b[1]
    v[1:].mul_(5)
    return b * b, v


SAMPLES |= MATRICES | LOSSES | LAYERS
MORE |= COMPOSED
RANDOM = {"bernoulli", "poisson", "normal.1", "normal.2", "normal.3"}
"""What is drawn anew each time has no differences to compare with; its gradient is zero."""
UNDERIVED = {"eig", "nextafter", "unique", "unique.dim", "unique_consecutive"}
"""Rules without a sample: they refuse, or have no second derivative (``test_linalg`` tests that of eig)."""
HELPERS = {name for name in TABLE if name.startswith("graph.")} | {"view.dtype", "as_strided.here", "to.device"}


@pytest.mark.parametrize("name", [*SAMPLES, *MORE])
def test_rule(name: str) -> None:
    f, shapes = {**SAMPLES, **MORE}[name]
    tolerance = 1e-1 if name == "to" else 1e-5
    check(f, *[values(shape, 0.3, 2.4, i) for i, shape in enumerate(shapes)], tolerance=tolerance,
          twice=name not in ONCE | LAYERS_ONCE)


def test_every_rule_has_a_sample() -> None:
    with_rule = {name for name, row in TABLE.items() if row.node is not None and row.node.__name__ != "NotImplemented"}
    twins = {name for name in with_rule if name + "_" in SAMPLES or name.replace("_.", ".") in SAMPLES
             or name.removesuffix("_") in SAMPLES}
    assert with_rule - set(SAMPLES) - twins - HELPERS - UNDERIVED - RANDOM == set()


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_what_is_random_has_no_slope(name: str) -> None:
    x = torch.full((3,), 0.5, requires_grad=True)
    one, *which = name.split(".")
    out = {"1": lambda: torch.normal(x, 2.0), "2": lambda: torch.normal(0.0, x), "3": lambda: torch.normal(x, x)}[
        which[0]]() if which else getattr(torch, one)(x)
    assert type(out.grad_fn).__name__ == f"{one.capitalize()}Backward{which[0] if which else 0}"
    out.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("f",
                         [lambda x: x.sum(), lambda x: x.sum(0), lambda x: x * 2, lambda x: x.view(0), lambda x: x[0:0],
                               lambda x: torch.cat([x, x]), lambda x: x.t() @ x, lambda x: x.cumsum(0)])
def test_empty(f: Callable[..., Any]) -> None:
    x = torch.zeros(0, 3, requires_grad=True)
    f(x).sum().backward()
    assert x.grad.shape == (0, 3)


def test_products_with_zeros() -> None:
    for f in (lambda x: x.prod(), lambda x: x.prod(1), lambda x: x.cumprod(1)):
        inputs = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]], dtype=torch.float64, requires_grad=True)
        f(inputs).sum().backward()
        array = inputs.detach().numpy()
        for i in np.ndindex(array.shape):
            up, down = array.copy(), array.copy()
            up[i] += STEP
            down[i] -= STEP
            numeric = (f(torch.tensor(up)).sum() - f(torch.tensor(down)).sum()).item() / (2 * STEP)
            assert inputs.grad[i].item() == pytest.approx(numeric, abs=1e-6)


@pytest.mark.parametrize("parts", [lambda x: x.unbind(0), lambda x: x.split(5), lambda x: x.chunk(1),
                                   lambda x: x.split([1]), lambda x: torch.unsafe_chunk(x, 1)])
def test_the_only_part(parts: Any) -> None:
    """What is taken apart may have one part only."""
    check(lambda x: parts(x)[0] ** 2, values((1, 3), 0.5, 2.0))


def test_acosh_outside_its_domain_has_pytorchs_gradient() -> None:
    """1 / sqrt(x^2 - 1), which is a number below -1 though the function is not."""
    x = torch.tensor([-1.5, 0.5, 2.0], requires_grad=True)
    x.acosh().sum().backward()
    assert x.grad[0].item() == pytest.approx(1 / 1.25 ** 0.5)
    assert x.grad[1].isnan()
    assert x.grad[2].item() == pytest.approx(1 / 3 ** 0.5)
