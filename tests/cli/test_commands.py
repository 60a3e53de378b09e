"""The command line from outside: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import pytest

from gradviz.events import KINDS
from gradviz.trace.reader import Reader
from gradviz.trace.writer import Writer

Gradviz = Callable[..., "subprocess.CompletedProcess[str]"]

OVERWRITTEN = """\
import torch
a = torch.tensor([1.0, 3.0], requires_grad=True)
b = a + 2
loss = (b * b).mean()
b[0] = 1000.0
print("before")
loss.backward()
"""
CLEAN = """\
import torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * w).sum().backward()
print(w.grad.tolist())
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "bad.py").write_text(OVERWRITTEN)
    (tmp_path / "good.py").write_text(CLEAN)
    return tmp_path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a script that fails."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "bad.py").write_text(OVERWRITTEN)
    subprocess.run([sys.executable, "-m", "gradviz", "run", "-q", "--no-view", "bad.py"], cwd=folder, check=False,
                   capture_output=True)
    return folder / "bad-1.gvt"


def marks(path: Path, n: int = 3) -> str:
    """A trace without a script."""
    writer = Writer(path, {"producer": "test", "argv": ["a.py"], "script": "a.py"})
    code = KINDS["mark"].code
    writer.chunk(bytes([code] * n), {code: [(i, 1, 0, 0, 0, 0, str(i)) for i in range(n)]})
    writer.close()
    return writer.path


# --- run -------------------------------------------------------------------------------------------------------------
def test_a_run_leaves_a_numbered_trace_and_one_line(here: Path, gradviz: Gradviz) -> None:
    for number in (1, 2):
        done = gradviz("run", "--no-view", "good.py")
        assert (done.returncode, done.stdout) == (0, "[2.0, 4.0]\n")
        assert done.stderr.splitlines() == ["[gradviz] torch is played by gradviz.engine",
                                            f"[gradviz] recorded: gradviz view good-{number}.gvt"]
        with Reader(here / f"good-{number}.gvt") as reader:
            assert reader.state == "complete"


def test_numbers_go_on_after_the_highest(here: Path, gradviz: Gradviz) -> None:
    (here / "good-7.gvt").touch()
    assert "good-8.gvt" in gradviz("run", "--no-view", "good.py").stderr


def test_an_error_is_explained_in_one_line(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("run", "--no-view", "bad.py")
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.splitlines()[-1] == ("[gradviz] RuntimeError explained: b overwritten at line 5 (saved at 4): "
                                            "gradviz view bad-1.gvt")
    assert "gradviz/" not in done.stderr.partition("Traceback")[2]


def test_quiet_says_nothing_of_ours(here: Path, gradviz: Gradviz) -> None:
    assert gradviz("run", "-q", "--no-view", "good.py").stderr == ""


def test_an_existing_output_is_refused_before_the_script_runs(here: Path, gradviz: Gradviz) -> None:
    (here / "mine.gvt").write_text("mine")
    done = gradviz("run", "--no-view", "-o", "mine.gvt", "good.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "[gradviz] mine.gvt is there already: --force replaces it\n"
    assert (here / "mine.gvt").read_text() == "mine"


@pytest.mark.parametrize("output", ["nothing/here.gvt", "/proc/t.gvt"])
def test_an_output_that_cannot_be_written_is_said(here: Path, gradviz: Gradviz, output: str) -> None:
    done = gradviz("run", "--no-view", "-o", output, "good.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"[gradviz] {output} cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_a_missing_script_is_said_as_python_says_it(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("run", "nope.py")
    assert done.returncode == 2
    assert done.stderr == f"{sys.executable}: can't open file '{here}/nope.py': [Errno 2] No such file or directory\n"
    assert list(here.glob("*.gvt")) == []


def test_real_torch_is_refused_until_it_can_be_recorded(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("run", "--engine", "torch", "good.py")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_options_end_at_the_script(here: Path, gradviz: Gradviz) -> None:
    (here / "args.py").write_text("import sys; print(sys.argv)")
    for before in ([], ["--"]):
        done = gradviz("run", "--no-view", "-q", *before, "args.py", "-o", "--force", "--", "-m")
        assert done.stdout == "['args.py', '-o', '--force', '--', '-m']\n"
    assert gradviz("run", "--no-view", "-q", "-m", "args", "--help").stdout.endswith("args.py', '--help']\n")
    assert gradviz("run", "--no-view", "-q", "-c", "import sys; print(sys.argv)", "-q").stdout == "['-c', '-q']\n"


def test_no_source_leaves_the_text_out(here: Path, gradviz: Gradviz) -> None:
    gradviz("run", "--no-view", "--no-source", "good.py")
    with Reader(here / "good-1.gvt") as reader:
        list(reader.chunks())
        assert reader.sources == {}
    assert b"requires_grad=True" not in (here / "good-1.gvt").read_bytes()


def test_a_library_that_imports_torch_is_named(here: Path, gradviz: Gradviz) -> None:
    library = here / "site-packages"
    library.mkdir()
    (library / "somelib.py").write_text("import torch\n")
    (here / "uses.py").write_text(f"import sys; sys.path.append({str(library)!r})\n"
                                  "import somelib\nimport torch.nonsense")
    done = gradviz("run", "--no-view", "uses.py")
    assert "[gradviz] somelib imports torch and gets gradviz.engine, which may lack what it needs\n" in done.stderr
    assert "ModuleNotFoundError: No module named 'torch.nonsense'\n" in done.stderr


def test_what_torch_has_and_the_engine_lacks_is_said_so(here: Path, gradviz: Gradviz) -> None:
    (here / "lacks.py").write_text("import torch.onnx")
    done = gradviz("run", "--no-view", "lacks.py")
    assert "ModuleNotFoundError: gradviz.engine, which plays torch, has no torch.onnx\n" in done.stderr
    assert "gradviz/" not in done.stderr


def test_the_script_may_leave_its_folder(here: Path, gradviz: Gradviz) -> None:
    (here / "leaves.py").write_text("import os; os.chdir('/')")
    assert gradviz("run", "--no-view", "leaves.py").stderr == "[gradviz] recorded: gradviz view leaves-1.gvt\n"
    assert (here / "leaves-1.gvt").exists()


@pytest.mark.slow
def test_children_of_multiprocessing_have_the_same_torch(here: Path, gradviz: Gradviz) -> None:
    (here / "pool.py").write_text("""
import multiprocessing as mp
import torch
def f(x): return float((torch.ones(2) * x).sum())
if __name__ == "__main__":
    for method in ("spawn", "forkserver", "fork"):
        with mp.get_context(method).Pool(1) as pool:
            print(pool.map(f, [1, 2]))
""")
    done = gradviz("run", "--no-view", "-q", "pool.py")
    assert (done.stdout, done.stderr) == ("[2.0, 4.0]\n" * 3, "")


# --- view ------------------------------------------------------------------------------------------------------------
def first_line(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said")


@contextmanager
def command(*arguments: object, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on until it is told to end; at the latest when the test ends."""
    with subprocess.Popen([sys.executable, "-m", "gradviz", *map(str, arguments)], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_run_opens_the_replay_and_ctrl_c_keeps_the_scripts_status(here: Path) -> None:
    with command("run", "bad.py", cwd=here) as process:
        line = first_line(process, "http://")
        url = next(word for word in line.split() if word.startswith("http://"))
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(url, timeout=30) as page:
            assert page.status == 200
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to us and to the viewer
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (1, "before\n", "")


@pytest.mark.slow
def test_a_default_port_that_is_taken_moves_on_and_an_explicit_one_fails(here: Path) -> None:
    trace = marks(here / "t.gvt")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with command("view", trace, "--port", port, cwd=here) as process:
            _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert (err.count("\n"), str(port) in err) == (1, True)


# --- check -----------------------------------------------------------------------------------------------------------
def test_check_explains_and_fails(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("check", "bad.py")
    assert done.returncode == 1
    assert "bad.py:5:1" in done.stdout
    assert "1 finding in" in done.stdout
    assert list(here.glob("*.gvt")) == []


def test_check_prints_one_json_object_and_nothing_else(here: Path, gradviz: Gradviz) -> None:
    done = gradviz("check", "--json", "bad.py")
    told = json.loads(done.stdout)
    assert (told["script"], told["exit_code"], done.returncode) == ("bad.py", 1, 1)
    (finding,) = told["findings"]
    assert (finding["kind"], finding["severity"]) == ("inplace_modified", "error")
    assert (finding["root_cause"]["line"], finding["saved_at"]["line"]) == (5, 4)
    assert not {"stops", "seq", "fix_lines"} & set(finding)
    assert "before\n" in done.stderr


@pytest.mark.slow
def test_check_says_that_the_script_died(here: Path, gradviz: Gradviz) -> None:
    (here / "dies.py").write_text("import torch\nx = torch.ones(2)\nx + torch.ones(3)\n")
    done = gradviz("check", "dies.py")
    assert done.returncode == 1
    assert "the script failed: RuntimeError: The size of tensor a (2) must match" in done.stdout
    assert "non-singleton dimension 0 (line 3)\n0 findings in" in done.stdout
    gradviz("run", "-q", "--no-view", "-o", "dies.gvt", "dies.py")
    again = gradviz("check", "dies.gvt")
    assert (again.returncode, again.stdout) == (1, done.stdout)


def test_check_of_a_clean_script_gives_its_status(here: Path, gradviz: Gradviz) -> None:
    assert gradviz("check", "good.py").returncode == 0
    (here / "exits.py").write_text("raise SystemExit(5)")
    assert gradviz("check", "exits.py").returncode == 5
    done = gradviz("check", "--json", "exits.py", "--json", "-x")
    assert json.loads(done.stdout) == {"script": "exits.py", "exit_code": 5, "events": 0, "findings": []}


@pytest.mark.parametrize(("ending", "status", "code"), [("os._exit(7)", 7, 7), ("os.kill(os.getpid(), 9)", 137, -9)])
def test_check_answers_however_the_script_ends(here: Path, gradviz: Gradviz, ending: str, status: int, code: int,
                                               ) -> None:
    (here / "ends.py").write_text(f"import os, time, gradviz; gradviz.mark('a'); time.sleep(0.2); {ending}")
    done = gradviz("check", "--json", "ends.py")
    assert done.returncode == status
    assert (json.loads(done.stdout)["exit_code"], json.loads(done.stdout)["events"]) == (code, 1)


def test_check_of_a_trace(recorded: Path, gradviz: Gradviz) -> None:
    done = gradviz("check", "--json", recorded)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [finding["kind"] for finding in told["findings"]] == ["inplace_modified"]
    assert told["exit_code"] == 1


# --- export, info, demo ----------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_export_writes_one_moment(recorded: Path, here: Path, gradviz: Gradviz) -> None:
    for name, at in (("a.svg", []), ("b.dot", ["--at", "error"]), ("c.json", ["--event", "3", "--graph", "forward"])):
        done = gradviz("export", recorded, "-o", name, *at)
        assert (done.returncode, done.stderr) == (0, "")
        assert (here / name).stat().st_size > 100
    assert gradviz("export", recorded, "-o", "a.svg").returncode == 1
    assert gradviz("export", recorded, "-o", "a.svg", "--force").returncode == 0


@pytest.mark.parametrize(("arguments", "words", "status"), [
    (["-o", "x.svg", "--event", "3"], "there is no event 3: the last is 2", 1),
    (["-o", "x.svg", "--at", "error"], "there is no error in the trace", 1),
    (["-o", "x.docx"], "--format takes svg, png, pdf, dot, json", 1),
    (["-o", "x.svg", "--at", "end", "--event", "1"], "give one of them", 2),
    ([], "Missing option", 2),
])
def test_an_export_of_what_is_not_there_is_said(here: Path, gradviz: Gradviz, arguments: list[str], words: str,
                                                status: int) -> None:
    marks(here / "t.gvt")
    done = gradviz("export", "t.gvt", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert not (here / "x.svg").exists()


def test_info_counts(recorded: Path, gradviz: Gradviz) -> None:
    told = json.loads(gradviz("info", "--json", recorded).stdout)
    assert list(told) == ["state", "events", "by_kind", "backward_calls", "iterations", "tensors", "bytes",
                          "duration_s", "error"]
    assert told["state"] == "complete"
    assert told["by_kind"]["error"] == 2
    assert told["events"] == sum(told["by_kind"].values())
    assert told["error"].startswith("RuntimeError: one of the variables needed for gradient computation")
    text = gradviz("info", recorded.parent).stdout
    assert text.splitlines()[0].endswith("bad-1.gvt: bad.py")
    assert "complete" in text


def test_info_names_the_state_of_a_trace_that_was_cut(here: Path, gradviz: Gradviz) -> None:
    path = Path(marks(here / "t.gvt"))
    path.write_bytes(path.read_bytes()[:-10])
    assert json.loads(gradviz("info", "--json", "t.gvt").stdout)["state"] == "incomplete"


@pytest.mark.slow
def test_demos_are_listed_and_recorded(here: Path, gradviz: Gradviz) -> None:
    listed = gradviz("demo", "--list").stdout.splitlines()
    assert any(line.endswith("and events for TensorBoard") for line in listed)  # a sentence of two lines
    assert {"model", "inplace_saved"} <= {line.split()[0] for line in listed}
    done = gradviz("demo", "inplace_saved", "--no-view")
    assert done.returncode == 1
    assert "explained: b overwritten at line 10 (saved at 7): gradviz view inplace_saved-1.gvt" in done.stderr
    assert gradviz("demo", "nothing").returncode == 1


# --- help ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["run", "view", "check", "export", "info", "demo"])
def test_each_command_has_help_with_examples(gradviz: Gradviz, name: str) -> None:
    done = gradviz(name, "--help")
    assert done.returncode == 0
    assert f"gradviz {name} " in done.stdout.partition("Examples:")[2]


def test_the_examples_in_help_are_understood() -> None:
    """Each command line in the help parses: its options exist."""
    from gradviz.cli.main import COMMANDS, program

    for name in COMMANDS:
        chosen = program.get_command(click.Context(program), name)
        assert chosen is not None
        lines = [line for line in (chosen.epilog or "").splitlines() if line.startswith("  gradviz ")]
        assert lines
        for line in lines:
            words = shlex.split(line[2:].partition(" | ")[0].partition(" > ")[0].partition("   ")[0])
            assert words[1] == name
            chosen.make_context(name, words[2:])


@pytest.mark.slow
def test_help_is_quick(gradviz: Gradviz) -> None:
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        gradviz("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.25


# --- a trace that broke off ------------------------------------------------------------------------------------------
def test_where_a_trace_broke_off_is_said(here: Path, gradviz: Gradviz) -> None:
    (here / "dies.py").write_text("import os, time, torch\nw = torch.tensor([1.0], requires_grad=True)\n"
                                  "y = w * 2\ntime.sleep(0.3)\nos._exit(3)\n")
    assert gradviz("run", "--no-view", "-q", "-o", "t.gvt", "dies.py").returncode == 3
    (line,) = [line for line in gradviz("info", "t.gvt").stdout.splitlines() if "broke off" in line]
    assert re.fullmatch(r"  broke off +after event 1 \(y = w \* 2 .*\), at dies\.py:3, \d+\.\d+ s from its start", line)
    with command("view", "--no-open", "--port", "0", "t.gvt", cwd=here) as viewer:
        assert " after event 1 (y = w * 2 " in first_line(viewer, "[gradviz] t.gvt broke off")
