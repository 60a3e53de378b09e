"""Connectionist temporal classification: the loss of all alignments of a sequence of labels with an input.

Source: Graves et al., Connectionist Temporal Classification, ICML 2006.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gradviz.engine.dtypes import BY_NP
from gradviz.engine.ops.args import words
from gradviz.engine.ops.build import op, run
from gradviz.engine.ops.loss import MEAN, NONE, SUM
from gradviz.engine.ops.pointwise import where
from gradviz.engine.ops.second import underived
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, make
from gradviz.engine.xp import asarray, ndarray, xp


def _with_blanks(labels: ndarray, blank: int) -> tuple[Any, Any]:
    """The labels with blanks around them, and where an alignment may skip the blank before."""
    states = xp.full(2 * len(labels) + 1, blank, xp.int64)
    states[1::2] = labels
    skips = xp.zeros(len(states), bool)
    skips[3::2] = labels[1:] != labels[:-1]
    return states, skips


def _log_sum(parts: list[ndarray]) -> Any:
    top = xp.maximum(parts[0], parts[1])
    if len(parts) == 3:
        top = xp.maximum(top, parts[2])
    top = xp.where(xp.isneginf(top), 0, top)
    total = xp.exp(parts[0] - top)
    for part in parts[1:]:
        total = total + xp.exp(part - top)
    return xp.log(total) + top


def _moved(row: ndarray, by: int) -> Any:
    """A row of states moved to the right, with impossible ones before it."""
    out = xp.full_like(row, -xp.inf)
    if by < len(row):
        out[by:] = row[:len(row) - by]
    return out


def _forward_sums(rows: ndarray, skips: ndarray) -> Any:
    """alpha: at each step, the log of all ways to have come to each state."""
    alpha = xp.full_like(rows, -xp.inf)
    alpha[0, :2] = rows[0, :2]
    for t in range(1, len(rows)):
        before = alpha[t - 1]
        skipped = xp.where(skips, _moved(before, 2), -xp.inf)
        alpha[t] = _log_sum([before, _moved(before, 1), skipped]) + rows[t]
    return alpha


def _loss_of(rows: ndarray, skips: ndarray) -> tuple[Any, Any]:
    """The negative log likelihood of one sample, and its alphas."""
    if not len(rows):
        return (-0.0 if len(skips) == 1 else xp.inf), rows
    alpha = _forward_sums(rows, skips)
    last = alpha[-1]
    total = last[-1] if len(last) == 1 else _log_sum([last[-1], last[-2]])
    return -total, alpha


def _labels_of(targets: ndarray, lengths: Any) -> list[ndarray]:
    """Each sample's labels; ``targets`` is padded, or one after the other."""
    if targets.ndim > 1:
        return [row[:n] for row, n in zip(targets, lengths, strict=True)]
    ends = xp.cumsum([0, *lengths])
    return [targets[a:b] for a, b in pairwise(ends)]


def _ctc_of(x: ndarray, targets: ndarray, inputs: Any, lengths: Any, blank: int, zero_infinity: bool) -> Any:
    if x.dtype.itemsize < 4:
        raise NotImplementedError(f"\"ctc_loss_cpu\" not implemented for '{BY_NP[x.dtype].code}'")
    losses = []
    for i, labels in enumerate(_labels_of(targets, lengths)):
        states, skips = _with_blanks(labels, blank)
        losses.append(_loss_of(x[:inputs[i], i][:, states], skips)[0])
    return asarray(losses, x.dtype)


def _ctc(ns: Any, ctx: Any, g: Any, log_probs: Any, targets: Any, result: Any) -> Any:
    inputs, lengths, blank, zero_infinity = ctx.args
    x, losses, up = ns.plain(log_probs), ns.plain(result), ns.plain(g)
    out = xp.zeros_like(x)
    for i, labels in enumerate(_labels_of(ns.plain(targets), lengths)):
        n = inputs[i]
        if not n or (zero_infinity and xp.isinf(losses[i])):
            continue
        states, skips = _with_blanks(labels, blank)
        rows = x[:n, i][:, states]
        alpha = _forward_sums(rows, skips)
        ahead = xp.zeros(len(skips), bool)
        ahead[:-2] = skips[2:]
        beta = _forward_sums(rows[::-1, ::-1], ahead[::-1])[::-1, ::-1]
        share = xp.zeros_like(x[:n, i])
        weights = xp.where(xp.isneginf(rows), 0, xp.exp(alpha + beta - rows + losses[i]))
        for k, c in enumerate(states):
            share[:, c] += weights[:, k]
        out[:n, i] = (xp.exp(x[:n, i]) - share) * up[i]
    return _no_second(g, log_probs, out)


_no_second = underived("_ctc_loss_backward", "derivative for aten::_ctc_loss_backward is not implemented")
CTC = op("ctc_loss", _ctc_of, "CtcLossBackward0", _ctc, "log_probs targets result", "log_probs targets")
CTC.differentiable = (0,)


def _lengths(name: str, given: Any, batch: int) -> list[int]:
    if isinstance(given, Tensor):
        if given._array.dtype.kind not in "iu":
            raise RuntimeError(f"{name} must be integral")
        given = given._array.reshape(-1).tolist()
    if len(given) != batch:
        raise RuntimeError(f"{name} must be of size batch_size")
    return [int(n) for n in given]


_CHECKING = "(while checking arguments for ctc_loss_allocate_outputs)"


def _check(steps: int, targets: ndarray, inputs: list[int], lengths: list[int]) -> None:
    for name, values in (("target_lengths", lengths), ("input_lengths", inputs)):
        if values and min(values) < 0:
            raise RuntimeError(f"Expected {name} to have value at least 0, but got value {min(values)} {_CHECKING}")
    if inputs and max(inputs) > steps:
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {max(inputs)} "
                           f"{_CHECKING}")
    if targets.ndim == 1 and targets.size != sum(lengths):
        raise RuntimeError(f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {targets.size} "
                           f"for argument #2 'targets' {_CHECKING}")
    if targets.ndim > 1 and lengths and targets.shape[1] < max(lengths):
        raise RuntimeError(f"Expected tensor to have size at least {max(lengths)} at dimension 1, but got size "
                           f"{targets.shape[1]} for argument #2 'targets' {_CHECKING}")


def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: int = NONE, zero_infinity: bool = False) -> Any:
    """``log_probs`` is (T, N, C), or (T, C) for one sample; ``targets`` (N, S), or all in one row."""
    batched = log_probs._array.ndim == 3
    x = log_probs if batched else log_probs.unsqueeze(1)
    if x._array.ndim != 3:
        raise RuntimeError(f"Expected 3-dimensional tensor, but got {x._array.ndim}-dimensional tensor for argument #1 "
                           f"'log_probs' {_CHECKING}")
    steps, batch, classes = x._array.shape
    inputs, lengths = _lengths("input_lengths", input_lengths, batch), _lengths("target_lengths", target_lengths, batch)
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    _check(steps, targets._array, inputs, lengths)
    labels = targets if targets._array.dtype.kind == "i" else targets.long()
    losses = run(CTC, (x, labels), (inputs, lengths, blank, zero_infinity), words(blank=blank or None))
    if zero_infinity:
        losses = where(losses == float("inf"), make(asarray(0, losses._array.dtype, losses._array), Cell()), losses)
    if reduction == MEAN:
        counts = make(asarray([max(n, 1) for n in lengths], losses._array.dtype, losses._array), Cell())
        return (losses / counts).mean()
    if reduction == SUM:
        return losses.sum()
    return losses if batched else losses.squeeze(0)


FUNCTIONS: dict[str, Any] = {"ctc_loss": ctc_loss}
METHODS: dict[str, Any] = {}

