"""What recording costs, and reading it: ``python benchmarks/recording.py [--sizes 10000 100000 1000000]``.

Recorded and unrecorded runs of a program take turns, one thread. *loop* is the program's own time while it is
recorded; *with writing* adds what its writer had left to do when it ended. Every size is made and read in processes of
its own, so that their memory is theirs.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import programs
from rich.console import Console
from rich.table import Table

POLICIES = ("auto", "none", "stats", "full")
now = time.perf_counter


def program(name: str) -> Callable[[], object]:
    import gradviz.engine as torch

    return {"1,000 ops": programs.chain, "10 MLP steps": programs.mlp, "RNN": programs.rnn}[name](torch)


def recorded(run: Callable[[], object], policy: str, folder: str, repeat: int) -> dict[str, float]:
    """One recording of several runs."""
    from gradviz.recorder import Recorder

    path = Path(folder) / "t.gvt"
    recorder = Recorder(path, policy, force=True)
    recorder.start()
    start = now()
    for _ in range(repeat):
        run()
    loop = now() - start
    recorder.stop()
    total = now() - start
    assert not recorder.failure, recorder.failure
    return {"loop": loop / repeat, "total": total / repeat, "events": recorder.events / repeat,
            "bytes": path.stat().st_size / repeat}


def costs(name: str, rounds: int, repeat: int = 4) -> dict[str, dict[str, float]]:
    """Medians of a program, unrecorded and recorded under each policy."""
    run = program(name)
    found: dict[str, list[dict[str, float]]] = {policy: [] for policy in ("off", *POLICIES)}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            start = now()
            for _ in range(repeat):
                run()
            found["off"].append({"loop": (now() - start) / repeat})
            for policy in POLICIES:
                found[policy].append(recorded(run, policy, folder, repeat))
    return {policy: {key: median(one[key] for one in each) for key in each[0]} for policy, each in found.items()}


def memory() -> float:
    """The most that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: what getrusage says began with the parent's
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def make(path: str, events: int) -> dict[str, float]:
    """A trace of about so many events, and by how much the recorder grew the process."""
    run = program("1,000 ops")
    for _ in range(5):
        run()
    before = memory()
    from gradviz.recorder import Recorder

    recorder = Recorder(path, force=True)
    recorder.start()
    while recorder.events < events:
        run()
    recorder.stop()
    return {"events": recorder.events, "MB": memory() - before}


def read(path: str) -> dict[str, float]:
    """Seconds until a trace is open, its graphs are known and the first is on the picture, and the memory for it."""
    from gradviz import findings, layout, scene
    from gradviz.replay import Replay

    start = now()
    replay = Replay.open(path)
    opened = now()
    number = len(replay.graphs)
    indexed = now()
    layout.place(scene.build(replay, findings.find(replay), 0))
    return {"open": opened - start, "index": indexed - start, "picture": now() - indexed, "MB": memory(),
            "graphs": number}


def apart(*arguments: str) -> Any:
    """One of the two above in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], metavar="EVENTS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        return print(json.dumps(make(options.make[0], int(options.make[1]))))
    if options.read:
        return print(json.dumps(read(options.read)))
    figures: dict[str, Any] = {}
    machine = f"{platform.machine()} · Python {platform.python_version()}"
    table = Table(title=f"recording · {machine}")
    for head in ("program", "values", "loop µs", "of off", "with writing", "µs an event", "bytes an event"):
        table.add_column(head, justify="left" if head in ("program", "values") else "right")
    for name in ("1,000 ops", "10 MLP steps", "RNN"):
        figures[name] = found = costs(name, options.rounds)
        off = found["off"]["loop"]
        table.add_row(name, "off", f"{off * 1e6:,.0f}", "1x", "", "", "", end_section=False)
        for policy in POLICIES:
            one = found[policy]
            table.add_row("", policy, f"{one['loop'] * 1e6:,.0f}", f"{one['loop'] / off:.2f}x",
                          f"{one['total'] / off:.2f}x", f"{(one['total'] - off) / one['events'] * 1e6:.1f}",
                          f"{one['bytes'] / one['events']:.0f}", end_section=policy == POLICIES[-1])
    Console().print(table)
    sizes = Table(title=f"reading · {machine}")
    for head in ("events", "open s", "index s", "first picture s", "reader MB", "recorder MB"):
        sizes.add_column(head, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            path = str(Path(folder) / "big.gvt")
            made, got = apart("--make", path, str(size)), apart("--read", path)
            figures[str(size)] = {"made": made, "read": got}
            sizes.add_row(f"{made['events']:,.0f}", f"{got['open']:.2f}", f"{got['index']:.2f}",
                          f"{got['picture']:.2f}", f"{got['MB']:.0f}", f"{made['MB']:.0f}")
    Console().print(sizes)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return None


if __name__ == "__main__":
    main()
