"""What the sentence of an op says where one call is several ops or several nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gradviz.recorder import Recorder
from gradviz.replay import Replay
from gradviz.replay.narrate import sentence
from gradviz.replay.terms import Why
from gradviz.replay.why import why

Record = Callable[[str], Replay]

X = "x = torch.arange(12.0).reshape(2, 2, 3).requires_grad_()\n"


def told(replay: Replay, op: str) -> list[str]:
    return [sentence(replay, seq) for seq in replay.events("op") if replay.event(seq).name == op]


def test_a_step_within_a_call_does_not_give_the_calls_value(recorded: Record) -> None:
    replay = recorded("w = torch.tensor([3.0, 4.0], requires_grad=True)\n(w * w).sum().backward()\n"
                      "torch.nn.utils.clip_grad_norm_([w], 1.0)\n")  # |[6, 8]| = 10: it returns 10, and scales by 0.1
    assert told(replay, "clamp") == ["clamp inside torch.nn.utils.clip_grad_norm_([w], 1.0) = 0.1"]


def test_the_last_step_of_a_call_is_the_call(recorded: Record) -> None:
    replay = recorded(X + "torch.nn.functional.cross_entropy(x[0], torch.tensor([0, 1])).backward()\n")
    assert told(replay, "log_softmax")[0].startswith("log_softmax inside torch.nn.functional.cross_entropy(")
    assert told(replay, "nll_loss")[0].startswith("torch.nn.functional.cross_entropy(")


def test_an_op_of_several_nodes_keeps_what_any_of_them_keeps(recorded: Record) -> None:
    replay = recorded(X + "w = torch.ones(2, 3, requires_grad=True)\nb = torch.ones(2, requires_grad=True)\n"
                      "y = torch.nn.functional.linear(x, w, b)\n")  # torch: a view of addmm
    (sentence,) = told(replay, "linear")
    assert "AddmmBackward0 keeps " in sentence
    assert "keeps nothing" not in sentence


def test_hooks_of_modules_tell_which(recorded: Record) -> None:
    replay = recorded("model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())\n"
                      "def seen(module, args, out): pass\n"
                      "model[1].register_forward_hook(seen)\nmodel[1](model[0](x := torch.ones(1, 3)))\nmodel(x)\n")
    told = [sentence(replay, seq) for kind in ("hook_add", "hook_call") for seq in replay.events(kind)]
    assert told == ["hook seen registered on model[1]", "hook seen on model[1], left it unchanged",
                    "hook seen on model.1, left it unchanged"]


def test_what_a_pause_did_not_change_was_set_by_nobody(tmp_path: Path) -> None:
    import gradviz.engine as torch

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    recorder = Recorder(tmp_path / "t.gvt", force=True)
    recorder.start()
    (w * w).sum().backward()
    recorder.pause()
    (w + 1).sum()
    recorder.resume()
    (w * 3).sum()
    recorder.stop()
    replay = Replay.open(tmp_path / "t.gvt")
    told = [sentence(replay, seq) for kind in ("tensor", "grad_set") for seq in replay.events(kind)]
    assert [text.partition(" ")[2] for text in told] == [
        "first seen: 2, external", "is there after the pause", "after the pause: [2, 4]"]
    answer = why(replay, replay.event(replay.events("accumulate")[0]).tid, replay.n - 1)
    assert isinstance(answer, Why)
    assert answer.seq == replay.events("accumulate")[0]


def test_what_is_inside_an_op_is_told_by_the_expression_or_by_what_it_copies(recorded: Record) -> None:
    replay = recorded("q = torch.ones(2, 3, 4, requires_grad=True) * 1\n"
                      "k = torch.ones(2, 4, 3, requires_grad=True) * 1\natt = q @ k\nout = att.sum()\nout.backward()\n")
    told = [sentence(replay, seq) for seq in replay.events("step")]
    assert not [text for text in told if re.search(r" for \w+Backward\d", text)]
    bmm = next(text for text in told if text.startswith("BmmBackward0"))
    assert bmm == "BmmBackward0 ran: 1 everywhere becomes 3 for q and 3 for k"  # 3 columns of ones, and 3 rows
