"""What cannot be meant or cannot be read: a line or two of ours on stderr, an exit status, and no harm done."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradviz.events import KINDS
from gradviz.trace import frames
from gradviz.trace.reader import Reader
from gradviz.trace.writer import Writer

Gradviz = Callable[..., "subprocess.CompletedProcess[str]"]


def marks(path: Path, n: int = 3, chunks: int = 1) -> Path:
    """A trace without a script, with ``n`` events a chunk."""
    writer = Writer(path, {"producer": "test", "argv": ["a.py"], "script": "a.py"})
    code = KINDS["mark"].code
    for _ in range(chunks):
        writer.chunk(bytes([code] * n), {code: [(i, 1, 0, 0, 0, 0, str(i)) for i in range(n)]})
    writer.close()
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text("print('ran')\n")
    return tmp_path


# --- the command line itself -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("arguments", "words"), [
    (["run", "--frob", "good.py"], "No such option '--frob'. Did you mean '--force'?"),
    (["run", "--values", "some", "good.py"], "'some' is not one of 'auto', 'none', 'stats', 'full'."),
    (["run"], "Missing script: gradviz run SCRIPT, -m MODULE or -c CODE."),
    (["check"], "Missing script: gradviz check SCRIPT, TRACE, -m MODULE or -c CODE."),
    (["run", "--no-view", "-c"], "-c needs an argument."),
    (["run", "-m"], "-m needs an argument."),
    (["check", "-c"], "-c needs an argument."),
    (["run", "-o", "", "good.py"], "-o needs the name of a file."),
    (["export"], "Missing argument 'TRACE'."),
    (["frob"], "No such command 'frob'."),
])
def test_what_cannot_be_meant_is_two_lines_of_ours(here: Path, gradviz: Gradviz, arguments: list[str], words: str,
                                                   ) -> None:
    done = gradviz(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    said, hint = done.stderr.splitlines()
    assert said.startswith("[gradviz] ")
    assert said.endswith(words)
    assert hint.startswith("[gradviz] ")
    assert hint.endswith(" --help shows what there is")
    assert list(here.glob("*.gvt")) == []


def test_alone_it_shows_the_help(gradviz: Gradviz) -> None:
    done = gradviz()
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [
    ["-mgood", "--force"], ["-cprint('ran')", "--force"], ["-q", "-m", "good", "-m"],
])
def test_options_end_at_an_argument_that_is_attached(here: Path, gradviz: Gradviz, arguments: list[str]) -> None:
    assert gradviz("run", "--no-view", *arguments).stdout == "ran\n"


# --- what is to be run -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments", [["-m", "nosuch"], ["-m", "nosuch.sub"], ["-m", ""], ["."], ["nosuch.py"]])
def test_what_did_not_run_leaves_no_trace(here: Path, gradviz: Gradviz, arguments: list[str]) -> None:
    for output in ([], ["-o", "t.gvt"]):
        done = gradviz("run", *output, *arguments)
        python = subprocess.run([sys.executable, *arguments], cwd=here, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (python.returncode, "", python.stderr)
        assert list(here.glob("*.gvt")) == []
    assert gradviz("check", *arguments).returncode == python.returncode


def test_a_mistyped_module_costs_no_trace(here: Path, gradviz: Gradviz) -> None:
    assert gradviz("run", "--no-view", "-o", "t.gvt", "good.py").returncode == 0
    before = (here / "t.gvt").read_bytes()
    assert gradviz("run", "--no-view", "--force", "-o", "t.gvt", "-m", "nosuch").returncode == 1
    assert (here / "t.gvt").read_bytes() == before


def test_a_module_that_leaves_is_not_one_that_is_not_there(here: Path, gradviz: Gradviz) -> None:
    (here / "leaves.py").write_text("raise SystemExit('No module named leaves')")
    assert gradviz("run", "--no-view", "-m", "leaves").returncode == 1
    assert (here / "leaves-1.gvt").exists()


def test_no_trace_has_the_name_of_an_option(here: Path, gradviz: Gradviz) -> None:
    (here / "-x.py").write_text("print('ran')\n")
    done = gradviz("run", "--no-view", "--", "-x.py")
    assert done.stdout == "ran\n"
    assert done.stderr.endswith("gradviz view x-1.gvt\n")
    assert gradviz("run", "--no-view", "-o", "-y.gvt", "good.py").stderr.endswith("gradviz view ./-y.gvt\n")


# --- what is to be written -------------------------------------------------------------------------------------------
def test_force_replaces_a_trace_and_nothing_else(here: Path, gradviz: Gradviz) -> None:
    (here / "notes.txt").write_text("mine")
    (here / "gone").symlink_to("nothing")
    os.mkfifo(here / "pipe")
    for name in ("good.py", "notes.txt", "gone", "pipe", "/dev/full"):
        done = gradviz("run", "--no-view", "--force", "-o", name, "good.py")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"[gradviz] {name} is no trace, so it is not replaced\n"
    assert (here / "good.py").read_text() == "print('ran')\n"
    assert (here / "notes.txt").read_text() == "mine"
    assert (here / "gone").is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    marks(here / "old.gvt")
    (here / "empty.gvt").touch()
    (here / "cut.gvt").write_bytes(frames.MAGIC)
    for name in ("old.gvt", "empty.gvt", "cut.gvt"):
        assert gradviz("run", "--no-view", "--force", "-o", name, "good.py").stdout == "ran\n"
        with Reader(here / name) as reader:
            assert (reader.state, reader.meta["argv"]) == ("complete", ["good.py"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_said(here: Path, gradviz: Gradviz) -> None:
    here.chmod(0o555)
    try:
        done = gradviz("run", "--no-view", "good.py")
    finally:
        here.chmod(0o755)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "[gradviz] good-1.gvt cannot be written: Permission denied\n"


# --- what is to be read ----------------------------------------------------------------------------------------------
def arguments(name: str, trace: str) -> list[str]:
    return [name, trace, *(["-o", "x.svg"] if name == "export" else [])]


@pytest.mark.parametrize(("content", "words"), [
    (b"import torch\n", "not a gradviz trace"), (b"\x89GVT\r\n\x1a\n\x00", "cut short"), (b"", "the file is empty"),
    (frames.header(99), "made by a newer gradviz"),
])
@pytest.mark.parametrize("name", ["view", "info", "check", "export"])
def test_what_is_no_trace_is_one_line(here: Path, gradviz: Gradviz, name: str, content: bytes, words: str) -> None:
    (here / "x.gvt").write_bytes(content)
    done = gradviz(*arguments(name, "x.gvt"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("[gradviz] x.gvt: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["view", "info", "check", "export"])
def test_a_trace_without_one_event_that_can_be_read_is_one_line(here: Path, gradviz: Gradviz, name: str) -> None:
    data = bytearray(marks(here / "x.gvt").read_bytes())
    data[data.index(frames.CHUNK) + frames.FRAME_SIZE] ^= 1
    (here / "x.gvt").write_bytes(data)
    done = gradviz(*arguments(name, "x.gvt"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "[gradviz] x.gvt: damaged before its first event\n")


def test_of_a_damaged_trace_one_sees_what_was_before(here: Path, gradviz: Gradviz) -> None:
    data = bytearray(marks(here / "x.gvt", 2, chunks=2).read_bytes())
    data[data.rindex(frames.CHUNK) + frames.FRAME_SIZE] ^= 1
    (here / "x.gvt").write_bytes(data)
    told = gradviz("info", "x.gvt")
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1].split(maxsplit=1) == ["damage", "damaged after event 1"]
    assert gradviz("check", "x.gvt").stdout == "0 findings in 2 events, incomplete\n"


@pytest.mark.parametrize("name", ["view", "info", "check", "export"])
def test_a_trace_that_is_not_there_is_one_line(here: Path, gradviz: Gradviz, name: str) -> None:
    done = gradviz(*arguments(name, "nope.gvt"))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "[gradviz] nope.gvt: No such file or directory\n")


@pytest.mark.parametrize("name", ["view", "info"])
def test_no_trace_here_is_said(here: Path, gradviz: Gradviz, name: str) -> None:
    assert gradviz(name).stderr == f"[gradviz] no trace in {here}: gradviz run SCRIPT makes one\n"
    done = gradviz(name, "")
    assert (done.returncode, done.stderr) == (2, "[gradviz] '': No such file or directory\n")


def test_one_event_is_counted_as_one(here: Path, gradviz: Gradviz) -> None:
    marks(here / "x.gvt", 1)
    assert gradviz("check", "x.gvt").stdout == "0 findings in 1 event\n"


def test_an_output_that_takes_no_more_is_one_line(here: Path, gradviz: Gradviz) -> None:
    marks(here / "x.gvt")
    for command in (["info", "x.gvt"], ["check", "x.gvt"], ["--help"], ["demo", "--list"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([sys.executable, "-m", "gradviz", *command], cwd=here, stdout=full, text=True,
                                  stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (
            1, "[gradviz] the output cannot be written: No space left on device\n"), command


def test_no_script_is_the_folder_as_for_python(here: Path, gradviz: Gradviz) -> None:
    python = subprocess.run([sys.executable, ""], cwd=here, capture_output=True, text=True, check=False)
    done = gradviz("run", "--no-view", "")
    assert (done.returncode, done.stderr) == (python.returncode, python.stderr)


@pytest.mark.parametrize("name", ["-", "folder"])
def test_a_picture_needs_the_name_of_a_file(here: Path, gradviz: Gradviz, name: str) -> None:
    marks(here / "x.gvt")
    (here / "folder").mkdir()
    done = gradviz("export", "x.gvt", "--format", "svg", "-o", name)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "[gradviz] -o needs the name of a file.")


# --- before the script runs ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", [["run", "--no-open"], ["demo", "--no-open", "model"]])
def test_a_port_that_is_taken_is_said_before_the_script_runs(here: Path, gradviz: Gradviz, command: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = gradviz(*command, "--port", port, *(["good.py"] if command[0] == "run" else []))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"[gradviz] cannot serve at 127.0.0.1:{port}: Address already in use\n"
    assert list(here.glob("*.gvt")) == []


def test_an_address_that_is_not_ours_is_said_before_the_script_runs(here: Path, gradviz: Gradviz) -> None:
    for host in ("203.0.113.7", "no such host", "a" * 64 + ".example"):
        done = gradviz("run", "--no-open", "--host", host, "good.py")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"[gradviz] cannot serve at {host}: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "form", "means"), [("q.svg", "png", "svg"), ("q.txt", "json", "text")])
def test_a_name_and_a_format_that_disagree_are_refused(here: Path, gradviz: Gradviz, name: str, form: str, means: str,
                                                       ) -> None:
    marks(here / "x.gvt")
    done = gradviz("export", "x.gvt", "--format", form, "-o", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        f"[gradviz] {name} is named as {means} and --format is {form}: change one of them.")
    assert not (here / name).exists()
    assert gradviz("export", "x.gvt", "--format", "json", "-o", "q.data").returncode == 0


# --- what a trace says of its script ---------------------------------------------------------------------------------
def test_a_trace_that_broke_off_before_its_first_event(here: Path, gradviz: Gradviz) -> None:
    Writer(here / "x.gvt", {"producer": "test", "argv": ["a.py"], "script": "a.py"}).abandon()
    done = gradviz("check", "x.gvt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "[gradviz] x.gvt broke off before its first event: there is nothing to check\n"


def test_the_script_of_a_trace_and_how_it_ended(here: Path, gradviz: Gradviz) -> None:
    marks(here / "x.gvt")
    told = json.loads(gradviz("check", "--json", "x.gvt").stdout)
    assert (told["script"], told["exit_code"]) == ("a.py", None)
    (here / "bad.py").write_text("1 / 0\n")
    gradviz("run", "--no-view", "-o", "y.gvt", "bad.py")
    told = json.loads(gradviz("check", "--json", "y.gvt").stdout)
    assert (told["script"], told["exit_code"]) == ("bad.py", 1)


def test_a_pipe_as_script(here: Path, gradviz: Gradviz) -> None:
    os.mkfifo(here / "pipe")
    with subprocess.Popen(["sh", "-c", "echo 'import sys; print(sys.argv, __file__[-4:])' > pipe"], cwd=here):
        done = gradviz("run", "--no-view", "-o", "t.gvt", "pipe", "a")
    assert (done.returncode, done.stdout) == (0, "['pipe', 'a'] pipe\n")


@pytest.mark.parametrize("name", ["run", "view", "check", "export", "info", "demo"])
def test_every_help_has_examples(gradviz: Gradviz, name: str) -> None:
    told = gradviz(name, "--help")
    assert told.returncode == 0
    assert f"  gradviz {name}" in told.stdout.partition("Examples:")[2]
