"""The engine on a CUDA device against CuPy by hand and PyTorch: ``python benchmarks/gpu.py [--torch PYTHON]``.

Each side is a process of its own; they take turns, and medians of wall times are compared, the device being waited for
before and after. As a script with the name of a side it is such a process: it answers every line that it reads with the
seconds of each measure, as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

STEPS = 20
SIDES = {"engine": "engine", "recorded": "engine, recorded", "cupy": "CuPy", "torch": "torch"}
RECORDED_MUST = 1.1
"""A GPT block recorded with ``auto`` costs at most so much of what it costs unrecorded."""
NO_DEVICE = "no CUDA device that CuPy can use: nothing to measure"


# --- with modules -----------------------------------------------------------------------------------------------------
def mlp(torch: Any) -> Any:
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))
    return model, torch.randn(256, 784), torch.randint(0, 10, (256,))


def cnn(torch: Any) -> Any:
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1, stride=2),
                          nn.ReLU(), nn.Flatten(), nn.Linear(64 * 16 * 16, 10))
    return model, torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))


def gpt(torch: Any, width: int = 768, heads: int = 12) -> Any:
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.mix = nn.LayerNorm(width), nn.LayerNorm(width), nn.Linear(width, 3 * width)
            self.out, self.head = nn.Linear(width, width), nn.Linear(width, 10)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            b, n, _ = x.shape
            q, k, v = (t.view(b, n, heads, -1).transpose(1, 2) for t in self.mix(self.one(x)).split(width, dim=2))
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(mixed.transpose(1, 2).reshape(b, n, width))
            return self.head(x + self.mlp(self.two(x))).view(b * n, -1)

    return Block(), torch.randn(8, 512, width), torch.randint(0, 10, (8 * 512,))


def training(torch: Any, make: Callable[[Any], Any]) -> Callable[[], float]:
    """Seconds of a step of training on the device."""
    torch.manual_seed(0)
    model, x, y = (part.to("cuda") for part in make(torch))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run() -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(STEPS):
            loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / STEPS

    return run


# --- by hand ----------------------------------------------------------------------------------------------------------
def by_hand(cupy: Any) -> Callable[[], float]:
    """The MLP's step in bare CuPy."""
    random, sizes = cupy.random.default_rng(0), (784, 1024, 1024, 10)
    weights = [random.standard_normal((m, n), dtype="float32") * m ** -0.5
               for m, n in pairwise(sizes)]
    biases = [cupy.zeros(n, "float32") for n in sizes[1:]]
    x, y, rows = random.standard_normal((256, 784), dtype="float32"), random.integers(0, 10, 256), cupy.arange(256)

    def step() -> None:
        inputs = [x]
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = inputs[-1] @ w + b
            inputs.append(cupy.maximum(z, 0) if i < 2 else z)
        shifted = inputs[-1] - inputs[-1].max(axis=1, keepdims=True)
        g = cupy.exp(shifted - cupy.log(cupy.exp(shifted).sum(axis=1, keepdims=True)))
        g[rows, y] -= 1
        g /= len(x)
        for i in (2, 1, 0):
            back = g @ weights[i].T if i else None
            weights[i] -= 0.01 * (inputs[i].T @ g)
            biases[i] -= 0.01 * g.sum(axis=0)
            g = back * (inputs[i] > 0) if i else back

    def run() -> float:
        cupy.cuda.runtime.deviceSynchronize()
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        cupy.cuda.runtime.deviceSynchronize()
        return (time.perf_counter() - start) / STEPS

    return run


def measures(side: str) -> dict[str, Callable[[], float]]:
    if side == "cupy":
        import cupy

        return {"MLP": by_hand(cupy)}
    if side == "torch":
        import torch
    else:
        import gradviz.engine as torch  # type: ignore[no-redef]
    if not torch.cuda.is_available():
        raise RuntimeError(NO_DEVICE)
    made = {"MLP": training(torch, mlp), "CNN": training(torch, cnn), "GPT block": training(torch, gpt)}
    return {name: recorded(run) for name, run in made.items()} if side == "recorded" else made


def recorded(run: Callable[[], float]) -> Callable[[], float]:
    from gradviz.recorder import Recorder

    def recording() -> float:
        with tempfile.TemporaryDirectory() as folder:
            recorder = Recorder(Path(folder) / "run.gvt", quiet=True)
            recorder.start()
            try:
                return run()
            finally:
                recorder.stop()

    return recording


def worker(side: str) -> None:
    runs = measures(side)
    for run in runs.values():
        run()  # kernels are compiled
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps({name: run() for name, run in runs.items()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    from gradviz.engine import cuda

    if not cuda.is_available():
        print(NO_DEVICE)
        return
    there: dict[str, subprocess.Popen[str]] = {}
    for side in SIDES:
        python = options.torch if side == "torch" else sys.executable
        process = subprocess.Popen([python, __file__, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   stderr=None if side in ("engine", "recorded") else subprocess.DEVNULL)
        assert process.stdout is not None
        if process.stdout.readline() == "ready\n":
            there[side] = process
    times: dict[str, dict[str, list[float]]] = {side: {} for side in there}
    for _ in range(options.rounds):
        for side, process in there.items():
            assert process.stdin is not None
            assert process.stdout is not None
            print(file=process.stdin, flush=True)
            for name, seconds in json.loads(process.stdout.readline()).items():
                times[side].setdefault(name, []).append(seconds)
    for process in there.values():
        process.communicate()
    print(f"{cuda.get_device_name()} · a step of training, medians of {options.rounds} rounds")
    for name in times["engine"]:
        found = {side: median(rounds[name]) for side, rounds in times.items() if name in rounds}
        own = found["engine"]
        told = [f"{SIDES[side]} {seconds * 1e3:.2f} ms" + (f" ({seconds / own:.2f}x)" if side != "engine" else "")
                for side, seconds in found.items()]
        must = f" · recorded must be at most {RECORDED_MUST}x" if name == "GPT block" else ""
        print(f"{name:10} {' · '.join(told)}{must}")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in SIDES:
        worker(sys.argv[1])
    else:
        main()
