"""The programs that are timed. They run alike on the engine and on PyTorch; the MLP step also on bare NumPy.

As a script it is a worker of ``benchmarks/engine.py``: ``programs.py SIDE`` (engine, torch, numpy, autograd or mygrad)
answers every line that it reads with the seconds of each measure, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

OPS = 1000
STEPS = 10
now = time.perf_counter


def chain(torch: Any) -> Callable[[], tuple[float, float]]:
    """A thousand ops on four numbers: seconds of forward and of backward."""
    x = torch.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True)

    def run() -> tuple[float, float]:
        x.grad = None
        start = now()
        y = x
        for _ in range(OPS // 4):
            y = y * x
            y = y + x
            y = torch.tanh(y)
            y = y - x
        middle = now()
        y.sum().backward()
        return middle - start, now() - middle

    return run


def mlp(torch: Any) -> Callable[[], float]:
    """Ten steps of training a 784-128-10 network on batches of 64, written as everybody does: seconds of one."""
    nn = torch.nn
    torch.manual_seed(0)
    x, target = torch.randn(64, 784), torch.randint(0, 10, (64,))
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run() -> float:
        start = now()
        for _ in range(STEPS):
            loss = nn.functional.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (now() - start) / STEPS

    return run


def batch() -> tuple[Any, Any, list[Any]]:
    """What the MLP starts from where there is no ``nn``: inputs, classes, parameters."""
    import numpy as np

    rng = np.random.default_rng(0)
    parameters = [rng.uniform(-bound, bound, size).astype(np.float32) for bound, *size in (
        (1 / 28, 128, 784), (1 / 28, 128), (128 ** -0.5, 10, 128), (128 ** -0.5, 10))]
    return rng.standard_normal((64, 784), np.float32), rng.integers(0, 10, 64), parameters


def bare_mlp() -> Callable[[], float]:
    """The same by hand on NumPy arrays."""
    import numpy as np

    x, target, parameters = batch()
    w1, b1, w2, b2 = parameters
    rate, rows = np.float32(0.01), np.arange(64)

    def run() -> float:
        start = now()
        for _ in range(STEPS):
            h = np.maximum(x @ w1.T + b1, 0)
            logits = h @ w2.T + b2
            logs = logits - logits.max(1, keepdims=True)
            logs -= np.log(np.exp(logs).sum(1, keepdims=True))
            -logs[rows, target].mean()
            g = np.exp(logs)
            g[rows, target] -= 1
            g /= 64
            grad_h = np.where(h > 0, g @ w2, 0)
            for p, grad in ((w1, grad_h.T @ x), (b1, grad_h.sum(0)), (w2, g.T @ h), (b2, g.sum(0))):
                p -= rate * grad
        return (now() - start) / STEPS

    return run


def rnn(torch: Any) -> Callable[[], float]:
    """A recurrent network of 50 steps, unrolled by hand: seconds of forward and backward."""
    torch.manual_seed(0)
    inputs = [torch.randn(8, 16) for _ in range(50)]
    w, u = torch.randn(16, 32) * 0.1, torch.randn(32, 32) * 0.1
    w.requires_grad_()
    u.requires_grad_()

    def run() -> float:
        w.grad = u.grad = None
        start = now()
        h = torch.zeros(8, 32)
        for x in inputs:
            h = torch.tanh(x @ w + h @ u)
        h.sum().backward()
        return now() - start

    return run


def conv(torch: Any) -> Callable[[], float]:
    """conv2d 3x3 on 8x16x32x32: seconds of forward and backward."""
    torch.manual_seed(0)
    x, w = torch.randn(8, 16, 32, 32), torch.randn(32, 16, 3, 3)
    x.requires_grad_()
    w.requires_grad_()

    def run() -> float:
        x.grad = w.grad = None
        start = now()
        torch.nn.functional.conv2d(x, w, padding=1).sum().backward()
        return now() - start

    return run


def hips() -> Callable[[], dict[str, float]]:
    """What of it autograd runs."""
    import autograd.numpy as np
    from autograd import value_and_grad
    from autograd.core import make_vjp
    from autograd.extend import vspace
    from autograd.scipy.special import logsumexp

    first = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    x, target, parameters = batch()
    rows = np.arange(64)

    def composed(v: Any) -> Any:
        y = v
        for _ in range(OPS // 4):
            y = np.tanh(y * v + v) - v
        return np.sum(y)

    def loss(w: Any) -> Any:
        logits = np.dot(np.maximum(np.dot(x, w[0].T) + w[1], 0), w[2].T) + w[3]
        return np.mean(logsumexp(logits, axis=1) - logits[rows, target])

    step = value_and_grad(loss)

    def run() -> dict[str, float]:
        start = now()
        vjp, value = make_vjp(composed, first)
        middle = now()
        vjp(vspace(value).ones())
        end = now()
        for _ in range(STEPS):
            for p, grad in zip(parameters, step(parameters)[1], strict=True):
                p -= np.float32(0.01) * grad
        return {"1,000 ops forward": middle - start, "1,000 ops backward": end - middle,
                "MLP step": (now() - end) / STEPS}

    return run


def mygrad() -> Callable[[], dict[str, float]]:
    """What of it mygrad runs."""
    import mygrad as mg
    from mygrad.nnet.losses import softmax_crossentropy

    v = mg.tensor([0.1, 0.2, 0.3, 0.4], dtype="float32")
    x, target, arrays = batch()
    parameters = [mg.tensor(a) for a in arrays]
    w1, b1, w2, b2 = parameters

    def run() -> dict[str, float]:
        start = now()
        y = v
        for _ in range(OPS // 4):
            y = mg.tanh(y * v + v) - v
        middle = now()
        y.sum().backward()
        end = now()
        for _ in range(STEPS):
            h = mg.maximum(mg.matmul(x, w1.T) + b1, 0)
            softmax_crossentropy(mg.matmul(h, w2.T) + b2, target).backward()
            for p in parameters:
                p.data -= 0.01 * p.grad
        return {"1,000 ops forward": middle - start, "1,000 ops backward": end - middle,
                "MLP step": (now() - end) / STEPS}

    return run


OTHERS = {"autograd": hips, "mygrad": mygrad}


def measures(side: str) -> Callable[[], dict[str, float]]:
    """All that one side can run, once."""
    if side in OTHERS:
        return OTHERS[side]()
    if side == "numpy":
        bare = bare_mlp()
        return lambda: {"MLP step": bare()}
    if side == "torch":
        import torch

        torch.set_num_threads(1)
    else:
        import gradviz.engine as torch  # type: ignore[no-redef]
    small, network, unrolled, images = chain(torch), mlp(torch), rnn(torch), conv(torch)

    def run() -> dict[str, float]:
        forward, backward = small()
        return {"1,000 ops forward": forward, "1,000 ops backward": backward, "MLP step": network(),
                "RNN": unrolled(), "conv2d": images()}

    return run


if __name__ == "__main__":
    now = time.thread_time
    measure = measures(sys.argv[1])
    for _ in range(3):
        measure()
    print("ready", flush=True)
    for _line in sys.stdin:
        print(json.dumps(measure()), flush=True)
