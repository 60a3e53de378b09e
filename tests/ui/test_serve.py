"""``serve``: ports, words and Ctrl-C, as a user meets them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gradviz.ui.server import DEFAULT_PORT, start

from . import traces


@contextmanager
def serving(path: Path, options: str = "") -> Iterator[subprocess.Popen[str]]:
    code = f"from gradviz.ui import serve; serve({str(path)!r}{options})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return traces.inplace(tmp_path / "inplace.gvt")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_quietly(trace: Path) -> None:
    with serving(trace, ", port=0") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("[gradviz] replay at http://127.0.0.1:")
        assert "/?token=" in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_was_asked_for_and_is_taken_fails_in_one_line(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as stopped:
        start(str(trace), port=taken.getsockname()[1])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_default_port_that_is_taken_moves_on_and_says_so(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        taken = socket.create_server(("127.0.0.1", DEFAULT_PORT))
    except OSError:
        taken = None  # somebody else has it: as good
    server, url = start(str(trace))
    server.server_close()
    if taken is not None:
        taken.close()
    assert f":{DEFAULT_PORT}/" not in url
    assert f"[gradviz] port {DEFAULT_PORT} is taken, using " in capsys.readouterr().err


def test_no_trace_is_the_readers_error(tmp_path: Path) -> None:
    from gradviz.trace import BadTrace

    (tmp_path / "no.gvt").write_bytes(b"not a trace")
    with pytest.raises(BadTrace):
        start(str(tmp_path / "no.gvt"), port=0)
