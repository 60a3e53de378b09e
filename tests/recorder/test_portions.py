"""Parts of a run: chosen iterations, pauses, and an end at the first error."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import gradviz
import gradviz.engine as torch
from gradviz import probe
from gradviz.recorder.portions import Steps
from gradviz.replay import Replay


def train(steps: int) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for i in range(steps):
        gradviz.mark(str(i))
        loss = (w * float(i)).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.5 * w.grad
        w.grad = None


def broken() -> None:
    train(3)
    raise ZeroDivisionError("division by zero")


def marks(replay: Replay) -> list[str]:
    return [replay.event(seq).text for seq in replay.events("mark")]


@pytest.mark.parametrize(("text", "every", "chosen"), [
    ("0:3,7:", 0, [0, 1, 2, 7, 8, 9]), (":2", 0, [0, 1]), ("5", 0, [5]), ("", 4, [0, 4, 8]), ("1", 5, [0, 1, 5]),
    (":", 0, list(range(10))), (" 1 , 3:4", 0, [1, 3])])
def test_iterations_are_chosen_as_slices_are(text: str, every: int, chosen: list[int]) -> None:
    steps = Steps.parse(text, every)
    assert [number for number in range(10) if number in steps] == chosen


@pytest.mark.parametrize("text", ["a", "1:2:3", "-1", "3:3", "1,,2", ",", "1.5"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="iteration"):
        Steps.parse(text)


def test_only_the_iterations_asked_for_are_recorded(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt", steps=Steps.parse("0:2,5,8:")):
        train(10)
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert marks(replay) == ["0", "1", "5", "8", "9"]
    assert replay.state == "complete"
    assert [replay.event(seq).reason for seq in replay.events("gap")] == [
        "paused for 3 backward calls", "paused for 2 backward calls"]
    assert [graph.state for graph in replay.graphs if graph.call] == ["done"] * 5


def test_a_resumed_part_has_names_values_leaves_and_graphs(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt", steps=Steps.parse("0,3")):
        train(6)
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    ends = replay.events("backward")
    assert len(ends) == 4
    (root,) = replay.event(ends[2]).roots
    assert replay.label(root.tid) == "loss"
    (leaf,) = {replay.event(seq).tid for seq in replay.events("accumulate")}
    assert replay.label(leaf) == "w"
    (gap,) = replay.events("gap")
    facts = replay.facts_at(leaf, gap + 1)
    # the pause lasted to the end of the backward of i = 2: the updates of i = 0, by nothing, and 1 were not seen
    assert facts is not None
    assert facts.version == 2
    assert facts.value == torch.tensor([0.5, 1.5]).numpy().tobytes()
    for begin in (ends[0], ends[2]):
        (root,) = replay.event(begin).roots
        names, waiting = [], [root.nid]
        while waiting:
            node = replay.node(waiting.pop())
            assert node is not None
            names.append(node.name)
            waiting += [nid for nid, _ in node.edges if nid]
        assert names == ["SumBackward0", "MulBackward0", "AccumulateGrad"]


def test_a_recording_that_starts_late_knows_what_was_there(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt", steps=range(3, 4)):
        train(6)
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert marks(replay) == ["3"]
    (accumulate,) = replay.events("accumulate")
    facts = replay.facts_at(replay.event(accumulate).tid, accumulate)
    assert facts is not None
    assert (facts.requires_grad, facts.is_leaf, facts.shape) == (True, True, [2])


def test_a_graph_made_during_a_pause_is_told_when_its_backward_is_recorded(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt") as recorder:
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        recorder.pause()
        loss = (w * w).sum()
        gradviz.mark("not recorded")
        recorder.resume()
        loss.backward()
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert marks(replay) == []
    steps = [replay.node(replay.event(seq).nid) for seq in replay.events("step")]
    assert [node and node.name for node in steps] == ["SumBackward0", "MulBackward0"]
    (accumulate,) = replay.events("accumulate")
    assert replay.label(replay.event(accumulate).tid) == "w"


def test_pausing_twice_and_resuming_without_a_pause_do_nothing(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt") as recorder:
        recorder.resume()
        recorder.pause()
        recorder.pause()
        assert recorder.paused
        assert probe.sink is None
        with gradviz.record(tmp_path / "other.gvt") as inner:
            assert inner is recorder
        recorder.resume()
        recorder.resume()
        gradviz.mark("here")
    recorder.resume()
    recorder.pause()
    assert probe.sink is None
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert [replay.kind(seq) for seq in range(replay.n)] == ["gap", "mark"]
    assert not (tmp_path / "other.gvt").exists()


@pytest.mark.parametrize("end", ["pause", "stop"])
def test_a_hook_a_forward_or_another_thread_may_pause(tmp_path: Path, end: str) -> None:
    with gradviz.record(tmp_path / "t.gvt") as recorder:
        class Twice(torch.autograd.Function):
            @staticmethod
            def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
                getattr(recorder, end)()
                return x * 2

            @staticmethod
            def backward(ctx: object, g: torch.Tensor) -> torch.Tensor:
                return g * 2

        w = torch.tensor([1.0], requires_grad=True)
        y = w * 3.0
        handle = y.register_hook(lambda g: getattr(recorder, end)())
        (y * 2.0).sum().backward()
        handle.remove()
        recorder.resume()
        Twice.apply(w).sum().backward()
        recorder.resume()
        thread = threading.Thread(target=getattr(recorder, end))
        thread.start()
        thread.join()
    assert w.grad.tolist() == [8.0]
    assert gradviz.open(str(tmp_path / "t.gvt")).state == "complete"


def test_printing_is_not_recorded_during_a_pause(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt") as recorder:
        print("one")
        recorder.pause()
        print("two")
        recorder.resume()
        print("three")
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert [replay.event(seq).text for seq in replay.events("print")] == ["one\n", "three\n"]


def test_a_second_recording_is_told_all_anew(tmp_path: Path) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for name in ("a.gvt", "b.gvt"):
        with gradviz.record(tmp_path / name):
            (w * w).sum().backward()
    for name in ("a.gvt", "b.gvt"):
        replay = gradviz.open(str(tmp_path / name))
        assert len(replay.events("tensor")) == 1
        nodes = [replay.node(replay.event(seq).nid) for seq in replay.events("accumulate")]
        assert [node and node.name for node in nodes] == ["AccumulateGrad"]


# --- until the first error -------------------------------------------------------------------------------------------
def overwritten() -> torch.Tensor:
    a = torch.tensor([1.0, 3.0], requires_grad=True)
    b = a + 2
    loss = (b * b).sum()
    b[0] = 10.0
    return loss


def test_recording_ends_at_the_first_error_of_a_backward(tmp_path: Path) -> None:
    with gradviz.record(tmp_path / "t.gvt", until_error=True):
        gradviz.mark("before")
        with pytest.raises(RuntimeError, match=r"shapes|size"):
            torch.ones(2) @ torch.ones(3)  # caught: it leaves neither
        gradviz.mark("between")
        with pytest.raises(RuntimeError, match="inplace"):
            overwritten().backward()
        gradviz.mark("after")
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert marks(replay) == ["before", "between"]
    assert replay.state == "complete"
    assert replay.event(replay.n - 1).reason == "recorded until the first error"


def test_the_error_that_ended_it_is_known_to_have_left_the_script(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), gradviz.record(tmp_path / "t.gvt", until_error=True):
        overwritten().backward()
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert replay.event(replay.n - 1).uncaught
    assert "inplace" in replay.summary()["error"]


def test_an_error_during_a_pause_is_told(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), gradviz.record(tmp_path / "t.gvt", steps=range(1)):
        broken()
    replay = gradviz.open(str(tmp_path / "t.gvt"))
    assert replay.summary()["error"] == "ZeroDivisionError: division by zero"
