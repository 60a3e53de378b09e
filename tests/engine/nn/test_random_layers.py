"""Random calls of every activation, distance and loss, with random shapes, options and types, against PyTorch."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

import gradviz.engine as engine
from tests.engine.nn.outcomes import agree, outcome

REDUCTIONS = ("'mean'", "'sum'", "'none'")
PLAIN = ("relu", "relu6", "silu", "mish", "hardsigmoid", "hardswish", "logsigmoid", "softsign", "tanhshrink", "sigmoid",
         "tanh", "selu", "gelu")
OPTIONS = {
    "hardtanh": ("min_val=-0.7", "max_val=0.4"), "leaky_relu": ("negative_slope=0.3",), "elu": ("alpha=0.6",),
    "celu": ("alpha=0.6",), "softplus": ("beta=2.0", "threshold=1.5"), "hardshrink": ("lambd=0.3",),
    "softshrink": ("lambd=0.3",), "rrelu": ("lower=0.2", "upper=0.3"),
}
IN_PLACE = ("relu", "relu6", "silu", "mish", "hardsigmoid", "hardswish", "selu", "hardtanh", "leaky_relu", "elu",
            "celu", "rrelu")
PAIRED = {
    "mse_loss": (), "l1_loss": (), "smooth_l1_loss": ("beta=0.4",), "huber_loss": ("delta=0.4",),
    "hinge_embedding_loss": ("margin=0.4",), "soft_margin_loss": (), "kl_div": ("log_target=True",),
    "poisson_nll_loss": ("log_input=True", "full=True"), "binary_cross_entropy_with_logits": (),
    "multilabel_soft_margin_loss": (),
}


class Calls:
    """Writes calls. Numbers are multiples of a quarter, so that kinks and ties are met."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def pick(self, *of: Any) -> Any:
        return self.random.choice(of)

    def shape(self, least: int = 0, most: int = 4) -> tuple[int, ...]:
        return tuple(self.pick(1, 2, 3, 4) if self.random.random() > 0.03 else 0
                     for _ in range(self.random.randint(least, most)))

    def nested(self, shape: tuple[int, ...], one: Any) -> Any:
        return [self.nested(shape[1:], one) for _ in range(shape[0])] if shape else one()

    def tensor(self, shape: tuple[int, ...], low: int = -8, high: int = 8, kind: str = "") -> str:
        """A leaf of that shape, as an expression."""
        data = self.nested(shape, lambda: self.random.randint(low, high) / 4)
        kind = kind or self.pick("float64", "float64", "float64", "float32")
        return f"leaf({data}, {kind!r}, {shape})"

    def classes(self, shape: tuple[int, ...], n: int, ignore: bool = False) -> str:
        data = self.nested(shape, lambda: -100 if ignore and self.random.random() < 0.2 else self.random.randrange(n))
        return f"T({data}, dtype=torch.int64).reshape({shape})"

    def some(self, options: tuple[str, ...]) -> list[str]:
        return [o for o in options if self.random.random() < 0.5]

    def write(self) -> str:
        return str(self.pick(self.activation, self.softmax, self.shaped, self.paired, self.of_classes, self.of_classes,
                             self.margins, self.distance, self.ctc)())

    def activation(self) -> str:
        name = self.pick(*PLAIN, *OPTIONS)
        args = [self.tensor(self.shape()), *self.some(OPTIONS.get(name, ()))]
        if name in IN_PLACE and self.random.random() < 0.3:
            args[0] += " * 1"
            args.append("inplace=True")
        if name == "gelu":
            args += self.some(("approximate='tanh'",))
        return f"F.{name}({', '.join(args)})"

    def softmax(self) -> str:
        shape = self.shape(1)
        dim = self.random.randrange(-len(shape), len(shape))
        return f"F.{self.pick('softmax', 'softmin', 'log_softmax')}({self.tensor(shape)}, {dim})"

    def shaped(self) -> str:
        shape = self.shape(1)
        x = self.tensor(shape, kind="float64")
        what = self.pick("glu", "prelu", "threshold")
        if what == "glu":
            return f"F.glu({x}, {self.random.randrange(-len(shape), len(shape))})"
        if what == "threshold":
            return f"F.threshold({x}, {self.random.randint(-4, 4) / 4}, 20.0)"
        channels = self.pick(1, shape[1] if len(shape) > 1 else 1)
        return f"F.prelu({x}, {self.tensor((channels,), kind='float64')})"

    def paired(self) -> str:
        name = self.pick(*PAIRED)
        shape = self.shape(1 if name.startswith("multilabel") else 0)
        kind = self.pick("float64", "float64", "float32")
        positive = name in ("kl_div", "poisson_nll_loss")
        args = [self.tensor(shape, kind=kind), self.tensor(shape, 1 if positive else -8, kind=kind)]
        if name in ("hinge_embedding_loss", "soft_margin_loss"):
            args[1] = f"{args[1]}.detach().sign()"
        if name == "binary_cross_entropy_with_logits":
            args += [f"{o}={self.tensor(shape[-1:], 1, kind=kind)}.detach()"
                     for o in self.some(("weight", "pos_weight"))]
        if name in ("mse_loss", "l1_loss", "huber_loss") and self.random.random() < 0.2:
            args.append(f"weight={self.tensor(shape, 1, kind=kind)}")
        return f"F.{name}({', '.join([*args, *self.some(PAIRED[name])])}, reduction={self.pick(*REDUCTIONS)})"

    def of_classes(self) -> str:
        shape, n = self.shape(0, 3), self.pick(1, 2, 3)
        at = min(len(shape), 1)
        shape = (*shape[:at], n, *shape[at:])
        name = self.pick("nll_loss", "cross_entropy", "cross_entropy")
        args = [self.tensor(shape, kind="float64"), self.classes(shape[:at] + shape[at + 1:], n, True)]
        if name == "cross_entropy" and self.random.random() < 0.3:
            args[1] = self.tensor(shape, 0, 4, kind="float64")
        if self.random.random() < 0.4:
            args.append(f"weight={self.tensor((n,), 1, kind='float64')}.detach()")
        if "leaf" not in args[1]:
            args += self.some((f"ignore_index={self.random.randrange(n)}",))
        if name == "cross_entropy":
            args += self.some(("label_smoothing=0.2",))
        return f"F.{name}({', '.join(args)}, reduction={self.pick(*REDUCTIONS)})"

    def margins(self) -> str:
        n, c = self.pick(1, 2, 4), self.pick(1, 2, 3, 5)
        x, reduction = self.tensor((n, c), kind="float64"), f"reduction={self.pick(*REDUCTIONS)}"
        name = self.pick("multi", "label", "cosine", "triplet", "ranking")
        other = self.tensor((n, c), kind="float64")
        if name == "multi":
            weight = self.some((f"weight={self.tensor((c,), 1, kind='float64')}.detach()", "p=2", "margin=0.5"))
            return f"F.multi_margin_loss({', '.join([x, self.classes((n,), c), *weight])}, {reduction})"
        if name == "label":
            rows = [self.random.sample(range(c), c)[:self.random.randint(0, c)] for _ in range(n)]
            return f"F.multilabel_margin_loss({x}, T({[(r + [-1] * c)[:c] for r in rows]}), {reduction})"
        if name == "cosine":
            signs = [self.pick(-1, 1) for _ in range(n)]
            return f"F.cosine_embedding_loss({x}, {other}, T({signs}), 0.25, {reduction})"
        if name == "ranking":
            return f"F.margin_ranking_loss({x}, {other}, {self.tensor((n, c))}.detach().sign(), 0.25, {reduction})"
        args = [x, other, self.tensor((n, c), kind="float64"), *self.some(("p=3", "swap=True", "margin=0.5"))]
        return f"F.triplet_margin_loss({', '.join(args)}, {reduction})"

    def distance(self) -> str:
        shape = self.shape(1, 3)
        x, y = self.tensor(shape, 1, kind="float64"), self.tensor(shape, 1, kind="float64")
        p = self.pick("1.0", "1.5", "2.0", "3.0")
        return str(self.pick(
            f"F.cosine_similarity({x}, {y}, {self.random.randrange(-len(shape), len(shape))})",
            f"F.pairwise_distance({x}, {y}, {p}, keepdim={self.pick(True, False)})",
            f"F.normalize({x}, {p}, {self.random.randrange(len(shape))})",
            f"F.pdist({self.tensor((self.pick(1, 3, 4), 3), kind='float64')}, {p})"))

    def ctc(self) -> str:
        steps, batch, classes = self.pick(2, 4, 6), self.pick(1, 2, 3), self.pick(2, 3, 4)
        lengths = [self.random.randint(0, 3) for _ in range(batch)]
        labels = [[self.random.randrange(1, classes) for _ in range(3)] for _ in range(batch)]
        options = self.some(("zero_infinity=True",))
        return (f"F.ctc_loss({self.tensor((steps, batch, classes), kind='float64')}.log_softmax(2), T({labels}), "
                f"{[self.random.randint(1, steps) for _ in range(batch)]}, {lengths}, "
                f"{', '.join([*options, f'reduction={self.pick(*REDUCTIONS)}'])})")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_as_in_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    calls = Calls(seed)
    for _ in range(50):
        source = calls.write()
        ours, theirs = (json.loads(json.dumps(outcome(source, t))) for t in (engine, torch))
        assert agree(ours, theirs), f"{source}\n{ours}\n{theirs}"
