"""Scripts that are no plain files: pipes, the input, and what cannot be decoded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gradviz.trace.reader import Reader

Done = subprocess.CompletedProcess[bytes]

SCRIPT = b"""\
import sys, __main__
print(sys.argv, sys.path[0][:6], globals().get("__file__"), __main__.__dict__ is globals(), sorted(globals()))
print(sys.stdin.read())
def f(): return 1 / 0
print("caught" if len(sys.argv) > 9 else f())
"""


def outcome(folder: Path, *command: str, given: bytes = b"", **options: object) -> tuple[int, bytes, bytes]:
    done: Done = subprocess.run([sys.executable, *command], cwd=folder, input=given, capture_output=True, timeout=60,
                                check=False)
    return done.returncode, done.stdout, done.stderr


RUN = ("-m", "gradviz", "run", "--no-view", "-q", "-o", "t.gvt")


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_the_input(tmp_path: Path, name: str) -> None:
    ours = outcome(tmp_path, *RUN, name, "a", "-o", given=SCRIPT)
    assert ours == outcome(tmp_path, name, "a", "-o", given=SCRIPT)
    with Reader(tmp_path / "t.gvt") as reader:
        list(reader.chunks())
        assert reader.sources == {"<stdin>" if name == "-" else name: SCRIPT.decode()}


def test_a_check_of_the_input(tmp_path: Path) -> None:
    code, out, _ = outcome(tmp_path, "-m", "gradviz", "check", "-", given=b"print('ran')\nraise SystemExit(4)\n")
    assert (code, out) == (4, b"ran\n0 findings in 1 event\n")


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = b"import sys\nprint(sys.argv, __file__)\n"
    ends = []
    for before in ((), RUN):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(text,))
        writer.start()
        ends.append(outcome(tmp_path, *before, "pipe", "a"))
        writer.join()
    assert ends[0] == ends[1]
    assert ends[0][0] == 0
    with Reader(tmp_path / "t.gvt") as reader:
        list(reader.chunks())
        assert list(reader.sources.values()) == [text.decode()]


@pytest.mark.parametrize("text", [
    b"x = 1\nprint('\xe9')\n", b"# \xff\n", b"# coding: latin-1\nprint(ascii('\xe9'))\n",
    b"\xef\xbb\xbfprint('mark')\n",
])
def test_what_cannot_be_decoded(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "odd.py").write_bytes(text)
    assert outcome(tmp_path, *RUN, "odd.py") == outcome(tmp_path, "odd.py")


# --- whose frames are they? ------------------------------------------------------------------------------------------
HOOKED = "import sys\nsys.excepthook = lambda kind, error, trace: print('hooked')\n1 / 0\n"


@pytest.mark.parametrize(("text", "files"), [
    ("print('a')\ndef f(): raise ValueError\nf()\n", ["odd.py"]),
    ("print('a')\nimport sys\nsys.exit('bye')", ["odd.py"]),
    (HOOKED, ["odd.py"]), ("def f(:\n", []), ("raise ExceptionGroup('g', [ValueError()])", ["odd.py"]),
])
def test_a_launcher_is_nobodys_source(tmp_path: Path, text: str, files: list[str]) -> None:
    """As the installed command does it: its file lies in no library and in no folder of ours."""
    (tmp_path / "bin").mkdir()
    launcher = tmp_path / "bin" / "launcher"
    root = str(Path(__file__).parents[2])
    launcher.write_text(f"import sys\nsys.path.append({root!r})\n"
                        "from gradviz.cli.main import main\nsys.exit(main())\n")
    (tmp_path / "odd.py").write_text(text)
    outcome(tmp_path, str(launcher), *RUN[2:], "odd.py")
    with Reader(tmp_path / "t.gvt") as reader:
        printed = [chunk.tables["print"] for chunk in reader.chunks() if "print" in chunk.tables]
        assert {span.file for span in reader.spans[1:]} == {str(tmp_path / name) for name in files}
        assert list(reader.sources) == [str(tmp_path / name) for name in files]
    assert printed
