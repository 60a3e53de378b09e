"""L-BFGS: Newton's method with the curvature estimated from the last steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz.engine as torch
from gradviz.engine.autograd import modes
from gradviz.engine.optim.optimizer import Optimizer
from gradviz.engine.optim.stepping import check_lr, number, squeezed, with_grad
from gradviz.engine.optim.wolfe import Point, strong_wolfe


class LBFGS(Optimizer):
    """Makes several steps a call, evaluating the loss anew by the closure that it is given."""

    __module__ = "torch.optim.lbfgs"

    def __init__(self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-07, tolerance_change: float = 1e-09, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        check_lr(lr)
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Minimise for up to ``max_iter`` steps; ``closure`` clears the gradients, computes the loss and its
        gradients, and gives the loss."""
        before = modes.switch("no_grad")
        try:
            return self._minimise(lambda: with_grad(closure))
        finally:
            modes.switch(before)

    def _minimise(self, closure: Callable[[], Any]) -> Any:
        group, state = self.param_groups[0], self.state[self._params[0]]
        lr, search, few = squeezed(group["lr"]), group["line_search_fn"], group["tolerance_change"]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = closure()
        loss, evaluations = number(first), 1
        state["func_evals"] += 1
        grad = self._gradient()
        if grad.abs().max() <= group["tolerance_grad"]:
            return first
        t, past, past_loss = state.get("t"), state.get("prev_flat_grad"), state.get("prev_loss")
        direction = state.get("d")
        seen = {name: state.get(name) for name in ("old_dirs", "old_stps", "ro", "H_diag")}
        for turn in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = _direction(state, seen, grad, past, direction, t, group["history_size"])
            if past is None:
                past = grad.clone()
            else:
                past.copy_(grad)
            past_loss = loss
            t = min(1.0, 1.0 / grad.abs().sum()) * lr if state["n_iter"] == 1 else lr
            slope = grad.dot(direction)
            if slope > -few:
                break
            calls = 0
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                point, calls = strong_wolfe(self._prober(closure, direction), t, direction,
                                            Point(0, loss, grad, slope), most=group["max_eval"] - evaluations)
                t, loss, grad = point.t, point.loss, point.grad
                self._move(t, direction)
            else:
                self._move(t, direction)
                if turn != group["max_iter"]:
                    loss, calls = number(closure()), 1
                    grad = self._gradient()
            evaluations += calls
            state["func_evals"] += calls
            if (turn == group["max_iter"] or evaluations >= group["max_eval"]
                    or grad.abs().max() <= group["tolerance_grad"]
                    or direction.mul(t).abs().max() <= few or abs(loss - past_loss) < few):
                break
        state |= {"d": direction, "t": t, **seen, "prev_flat_grad": past, "prev_loss": past_loss}
        return first

    def _gradient(self) -> Any:
        """All gradients in a row."""
        rows = [_real(torch.zeros_like(p) if p._grad is None else p._grad).reshape(-1) for p in self._params]
        return torch.cat(rows, 0)

    def _move(self, t: Any, direction: Any) -> None:
        offset = 0
        for p in self._params:
            p = _real(p)
            n = p.numel()
            p.add_(direction[offset:offset + n].view_as(p), alpha=number(t))
            offset += n

    def _prober(self, closure: Callable[[], Any], direction: Any) -> Callable[[Any], tuple[float, Any]]:
        """Loss and gradient at a step along ``direction``, from which the parameters come back."""
        start = [p.clone() for p in self._params]

        def evaluate(t: Any) -> tuple[float, Any]:
            self._move(t, direction)
            loss, grad = number(closure()), self._gradient()
            for p, value in zip(self._params, start, strict=True):
                p.copy_(value)
            return loss, grad

        return evaluate


def _real(p: Any) -> Any:
    return torch.view_as_real(p) if p.is_complex() else p


def _direction(state: dict[str, Any], seen: dict[str, Any], grad: Any, past: Any, last: Any, t: Any,
               history: int) -> Any:
    """Against the gradient, bent by the curvature that the last steps saw (the two-loop recursion)."""
    if state["n_iter"] == 1:
        seen |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
        return grad.neg()
    changes, steps, inverse = seen["old_dirs"], seen["old_stps"], seen["ro"]
    y, s = grad.sub(past), last.mul(t)
    product = y.dot(s)
    if product > 1e-10:
        if len(changes) == history:
            for old in (changes, steps, inverse):
                old.pop(0)
        changes.append(y)
        steps.append(s)
        inverse.append(1.0 / product)
        seen["H_diag"] = product / y.dot(y)
    weights = state.setdefault("al", [None] * history)
    q = grad.neg()
    for i in reversed(range(len(changes))):
        weights[i] = steps[i].dot(q) * inverse[i]
        q.add_(changes[i], alpha=-number(weights[i]))
    r = torch.mul(q, seen["H_diag"])
    for i in range(len(changes)):
        r.add_(steps[i], alpha=number(weights[i] - changes[i].dot(r) * inverse[i]))
    return r
