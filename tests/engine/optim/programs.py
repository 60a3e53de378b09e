"""What PyTorch's optimizers and schedulers do, as data. Run by itself, with PyTorch, it writes ``expected.json``."""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

EXPECTED = Path(__file__).with_name("expected.json")
AVERAGES = ["{}", "dict(avg_fn=u.get_ema_avg_fn(0.9))", "dict(multi_avg_fn=u.get_ema_multi_avg_fn(0.9))",
            "dict(multi_avg_fn=u.get_swa_multi_avg_fn())", "dict(use_buffers=True)",
            "dict(avg_fn=len, multi_avg_fn=len)", "dict(avg_fn=u.get_ema_avg_fn(2))"]
DECAY = {"weight_decay": 0.1}
OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, **DECAY},
            {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True, **DECAY}, {"lr": "tensor", **DECAY}],
    "Adam": [{}, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6, **DECAY}, {"amsgrad": True, "lr": 0.1},
             {"maximize": True, "decoupled_weight_decay": True, **DECAY}, {"lr": "tensor"}],
    "AdamW": [{}, {"amsgrad": True, "lr": 0.1, **DECAY}, {"lr": "tensor"}],
    "Adamax": [{}, {"lr": 0.1, "maximize": True, **DECAY}, {"lr": "tensor"}],
    "NAdam": [{}, {"lr": 0.1, **DECAY}, {"lr": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.1, **DECAY}],
    "RAdam": [{}, {"lr": 0.1, "decoupled_weight_decay": True, **DECAY}, {"lr": 0.1, "betas": (0.8, 0.9), **DECAY}],
    "RMSprop": [{}, {"lr": 0.1, "alpha": 0.9, "momentum": 0.9}, {"centered": True, "lr": 0.05},
                {"centered": True, "momentum": 0.5, "maximize": True, **DECAY}],
    "Adagrad": [{}, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "eps": 1e-6, **DECAY}],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-4, **DECAY}],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.01, "alpha": 0.6, "t0": 5, **DECAY}],
    "Adafactor": [{}, {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-6, 1e-2), "d": 1.5, "maximize": True, **DECAY}],
    "Muon": [{}, {"lr": 0.1, "momentum": 0.5, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", **DECAY},
             {"ns_steps": 2, "ns_coefficients": (3.0, -4.0, 2.0), "lr": "tensor"}],
    "Rprop": [{}, {"lr": 0.05, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.5)}, {"maximize": True}],
}
LBFGS: list[dict[str, Any]] = [
    {}, {"lr": 0.5}, {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "lr": 5.0},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 2},
    {"max_iter": 6, "history_size": 3, "lr": 0.3}]
SCHEDULERS: dict[str, Callable[[Any, Any], Any]] = {
    "lambda": lambda s, o: s.LambdaLR(o, [lambda e: 0.9 ** e, lambda e: 1 / (e + 1)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.95),
    "step": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 7], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.3, end_factor=0.8, total_iters=6),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.87),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=7, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=5, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.001),
    "restarts alike": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=5),
    "cyclic halving": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="triangular2", base_momentum=0.7),
    "cyclic shrinking": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], step_size_up=2, mode="exp_range",
                                                gamma=0.97),
    "cyclic own": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=2, scale_fn=lambda x: 1 / x,
                                          cycle_momentum=False),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=1.0, total_steps=14),
    "three phases": lambda s, o: s.OneCycleLR(o, max_lr=[1.0, 0.5], epochs=2, steps_per_epoch=7, three_phase=True,
                                              anneal_strategy="linear", pct_start=0.25),
    "one after another": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 6)], [2, 6]),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
    "to a constant": lambda s, o: swa(s).SWALR(o, 0.05, anneal_epochs=4),
    "to a constant, straight": lambda s, o: swa(s).SWALR(o, [0.05, 0.1], anneal_epochs=6, anneal_strategy="linear"),
    "at once": lambda s, o: swa(s).SWALR(o, 0.05, anneal_epochs=0),
    "chained, then": lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]), s.StepLR(o, 2, 0.5)], [3]),
}
ERRORS = """
o.SGD([])
o.SGD([1])
o.SGD("ab")
o.SGD(3)
o.SGD(p)
o.SGD({p})
o.SGD([{"params": {p}}])
o.SGD([{"lr": 1}])
o.SGD([p * 2])
o.SGD([{"params": [p]}, {"params": [p]}])
o.SGD([("p", p), q])
o.SGD([{"params": [("p", p)]}, {"params": [q]}])
o.SGD([p]).add_param_group([q])
o.SGD([p], lr=-1)
o.SGD([p], lr=torch.ones(2))
o.SGD([p], momentum=-1)
o.SGD([p], weight_decay=-1)
o.SGD([p], nesterov=True)
o.SGD([p], fused=True, foreach=True)
o.SGD([p], fused=True, differentiable=True)
o.SGD([p], 1, 2, 3, 4, 5, 6)
o.SGD([p]).step(1)
o.SGD([p]).load_state_dict(o.SGD([p, q]).state_dict())
o.SGD([p]).load_state_dict(o.SGD([{"params": [p]}, {"params": [q]}]).state_dict())
o.Optimizer([p], {}).step()
o.Adam([p], betas=(1.0, 0.9))
o.Adam([p], betas=(0.9, -0.1))
o.Adam([p], betas=(0.9, torch.tensor(0.9)))
o.Adam([p], eps=-1)
o.Adam([p], lr=torch.tensor(0.1), foreach=True)
o.Adam([p], capturable=True).step()
o.NAdam([p], capturable=True).step()
o.ASGD([p], capturable=True).step()
o.Adadelta([p], capturable=True).step()
o.Muon([p])
o.Muon([p.reshape(1, 1).detach()], lr=-1)
o.Muon([p.reshape(1, 1).detach()], momentum=-1)
o.Muon([p.reshape(1, 1).detach()], adjust_lr_fn="x")
o.NAdam([p], momentum_decay=-1)
o.RMSprop([p], alpha=-1)
o.Adagrad([p], lr_decay=-1)
o.Adagrad([p], initial_accumulator_value=-1)
o.Adadelta([p], rho=2)
o.Rprop([p], etas=(1.0, 2.0))
o.Adafactor([p], d=0.5)
o.Adafactor([p], beta2_decay=0.5)
o.Adafactor([p], eps=(-1, 0))
o.SparseAdam([p]).step()
o.SparseAdam([p], lr=0)
o.LBFGS([{"params": [p]}, {"params": [q]}])
o.LBFGS([p], line_search_fn="x").step(lambda: f(p))
o.LBFGS([p]).step()
s.StepLR(3, 1)
s.StepLR(o.SGD([p]), 1, last_epoch=2)
s.StepLR(o.SGD([p]), 1, verbose=True)
s.LambdaLR(o.SGD([p]), [len, len])
s.MultiplicativeLR(o.SGD([p]), 3)
s.ConstantLR(o.SGD([p]), factor=2)
s.LinearLR(o.SGD([p]), start_factor=0)
s.LinearLR(o.SGD([p]), end_factor=2)
s.CosineAnnealingWarmRestarts(o.SGD([p]), 0)
s.CosineAnnealingWarmRestarts(o.SGD([p]), 1, 0)
s.CosineAnnealingWarmRestarts(o.SGD([p]), 1, 1, "x")
s.CosineAnnealingWarmRestarts(o.SGD([p]), 1).step(-1)
s.CyclicLR(o.SGD([p]), 0.1, 0.2, mode="x")
s.CyclicLR(o.SGD([p]), [0.1, 0.1], 0.2)
s.CyclicLR(o.Adagrad([p]), 0.1, 0.2)
s.OneCycleLR(o.SGD([p]), 0.1)
s.OneCycleLR(o.SGD([p]), 0.1, total_steps=-1)
s.OneCycleLR(o.SGD([p]), 0.1, epochs=1, steps_per_epoch=0)
s.OneCycleLR(o.SGD([p]), 0.1, total_steps=5, pct_start=2)
s.OneCycleLR(o.SGD([p]), 0.1, total_steps=5, anneal_strategy="x")
[(c := s.OneCycleLR(o.SGD([p]), 0.1, total_steps=2)), [c.step() for _ in range(3)]]
s.ReduceLROnPlateau(o.SGD([p]), factor=1.0)
s.ReduceLROnPlateau(o.SGD([p]), "x")
s.ReduceLROnPlateau(o.SGD([p]), threshold_mode="x")
s.ReduceLROnPlateau(o.SGD([p]), min_lr=[1, 2])
s.ReduceLROnPlateau(o.SGD([p])).step()
s.SequentialLR(o.SGD([p]), [], [])
s.SequentialLR(o.SGD([p]), [3], [])
s.SequentialLR(m := o.SGD([p]), [s.StepLR(m, 1)], [1])
s.SequentialLR(m := o.SGD([p]), [s.ReduceLROnPlateau(m)], [])
s.ChainedScheduler([])
s.ChainedScheduler([3])
s.ChainedScheduler([s.ReduceLROnPlateau(o.SGD([p]))])
s.LRScheduler(o.SGD([p]))
s.StepLR(o.SGD([p]), 1).get_lr()
[(m := o.SGD([p])), (c := s.StepLR(m, 1)), c.step()][0]
[(m := o.SGD([p])), (c := s.StepLR(m, 1)), setattr(m, "step", lambda: None), c.step()][0]
o.SGD([p, p])
""".strip().split("\n")
METRICS = [1.0, 0.9, 0.95, 0.97, 0.99, 0.8, 0.81, 1.2, 1.3, 1.31, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value if isinstance(value, int | float | str | None) else type(value).__name__


def steps(torch: Any, name: str, options: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Twenty steps with random gradients, one of them missing."""
    draw = random.Random(name + dtype).gauss
    kind = getattr(torch, dtype)

    def drawn(*shape: int) -> Any:
        rows = [draw(0.0, 1.0) for _ in range(shape[0] * (shape[1] if len(shape) > 1 else 1))]
        return torch.tensor(rows, dtype=kind).reshape(shape)

    if options.get("lr") == "tensor":
        options = options | {"lr": torch.tensor(0.1)}
    second = (2, 3) if name == "Muon" else (2,)
    params = [drawn(3, 2).requires_grad_(), drawn(*second).requires_grad_()]
    optimizer = getattr(torch.optim, name)(params, **options)
    text = repr(optimizer)
    for i in range(20):
        params[0].grad = drawn(3, 2)
        params[1].grad = None if i == 3 else drawn(*second)
        optimizer.step()
    state = optimizer.state_dict()
    return {"params": plain(params), "versions": [p._version for p in params], "repr": text,
            "state": plain(state["state"]), "groups": plain(state["param_groups"]),
            "order": [list(state["state"].get(0, {})), list(state["param_groups"][0])],
            "types": {key: str(value.dtype) for key, value in state["state"].get(0, {}).items()}}


def minimised(torch: Any, options: dict[str, Any]) -> dict[str, Any]:
    """LBFGS on a curved valley."""
    x = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([1.0, 0.3], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([x, y], **options)
    calls = 0

    def closure() -> Any:
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        loss = ((1 - x) ** 2 + 3 * (y - x ** 2) ** 2).sum() + (x * y).sum() * 0.1 + (x ** 4).sum() * 0.01
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(3)]
    state = optimizer.state_dict()["state"][0]
    return {"params": plain([x, y]), "losses": losses, "calls": calls, "versions": [x._version, y._version],
            "state": list(state), "counts": [state["n_iter"], state["func_evals"]], "repr": repr(optimizer)}


def scheduled(torch: Any, make: Callable[[Any, Any], Any], epochs: bool) -> Any:
    """Twelve epochs, some of them given by number; then the state is taken over by others, who go on."""
    def both() -> tuple[Any, Any]:
        groups = [{"params": [torch.ones(2, requires_grad=True)]}, {"params": [torch.ones(1, requires_grad=True)],
                                                                    "lr": 0.2}]
        optimizer = torch.optim.SGD(groups, lr=0.4, momentum=0.9)
        return optimizer, make(torch.optim.lr_scheduler, optimizer)

    def now(optimizer: Any, scheduler: Any) -> Any:
        return [[g["lr"], g["momentum"]] for g in optimizer.param_groups], scheduler.get_last_lr()

    told: list[Any] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            optimizer, scheduler = both()
            told.append(now(optimizer, scheduler))
            for i in range(12):
                optimizer.step()
                scheduler.step(*([{2: 5, 6: 1, 7: 8}[i]] if epochs and i in (2, 6, 7) else []))
                told.append(now(optimizer, scheduler))
            state = scheduler.state_dict()
            told.append([plain(state), list(state)])
            other, follower = both()
            follower.load_state_dict(state)
            other.load_state_dict(optimizer.state_dict())
            other.step()
            follower.step()
            told.append(now(other, follower))
        except Exception as error:
            told.append([type(error).__name__, str(error)])
    return [plain(told), sorted({str(w.message) for w in warned})]


def grouped(torch: Any) -> str:
    """The text of an optimizer of two groups."""
    p, q = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    return repr(torch.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1, momentum=0.9))


def through(torch: Any, name: str, options: dict[str, Any]) -> Any:
    """The gradient of a loss after three steps, with respect to the start and, where it is a tensor, the rate."""
    rate = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    start = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    w = start.clone()
    lr = rate if name in ("SGD", "Adam", "AdamW") else 0.1
    optimizer = getattr(torch.optim, name)([w], lr=lr, differentiable=True, **options)
    weights = torch.tensor([1.0, 2.0], dtype=torch.float64)
    try:
        for _ in range(3):
            w.grad, = torch.autograd.grad(((w - 3) ** 2 * weights).sum(), w, create_graph=True)
            optimizer.step()
        (w ** 2).sum().backward()
    except RuntimeError as error:
        return str(error)
    return [w.tolist(), start.grad.tolist(), None if rate.grad is None else rate.grad.item()]


def swa(schedulers: Any) -> Any:
    """``torch.optim.swa_utils``, which the schedulers' package lies beside."""
    return import_module(schedulers.__name__.replace("lr_scheduler", "swa_utils"))


def averaged(torch: Any, options: str) -> Any:
    """The averages of a model's weights, and of the data through them."""
    u = swa(torch.optim.lr_scheduler)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    for i, p in enumerate(model.parameters()):
        p.data.fill_(i + 1.0)
    try:
        average = u.AveragedModel(model, **eval(options, {"u": u}))
        for _ in range(3):
            for p in model.parameters():
                p.data.mul_(1.5)
            model[1].running_mean.add_(1.0)
            average.update_parameters(model)
        before = plain(list(average.buffers()))
        u.update_bn([torch.ones(4, 2), (torch.zeros(3, 2), 1)], average)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return [plain(list(average.parameters())), before, plain(list(average.buffers())), sorted(average.state_dict())]


def plateau(torch: Any, mode: str, threshold: str) -> Any:
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.4)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode=mode, threshold_mode=threshold, factor=0.5, patience=1, cooldown=1, min_lr=0.02, threshold=0.05)
    told = []
    for metric in METRICS:
        scheduler.step(metric)
        told.append([optimizer.param_groups[0]["lr"], scheduler.num_bad_epochs, scheduler.cooldown_counter])
    return told


def refused(torch: Any, source: str) -> Any:
    """What an expression raises, and of what it warns."""
    p, q = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)

    def f(x: Any) -> Any:
        x.grad = torch.ones(1)
        return (x * x).sum()

    said: Any = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            eval(source, {"torch": torch, "o": torch.optim, "s": torch.optim.lr_scheduler, "p": p, "q": q, "f": f})
        except Exception as error:
            said = [type(error).__name__, str(error)]
    return [said, [str(w.message) for w in warned]]


def cases() -> dict[str, Callable[[Any], Any]]:
    """Every case by its name."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, every in OPTIMIZERS.items():
        for i, options in enumerate(every):
            for dtype in ("float32", "float64"):
                found[f"{name} {i} {dtype}"] = lambda torch, n=name, o=options, d=dtype: steps(torch, n, o, d)
    for i, options in enumerate(LBFGS):
        found[f"LBFGS {i}"] = lambda torch, o=options: minimised(torch, o)
    for name, make in SCHEDULERS.items():
        found[f"{name}"] = lambda torch, m=make: scheduled(torch, m, False)
        found[f"{name} by number"] = lambda torch, m=make: scheduled(torch, m, True)
    for mode in ("min", "max"):
        for threshold in ("rel", "abs"):
            found[f"plateau {mode} {threshold}"] = lambda torch, m=mode, t=threshold: plateau(torch, m, t)
    for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "NAdam", "RAdam", "Adadelta"):
        found[f"through {name}"] = lambda torch, n=name: through(torch, n, {})
    found["through SGD with momentum"] = lambda torch: through(torch, "SGD", {"momentum": 0.9})
    for options in AVERAGES:
        found[f"averaged {options}"] = lambda torch, o=options: averaged(torch, o)
    found["text of groups"] = grouped
    for source in ERRORS:
        found[source] = lambda torch, s=source: refused(torch, s)
    return found


if __name__ == "__main__":
    import torch  # type: ignore[import-not-found]

    json.dump({name: case(torch) for name, case in cases().items()}, sys.stdout, separators=(",", ":"))
