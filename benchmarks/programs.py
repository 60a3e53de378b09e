"""The programs that are timed. They run alike on the engine and on PyTorch; the MLP step also on bare NumPy.

As a script it is a worker of ``benchmarks/engine.py``: ``programs.py engine|torch|numpy`` answers every line that it
reads with the seconds of each measure, as JSON.
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
    """Ten steps of training a 784-128-10 network on batches of 64: seconds of one."""
    torch.manual_seed(0)
    x, target = torch.randn(64, 784), torch.randn(64, 10)
    w1, b1 = torch.randn(784, 128) * 0.05, torch.zeros(128)
    w2, b2 = torch.randn(128, 10) * 0.05, torch.zeros(10)
    parameters = [w1, b1, w2, b2]
    for p in parameters:
        p.requires_grad_()

    def run() -> float:
        start = now()
        for _ in range(STEPS):
            h = (x @ w1 + b1).relu()
            loss = ((h @ w2 + b2 - target) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                for p in parameters:
                    p -= 0.01 * p.grad
                    p.grad = None
        return (now() - start) / STEPS

    return run


def bare_mlp() -> Callable[[], float]:
    """The same by hand on NumPy arrays."""
    import numpy as np

    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((64, 784), np.float32), rng.standard_normal((64, 10), np.float32)
    w1, b1 = rng.standard_normal((784, 128), np.float32) * np.float32(0.05), np.zeros(128, np.float32)
    w2, b2 = rng.standard_normal((128, 10), np.float32) * np.float32(0.05), np.zeros(10, np.float32)
    rate, two = np.float32(0.01), np.float32(2 / 640)

    def run() -> float:
        start = now()
        for _ in range(STEPS):
            h = np.maximum(x @ w1 + b1, 0)
            d = h @ w2 + b2 - target
            (d * d).mean()
            g = d * two
            grad_h = np.where(h > 0, g @ w2.T, 0)
            for p, grad in ((w1, x.T @ grad_h), (b1, grad_h.sum(0)), (w2, h.T @ g), (b2, g.sum(0))):
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


def measures(side: str) -> Callable[[], dict[str, float]]:
    """All that one side can run, once."""
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
    measure = measures(sys.argv[1])
    for _ in range(3):
        measure()
    print("ready", flush=True)
    for _line in sys.stdin:
        print(json.dumps(measure()), flush=True)
