"""Killed at any moment: the trace holds all but what was told in the writer's last tenth of a second."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from gradviz.trace.reader import Reader
from gradviz.trace.ring import LEAST

KILLS = 100
NURSERY = """
import json, mmap, os, random, signal, struct, sys, time
import gradviz
import gradviz.recorder

rng = random.Random(int(sys.argv[1]))
MOST = 1 << 16

def life(number, shared, budget):
    import gradviz.recorder
    with gradviz.record(f"{number}.gvt", max_bytes=budget):
        for i in range(MOST - 1):
            gradviz.mark(f"{i} {os.urandom(400).hex()}")
            struct.pack_into("<q", shared, 8 * i, time.perf_counter_ns())  # it was told, at this time
            if i % 10 == 9:
                time.sleep(0.001)

for number in range(int(sys.argv[2])):
    shared = mmap.mmap(-1, 8 * MOST)
    child = os.fork()
    if child == 0:
        life(number, shared, int(sys.argv[3]) if number % 2 else 0)
        os._exit(0)
    time.sleep(rng.uniform(0.005, 0.4))
    os.kill(child, signal.SIGKILL)
    killed = time.perf_counter_ns()
    os.waitpid(child, 0)
    times = [t for t in struct.unpack(f"<{MOST}q", shared[:]) if t]
    print(json.dumps([*times, killed]), flush=True)
"""
BUSY = 2_000_000
"""Nanoseconds between two marks: ten are told at once, then it sleeps for 1 ms. What took longer the machine gave to
others, so that the writer could not run either."""


def marks(reader: Reader) -> list[int]:
    found = []
    for chunk in reader.chunks():
        if "mark" in chunk.tables:
            texts = chunk.tables["mark"]["text"]
            found += [int(texts.texts[i].partition(" ")[0]) for i in texts.index]  # type: ignore[union-attr]
    return found


@pytest.mark.slow
def test_a_hundred_kills(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", NURSERY, "1", str(KILLS), str(LEAST)], cwd=tmp_path, check=True,
                          capture_output=True, text=True, timeout=300)
    lost, wrapped = [], 0
    for number, line in enumerate(done.stdout.splitlines()):
        times = json.loads(line)
        path = tmp_path / f"{number}.gvt"
        if len(times) == 1:  # killed before its first mark
            continue
        with Reader(path) as reader:
            read = marks(reader)
            assert (reader.state, reader.damage) == ("incomplete", "")
        jumps = [(a, b) for a, b in pairwise(read) if b != a + 1]
        assert read[:1] in ([], [0])
        assert len(jumps) <= number % 2  # only a trace with a budget drops what is old
        wrapped += len(jumps)
        tail = times[read[-1] + 1 if read else 0:]
        lost.append(sum(min(b - a, BUSY) for a, b in pairwise(tail)))
    assert len(lost) > KILLS * 0.9
    assert wrapped > KILLS * 0.1
    assert max(lost) < 100_000_000, sorted(lost)[-5:]
