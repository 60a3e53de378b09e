"""The engine against others that are installed, with no recorder: ``python benchmarks/engine.py [--torch PYTHON]``.

Each side is a process of its own with one thread; they take turns, measure by measure, in the processor's time, which
others on the machine disturb least. The ratios are those of the medians and those of the least times: a busy machine
makes all slower, by what it leaves of the caches, and the least times are what it left alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

PROGRAMS = Path(__file__).with_name("programs.py")
BUDGETS = {("1,000 ops forward", "torch"): 0.9, ("1,000 ops backward", "torch"): 0.6, ("MLP step", "numpy"): 1.25,
           ("conv2d", "torch"): 2.0}
"""What engine.md demands: the engine takes at most so much of the other's time."""


SIDES = {"engine": "engine", "numpy": "NumPy", "torch": "torch", "autograd": "autograd", "mygrad": "mygrad"}


class Side:
    """A process that runs the programs when asked."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        self.times: dict[str, list[float]] = {}
        self._process = subprocess.Popen([python, str(PROGRAMS), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.there = self._process.stdout.readline() == "ready\n"

    def turn(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        for name, seconds in json.loads(self._process.stdout.readline()).items():
            self.times.setdefault(name, []).append(seconds)

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    sides = [Side(name, options.torch if name == "torch" else sys.executable) for name in SIDES]
    there = [side for side in sides if side.there]
    for _ in range(options.rounds):
        for side in there:
            side.turn()
    for side in sides:
        side.close()
    medians = {side.name: {name: median(times) for name, times in side.times.items()} for side in there}
    least = {side.name: {name: min(times) for name, times in side.times.items()} for side in there}
    table = Table(title=f"engine, no recorder · µs · {platform.machine()} · Python {platform.python_version()}")
    for head in ("measure", *(SIDES[side.name] for side in there), "of medians", "of least", "must"):
        table.add_column(head, justify="left" if head == "measure" else "right")
    for name, seconds in medians["engine"].items():
        times = {side.name: medians[side.name].get(name) for side in there}
        against = next((side for side in ("numpy", "torch") if times.get(side)), "")
        other, budget = times.get(against), BUDGETS.get((name, against))
        table.add_row(name, *(f"{t * 1e6:,.0f}" if t else "–" for t in times.values()),
                      f"{seconds / other:.2f}x {against}" if other else "–",
                      f"{least['engine'][name] / least[against][name]:.2f}x" if other else "–",
                      f"{budget}x" if budget else "–")
    Console().print(table)
    seconds = min(imported() for _ in range(7))
    print(f"import gradviz.engine, NumPy with it: {seconds:.2f} s of the processor, must be below 0.25")
    if options.json:
        options.json.write_text(json.dumps({"medians": medians, "least": least, "import": seconds}, indent=1))


def imported() -> float:
    """Seconds of the processor from the start of an interpreter until it has the engine."""
    command = "import time; import gradviz.engine; print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", command], stdout=subprocess.PIPE, check=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
