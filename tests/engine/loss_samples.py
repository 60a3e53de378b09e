"""A sample for each rule of activations, losses and distances: op -> function and shapes, as ``test_gradients`` checks
them. Numbers lie between 0.3 and 2.4, so what has its kinks around zero gets them less one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz.engine as torch
from gradviz.engine.ops.distance import ADD_NUMBER, DIV_NUMBER, MUL_NUMBER, SUB_NUMBER, with_number

F = torch.nn.functional
CLASSES = torch.tensor([0, 2])
PLACES = torch.tensor([[[0], [2]], [[1], [1]]])
LABELS = torch.tensor([[2, 0, -1], [1, -1, 0]])
SIGNS = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]], dtype=torch.float64)
WEIGHT = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64)
TEXT = torch.tensor([[1, 1], [2, 1]])


def shifted(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: f(x - 1)


def likely(x: Any) -> Any:
    """Probabilities."""
    return x / 3


def rrelu(x: Any, inplace: bool = False) -> Any:
    """With the same noise every time."""
    torch.manual_seed(3)
    return F.rrelu(x - 1, 0.2, 0.7, True, inplace)


ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "hardtanh": lambda x, **o: F.hardtanh(x, -0.4, 0.7, **o), "relu6": lambda x, **o: F.relu6(x * 8, **o),
    "leaky_relu": lambda x, **o: F.leaky_relu(x, 0.2, **o), "elu": lambda x, **o: F.elu(x, 1.3, **o), "selu": F.selu,
    "celu": lambda x, **o: F.celu(x, 1.3, **o), "silu": F.silu, "mish": F.mish,
    "hardsigmoid": lambda x, **o: F.hardsigmoid(x * 4, **o), "hardswish": lambda x, **o: F.hardswish(x * 4, **o),
    "threshold": lambda x, **o: F.threshold(x, 0.1, 20.0, **o),
}
LOSSES: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    **{name: (shifted(f), [(2, 3)]) for name, f in ACTIVATIONS.items()},
    **{name + "_": (shifted(lambda x, f=f: f(x * 1, inplace=True)), [(2, 3)]) for name, f in ACTIVATIONS.items()},
    "rrelu": (rrelu, [(2, 3)]), "rrelu_": (lambda x: rrelu(x, True), [(2, 3)]),
    "prelu": (lambda x, w: F.prelu(x - 1, w), [(2, 3, 2), (3,)]),
    "gelu": (shifted(lambda x: F.gelu(x) + F.gelu(x, approximate="tanh")), [(2, 3)]),
    "softplus": (shifted(lambda x: F.softplus(x, 2, 1.5)), [(2, 3)]),
    "hardshrink": (shifted(F.hardshrink), [(2, 3)]), "softshrink": (shifted(F.softshrink), [(2, 3)]),
    "log_sigmoid": (shifted(F.logsigmoid), [(2, 3)]), "glu": (shifted(lambda x: F.glu(x, 1)), [(2, 4, 2)]),
    "mse_loss": (lambda x, y: torch.stack([F.mse_loss(x, y), F.mse_loss(x, y, reduction="none").sum()]),
                 [(2, 3), (2, 3)]),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.4), [(2, 3), (2, 3)]),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=0.4), [(2, 3), (2, 3)]),
    "soft_margin_loss": (lambda x: F.soft_margin_loss(x, SIGNS), [(2, 3)]),
    "binary_cross_entropy": (lambda x, y: F.binary_cross_entropy(likely(x), likely(y)), [(2, 3), (2, 3)]),
    "binary_cross_entropy.weight": (
        lambda x, y: F.binary_cross_entropy(likely(x), likely(y), WEIGHT, reduction="none"), [(2, 3), (2, 3)]),
    **{f"binary_cross_entropy_with_logits{key}": (
        lambda x, y, o=options: F.binary_cross_entropy_with_logits(x - 1, likely(y), **o), [(2, 3), (2, 3)])
       for key, options in (("", {}), (".weight", {"weight": WEIGHT}), (".pos_weight", {"pos_weight": WEIGHT}),
                            (".weight.pos_weight", {"weight": WEIGHT, "pos_weight": WEIGHT}))},
    "nll_loss": (lambda x: F.nll_loss(x * x, CLASSES), [(2, 3)]),
    "nll_loss.weight": (lambda x: F.nll_loss(x * x, CLASSES, WEIGHT), [(2, 3)]),
    "nll_loss2d": (lambda x: F.nll_loss(x * x, PLACES, reduction="none"), [(2, 3, 2, 1)]),
    "nll_loss2d.weight": (lambda x: F.nll_loss(x * x, PLACES, WEIGHT, ignore_index=1), [(2, 3, 2, 1)]),
    "multi_margin_loss": (lambda x: F.multi_margin_loss(x, CLASSES, 2), [(2, 3)]),
    "multi_margin_loss.weight": (lambda x: F.multi_margin_loss(x, CLASSES, 1, 0.6, WEIGHT, reduction="none"), [(2, 3)]),
    "multilabel_margin_loss": (lambda x: F.multilabel_margin_loss(x, LABELS), [(2, 3)]),
    "ctc_loss": (lambda x: F.ctc_loss(x.log_softmax(2), TEXT, [4, 5], [2, 2]), [(5, 2, 3)]),
    "pdist": (lambda x: torch.stack([F.pdist(x * x, p).sum() for p in (0.0, 1.0, 1.5, 2.0, 3.0, np.inf)]), [(4, 3)]),
    "norm.inner": (lambda x, y: F.pairwise_distance(x, y), [(2, 3), (3,)]),
    **{key + ".inner": (lambda x, row=row: with_number(row, x, 1.7), [(2, 3)])
       for key, row in (("add", ADD_NUMBER), ("sub", SUB_NUMBER), ("mul", MUL_NUMBER), ("div", DIV_NUMBER))},
}
COMPOSED: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES, WEIGHT, label_smoothing=0.2), [(2, 3)]),
    "cross_entropy of probabilities": (lambda x, y: F.cross_entropy(x, y, WEIGHT, label_smoothing=0.2), [(2, 3)] * 2),
    "cosine_similarity": (lambda x, y: F.cosine_similarity(x, y), [(2, 3), (2, 3)]),
    "cosine_embedding_loss": (lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:, 0], 0.2), [(2, 3), (2, 3)]),
    "normalize": (lambda x: F.normalize(x, 3.0, 0), [(2, 3)]),
    "triplet_margin_loss": (lambda x, y, z: F.triplet_margin_loss(x, y, z, swap=True), [(2, 3)] * 3),
    "kl_div": (lambda x, y: F.kl_div(x, y, reduction="batchmean") + F.kl_div(x, y, reduction="sum", log_target=True),
               [(2, 3), (2, 3)]),
    "gaussian_nll_loss": (lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True), [(2, 3), (2, 3), (2,)]),
}
ONCE = {"hardsigmoid", "hardsigmoid_", "multi_margin_loss", "multi_margin_loss.weight", "multilabel_margin_loss",
        "ctc_loss", "pdist"}
"""Those that PyTorch cannot differentiate twice."""
