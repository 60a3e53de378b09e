"""What all tests share: the command line run from outside, as a user runs it, and the tests that need a GPU."""

from __future__ import annotations

import importlib.util
import linecache
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradviz.recorder import Recorder
from gradviz.replay import Replay

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

ROOT = Path(__file__).parent.parent

# Tests start programs from several threads. With vfork, a sandboxed kernel has been seen to refuse one in some thousand
# with "Bad address"; the switch is the one that the documentation of subprocess names for such cases.
subprocess._USE_VFORK = False

# Who starts the tests in the background (`&`, nohup) has them ignore these, and every program that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run this Python with arguments in an empty folder: ``run("-m", "gradviz", "info", "x.gvt")``."""

    def python(*args: object, cwd: Path = tmp_path, env: dict[str, str] | None = None) -> Done:
        return subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env={**os.environ, **(env or {})}, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)

    return python


@pytest.fixture
def gradviz(run: Run) -> Run:
    """Run the command line in an empty folder: ``gradviz("run", "--no-view", script)``."""

    def command(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        return run("-m", "gradviz", *args, **options)

    return command


def cuda_devices() -> int:
    if importlib.util.find_spec("cupy") is None:
        return 0
    import cupy

    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:
        return 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``gpu`` where there is none; ask only when one is collected."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not cuda_devices():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device, or no CuPy"))


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[str], Replay]:
    """Record a script's text on the engine, in this process; what it raises is recorded as having left it."""

    def record(text: str) -> Replay:
        import gradviz.engine

        script, trace = tmp_path / "script.py", tmp_path / "script.gvt"
        script.write_text(text)
        recorder = Recorder(trace, roots=[str(tmp_path)], force=True)
        code = compile(text, str(script), "exec")
        recorder.start()
        try:
            exec(code, {"__name__": "__main__", "torch": gradviz.engine})
        except Exception as error:
            recorder.uncaught(error)
        finally:
            recorder.stop()
        linecache.checkcache(str(script))
        return Replay.open(trace)

    return record
