"""The recorder: everything arrives, in order, and the script never suffers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import gradviz
from gradviz import probe
from gradviz.recorder import Recorder
from gradviz.trace.reader import Reader

from . import producer
from .recorded import events, recording, run

ROOT = Path(__file__).parents[2]


def test_all_events_arrive_in_order(tmp_path: Path) -> None:
    with recording(tmp_path):
        for number in range(5000):
            gradviz.mark(str(number))
    assert [event.fields["text"] for event in events(tmp_path / "t.gvt")] == [str(number) for number in range(5000)]


def test_times_grow_and_the_clock_is_that_of_the_events(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        before = recorder.clock()
        gradviz.mark("a")
        gradviz.mark("b")
        after = recorder.clock()
    times = [event.fields["t"] for event in events(tmp_path / "t.gvt")]
    assert before <= times[0] <= times[1] <= after


def test_a_reader_follows_while_it_records(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder, Reader(recorder.path) as reader:
        gradviz.mark("early")
        for _ in range(100):
            if found := list(reader.chunks()):
                break
            time.sleep(0.02)
        assert sum(chunk.n for chunk in found) == 1
        assert reader.state == "recording"


def test_an_error_is_written_at_once(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder, Reader(recorder.path) as reader:
        with pytest.raises(RuntimeError):
            producer.fail("overwritten", 1)
        assert sum(chunk.n for chunk in reader.chunks()) == 1


def test_only_one_recorder_listens(tmp_path: Path) -> None:
    with recording(tmp_path):
        other = Recorder(tmp_path / "other.gvt")
        with pytest.raises(RuntimeError, match="running already"):
            other.start()
        other.stop()


def test_keywords_are_understood(tmp_path: Path) -> None:
    with recording(tmp_path):
        assert probe.sink is not None
        probe.sink.owner(1, path="net.weight", training=True, role="parameter")
    (event,) = events(tmp_path / "t.gvt")
    assert (event.fields["path"], event.fields["role"], event.fields["training"]) == ("net.weight", "parameter", True)


@pytest.mark.parametrize("arguments", [(), ("many", "more"), (object(),), (b"\xff",)])
def test_a_wrong_call_ends_the_recording_and_not_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                            arguments: tuple[object, ...]) -> None:
    with recording(tmp_path) as recorder:
        gradviz.mark("good")
        recorder._pump.drain()
        probe.sink.mark(*arguments)  # type: ignore[union-attr]
        recorder._pump.drain()
        assert probe.sink is None
        gradviz.mark("not recorded")
    told = events(tmp_path / "t.gvt")
    assert [event.kind for event in told] == ["mark", "gap"]
    assert "recording failed" in told[1].fields["reason"]
    err = capsys.readouterr().err
    assert err.startswith("[gradviz] recording stopped, the script goes on: ")
    assert err.count("\n") == 1


def test_a_full_disk_ends_the_recording_and_not_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if fd > 2:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    with recording(tmp_path) as recorder:
        gradviz.mark("good")
        recorder._pump.drain()
        monkeypatch.setattr(os, "write", full)
        gradviz.mark("lost")
        recorder._pump.drain()
        monkeypatch.undo()
        gradviz.mark("not recorded")
    assert events(tmp_path / "t.gvt")[0].kind == "mark"
    assert "No space left" in capsys.readouterr().err


def test_threads_are_numbered_and_each_has_its_own_place(tmp_path: Path) -> None:
    def work(number: int) -> None:
        probe.position.within = number
        for _ in range(300):
            gradviz.mark(str(number))

    with recording(tmp_path):
        threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = events(tmp_path / "t.gvt")
    assert len(told) == 900
    assert {(event.fields["text"], event.fields["within"]) for event in told} == {("1", 1), ("2", 2), ("3", 3)}
    assert len({event.thread for event in told}) == 3


def test_the_writer_is_no_thread_of_the_scripts(tmp_path: Path) -> None:
    before = threading.enumerate(), threading.active_count()
    with recording(tmp_path):
        assert (threading.enumerate(), threading.active_count()) == before


def test_memory_is_bounded_when_the_writer_cannot_follow(tmp_path: Path) -> None:
    from gradviz.recorder.pump import FULL

    with recording(tmp_path) as recorder:
        recorder._pump.pause()
        for number in range(FULL + 10):
            gradviz.mark(str(number))
        assert len(recorder._pump.order) < FULL
        recorder._pump.start()
    assert len(events(tmp_path / "t.gvt")) == FULL + 10


FORKS = """
import os, sys
sys.path.insert(0, {root!r})
import gradviz
from gradviz import probe
with gradviz.record("t.gvt"):
    gradviz.mark("before")
    child = os.fork()
    if child == 0:
        gradviz.mark("in the child")
        print("child records:", probe.sink is not None, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    gradviz.mark("after")
    print("parent", flush=True)
"""


def test_a_forked_child_records_nothing_and_harms_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORKS.format(root=str(ROOT))], cwd=tmp_path,
                          capture_output=True, text=True, check=True)
    assert done.stdout == "child records: False\nparent\n"
    assert done.stderr == ""
    told = events(tmp_path / "t.gvt")
    assert [event.fields["text"] for event in told] == ["before", "after", "parent\n"]


KILLED = """
import os, sys, time
sys.path.insert(0, {root!r})
import gradviz
from gradviz.recorder import Recorder
Recorder("t.gvt").start()
for number in range(2000):
    gradviz.mark(str(number))
time.sleep(0.3)
os._exit(7)
"""


def test_a_process_that_just_vanishes_leaves_what_it_wrote(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED.format(root=str(ROOT))], cwd=tmp_path, check=False)
    assert done.returncode == 7
    assert len(events(tmp_path / "t.gvt")) == 2000
    with Reader(tmp_path / "t.gvt") as reader:
        assert reader.state == "incomplete"


def test_what_is_printed_is_an_event_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ('import sys\nprint("loss", 1.5)\nsys.stderr.write("no newline")\n'
              'for i in range(2):\n    print(i, end=",")\n')
    told = [event for event in run(tmp_path, source) if event.kind == "print"]
    assert [(event.fields["text"], event.fields["stream"], event.span.line) for event in told] == [
        ("loss 1.5\n", "stdout", 2), ("0,1,", "stdout", 5), ("no newline", "stderr", 3)]
    out = capsys.readouterr()
    assert (out.out, out.err) == ("loss 1.5\n0,1,", "no newline")


def test_the_streams_stay_the_scripts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with recording(tmp_path):
        assert sys.stdout is mine
        assert print("x" * 20000) is None
    assert mine.getvalue() == "x" * 20000 + "\n"
    assert "write" not in vars(mine)
    (event, rest) = events(tmp_path / "t.gvt")
    assert len(event.fields["text"]) < 10000
    assert rest.fields["text"] == "\n"


def test_an_uncaught_error_keeps_the_number_that_the_producer_gave(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run_recorded(tmp_path, "fail('caught', 1)", "fail('overwritten', 2)")
    told = [event.fields for event in events(tmp_path / "t.gvt") if event.kind == "error"]
    assert [(fields["number"], fields["uncaught"]) for fields in told] == [(1, False), (2, False), (2, True)]
    assert (told[2]["op"], told[2]["nid"], told[2]["field"], told[2]["found"]) == (5, 6, "self", 1)


def test_an_error_that_no_producer_told_of_gets_a_new_number(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run_recorded(tmp_path, "fail('caught', 1)", "1 / 0")
    *_, last = [event for event in events(tmp_path / "t.gvt") if event.kind == "error"]
    assert (last.fields["number"], last.fields["type"], last.fields["uncaught"]) == (2, "ZeroDivisionError", True)
    assert (last.span.line, last.fields["saved"]) == (5, -1)


def test_a_cause_leaves_the_script_with_what_was_raised_from_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="training failed"):
        run_recorded(tmp_path, "pass", "try:\n    fail('overwritten', 1)\nexcept RuntimeError as e:\n"
                                       "    raise ValueError('training failed') from e")
    told = [event.fields for event in events(tmp_path / "t.gvt") if event.kind == "error"]
    assert [(fields["number"], fields["type"], fields["uncaught"]) for fields in told] == [
        (1, "RuntimeError", False), (1, "RuntimeError", True), (2, "ValueError", True)]


def run_recorded(folder: Path, tried: str, then: str) -> None:
    source = f"try:\n    {tried}\nexcept RuntimeError:\n    pass\n{then}\n"
    file = folder / "script.py"
    file.write_text(source)
    with gradviz.record(folder / "t.gvt"):
        exec(compile(source, str(file), "exec"), {"fail": producer.fail})


def test_record_inside_a_recording_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gradviz.record(tmp_path / "t.gvt"):
        with gradviz.record(tmp_path / "inner.gvt"):
            gradviz.mark("inside")
        gradviz.mark("after")
    assert not (tmp_path / "inner.gvt").exists()
    assert "already recording" in capsys.readouterr().err
    assert [event.fields["text"] for event in events(tmp_path / "t.gvt") if event.kind == "mark"] == ["inside", "after"]


def test_a_mark_without_a_recording_does_nothing() -> None:
    gradviz.mark("nobody listens")


def test_meta_tells_how_and_never_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    with recording(tmp_path, values="stats") as recorder, Reader(recorder.path) as reader:
        assert reader.meta["options"] == {"values": "stats", "sources": True}
        assert reader.meta["pid"] == os.getpid()
        assert {"id", "script", "argv", "cwd", "python", "producer", "started"} <= set(reader.meta)
        assert "hunter2" not in str(reader.meta)


def test_a_script_at_its_recursion_limit_is_not_disturbed(tmp_path: Path) -> None:
    source = ("def f(n):\n    try:\n        x + y\n        return f(n + 1)\n    except RecursionError:\n"
              "        return n\nprint(f(0) > 50)\nlast = x + y\n")
    told = run(tmp_path, source)
    assert [event.fields["text"] for event in told if event.kind == "print"] == ["True\n"]
    assert told[-1].names == ("last",)


def test_texts_that_utf8_cannot_hold_are_recorded_all_the_same(tmp_path: Path) -> None:
    with recording(tmp_path):
        gradviz.mark("file \udc80")
    assert events(tmp_path / "t.gvt")[0].fields["text"] == "file ?"


def test_no_frame_is_kept_for_a_line_that_is_not_finished(tmp_path: Path) -> None:
    import weakref

    class Big: ...

    def prints() -> weakref.ref[Big]:
        big = Big()
        print(1, end="")
        return weakref.ref(big)

    with recording(tmp_path):
        assert prints()() is None


def test_an_event_from_a_thread_with_nothing_below_it_has_no_place(tmp_path: Path) -> None:
    import _thread

    with recording(tmp_path) as recorder:
        assert probe.sink is not None
        _thread.start_new_thread(probe.sink.mark, ("from nowhere",))
        for _ in range(100):
            if recorder.events:
                break
            time.sleep(0.02)
    (event,) = events(tmp_path / "t.gvt")
    assert (event.fields["text"], event.span.id) == ("from nowhere", 0)


def test_a_backward_call_gives_its_place_to_all_that_it_does(tmp_path: Path) -> None:
    source = """\
def backward(sink):
    sink.backward(1, "begin", [], [], False, False, "backward")
    for step in range(3):
        sink.step(step + 1, 1, 1, [], [], 0, True, None)
    sink.backward(1, "end", [], [], False, False, "backward")
"""
    space: dict[str, object] = {}
    exec(compile(source, str(Path(gradviz.__file__).parent / "engine" / "fake.py"), "exec"), space)
    script = "def train():\n    backward(sink)\ntrain()\nbackward(sink)\n"
    with recording(tmp_path) as recorder:
        exec(compile(script, str(tmp_path / "script.py"), "exec"), {"backward": space["backward"], "sink": recorder})
    assert [event.span.line for event in events(tmp_path / "t.gvt")] == [2] * 5 + [4] * 5
