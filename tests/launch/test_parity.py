"""``gradviz run`` does what ``python`` does: the same output, the same errors, the same exit status, byte for byte."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gradviz.trace.reader import Reader

SCRIPTS = Path(__file__).parent / "scripts"
NAMES = [*sorted({path.name for path in SCRIPTS.glob("*.py")} - {"helper.py", "part.py"}), "not_there.py"]
ARGUMENTS = {"ut.py": []}
DEFAULT = ["a", "--flag", "-m", "--", "-o"]

Outcome = tuple[int, str, str]
Both = tuple[Outcome, Outcome]


def outcome(folder: Path, *command: str) -> Outcome:
    done = subprocess.run([sys.executable, *command], cwd=folder, input=b"one\ntwo\n", capture_output=True, timeout=60,
                          check=False)
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    return done.returncode, out, re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"in [\d.]+s", "in a moment", err))


def both(folder: Path, trace: Path, *command: str) -> Both:
    """What ``python`` does with the command, and what we do."""
    return (outcome(folder, *command),
            outcome(folder, "-m", "gradviz", "run", "--no-view", "-q", "-o", str(trace), *command))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Both]]]:
    """All scripts, two at a time: most of their time is the interpreter's start."""
    traces = tmp_path_factory.mktemp("traces")
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(both, SCRIPTS, traces / f"{name}.gvt", name, *ARGUMENTS.get(name, DEFAULT))
               for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_script_cannot_tell_the_difference(outcomes: dict[str, Future[Both]], name: str) -> None:
    python, ours = outcomes[name].result()
    assert ours == python


MAIN = '''
import sys, __main__
print(sys.argv, sys.path[0], __name__, __file__, getattr(__spec__, "name", None), __package__)
print(__main__.__dict__ is globals(), sorted(globals()))
def f(): raise ValueError("x")
f()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("targets")
    (folder / "package").mkdir()
    for path in ("mod.py", "package/__init__.py", "package/sub.py", "package/__main__.py"):
        (folder / path).write_text("" if path.endswith("__init__.py") else MAIN)
    with zipfile.ZipFile(folder / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", MAIN)
    (folder / "linked").mkdir()
    (folder / "linked" / "link.py").symlink_to("../mod.py")
    import py_compile

    py_compile.compile(str(folder / "mod.py"), cfile=str(folder / "compiled.pyc"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", [
    ["-m", "mod", "b"], ["-m", "package", "--flag"], ["-m", "package.sub"], ["-m", "package.nothing"],
    ["-m", "nothing"], ["package", "b"], ["app.pyz", "b"], ["linked/link.py"], ["compiled.pyc"], ["linked"],
    ["./mod.py"],
    ["-c", "import sys; print(sys.argv, sys.path[0], sorted(globals())); 1/0", "q", "-c"],
    ["-c", "raise SystemExit(4)"], ["-c", "def f(:"], ["-m", "unittest", "-h"],
], ids=" ".join)
def test_modules_folders_archives_and_code(folder: Path, tmp_path: Path, command: list[str]) -> None:
    python, ours = both(folder, tmp_path / "t.gvt", *command)
    assert ours == python


@pytest.mark.parametrize("flags", [["-P"], ["-I"], ["-O"], ["-W", "error"]])
def test_the_interpreters_own_flags(tmp_path: Path, flags: list[str]) -> None:
    if flags == ["-I"] and not _installed():
        pytest.skip("-I finds gradviz only where it is installed")
    (tmp_path / "mod.py").write_text("import sys, warnings\nprint(sys.path[0] == __file__[:-7], __debug__)\n"
                                     "warnings.warn('w', DeprecationWarning)\n")
    python = outcome(tmp_path, *flags, "mod.py")
    ours = outcome(tmp_path, *flags, "-c", _run("--no-view", "-q", "mod.py"))
    assert ours == python


def _installed() -> bool:
    return subprocess.run([sys.executable, "-I", "-c", "import gradviz"], capture_output=True,
                          check=False).returncode == 0


def _run(*arguments: str) -> str:
    """As the installed command does it; with ``-P`` the folder that we lie in is not on the path."""
    root = str(Path(__file__).parents[2])
    return (f"import sys; sys.path.append({root!r}); sys.argv = ['gradviz', 'run', *{list(arguments)!r}]; "
            "from gradviz.cli.main import main; sys.exit(main())")


def test_ctrl_c_ends_the_script_as_it_ends_python(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text("import atexit, time\natexit.register(print, 'cleaned up')\n"
                      "print('ready', flush=True)\ntime.sleep(30)\n")
    ends = []
    for command in (["waits.py"], ["-m", "gradviz", "run", "-o", "t.gvt", "waits.py"]):
        with subprocess.Popen([sys.executable, *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            ends.append((process.returncode, out, [line for line in err.splitlines() if "[gradviz]" not in line]))
    assert ends[0] == ends[1]
    assert ends[0][0] == -signal.SIGINT
    with Reader(tmp_path / "t.gvt") as reader:
        assert reader.state == "complete"


@pytest.mark.parametrize(("ending", "status", "state"), [
    ("os.kill(os.getpid(), signal.SIGTERM)", -15, "incomplete"),
    ("os.kill(os.getpid(), signal.SIGKILL)", -9, "incomplete"),
    ("os._exit(7)", 7, "incomplete"),
    ("os.abort()", -6, "incomplete"),
    ("raise SystemExit(3)", 3, "complete"),
    ("1 / 0", 1, "complete"),
])
def test_however_it_ends_the_trace_can_be_read(tmp_path: Path, ending: str, status: int, state: str) -> None:
    (tmp_path / "ends.py").write_text("import os, signal, time, gradviz\ngradviz.mark('here')\ntime.sleep(0.2)\n"
                                      f"{ending}\n")
    code, _, _ = outcome(tmp_path, "-m", "gradviz", "run", "--no-view", "-q", "-o", "t.gvt", "ends.py")
    assert code == status
    with Reader(tmp_path / "t.gvt") as reader:
        assert sum(chunk.n for chunk in reader.chunks()) >= 1
        assert reader.state == state
        assert reader.meta["argv"] == ["ends.py"]


def test_a_local_module_with_a_name_of_ours_is_the_scripts(tmp_path: Path) -> None:
    for name in ("events", "replay", "launch", "click"):
        (tmp_path / f"{name}.py").write_text("mine = True\n")
    (tmp_path / "mod.py").write_text("import events, replay, launch\nprint(events.mine, replay.mine, launch.mine)\n")
    _, out, err = outcome(tmp_path, "-m", "gradviz", "run", "--no-view", "-q", "mod.py")
    assert out == "True True True\n", err


def test_importing_numpy_is_left_to_the_script(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("import sys, time\nprint('a')\ntime.sleep(0.2)\nprint('numpy' in sys.modules)\n")
    _, out, _ = outcome(tmp_path, "-m", "gradviz", "run", "--no-view", "-q", "mod.py")
    assert out == "a\nFalse\n"


def test_the_traceback_holds_no_frame_of_ours(tmp_path: Path) -> None:
    shutil.copy(SCRIPTS / "notes.py", tmp_path)
    _, _, err = outcome(tmp_path, "-m", "gradviz", "run", "--no-view", "notes.py")
    assert "gradviz/" not in err
    assert err.splitlines()[-1].startswith("[gradviz] ExceptionGroup recorded at event ")
