"""Whoever ends the command, and however: no viewer goes on without it, and a shell sees what happened."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@contextmanager
def viewing(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run whose replay is open, and its port."""
    (folder / "fails.py").write_text("print('ran', flush=True)\nraise SystemExit(3)\n")
    with subprocess.Popen([sys.executable, "-m", "gradviz", "run", "--no-open", "fails.py"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stderr is not None
            url = next(line for line in process.stderr if "http://" in line).split()[-1]
            port = urllib.parse.urlsplit(url).port
            assert port is not None
            yield process, port
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def serving(port: int) -> bool:
    """Is there somebody, still after a while?"""
    for _ in range(100):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)):
                return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(("number", "group", "status"), [
    (signal.SIGINT, True, 3), (signal.SIGINT, False, 3), (signal.SIGTERM, False, -signal.SIGTERM),
    (signal.SIGHUP, True, -signal.SIGHUP), (signal.SIGKILL, False, -signal.SIGKILL),
])
def test_the_viewer_ends_with_us(tmp_path: Path, number: signal.Signals, group: bool, status: int) -> None:
    with viewing(tmp_path) as (process, port):
        (os.killpg if group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=30)
        assert not serving(port)
    assert (process.returncode, out, err) == (status, "ran\n", "")


def test_what_a_check_runs_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-m", "gradviz", "check", "waits.py"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        script = int(process.stdout.readline())
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(script, 0)
