"""Random programs over modules, ops, views, hooks and several backward calls, and all that can be seen of them."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

UNARY = ("torch.tanh({a})", "F.relu({a})", "F.gelu({a})", "F.softplus({a})", "F.leaky_relu({a}, 0.2)", "{a}.sigmoid()",
         "F.elu({a})", "F.silu({a})", "F.hardtanh({a})", "torch.softmax({a}, -1)", "F.log_softmax({a}, 0)",
         "{a}.clamp(-0.5, 0.5)", "{a} * 2 - 1", "1 - {a}", "-{a}", "{a} ** 2", "{a}.abs()", "{a}.clone()",
         "torch.where({a} > 0, {a}, {a} * 0.5)", "{a}.cumsum(0)", "F.layer_norm({a}, (4,))", "F.normalize({a})",
         "{a}.sort(1)[0]", "torch.flip({a}, (0,))", "{a}.roll(1, 0)", "{a}.masked_fill({a} > 0.5, 0.25)",
         "lin({a})", "seq({a})", "F.linear({a}, w, bias)", "F.linear({a}, w)", "{a} @ w.t()", "{a} @ w",
         "torch.addmm(bias, {a}, w)", "{a} + bias", "{a} * bias", "norm({a})", "{a}.index_select(0, index)",
         "{a}[index]", "{a}.triu()", "{a}.expand(4, 4) * 1", "F.dropout({a}, 0.5, False)", "lin({a}).detach() + {a}",
         "{a} - {a}.mean(1, keepdim=True)", "{a} / (1 + {a}.abs().sum(0))", "{a}.reshape(2, 8).reshape(4, 4)")
BINARY = ("{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} @ {b}", "torch.maximum({a}, {b})", "torch.where(mask, {a}, {b})",
          "torch.cat([{a}, {b}])[2:6]", "torch.stack([{a}, {b}]).sum(0)", "torch.stack([{a}, {b}], 1).select(1, 0)",
          "{a}.lerp({b}, 0.25)", "torch.addcmul({a}, {b}, {b}, value=0.5)", "torch.bmm({a}[None], {b}[None])[0]",
          "torch.einsum('ij,kj->ik', {a}, {b})", "{a} / ({b} ** 2 + 1)", "F.cosine_similarity({a}, {b}, 1) * {a}")
VIEWS = ("{a}.t()", "{a}.view(16).view(4, 4)", "{a}[...]", "{a}.split(2)[1].repeat(2, 1)",
         "{a}.chunk(2, 1)[0] @ w[:2]", "{a}.unbind(0)[1].expand(4, 4)", "{a}.transpose(0, 1)",
         "{a}.diagonal().view(4, 1) * {a}", "{a}.unsqueeze(0)[0]")
WRITES = ("{a}.mul_(0.5)", "{a}.add_({b})", "{a}.relu_()", "{a}[1] = 0.25", "{a}[:, 0] = {b}[0]", "{a} += 1",
          "{a}.t().mul_(2)",
          "{a}.clamp_(-1, 1)", "{a}.copy_({b})", "{a}.view(16)[3:7].zero_()", "{a}.masked_fill_(mask, 0.125)")
LOSSES = ("F.cross_entropy({a}, target)", "F.mse_loss({a}, {b})", "{a}.sum()",
          "F.nll_loss(F.log_softmax({a}, 1), target)",
          "({a} * {b}).mean()", "F.binary_cross_entropy_with_logits({a}, mask.double())", "{a}.norm()", "{a}.std()",
          "F.smooth_l1_loss({a}, {b})", "{a}.logsumexp(1).sum()", "F.kl_div(F.log_softmax({a}, 1), F.softmax({b}, 1))",
          "{a}.max()", "{a}.amax(0).sum()", "F.hinge_embedding_loss({a}, mask * 2 - 1)", "{a}.var(0).sum()")
HOOKS = ("{a}.register_hook(heard('{a}'))", "{a}.retain_grad()", "lin.register_forward_hook(called('lin'))",
         "lin.register_full_backward_hook(passed('lin'))", "w.register_post_accumulate_grad_hook(heard('w'))",
         "{a}.register_hook(lambda g: g * 2)", "{a}.grad_fn.register_hook(passed('{a}'))",
         "{a}.grad_fn.register_prehook(came('{a}'))", "seq.register_full_backward_pre_hook(entered('seq'))")
BACKWARD = ("loss.backward(retain_graph=True)", "loss.backward()", "loss.backward(inputs=[w, x])",
            "took(torch.autograd.grad(loss, [x, w], retain_graph=True, allow_unused=True))",
            ("g = torch.autograd.grad(loss, x, create_graph=True, allow_unused=True)[0]; took([g])\n"
             "if g is not None and g.requires_grad: (g ** 2).sum().backward()"),
            "took(torch.autograd.grad({a}, [x, bias], torch.ones(4, 4, dtype=torch.double), allow_unused=True))",
            "{a}.backward(torch.ones(4, 4, dtype=torch.double), retain_graph=True)")
AFTER = ("with torch.no_grad(): w -= 0.1 * w.grad", "optimizer.step()", "optimizer.zero_grad()", "x.grad = None",
         "with torch.no_grad(): w.mul_(0.9)", "optimizer.zero_grad(set_to_none=False)", "w.grad.zero_()")


def program(seed: int) -> list[str]:
    """Statements; every variable is a 4x4 tensor."""
    r = random.Random(seed)
    names = ["x", "w"]
    lines = []
    for n in range(r.randint(3, 9)):
        a, b = r.choice(names[-4:]), r.choice(names)
        kind = r.choices(("unary", "binary", "view", "write", "hook"), (5, 3, 2, 2, 1))[0]
        if kind in ("write", "hook"):
            fitting = [name for name in names if name not in ("x", "w")] or ["x"]
            lines.append(r.choice(WRITES if kind == "write" else HOOKS).format(a=r.choice(fitting), b=b))
            continue
        row = r.choice({"unary": UNARY, "binary": BINARY, "view": VIEWS}[kind]).format(a=a, b=b)
        if r.random() < 0.05:
            lines.append(f"with torch.no_grad(): v{n} = {row}")
        else:
            lines.append(f"v{n} = {row}")
        names.append(f"v{n}")
    lines.append(f"loss = {r.choice(LOSSES).format(a=names[-1], b=r.choice(names))}")
    for _ in range(r.randint(1, 3)):
        lines.append(r.choice(BACKWARD).format(a=r.choice(names[1:])))
        if r.random() < 0.4:
            lines.append(r.choice(AFTER))
    return lines


def numbers(*shape: int) -> Any:
    """Numbers of both signs, all different, none near a kink."""
    return np.sin(1.3 * (1 + np.arange(np.prod(shape, dtype=int)))).reshape(shape) * 0.9


def graph(node: Any) -> list[str]:
    """Names of the nodes, depth first, each once, leaves as such."""
    seen: list[Any] = []
    stack, names = [node], []
    while stack:
        node = stack.pop()
        if node is None or any(node is other for other in seen):
            names.append("-" if node is None else "again")
            continue
        seen.append(node)
        names.append(type(node).__name__)
        stack += [after for after, _ in node.next_functions]
    return names


def shown(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return [shown(part) for part in value]
    return [list(value.shape), [float(f"{n:.6g}") + 0.0 for n in value.detach().double().reshape(-1).tolist()]]


def seen(torch: Any, lines: list[str]) -> list[Any]:
    """What a run prints, hears and leaves; an error ends it."""
    log: list[Any] = []

    def record(what: str, result: Any = None) -> Callable[..., Any]:
        return lambda *args: log.append([what, shown(args[result or 0])])

    def tensor(array: Any, *, leaf: bool = True) -> Any:
        return torch.tensor(array, requires_grad=leaf)

    nn = torch.nn
    lin, seq = nn.Linear(4, 4).double(), nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)).double()
    norm = nn.LayerNorm(4).double()
    with torch.no_grad():
        for i, p in enumerate([*lin.parameters(), *seq.parameters()]):
            p.copy_(torch.tensor(numbers(*p.shape) * (1 + i / 7)))
    w, x = tensor(numbers(4, 4)), tensor(numbers(16).reshape(4, 4)[::-1].copy())
    scope = {"torch": torch, "F": nn.functional, "lin": lin, "seq": seq, "norm": norm, "x": x, "w": w,
             "bias": tensor(numbers(4)), "mask": torch.tensor(numbers(4, 4) > 0), "index": torch.tensor([3, 0, 2, 0]),
             "target": torch.tensor([1, 0, 3, 2]), "optimizer": torch.optim.SGD([w, *lin.parameters()], lr=0.1),
             "heard": lambda name: record("hook " + name), "came": lambda name: record("node " + name),
             "called": lambda name: record("forward " + name, 2), "passed": lambda name: record("passed " + name, 1),
             "entered": lambda name: record("entered " + name, 1), "took": lambda grads: log.append(shown(grads))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in lines:
            try:
                exec(line, scope)
            except (RuntimeError, TypeError, AttributeError, ValueError) as error:
                log.append([type(error).__name__, str(error), line])
                break
            name = line.partition(" = ")[0]
            if name in scope and name != "g":
                t: Any = scope[name]
                log.append([line, shown(t), t._version, t.requires_grad, t.is_leaf, graph(t.grad_fn)])
    leaves: list[Any] = [w, x, scope["bias"], *lin.parameters(), *seq.parameters()]
    return [*log, *([t._version, shown(t.grad)] for t in leaves)]
