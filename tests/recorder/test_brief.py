"""Brief records say what the long way says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz.engine as torch
from gradviz.engine import observe, plain
from gradviz.events import KINDS
from gradviz.recorder import Recorder, brief
from gradviz.replay import Replay


def work() -> None:
    w = torch.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)
    x = torch.ones(2, 2)
    for i in range(3):
        h = (x @ w.t() * float(i)).tanh()
        a, b = h.unbind()
        loss = (a * b + w.sum(0)).sum() * x.mean()
        loss.backward(retain_graph=True)
        with torch.no_grad():
            (h + 1).exp()
        loss.backward()


def told(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every event without what differs from run to run: times, and the numbers, which are replaced as they come."""
    recorder = Recorder(path, force=True)
    recorder.start()
    try:
        work()
    finally:
        recorder.stop()
    assert recorder.failure == ""
    replay = Replay.open(str(path))
    numbers: dict[int, int] = {0: 0, -1: -1}
    found = []
    for seq in range(replay.n):
        event = replay.event(seq)
        if event.kind not in ("tensor", "dead"):  # the long way has other moments for these
            names = [name for name, _ in KINDS[event.kind].fields if name not in ("begin", "site")]
            found.append((event.kind, {name: getattr(event, name) for name in names}))
    return [(kind, plainly(fields, numbers, replay)) for kind, fields in found]


def plainly(value: Any, numbers: dict[int, int], replay: Replay, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: plainly(part, numbers, replay, key) for key, part in value.items()}
    if hasattr(value, "_fields"):
        return {key: plainly(part, numbers, replay, key) for key, part in zip(value._fields, value, strict=True)
                if key not in ("sid", "cid")}
    if isinstance(value, (list, tuple)):
        return [plainly(part, numbers, replay, name) for part in value]
    if name == "value":
        return replay.reader.value(value)
    if name in ("id", "call", "tid", "nid", "grad_fn", "leaf", "base"):
        return value != 0
    return value if name not in ("edges", "inputs") else 0


def test_both_ways_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = told(tmp_path / "short.gvt")
    codes = []
    monkeypatch.setattr(plain, "op", lambda name, args, one, two, out: codes.append(name) or observe.op(
        name, args, (one,) if two is None else (one, two), (out,)))
    monkeypatch.setattr(plain, "step", plain._long_step)
    long = told(tmp_path / "long.gvt")
    assert codes
    assert short == long


def test_with_too_many_words_the_long_way_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = told(tmp_path / "all.gvt")
    monkeypatch.setattr(brief, "_MOST", 4)
    assert told(tmp_path / "few.gvt") == every
