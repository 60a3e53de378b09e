"""The engine against PyTorch and bare NumPy, with no recorder: ``python benchmarks/engine.py [--torch PYTHON]``.

Each side is a process of its own with one thread; they take turns, measure by measure, and medians are compared.
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the medians there too")
    options = parser.parse_args()
    sides = [Side("engine", sys.executable), Side("numpy", sys.executable), Side("torch", options.torch)]
    there = [side for side in sides if side.there]
    for _ in range(options.rounds):
        for side in there:
            side.turn()
    for side in sides:
        side.close()
    medians = {side.name: {name: median(times) for name, times in side.times.items()} for side in there}
    table = Table(title=f"engine, no recorder · {platform.machine()} · Python {platform.python_version()}")
    for head in ("measure", "engine µs", "NumPy µs", "torch µs", "ratio", "must"):
        table.add_column(head, justify="left" if head == "measure" else "right")
    for name, seconds in medians["engine"].items():
        others = {side: medians.get(side, {}).get(name) for side in ("numpy", "torch")}
        against = next((side for side in ("numpy", "torch") if others[side]), None)
        budget = BUDGETS.get((name, against or ""))
        table.add_row(name, f"{seconds * 1e6:,.0f}", *(f"{t * 1e6:,.0f}" if t else "–" for t in others.values()),
                      f"{seconds / others[against]:.2f}x {against}" if against else "–",
                      f"{budget}x" if budget else "–")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(medians, indent=1))


if __name__ == "__main__":
    main()
