"""Forked children: left alone, and said so once; or recorded, each into a file of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import gradviz as package

Gradviz = Callable[..., "subprocess.CompletedProcess[str]"]

FORK = """\
import os, sys, torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * w).sum().backward()
sys.stdout.flush()
child = os.fork()
if child == 0:
    for _ in range(2):
        (w * 3.0).sum().backward()
    print("child", w.grad.tolist())
    END
_, status = os.waitpid(child, 0)
idle = os.fork()
if idle == 0:
    os._exit(0)
os.waitpid(idle, 0)
print("parent", w.grad.tolist(), os.waitstatus_to_exitcode(status))
"""
POOL = """\
import multiprocessing, torch
w = torch.tensor([1.0, 2.0], requires_grad=True)

def work(n):
    (w * n).sum().backward()

if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=work, args=(3.0,))
    process.start()
    process.join()
    print("done", process.exitcode)
"""


def ours(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("[gradviz] child")]


def test_a_child_that_works_is_not_recorded_and_says_so_once(gradviz: Gradviz, tmp_path: Path) -> None:
    (tmp_path / "fork.py").write_text(FORK.replace("END", "sys.exit(3)"))
    done = gradviz("run", "--no-view", "-o", "t.gvt", "fork.py")
    assert done.stdout.splitlines() == ["child [8.0, 10.0]", "parent [2.0, 4.0] 3"]
    (line,) = ours(done.stderr)
    assert line.endswith("is not recorded: --follow-fork records children too")
    assert [path.name for path in tmp_path.glob("*.gvt")] == ["t.gvt"]
    assert ours(gradviz("run", "-q", "--no-view", "-o", "u.gvt", "fork.py").stderr) == []


def test_of_many_children_one_says_it_for_all(gradviz: Gradviz, tmp_path: Path) -> None:
    source = POOL.replace("    process.start()\n", "    process.start()\n    process.join()\n" + 3 * (
        '    process = multiprocessing.get_context("fork").Process(target=work, args=(3.0,))\n    process.start()\n'
        "    process.join()\n"))
    (tmp_path / "pool.py").write_text(source)
    done = gradviz("run", "--no-view", "-o", "t.gvt", "pool.py")
    assert done.stdout == "done 0\n"
    assert len(ours(done.stderr)) == 1


@pytest.mark.parametrize(("end", "state", "status"), [("sys.exit(3)", "complete", 3), ("os._exit(4)", "incomplete", 4),
                                                      ("raise KeyError('x')", "complete", 1)])
def test_a_child_records_into_a_file_of_its_own(gradviz: Gradviz, tmp_path: Path, end: str, state: str,
                                                status: int) -> None:
    (tmp_path / "fork.py").write_text(FORK.replace("END", f"import time; time.sleep(0.3); {end}"))
    done = gradviz("run", "--no-view", "--follow-fork", "-o", "t.gvt", "fork.py")
    assert done.stdout.splitlines()[-1] == f"parent [2.0, 4.0] {status}"
    (line,) = ours(done.stderr)
    (path,) = (path for path in tmp_path.glob("*.gvt") if path.name != "t.gvt")
    assert line.endswith(f"is recorded: gradviz view {path.name}")
    parent, child = package.open(str(tmp_path / "t.gvt")), package.open(str(path))
    assert (parent.state, parent.summary()["backward_calls"]) == ("complete", 1)
    assert (child.state, child.summary()["backward_calls"]) == (state, 2)
    assert child.meta["parent"] == parent.path
    assert path.name == f"t.{child.meta['pid']}.gvt"
    nodes = [child.node(child.event(seq).nid) for seq in child.events("step")]
    assert all(nodes)
    assert child.span(child.events("backward")[0]).line == 8
    if status == 1:
        assert child.summary()["error"] == "KeyError: 'x'"


def test_a_child_of_multiprocessing_finishes_its_file(gradviz: Gradviz, tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    done = gradviz("run", "--no-view", "--follow-fork", "-o", "t.gvt", "pool.py")
    assert done.stdout == "done 0\n"
    (path,) = (path for path in tmp_path.glob("*.gvt") if path.name != "t.gvt")
    child = package.open(str(path))
    assert (child.state, child.summary()["backward_calls"]) == ("complete", 1)
