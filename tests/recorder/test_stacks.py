"""Who called what: the chain of the script's frames above an event."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradviz
import gradviz.engine as torch
from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.trace import BadTrace
from gradviz.trace.reader import Reader


def squared(w: torch.Tensor) -> torch.Tensor:
    return (w * w).sum()


def work(w: torch.Tensor) -> None:
    loss = squared(w)
    loss.backward()


def deep(w: torch.Tensor, n: int) -> torch.Tensor:
    return deep(w, n - 1) if n else w * 2.0


def recorded(path: Path, stacks: bool) -> Replay:
    with gradviz.record(path, stacks=stacks):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        w.register_hook(lambda g: g * 2.0)
        for _ in range(600):  # more than a chunk
            work(w)
        deep(w, 150)
    return gradviz.open(str(path))


def functions(replay: Replay, seq: int) -> list[str]:
    return [span.function.rpartition(".")[2] for span in replay.stack(seq)]


def test_every_op_has_its_callers(tmp_path: Path) -> None:
    replay = recorded(tmp_path / "t.gvt", stacks=True)
    muls = [seq for seq in replay.events("op") if replay.event(seq).name == "mul"]
    plain = [seq for seq in muls if not replay.event(seq).within][:600]
    assert all(functions(replay, seq)[:3] == ["squared", "work", "recorded"] for seq in plain)
    inside = next(seq for seq in muls if replay.event(seq).within)
    assert functions(replay, inside)[:3] == ["<lambda>", "work", "recorded"]
    assert functions(replay, replay.events("op")[0])[0] == "recorded"
    last = functions(replay, plain[-1] if len(plain) < 600 else muls[-1])
    assert last[:100] == ["deep"] * 100
    assert replay.meta["options"]["stacks"] is True


@pytest.mark.parametrize("stacks", [False, True])
def test_a_backward_call_and_what_it_does_have_theirs_always(tmp_path: Path, stacks: bool) -> None:
    replay = recorded(tmp_path / "t.gvt", stacks)
    for kind in ("backward", "step", "accumulate"):
        assert all(functions(replay, seq)[:2] == ["work", "recorded"] for seq in replay.events(kind))


def test_without_stacks_an_op_has_its_own_place(tmp_path: Path) -> None:
    replay = recorded(tmp_path / "t.gvt", stacks=False)
    assert {tuple(functions(replay, seq)) for seq in replay.events("op")[1:3]} == {("squared",)}


def test_stacks_change_nothing_else(tmp_path: Path) -> None:
    told = []
    for stacks in (False, True):
        replay = recorded(tmp_path / f"{stacks}.gvt", stacks)
        told.append([sentence(replay, seq) for seq in range(60)])
    assert told[0] == told[1]


def test_a_cut_or_flipped_trace_with_stacks_is_a_prefix_or_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.gvt"
    with gradviz.record(path, stacks=True) as recorder:
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(3):
            work(w)
            recorder._pump.drain()
    whole = gradviz.open(str(path))
    stacks = [whole.stack(seq) for seq in range(whole.n)]
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 4]) + data[at + 1:]):
            path.unlink()
            path.write_bytes(damaged)
            try:
                with Reader(path) as reader:
                    n = sum(chunk.n for chunk in reader.chunks())
                    for seq in range(n):
                        assert [reader.spans[span] for span in reader.stacks.of(seq)] == (
                            stacks[seq][1:] if reader.stacks.of(seq) else [])
            except BadTrace:
                assert at < 1000  # in its header or META
