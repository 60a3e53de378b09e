"""What we say ourselves is no output of the script."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import gradviz as package

Gradviz = Callable[..., "subprocess.CompletedProcess[str]"]


def test_our_words_are_not_in_the_trace(gradviz: Gradviz, tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text("import sys, torch, gradviz\nprint('a', file=sys.stderr)\n"
                                      "with gradviz.record('other.gvt'):\n    print('b')\n")
    done = gradviz("run", "--no-view", "-o", "t.gvt", "says.py")
    assert done.stderr.splitlines()[0] == "[gradviz] torch is played by gradviz.engine"
    assert "[gradviz] already recording into " in done.stderr
    replay = package.open(str(tmp_path / "t.gvt"))
    assert [replay.event(seq).text for seq in replay.events("print")] == ["a\n", "b\n"]


def test_a_part_of_a_program_is_said_to_be_one(gradviz: Gradviz, run: Gradviz, tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("import gradviz\nwith gradviz.record('t.gvt'):\n    gradviz.mark('here')\n")
    assert run("part.py").stderr == ""
    assert gradviz("info", "t.gvt").stdout.splitlines()[0] == "t.gvt: part of part.py"
